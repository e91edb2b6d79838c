"""The processes in which code under test runs.

`main` serves one parent: for each request it forks a process that locks itself in, verifies one case and answers.
What is guaranteed: on Linux x86-64 no file, socket, process or signal, by the kernel; elsewhere an audit hook stops
what goes through Python, which is best effort. Memory, processor time and descriptors are limited on every POSIX
system. Hostile code can spoil its own verdict, and no other: each case has a process of its own.
"""

from __future__ import annotations

import codecs
import contextlib
import os
import pickle
import select
import signal
import time
from typing import Any

from putback.verify import locks, replay_here, verify_here, wire
from putback.verify.roles import Acquire, Bounds, Case, Does, Pass, Profile, Roles, Version

_LONGEST_ANSWER = 4 << 20
_WARMING = """
async def f(x, *more):
    conn = await pool.getconn()
    try:
        for a, b in g(x):
            h(f"{a}", str(x), int(x))
    except E as error:
        raise H(str(error)) from error
    finally:
        pool.putconn(conn)
"""


def main() -> None:
    """Serve until standard input ends."""
    _warm_up()
    wire.write(1, {"ready": True, "kernel": locks.has_kernel_filter()})
    while (request := wire.read(0)) is not None:
        if hasattr(os, "fork"):
            _fork(request)
        else:
            _answer(request, 1)
            return


def _warm_up() -> None:
    """Import what runs import late: after the locks nothing can be read any more."""
    roles = Roles(
        (Acquire("pool.getconn", "p"),),
        (Pass("pool.putconn", Does.RELEASES),),
        {"p": Profile("p")},
        errors={"E": "Error"},
    )
    version = Version(_WARMING, "f", roles)
    wire.encode(verify_here(Case(version, version), Bounds(schedules=2)))
    codecs.lookup("unicode_escape")  # what `ast.unparse` needs for a line end in an f-string


def _fork(request: bytes) -> None:
    """Answer a request from a process of its own, which is ended when it takes too long."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            for descriptor in (0, 1, 2, reading):
                os.close(descriptor)
            _answer(request, writing)
        finally:
            os._exit(0)
    os.close(writing)
    _, bounds, _ = pickle.loads(request)
    answer = _collect(reading, time.monotonic() + _patience(bounds))
    os.close(reading)
    with contextlib.suppress(ProcessLookupError):
        os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    if answer:
        wire.write_raw(1, answer)
    else:
        wire.write(1, {"error": _cause(status)})


def _patience(bounds: Bounds) -> float:
    return 2 * bounds.seconds + 1


def _collect(descriptor: int, deadline: float) -> bytes:
    """All that the child writes; nothing when it is too slow or says too much."""
    found = b""
    while len(found) <= _LONGEST_ANSWER:
        ready, _, _ = select.select([descriptor], [], [], max(0.0, deadline - time.monotonic()))
        if not ready:
            return b""
        part = os.read(descriptor, 1 << 16)
        if not part:
            return found
        found += part
    return b""


def _cause(status: int) -> str:
    if os.WIFSIGNALED(status):
        name = signal.Signals(os.WTERMSIG(status)).name
        return f"the code ran into the limits of its process ({name})"
    return "the process of the code ended without an answer"


def _answer(request: bytes, descriptor: int) -> None:
    """Lock in, verify or replay, answer."""
    case, bounds, schedule = pickle.loads(request)
    locks.limit(_patience(bounds))
    locks.lock()
    data: dict[str, Any]
    try:
        if schedule is None:
            data = wire.encode(verify_here(case, bounds))
        else:
            data = wire.encode_run(replay_here(case.before, schedule))
    except BaseException as error:
        data = {"error": f"the verifier failed: {type(error).__name__}: {error}"}
    wire.write(descriptor, data)
