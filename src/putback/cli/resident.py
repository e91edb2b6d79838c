"""The process that waits for calls with everything loaded, and answers each in a copy of itself: POSIX only, opt-in.

Whoever starts it holds a lock, which it inherits: exclusive until it listens, shared as long as it lives. So no second
one is started beside it.
"""

from __future__ import annotations

import fcntl
import gc
import os
import signal
import socket
import sys
import time
from importlib import import_module
from select import select

from putback.cli.quick_resident import COMMANDS, FOLDER, GO, SIZE, STREAMS, is_own, number, socket_name
from putback.model.config import Config
from putback.source import cache

LONGEST = 1800
"""Seconds without a call after which it ends."""
LOOK = 30
"""Seconds after which it looks whether it is still what it was."""
CODE = "import sys; sys.path[:] = {path!r}; from putback.cli.resident import serve; serve({folder!r}, {lock})"


def start(config: Config) -> None:
    """Start the process for a project, where that is wished for and none is there."""
    if not config.cache:
        return
    try:
        cache.prepare(config.cache)
        folder = os.path.join(config.cache, FOLDER)
        os.makedirs(folder, 0o700, exist_ok=True)
        lock = os.open(os.path.join(folder, f"{socket_name()}.lock"), os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            begin(folder, lock)
        finally:
            os.close(lock)
    except OSError:
        return


def begin(folder: str, lock: int) -> None:
    """Start it, with nothing of this process but the lock."""
    import subprocess

    code = CODE.format(path=[each for each in sys.path if os.path.isabs(each)], folder=folder, lock=lock)
    flags = subprocess._args_from_interpreter_flags()  # type: ignore[attr-defined]
    subprocess.Popen(
        [sys.executable, *flags, "-c", code],
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        pass_fds=(lock,),
    )


def serve(folder: str, lock: int) -> None:
    """Wait for calls and answer them, until nobody calls any more or something is not as it was."""
    gc.disable()
    name = socket_name()
    load_all()
    listener = listening(folder, name) if name == socket_name() else None
    if listener is not None:
        fcntl.flock(lock, fcntl.LOCK_SH)
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for the copies
        wait(listener, folder, name)
        cache.remove([name, f"{name}.lock"])


def load_all() -> None:
    """Import and read what a call may need."""
    from putback.pipeline.loaded import import_rooms, load

    load()
    import_rooms(("report", "report.formats"))
    for each in (*COMMANDS, "main", "fixing", "results"):
        import_module(f"putback.cli.{each}")


def listening(folder: str, name: str) -> socket.socket | None:
    """The socket, for nobody but this user; None in a folder that others can write to."""
    os.chdir(folder)  # the name of a socket has to be short
    cache.remove([name])
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    before = os.umask(0o177)
    try:
        listener.bind(name)
    finally:
        os.umask(before)
    listener.listen(64)
    return listener if is_own(folder, name) else None


def wait(listener: socket.socket, folder: str, name: str) -> None:
    """Answer calls."""
    last, mark, own = time.monotonic(), os.lstat(name).st_ino, os.getpid()
    while time.monotonic() - last < LONGEST:
        if not select([listener], [], [], LOOK)[0]:
            if socket_name() != name or not is_own(folder, name) or os.lstat(os.path.join(folder, name)).st_ino != mark:
                return
            continue
        line, _ = listener.accept()
        last = time.monotonic()
        if os.fork() == 0:
            listener.close()
            attend(line, own)
        line.close()


def attend(line: socket.socket, parent: int) -> None:
    """Answer one call in this copy, and end it."""
    code = 2
    try:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        head, streams, _, _ = socket.recv_fds(line, SIZE, len(STREAMS))
        data = received(line, int.from_bytes(head, "big"))
        if head == number(0):
            os.kill(parent, signal.SIGTERM)
            os._exit(0)
        line.sendall(number(os.getpid()))
        if line.recv(1) != GO:
            os._exit(0)
        end_with(line)
        code = answered(data, streams)
        line.sendall(bytes([code]))
    finally:
        os._exit(code)


def received(line: socket.socket, size: int) -> bytes:
    """So many bytes."""
    data = bytearray()
    while len(data) < size:
        part = line.recv(size - len(data))
        if not part:
            os._exit(0)
        data += part
    return bytes(data)


def end_with(line: socket.socket) -> None:
    """Let the system end this copy when the one who called is gone: nobody else has anything to say any more."""
    signal.signal(signal.SIGIO, signal.SIG_DFL)
    fcntl.fcntl(line, fcntl.F_SETOWN, os.getpid())
    fcntl.fcntl(line, fcntl.F_SETFL, fcntl.fcntl(line, fcntl.F_GETFL) | getattr(os, "O_ASYNC", 0))


def answered(data: bytes, streams: list[int]) -> int:
    """The exit code of a call, made as if this process had been started for it."""
    from putback.cli.main import run

    for stream, given in zip(STREAMS, streams, strict=True):
        os.dup2(given, stream)
    where, mask, count, *rest = data.split(b"\0")
    words, environment = rest[: int(count)], rest[int(count) :]
    os.chdir(where)
    os.umask(int(mask))
    os.environb.clear()
    os.environb.update((name, value) for name, _, value in (each.partition(b"=") for each in environment))
    time.tzset()
    sys.argv[1:] = map(os.fsdecode, words)
    sys.stdin = open(0, encoding=sys.stdin.encoding, errors=sys.stdin.errors, closefd=False)  # noqa: SIM115
    sys.stdout = open(1, "w", encoding=sys.stdout.encoding, errors=sys.stdout.errors, closefd=False)  # noqa: SIM115
    sys.stderr = open(2, "w", 1, encoding=sys.stderr.encoding, errors=sys.stderr.errors, closefd=False)  # noqa: SIM115
    code = run(sys.argv[1:])
    sys.stdout.flush()
    sys.stderr.flush()
    return code
