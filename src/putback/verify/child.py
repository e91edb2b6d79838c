"""The processes in which code under test runs.

`main` serves one parent: for each request it forks a process that locks itself in, verifies one case and answers. The
helper itself runs no code under test and reads no answer: it puts what a process has written into one frame, or says
why there is none. What is guaranteed: on Linux x86-64 no file, socket, process or signal, by the kernel; elsewhere an
audit hook stops what goes through Python, which is best effort. Memory, processor time and descriptors are limited on
every POSIX system.
"""

from __future__ import annotations

import codecs
import contextlib
import os
import pickle
import select
import signal
import sys
import time
from typing import NoReturn

from putback.verify import locks, reflection, replay_here, verify_here, wire
from putback.verify.roles import Acquire, Bounds, Case, Does, Pass, Profile, Roles, Version
from putback.verify.wire import By, Message

_WARMING = """
async def f(x, *more):
    conn = await pool.getconn()
    try:
        for a, b in größe(x):
            h(f"{a}", str(x), int(x))
    except E as error:
        raise H(str(error)) from error
    finally:
        pool.putconn(conn)
"""


def main() -> None:
    """Serve until standard input ends."""
    _warm_up()
    _send(Message(By.HELPER, wire.as_bytes({"ready": True, "kernel": locks.has_kernel_filter()})))
    while (request := wire.receive(sys.stdin.buffer)) is not None:
        if not hasattr(os, "fork"):
            _send(Message(By.CODE, _answer(request.data, None)))
            return
        _send(_forked(request.data))


def _send(message: Message) -> None:
    wire.write(1, wire.framed(message))


def _warm_up() -> None:
    """Import what runs import late: after the locks nothing can be read any more."""
    roles = Roles(
        (Acquire("pool.getconn", "p"),),
        (Pass("pool.putconn", Does.RELEASES),),
        {"p": Profile("p")},
        errors={"E": "Error"},
    )
    version = Version(_WARMING, "f", roles)
    wire.as_bytes(wire.encode(verify_here(Case(version, version), Bounds(schedules=2))))
    codecs.lookup("unicode_escape")  # what `ast.unparse` needs for a line end in an f-string


def _forked(request: bytes) -> Message:
    """The answer of a process of its own, which is ended when it takes too long or says too much."""
    reading, writing = os.pipe()
    try:
        child = os.fork()
    except OSError as error:
        os.close(reading)
        os.close(writing)
        return _words(f"no process can be started for the code: {error.strerror}")
    if child == 0:
        try:
            for descriptor in (0, 1, 2, reading):
                os.close(descriptor)
            wire.write(writing, _answer(request, writing))
        finally:
            os._exit(0)
    os.close(writing)
    _, bounds, _ = pickle.loads(request)
    answer = _collected(reading, time.monotonic() + _patience(bounds))
    os.close(reading)
    with contextlib.suppress(ProcessLookupError):
        os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    if isinstance(answer, str):
        return _words(answer)
    return Message(By.CODE, answer) if answer else _words(_cause(status))


def _patience(bounds: Bounds) -> float:
    return 5 * bounds.seconds + 1


def _collected(descriptor: int, deadline: float) -> bytes | str:
    """All that the process writes until it closes its end; why not, when it is too slow or says too much."""
    found = bytearray()
    while len(found) <= wire.LONGEST_ANSWER:
        ready, _, _ = select.select([descriptor], [], [], max(0.0, deadline - time.monotonic()))
        if not ready:
            return "the code did not come to an end in time"
        part = os.read(descriptor, 1 << 16)
        if not part:
            return bytes(found)
        found += part
    return "the process of the code said more than an answer can hold"


def _cause(status: int) -> str:
    if os.WIFSIGNALED(status):
        name = signal.Signals(os.WTERMSIG(status)).name
        return f"the code ran into the limits of its process ({name})"
    return "the process of the code ended without an answer"


def _words(reason: str) -> Message:
    return Message(By.HELPER, wire.as_bytes(wire.encode_error(reason)))


def _answer(request: bytes, descriptor: int | None) -> bytes:
    """Lock in, verify or replay, tell. Code that reaches for the verifier is told of, and ended, at once."""

    def end(name: str) -> NoReturn:
        if descriptor is not None:
            wire.write(descriptor, wire.as_bytes(wire.encode_error(reflection.why(name))))
        os._exit(1)

    reflection.on_reach = end
    case, bounds, schedule = pickle.loads(request)
    locks.limit(_patience(bounds))
    locks.lock()
    try:
        if schedule is None:
            return wire.as_bytes(wire.encode(verify_here(case, bounds)))
        return wire.as_bytes(wire.encode_run(replay_here(case.before, schedule)))
    except BaseException as error:
        return wire.as_bytes(wire.encode_error(f"the verifier failed: {type(error).__name__}: {error}"))
