"""What the sandbox lets out: a verdict, and nothing else."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from attacks import ATTACKS, FORGERIES, WITHHELD
from fixes import before, leaky_functions, right
from roles_by_hand import case

from putback.verify import sandbox as sandboxes
from putback.verify import verify_here
from putback.verify.roles import Bounds
from putback.verify.sandbox import Sandbox
from putback.verify.verdict import Verdict

pytestmark = pytest.mark.slow

_BOUNDS = Bounds(schedules=30, seconds=0.3)
_PATIENT = Bounds(schedules=2_000, seconds=60.0)

kernel_only = pytest.mark.skipif(not hasattr(os, "fork"), reason="the locks of this system are best effort")


_UNGUARDED = """
from putback.verify import extract, reflection
reflection.check = lambda value, name: None
extract.check_source = lambda tree: None
"""
"""Lets code reach whatever there is in its process, so that nothing but the locks is in its way."""


@pytest.fixture(scope="module")
def unguarded() -> Iterator[Sandbox]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sandboxes, "_BOOT", sandboxes._BOOT.replace("main()\n", f"{_UNGUARDED}main()\n"))
        patch.setenv("PUTBACK_TEST_SECRET", "sesame")
        stack = ExitStack()
        started = stack.enter_context(Sandbox())
    with stack:
        yield started


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox() as started:
        yield started


@kernel_only
@pytest.mark.parametrize("name", ATTACKS)
def test_an_attack_has_no_effect_outside(name: str, unguarded: Sandbox, tmp_path: Path) -> None:
    sandbox = unguarded
    target = tmp_path / "reached"
    found = sandbox.verify(case(ATTACKS[name].replace("{target}", str(target)).replace("{{}}", "{}")), _BOUNDS)
    assert list(tmp_path.iterdir()) == []
    assert found.verdict is not Verdict.PROVED
    assert "root:" not in str(found.as_json())
    assert sandbox.verify(case("def f():\n    conn = pool.getconn()\n"), _PATIENT).verdict is Verdict.LEAKS


def test_answers_are_those_of_a_verification_in_this_process(sandbox: Sandbox) -> None:
    leaky = next(leaky_functions())
    asked = case(before(leaky), right(leaky))
    inside, here = sandbox.verify(asked, _PATIENT), verify_here(asked, _PATIENT, lambda: 0.0)
    assert inside.as_json() | {"seconds": 0} == here.as_json() | {"seconds": 0}
    assert inside.occupancy == here.occupancy


def test_nothing_of_the_environment_is_handed_down(unguarded: Sandbox) -> None:
    source = (
        "def f():\n    conn = pool.getconn()\n"
        "    g = [c for c in ().__class__.__base__.__subclasses__() if c.__name__ == '_wrap_close'][0]\n"
        "    return dict(g.__init__.__globals__['environ'])\n"
    )
    found = unguarded.verify(case(source), _PATIENT)
    assert found.leak is not None
    assert "sesame" not in str(found.leak)


def test_code_that_does_not_parse_is_unknown(sandbox: Sandbox) -> None:
    found = sandbox.verify(case("def f(:\n"), _PATIENT)
    assert found.verdict is Verdict.UNKNOWN
    assert "does not parse" in found.reason


def test_what_comes_back_cannot_command_a_terminal(sandbox: Sandbox) -> None:
    found = sandbox.verify(case("def f():\n    conn = pool.getconn()\n    raise ValueError('\\x1b[2J')\n"), _PATIENT)
    assert found.leak is not None
    assert "\x1b" not in str(found.as_json())


def test_deep_code_is_unknown_and_hurts_nobody(sandbox: Sandbox) -> None:
    deep = "not " * 5_000
    found = sandbox.verify(case(f"def f():\n    conn = pool.getconn()\n    return {deep}conn\n"), _PATIENT)
    assert found.verdict is Verdict.UNKNOWN


def test_what_python_imports_late_is_there(sandbox: Sandbox) -> None:
    dead = "    if False:\n        print(f'\\n{n}')\n"
    leaky = "def f(n):\n    conn = pool.getconn()\n    conn.cursor()\n    pool.putconn(conn)\n" + dead
    fixed = leaky.replace("    conn.cursor()\n", "    try:\n        conn.cursor()\n    finally:\n    ")
    assert sandbox.verify(case(leaky, fixed), _PATIENT).verdict is Verdict.BOUNDED


@pytest.mark.parametrize("name", ["größe", "\uff46", "数"])
def test_names_in_any_letters_are_read(name: str, sandbox: Sandbox) -> None:
    leaky = f"def f({name}):\n    conn = pool.getconn()\n    conn.cursor().execute({name})\n    pool.putconn(conn)\n"
    fixed = f"""def f({name}):
    conn = pool.getconn()
    try:
        conn.cursor().execute({name})
    finally:
        pool.putconn(conn)
"""
    assert sandbox.verify(case(leaky, fixed), _PATIENT).verdict is Verdict.PROVED
    wrong = fixed.replace(f"execute({name})", "execute(None)")
    assert sandbox.verify(case(leaky, wrong), _PATIENT).verdict is Verdict.REJECTED


@pytest.mark.parametrize("name", FORGERIES)
def test_code_that_reaches_for_the_verifier_has_no_verdict(name: str, sandbox: Sandbox) -> None:
    found = sandbox.verify(case(FORGERIES[name]), _BOUNDS)
    assert found.verdict is Verdict.UNKNOWN
    assert "reaches for" in found.reason


@pytest.mark.parametrize("name", WITHHELD)
def test_harmless_modules_show_nothing_else(name: str, sandbox: Sandbox) -> None:
    head = "def f():\n    conn = pool.getconn()\n    pool.putconn(conn)\n"
    found = sandbox.verify(case(head + WITHHELD[name]), _BOUNDS)
    assert "has no attribute" in " ".join(found.unexplained) + found.reason


@pytest.mark.parametrize(
    "rest",
    [
        "    return conn.__class__.__name__",
        "    return self.__dict__",
        "    return self.__class__.__mro__",
        "    return frame.f_back.f_code.co_name",
        "    return e.__traceback__.tb_lineno",
        "    try:\n        g()\n    except ValueError as e:\n        return type(e).__name__, e.__class__.__name__",
        "    import collections.abc\n    return isinstance(g(), collections.abc.Mapping)",
        "    from typing import TYPE_CHECKING, cast\n    return cast(int, 1)",
        "    from operator import itemgetter\n    return itemgetter(0)([1])",
        "    class A:\n        def __init__(self): self.a = 1\n    return vars(A()), A().__dict__, getattr(A(), 'a')",
        "    return getattr(self, '__class__'), getattr(self, 'x', None), hasattr(self, '_x')",
        "    setattr(self, '_private', 1)",
    ],
)
def test_what_ordinary_code_asks_about_itself_is_answered(rest: str, sandbox: Sandbox) -> None:
    found = sandbox.verify(case(f"def f(self, frame, e):\n    conn = pool.getconn()\n{rest}\n"), _PATIENT)
    assert found.verdict is Verdict.LEAKS
    assert found.unexplained == ()
