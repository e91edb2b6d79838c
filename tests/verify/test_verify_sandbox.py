"""What the sandbox lets out: a verdict, and nothing else."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from attacks import ATTACKS
from fixes import before, leaky_functions, right
from roles_by_hand import case

from putback.verify import verify_here
from putback.verify.roles import Bounds
from putback.verify.sandbox import Sandbox
from putback.verify.verdict import Verdict

_BOUNDS = Bounds(schedules=30, seconds=0.3)
_PATIENT = Bounds(schedules=2_000, seconds=60.0)

kernel_only = pytest.mark.skipif(not hasattr(os, "fork"), reason="the locks of this system are best effort")


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox() as started:
        yield started


@kernel_only
@pytest.mark.parametrize("name", ATTACKS)
def test_an_attack_has_no_effect_outside(name: str, sandbox: Sandbox, tmp_path: Path) -> None:
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


def test_nothing_of_the_environment_is_handed_down(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PUTBACK_TEST_SECRET", "sesame")
    source = (
        "def f():\n    conn = pool.getconn()\n"
        "    g = [c for c in ().__class__.__base__.__subclasses__() if c.__name__ == '_wrap_close'][0]\n"
        "    return dict(g.__init__.__globals__['environ'])\n"
    )
    with Sandbox() as fresh:
        found = fresh.verify(case(source), _PATIENT)
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
