"""Settings from the environment, and what is said when they have no sense."""

from __future__ import annotations

import pytest

from putback.pool import SettingsError
from putback.pool.environment import from_environment


@pytest.mark.parametrize(
    ("environ", "low", "high"),
    [
        ({}, 2, 10),
        ({"DB_POOL_MIN_CONNECTIONS": "5", "DB_POOL_MAX_CONNECTIONS": "20"}, 5, 20),
        ({"DB_POOL_MAX_CONNECTIONS": "1"}, 1, 1),
        ({"DB_POOL_MIN_CONNECTIONS": "12"}, 12, 12),
        ({"DB_POOL_MIN_CONNECTIONS": " ", "DB_POOL_MAX_CONNECTIONS": ""}, 2, 10),
    ],
)
def test_sizes(environ: dict[str, str], low: int, high: int) -> None:
    found = from_environment(environ)
    assert (found.low, found.high) == (low, high)


def test_the_other_settings() -> None:
    settings = from_environment(
        {
            "DB_POOL_MAX_OVERFLOW": "3",
            "DB_POOL_TIMEOUT": "1.5",
            "DB_POOL_RECYCLE": "3600",
            "DB_POOL_LEAK_THRESHOLD": "30",
            "DB_POOL_PRE_PING": "Yes",
        }
    ).settings
    assert (settings.overflow, settings.timeout, settings.recycle) == (3, 1.5, 3600)
    assert (settings.leak_threshold, settings.pre_ping) == (30, True)
    assert from_environment({"DB_POOL_PRE_PING": "off"}).settings.pre_ping is False


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("DB_POOL_MAX_CONNECTIONS", "ten", "'ten'; it must be a whole number of 1 or more"),
        ("DB_POOL_MAX_CONNECTIONS", "0", "'0'; it must be a whole number of 1 or more"),
        ("DB_POOL_MIN_CONNECTIONS", "-1", "'-1'; it must be a whole number of 0 or more"),
        ("DB_POOL_MIN_CONNECTIONS", "2.5", "'2.5'; it must be a whole number of 0 or more"),
        ("DB_POOL_TIMEOUT", "nan", "'nan'; it must be a number of 0 or more"),
        ("DB_POOL_PRE_PING", "maybe", "'maybe'; it must be one of 1, true, yes, on, 0, false, no, off"),
    ],
)
def test_what_is_wrong_is_named(name: str, value: str, text: str) -> None:
    with pytest.raises(SettingsError) as caught:
        from_environment({name: value})
    assert str(caught.value) == f"{name} is {text}"


def test_a_minimum_above_the_maximum() -> None:
    with pytest.raises(SettingsError, match="DB_POOL_MIN_CONNECTIONS is 9 and DB_POOL_MAX_CONNECTIONS is 3"):
        from_environment({"DB_POOL_MIN_CONNECTIONS": "9", "DB_POOL_MAX_CONNECTIONS": "3"})


def test_the_process_is_asked_by_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DB_POOL_MIN_CONNECTIONS", "3")
    assert from_environment().low == 3
