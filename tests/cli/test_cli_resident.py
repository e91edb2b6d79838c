"""The process that waits with everything loaded: what it answers is what the program says without it."""

from __future__ import annotations

import fcntl
import os
import signal
import socket
import struct
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

import pytest

from putback.cli import quick_resident
from putback.cli.quick_resident import FOLDER

pytestmark = [pytest.mark.slow, pytest.mark.skipif(sys.platform != "linux", reason="asks the system who listens")]

SOURCES = str(Path(quick_resident.__file__).parents[2])
POOL = "import psycopg2.pool\n\npool = psycopg2.pool.ThreadedConnectionPool(1, 9)\n"
POOL += "\n\ndef take():\n    return pool.getconn()\n"
WRAPPED = "from shop.db import take\n\n\ndef view():\n    conn = take()\n    conn.cursor().execute('x')\n"
CALLED = """
import os, signal, sys
from putback.cli.quick_resident import resident_answer

signal.signal(signal.SIGINT, signal.default_int_handler)  # whoever runs the tests may have switched it off
code = resident_answer(sys.argv[1:])
os._exit(99 if code is None else code)
"""
NOT_ANSWERED = 99


class Shop:
    """A project with such a process."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.environment = {name: value for name, value in os.environ.items() if not name.startswith("PUTBACK_")}
        self.environment |= {"PYTHONPATH": SOURCES, "PUTBACK_RESIDENT": "1"}

    @property
    def folder(self) -> Path:
        """Where the process has its socket."""
        return self.root / ".putback_cache" / FOLDER

    def command(self, *arguments: str, options: tuple[str, ...] = ()) -> list[str]:
        """The call of a user."""
        return [sys.executable, *options, "-m", "putback", *arguments]

    def ordinary(self, *arguments: str, given: bytes = b"", **settings: str) -> tuple[int, bytes, bytes]:
        """What the program says without the process."""
        return self.done(self.command(*arguments), given, PUTBACK_RESIDENT="0", **settings)

    def called(self, *arguments: str, given: bytes = b"", options: tuple[str, ...] = ()) -> tuple[int, bytes, bytes]:
        """What the process says, and nobody else."""
        return self.done([sys.executable, *options, "-c", CALLED, *arguments], given)

    def done(self, command: list[str], given: bytes = b"", **settings: str) -> tuple[int, bytes, bytes]:
        """The exit code of a command and what it prints."""
        environment = {**self.environment, **settings}
        run = subprocess.run(command, cwd=self.root, env=environment, input=given, capture_output=True, check=False)
        return run.returncode, run.stdout, run.stderr

    def started(self) -> None:
        """Run as a user does for the first time, and wait for the process that this starts."""
        self.done(self.command("check"))
        with self.lock() as file:
            fcntl.flock(file, fcntl.LOCK_SH)

    def lock(self) -> BinaryIO:
        """What the process holds as long as it lives."""
        return next(self.folder.glob("*.lock")).open("rb")

    def connected(self) -> socket.socket:
        """A connection to the process."""
        place = next(path for path in self.folder.iterdir() if path.is_socket())
        line = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        line.connect(os.path.relpath(place))
        return line


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Shop]:
    """A small project whose process waits."""
    for name, text in {
        "pyproject.toml": "[tool.putback]\nignore = ['PB302']\n",
        "shop/__init__.py": "",
        "shop/db.py": POOL,
        "shop/views.py": WRAPPED,
    }.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    monkeypatch.chdir(tmp_path)
    shop = Shop(tmp_path)
    shop.started()
    yield shop
    shop.done(shop.command("clean"))


def test_it_says_what_the_program_says(shop: Shop) -> None:
    calls = [
        ["check", "shop/views.py"],
        ["check", "--no-cache", "--output-format", "json"],
        ["check", "--no-cache", "--output-format", "sarif", "--color", "always"],
        ["check", "shop/views.py", "--select", "PB302"],
        ["check", "missing.py"],
        ["check", "--select", "PB999"],
        ["fix", "--diff", "shop/views.py"],
    ]
    for arguments in calls:
        assert shop.called(*arguments) == shop.ordinary(*arguments)
    arguments = ["check", "-", "--stdin-filename", "shop/other.py"]
    answer = shop.called(*arguments, given=WRAPPED.encode())
    assert answer == shop.ordinary(*arguments, given=WRAPPED.encode())
    assert b"PB101" in answer[1]


def test_a_changed_file_is_seen(shop: Shop) -> None:
    (shop.root / "shop" / "more.py").write_text(WRAPPED)
    code, text, _ = shop.called("check", "shop/more.py")
    assert code == 1
    assert b"PB101" in text
    (shop.root / "shop" / "db.py").write_text("def take():\n    return None\n")
    assert shop.called("check", "shop/more.py")[0] == 0


def test_calls_at_once_are_answered_each(shop: Shop) -> None:
    calls = [[sys.executable, "-c", CALLED, "check", "--no-cache", name] for name in ("shop", "shop/db.py") * 2]
    running = [subprocess.Popen(each, env=shop.environment, stdout=subprocess.PIPE) for each in calls]
    texts = [each.communicate()[0] for each in running]
    assert [each.returncode for each in running] == [1, 0, 1, 0]
    assert texts[:2] == texts[2:]


def test_another_python_does_not_ask_it(shop: Shop) -> None:
    assert shop.called("check", "shop")[0] == 1
    assert shop.called("check", "shop", options=("-O",))[0] == NOT_ANSWERED


def test_others_may_not_have_made_or_use_it(shop: Shop) -> None:
    shop.folder.chmod(0o770)
    assert shop.called("check", "shop")[0] == NOT_ANSWERED
    shop.folder.chmod(0o700)
    assert shop.called("check", "shop")[0] == 1


def test_it_is_not_asked_where_it_is_switched_off(shop: Shop) -> None:
    shop.environment["PUTBACK_RESIDENT"] = "0"
    assert shop.called("check", "shop")[0] == NOT_ANSWERED


def test_one_that_was_killed_is_not_missed(shop: Shop) -> None:
    expected = shop.ordinary("check", "shop")
    with shop.connected() as line, shop.lock() as file:
        process = struct.unpack("3i", line.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))[0]
        os.kill(process, signal.SIGKILL)
        fcntl.flock(file, fcntl.LOCK_EX)
    assert shop.done(shop.command("check", "shop")) == expected  # and it starts another
    with shop.lock() as file:
        fcntl.flock(file, fcntl.LOCK_SH)
    assert shop.called("check", "shop") == expected


def test_clean_ends_it(shop: Shop) -> None:
    with shop.lock() as file:
        assert shop.done(shop.command("clean"))[0] == 0
        fcntl.flock(file, fcntl.LOCK_EX)
    assert not shop.folder.exists()
    assert shop.called("check", "shop")[0] == NOT_ANSWERED


def test_an_interrupt_reaches_it(shop: Shop) -> None:
    command = [sys.executable, "-c", CALLED, "check", "-"]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, env=shop.environment, stdin=pipe, stdout=pipe, stderr=pipe) as running:
        assert running.stdin is not None
        running.stdin.write(b"#" * 200_000)  # more than a pipe holds: it is being read
        running.stdin.flush()
        code = None
        while code is None:  # Python does not notice one that comes between two reads
            running.send_signal(signal.SIGINT)
            with suppress(subprocess.TimeoutExpired):
                code = running.wait(1)
        assert code == 130


def test_it_stops_when_the_caller_is_gone(shop: Shop) -> None:
    command = [sys.executable, "-c", CALLED, "check", "-"]
    reading, writing = os.pipe()
    running = subprocess.Popen(command, env=shop.environment, stdin=reading, stdout=subprocess.DEVNULL)
    os.close(reading)
    os.write(writing, b"#" * 200_000)
    running.kill()
    running.wait()
    with pytest.raises(BrokenPipeError):
        while True:
            os.write(writing, b"#" * 200_000)
    os.close(writing)


def test_it_is_for_those_who_ask_for_it_and_can_keep_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pyproject.toml").write_text("")
    (tmp_path / "db.py").write_text(POOL)
    shop = Shop(tmp_path)
    assert shop.ordinary("check")[0] == 0
    assert not shop.folder.exists()
    (tmp_path / "file").write_text("")
    nowhere = str(tmp_path / "file" / "cache")
    assert shop.done(shop.command("check"), PUTBACK_CACHE_DIR=nowhere) == shop.ordinary(
        "check", PUTBACK_CACHE_DIR=nowhere
    )
