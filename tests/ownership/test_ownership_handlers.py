"""Which `except` clause catches what."""

from __future__ import annotations

import pytest

from putback.ownership.analysis.handlers import CANCELLED, UNKNOWN, catches, caught_as, passed_by

YES, NO, PERHAPS = True, False, None


@pytest.mark.parametrize(
    ("types", "exception", "expected"),
    [
        pytest.param([], UNKNOWN, YES, id="bare except, unknown"),
        pytest.param([], CANCELLED, YES, id="bare except, cancellation"),
        pytest.param(["BaseException"], CANCELLED, YES, id="BaseException catches a cancellation"),
        pytest.param(["builtins.BaseException"], UNKNOWN, YES, id="BaseException by its full name"),
        pytest.param(["Exception"], UNKNOWN, YES, id="Exception catches what is unknown"),
        pytest.param(["Exception"], CANCELLED, NO, id="Exception does not catch a cancellation"),
        pytest.param(["Exception"], "ValueError", YES, id="Exception catches a builtin"),
        pytest.param(["Exception"], "app.NotFound", YES, id="Exception catches a project's class"),
        pytest.param(["Exception"], "SystemExit", NO, id="Exception does not catch SystemExit"),
        pytest.param(["Exception"], "KeyboardInterrupt", NO, id="Exception does not catch KeyboardInterrupt"),
        pytest.param(["psycopg2.Error"], UNKNOWN, PERHAPS, id="a driver's class may catch what is unknown"),
        pytest.param(["psycopg2.Error"], "ValueError", NO, id="a driver's class does not catch a builtin"),
        pytest.param(["psycopg2.Error"], "psycopg2.Error", YES, id="the same class"),
        pytest.param(["psycopg2.Error"], "app.Error", PERHAPS, id="two classes nobody knows"),
        pytest.param(["psycopg2.Error"], CANCELLED, NO, id="a driver's class does not catch a cancellation"),
        pytest.param(["LookupError"], "KeyError", YES, id="a builtin base"),
        pytest.param(["KeyError"], "LookupError", NO, id="a builtin subclass"),
        pytest.param(["ValueError", "KeyError"], "KeyError", YES, id="one of several"),
        pytest.param(["ValueError", "psycopg2.Error"], UNKNOWN, PERHAPS, id="several, none sure"),
        pytest.param(["ValueError", "OSError"], "KeyError", NO, id="none of several"),
        pytest.param(["asyncio.CancelledError"], CANCELLED, PERHAPS, id="a cancellation by name"),
        pytest.param(["asyncio.CancelledError"], UNKNOWN, NO, id="a cancellation is no Exception"),
        pytest.param(["GeneratorExit"], CANCELLED, PERHAPS, id="the end of a generator"),
    ],
)
def test_catches(types: list[str], exception: str, expected: bool | None) -> None:
    assert catches(types, exception) is expected


def test_what_a_clause_has_let_pass_is_none_of_its_classes() -> None:
    passed = passed_by(["db.Error"], passed_by(["ValueError"], UNKNOWN))
    assert catches(["db.Error"], passed) is NO
    assert catches(["ValueError"], passed) is NO
    assert catches(["db.OperationalError"], passed) is PERHAPS
    assert catches(["Exception"], passed) is YES


def test_what_a_clause_has_caught_is_caught_again_by_the_same_class() -> None:
    assert catches(["db.Error"], caught_as(["db.Error"], UNKNOWN)) is YES
    assert catches(["UnicodeError"], caught_as(["ValueError"], UNKNOWN)) is PERHAPS
    assert catches(["db.Error"], caught_as(["db.Error", "KeyError"], UNKNOWN)) is PERHAPS
