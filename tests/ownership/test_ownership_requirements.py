"""Which version a project settles on, by its lock and requirement files."""

from __future__ import annotations

from pathlib import Path

import pytest

from putback.ownership.index.requirements import Version, least_version_of, version_of

LOCK = '[[package]]\nname = "starlette"\nversion = "0.40.0"\n\n[[package]]\nname = "fastapi"\nversion = "0.115.6"\n'


@pytest.mark.parametrize(
    ("name", "text", "version"),
    [
        ("requirements.txt", "fastapi==0.110.1\n", (0, 110)),
        ("requirements-dev.txt", "# fastapi==0.1\nFastAPI[all] == 0.109.0 ; python_version > '3.8'\n", (0, 109)),
        ("requirements.txt", "fastapi~=0.115.0\n", (0, 115)),
        ("requirements.txt", "fastapi>=0.110\n", None),
        ("requirements.txt", "fastapi\nfastapi-users==12.1\n", None),
        ("requirements.txt", "fastapi~=0.115\n", None),
        ("pyproject.toml", '[project]\ndependencies = ["fastapi (==0.116.1)", "x"]\n', (0, 116)),
        ("pyproject.toml", '[tool.poetry.dependencies]\nfastapi = "^0.104.1"\n', (0, 104)),
        ("pyproject.toml", '[tool.poetry.dependencies]\nfastapi = {version = "0.111.0", extras = ["all"]}\n', (0, 111)),
        ("pyproject.toml", "not = [toml", None),
        ("poetry.lock", LOCK, (0, 115)),
        ("uv.lock", LOCK, (0, 115)),
        ("Pipfile.lock", '{"default": {"fastapi": {"version": "==0.95.2"}}}', (0, 95)),
        ("Pipfile.lock", "[]", None),
    ],
)
def test_what_a_file_settles(name: str, text: str, version: Version | None, tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    (tmp_path / name).write_text(text, encoding="utf-8")
    assert version_of(str(tmp_path / "shop" / "main.py"), "fastapi") == version


@pytest.mark.parametrize(
    ("name", "text", "version"),
    [
        ("requirements.txt", "redis==4.6.0\n", (4, 6)),
        ("requirements.txt", "redis[hiredis]>=5.2,<7\n", (5, 2)),
        ("requirements.txt", "redis>=6\n", (6, 0)),
        ("requirements.txt", "redis~=5.1\n", (5, 1)),
        ("requirements.txt", "redis<6\n", None),
        ("pyproject.toml", '[tool.poetry.dependencies]\nredis = "^5.2.1"\n', (5, 2)),
        ("uv.lock", '[[package]]\nname = "redis"\nversion = "5.0.8"\n', (5, 0)),
    ],
)
def test_the_oldest_version_that_a_file_allows(name: str, text: str, version: Version | None, tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    (tmp_path / name).write_text(text, encoding="utf-8")
    assert least_version_of(str(tmp_path / "shop" / "main.py"), "redis") == version


def test_a_lock_goes_before_a_wish_and_the_nearest_before_all(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    (tmp_path / "pyproject.toml").write_text('[project]\ndependencies = ["fastapi==0.100.0"]\n', encoding="utf-8")
    (tmp_path / "uv.lock").write_text(LOCK, encoding="utf-8")
    (tmp_path / "api").mkdir()
    assert version_of(str(tmp_path / "main.py"), "fastapi") == (0, 115)
    (tmp_path / "api" / "requirements.txt").write_text("fastapi==0.99.1", encoding="utf-8")
    assert version_of(str(tmp_path / "api" / "main.py"), "fastapi") == (0, 99)


def test_what_is_upgraded_meanwhile_is_read_again(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    wishes = tmp_path / "requirements.txt"
    wishes.write_text("fastapi==0.99.1", encoding="utf-8")
    assert version_of(str(tmp_path / "main.py"), "fastapi") == (0, 99)
    wishes.write_text("fastapi==0.115.10", encoding="utf-8")
    assert version_of(str(tmp_path / "main.py"), "fastapi") == (0, 115)
