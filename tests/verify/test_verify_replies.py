"""The way back from the sandbox: whatever hostile code answers spoils its own verdict at most."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from fixes import before, leaky_functions, right
from replies import COMMANDS, OF_A_FIX, PROVED, answer
from roles_by_hand import case, version

from putback.model.errors import SandboxError, SourceError
from putback.pipeline.verify import about_rule
from putback.verify import reply, sandbox
from putback.verify.roles import Bounds, Case
from putback.verify.sandbox import Sandbox
from putback.verify.verdict import Proof, Verdict

pytestmark = pytest.mark.slow

needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="without fork a process answers once")

LEAK = case("def f():\n    conn = pool.getconn()\n")
LEAKY = next(leaky_functions())
FIX = case(before(LEAKY), right(LEAKY))
QUICK = Bounds(schedules=30, seconds=0.3)
PATIENT = Bounds(schedules=2_000, seconds=60.0)

_TAKEN_OVER = """
import os
from putback.verify import child
honest = child.verify_here
def verify_here(case, bounds):
    if case.before.source.startswith("# hostile"):
        exec(case.before.source, {"os": os, "descriptors": range(3, 16)})
    return honest(case, bounds)
child.verify_here = verify_here
"""
"""Lets code do what it likes in its process, behind the locks: as if it had got around the verifier itself."""

SAYING = """# hostile
def say(text):
    for each in descriptors:
        try:
            rest = memoryview(text)
            while rest:
                rest = rest[os.write(each, rest):]
        except OSError:
            pass
"""
WAYS = {
    "and goes": "say({text!r})\nos._exit(0)\n",
    "and goes on": "say({text!r})\n",
    "in two pieces": "say({text!r}[:7])\nsay({text!r}[7:])\nos._exit(0)\n",
    "and keeps silent": "say({text!r})\nwhile True:\n    pass\n",
    "and closes": (
        "say({text!r})\n"
        "for each in descriptors:\n    try:\n        os.close(each)\n    except OSError:\n        pass\n"
        "while True:\n    pass\n"
    ),
}
UNHEARD = {
    "flood": "while True:\n    say(b'x' * 65536)\n",
    "flood of answers": "while True:\n    say({text!r})\n",
    "drip": "import time\nwhile True:\n    say(b' ')\n    time.sleep(0.01)\n",
    "silence": "while True:\n    pass\n",
    "sleep": "import time\ntime.sleep(10**6)\n",
    "goes at once": "os._exit(0)\n",
    "goes with a code": "os._exit(77)\n",
    "raises": "raise SystemExit(0)\n",
    "raises at the end": "raise KeyboardInterrupt\n",
    "crashes": "import ctypes\nctypes.string_at(0)\n",
    "eats memory": "kept = []\nwhile True:\n    kept.append(bytearray(1 << 24))\n",
}


@pytest.fixture(scope="module")
def taken_over() -> Iterator[Sandbox]:
    """A sandbox whose processes belong to the code that begins with "# hostile"."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sandbox, "_BOOT", sandbox._BOOT.replace("main()\n", f"{_TAKEN_OVER}main()\n"))
        stack = ExitStack()
        started = stack.enter_context(Sandbox())
    with stack:
        yield started


@pytest.fixture(scope="module")
def honest() -> tuple[Proof, Proof]:
    """What a sandbox says that has met nobody hostile."""
    with Sandbox() as started:
        return started.verify(LEAK, PATIENT), started.verify(FIX, PATIENT)


def hostile(code: str) -> Case:
    """A case of hostile code, with a fix, so that it could be called proved."""
    return Case(version(SAYING + code), version(right(LEAKY)), path="hostile.py", about=(about_rule("PB102"),))


def timeless(proof: Proof) -> dict[str, object]:
    """A proof as it is reported, without the time that it took."""
    return proof.as_json() | {"seconds": 0}


def assert_others_are_safe(started: Sandbox, honest: tuple[Proof, Proof]) -> None:
    """The next functions get their own verdicts."""
    assert timeless(started.verify(LEAK, PATIENT)) == timeless(honest[0])
    assert timeless(started.verify(FIX, PATIENT)) == timeless(honest[1])


@pytest.mark.parametrize("name", OF_A_FIX)
def test_an_answer_that_cannot_be_believed_is_unknown(name: str) -> None:
    found = reply.proof(OF_A_FIX[name], FIX)
    assert found.verdict is Verdict.UNKNOWN
    assert found.reason.isprintable() and found.reason


@pytest.mark.parametrize("name", sorted(OF_A_FIX.keys() - {"a run for a proof"}))
def test_a_run_that_cannot_be_believed_is_none(name: str) -> None:
    with pytest.raises(SourceError):
        reply.run(OF_A_FIX[name])


@pytest.mark.parametrize(
    "verdict", ["proved", "bounded", "tested", "rejected"], ids=lambda verdict: f"{verdict} without a fix"
)
def test_verdicts_on_fixes_need_a_fix(verdict: str) -> None:
    assert reply.proof(answer(verdict=verdict, counterexample=PROVED["leak"]), LEAK).verdict is Verdict.UNKNOWN


def test_an_honest_answer_is_believed() -> None:
    assert reply.proof(answer(), FIX).verdict is Verdict.PROVED
    assert reply.proof(answer(verdict="leaks", occupancy=None), LEAK).verdict is Verdict.LEAKS


def test_no_text_of_an_answer_commands_a_terminal() -> None:
    example = {"broken": "leak", "schedule": [["fault", COMMANDS, COMMANDS]], "story": [COMMANDS]}
    told = answer(reason=COMMANDS, leak=example, verdict="tested", counterexample=example, unexplained=[COMMANDS])
    found = reply.proof(told, FIX)
    assert found.verdict is Verdict.TESTED and found.leak is not None and found.counterexample is not None
    texts = [found.reason, *found.unexplained, *found.leak.story, *found.counterexample.story]
    texts += [text for choice in found.leak.schedule for text in choice[1:]]
    assert all(text.isprintable() for text in texts)


@needs_fork
@pytest.mark.parametrize("name", OF_A_FIX)
def test_an_answer_spoils_its_own_verdict_only(name: str, taken_over: Sandbox, honest: tuple[Proof, Proof]) -> None:
    text = OF_A_FIX[name]
    said = "say(b'[' * (8 << 20))\n" if len(text) > 1 << 22 else f"say({text!r})\nos._exit(0)\n"
    assert taken_over.verify(hostile(said), QUICK).verdict is Verdict.UNKNOWN
    assert_others_are_safe(taken_over, honest)


@needs_fork
@pytest.mark.parametrize("way", WAYS)
def test_a_forged_answer_is_not_that_of_the_next_function(
    way: str, taken_over: Sandbox, honest: tuple[Proof, Proof]
) -> None:
    forged = answer(reason="forged") * 2
    found = taken_over.verify(hostile(WAYS[way].format(text=forged)), QUICK)
    assert found.verdict is Verdict.UNKNOWN
    assert_others_are_safe(taken_over, honest)


@needs_fork
@pytest.mark.parametrize("name", UNHEARD)
def test_who_gives_no_answer_holds_nobody_up(name: str, taken_over: Sandbox, honest: tuple[Proof, Proof]) -> None:
    found = taken_over.verify(hostile(UNHEARD[name].replace("{text!r}", repr(answer()))), QUICK)
    assert found.verdict is Verdict.UNKNOWN
    assert_others_are_safe(taken_over, honest)


@needs_fork
def test_a_helper_that_is_killed_is_replaced(honest: tuple[Proof, Proof]) -> None:
    with Sandbox() as started:
        assert started._process is not None
        started._process.kill()
        started._process.wait()
        assert_others_are_safe(started, honest)


def test_a_helper_that_never_answers_makes_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    with Sandbox() as started:
        monkeypatch.setattr(started, "_asked", lambda request, seconds: None)
        found = started.verify(FIX, QUICK)
        assert found.verdict is Verdict.UNKNOWN and "no answer" in found.reason
        with pytest.raises(SourceError):
            started.replay(FIX.before, ())


def test_a_helper_that_does_not_start_is_no_bug(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sandbox, "_BOOT", "raise SystemExit")
    with pytest.raises(SandboxError), Sandbox():
        pass


def test_half_a_character_in_the_code_is_no_obstacle() -> None:
    with Sandbox() as started:
        found = started.verify(case("def f():\n    conn = pool.getconn()\n    g('\\udc80')\n"), PATIENT)
    assert found.verdict is Verdict.LEAKS
