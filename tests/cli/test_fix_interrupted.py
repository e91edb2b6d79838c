"""`putback fix` ended by a signal at every step of its writing: each file is whole, nothing is left lying about."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType

import pytest
from cli_project import BROKEN, HEAD, mended

from putback.cli.fixing import orderly_end
from putback.cli.main import run
from putback.pipeline.fix import fix, written

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not hasattr(os, "fork"), reason="no signals and no processes as POSIX has them"),
]

STEPS = frozenset(("open", "os.rename", "os.remove", "os.chmod", "os.chown", "os.utime", "os.setxattr"))
FILES = ("a.py", "b.py", "c.py")
ENDS = [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)]
WRONG = HEAD + BROKEN.format("")
RIGHT = mended(WRONG)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory, with files to fix."""
    monkeypatch.chdir(tmp_path)
    spoil(tmp_path)
    return tmp_path


@pytest.fixture
def writing(folder: Path) -> Callable[[], int]:
    """The part of a run that writes, the fixes being worked out already."""
    planned = fix(["."])

    def write() -> int:
        try:
            with orderly_end():
                written(planned)
        except KeyboardInterrupt:
            return 130
        return 0

    return write


def whole_run() -> int:
    """All of a run."""
    return run(["fix", "-q"])


def spoil(folder: Path) -> None:
    """Make every file as it was before any fix."""
    for name in FILES:
        (folder / name).write_text(WRONG)


def ended_at(step: int, number: signal.Signals, work: Callable[[], int]) -> int:
    """The exit status of `work` that gets a signal at a step of its writing; 0 when it has fewer steps."""
    steps = writing = 0

    def watch(event: str, given: tuple[object, ...]) -> None:
        nonlocal steps, writing
        writing += ".putback-" in str(given[:1])
        if event in STEPS and writing:
            steps += 1
            if steps == step:
                os.kill(os.getpid(), number)

    return in_a_child(lambda: sys.addaudithook(watch), work)


def in_a_child(prepare: Callable[[], None], work: Callable[[], int]) -> int:
    """The exit status of a process that does `work`."""
    child = os.fork()
    if child:
        return os.waitpid(child, 0)[1]
    code = 99
    try:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        for each in (signal.SIGTERM, signal.SIGHUP):  # `nohup` leaves one of them ignored
            signal.signal(each, signal.SIG_DFL)
        os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
        prepare()
        code = work()
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 98
    finally:
        os._exit(code)


def statuses(folder: Path, number: signal.Signals, work: Callable[[], int]) -> Iterator[int]:
    """The exit statuses of `work` ended at its first step, its second and so on, up to once when it is not."""
    for step in range(1, 100):
        spoil(folder)
        status = ended_at(step, number, work)
        if status == 0:
            return
        yield status
    pytest.fail("the runs have no end")


def whole(folder: Path) -> list[bool]:
    """Whether each file is fixed; fails for one that is neither as before nor as it should be."""
    texts = [(folder / name).read_text() for name in FILES]
    assert set(texts) <= {WRONG, RIGHT}
    return [text == RIGHT for text in texts]


def names(folder: Path) -> list[str]:
    """What is in the directory."""
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize(("number", "code"), ENDS)
def test_an_interrupt_leaves_every_file_whole_and_nothing_behind(
    folder: Path, writing: Callable[[], int], number: signal.Signals, code: int
) -> None:
    seen = set()
    for status in statuses(folder, number, writing):
        assert os.waitstatus_to_exitcode(status) == code
        seen.add(sum(whole(folder)))
        assert names(folder) == sorted(FILES)
    assert {0, 1, 2} <= seen


@pytest.mark.parametrize(("number", "code"), ENDS)
def test_a_whole_run_ends_as_it_is_told(folder: Path, number: signal.Signals, code: int) -> None:
    assert os.waitstatus_to_exitcode(ended_at(8, number, whole_run)) == code
    assert not all(whole(folder))
    assert names(folder) == sorted(FILES)


def test_a_kill_leaves_every_file_whole(folder: Path, writing: Callable[[], int]) -> None:
    seen, left = set(), 0
    for status in statuses(folder, signal.SIGKILL, writing):
        assert os.waitstatus_to_exitcode(status) == -signal.SIGKILL
        seen.add(sum(whole(folder)))
        left += names(folder) != sorted(FILES)
    assert seen == {0, 1, 2}
    assert left


def test_the_run_after_a_kill_cleans_up(folder: Path) -> None:
    assert os.waitstatus_to_exitcode(ended_at(5, signal.SIGKILL, whole_run)) == -signal.SIGKILL
    assert names(folder) != sorted(FILES)
    assert run(["fix", "-q"]) == 0
    assert names(folder) == sorted(FILES)
    assert all(whole(folder))


@pytest.mark.parametrize("call", [1, 7, 30, 60])
def test_an_interrupt_inside_of_the_parser_is_not_lost(folder: Path, call: int) -> None:
    calls = 0

    def watch(frame: FrameType, event: str, argument: object) -> None:
        nonlocal calls
        calls += event == "call" and frame.f_code.co_name == "record_syntactic_position"
        if calls == call:
            sys.setprofile(None)
            os.kill(os.getpid(), signal.SIGINT)

    status = in_a_child(lambda: sys.setprofile(watch), whole_run)
    assert os.waitstatus_to_exitcode(status) == 130
    assert not any(whole(folder))
