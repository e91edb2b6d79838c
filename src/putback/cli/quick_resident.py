"""A call that is answered by a process which has everything loaded, where one waits for this project.

It is found by a socket in a folder of its own in the cache, whose name tells this putback, on this Python, from any
other. What it is asked it does in a copy of itself, with the arguments, the directory, the environment and the standard
streams of the call. Whatever is not as it should be, the call is answered in the ordinary way. Runs before anything
else is imported.
"""

from __future__ import annotations

import os
import sys
from stat import S_IMODE, S_ISDIR, S_ISSOCK

from putback.source import cache
from putback.source.snapshot import above

TYPE_CHECKING = False  # importing typing takes longer than all of this
if TYPE_CHECKING:
    from _socket import socket
    from collections.abc import Sequence

COMMANDS = ("check", "fix")
OFF = ("0", "false", "no")
STREAMS = (0, 1, 2)
FOLDER = "resident"
SIZE = 8  # bytes of a number
GO = b"!"
PATIENCE = 1.0
"""Seconds for it to say that it has begun."""
SHOWN = 2
"""The exit code of what went wrong."""


def resident_answer(arguments: Sequence[str]) -> int | None:
    """The exit code of a call that the process has answered; None where there is none."""
    if not arguments or arguments[0] not in COMMANDS or os.environ.get("PUTBACK_RESIDENT", "").lower() in OFF:
        return None
    here, name = os.getcwd(), ""
    for root in (here, *above(here)):
        folder = os.path.join(cache.folder(root), FOLDER)
        if names_in(folder):
            name = name or socket_name()
            if is_own(folder, name):
                return asked(os.path.relpath(os.path.join(folder, name)), arguments)  # it has to be short
    return None


def names_in(folder: str) -> list[str]:
    """What such processes have in a folder."""
    try:
        return os.listdir(folder) if os.path.isabs(folder) else []
    except OSError:
        return []


def socket_name() -> str:
    """What the socket is called: another for each putback, Python and environment of packages, as they are now."""
    packages = sorted(path for path in sys.path if path.endswith("-packages") and os.path.isdir(path))
    states = [f"{path} {os.stat(path).st_mtime_ns}" for path in packages]
    streams = [f"{each.encoding}" for each in (sys.stdin, sys.stdout) if each is not None]
    python = [sys.executable, sys.prefix, repr(sys.flags), sys.getfilesystemencoding(), *streams]
    return cache.digest([cache.stamp_now(), *map(os.fsencode, (*python, *states))])[:16]


def is_own(folder: str, name: str) -> bool:
    """Whether there is such a socket that nobody else has made, and nobody else may use or replace."""
    try:
        place, socket = os.lstat(folder), os.lstat(os.path.join(folder, name))
    except OSError:
        return False
    are_right = S_ISDIR(place.st_mode) and S_ISSOCK(socket.st_mode)
    are_closed = not (S_IMODE(place.st_mode) | S_IMODE(socket.st_mode)) & 0o077
    return are_right and are_closed and place.st_uid == socket.st_uid == os.getuid()


def asked(place: str, arguments: Sequence[str]) -> int | None:
    """The exit code that the process at a socket gives for a call; None if it does not answer."""
    from _socket import AF_UNIX, SCM_RIGHTS, SOCK_STREAM, SOL_SOCKET, socket  # without the fifteen modules of `socket`

    line = socket(AF_UNIX, SOCK_STREAM)
    try:
        line.settimeout(PATIENCE)
        line.connect(place)
        data = request(arguments)
        streams = b"".join(each.to_bytes(4, sys.byteorder) for each in STREAMS)
        line.sendmsg([number(len(data))], [(SOL_SOCKET, SCM_RIGHTS, streams)])
        line.sendall(data)
        child = line.recv(SIZE)
        if len(child) < SIZE:
            return None
        line.sendall(GO)
    except OSError:
        return None
    code = answer(line, int.from_bytes(child, "big"))
    if code is None and "-" in arguments:
        sys.stderr.write("putback: error: the resident process has ended, and standard input is read\n")
        return SHOWN
    return code


def request(arguments: Sequence[str]) -> bytes:
    """A call, as it is sent: where, with which rights for new files, what, and the environment."""
    mask = os.umask(0)
    os.umask(mask)
    environment = [name + b"=" + value for name, value in os.environb.items()]
    words = [os.fsencode(each) for each in arguments]
    return b"\0".join([os.getcwdb(), b"%d" % mask, b"%d" % len(words), *words, *environment])


def answer(line: socket, child: int) -> int | None:
    """Wait for the exit code; whoever interrupts this process interrupts that one."""
    line.settimeout(None)
    while True:
        try:
            code = line.recv(1)
        except KeyboardInterrupt:
            interrupt(child)
        except OSError:
            return None
        else:
            return code[0] if code else None


def interrupt(child: int) -> None:
    """Pass on that the user has pressed Ctrl-C."""
    from signal import SIGINT

    try:
        os.kill(child, SIGINT)
    except OSError:
        return


def number(value: int) -> bytes:
    """A number, as it is sent."""
    return value.to_bytes(SIZE, "big")


def ended(folder: str) -> None:
    """Tell the processes that wait in a folder to end."""
    for name in names_in(folder):
        if is_own(folder, name):
            from _socket import AF_UNIX, SOCK_STREAM, socket

            line = socket(AF_UNIX, SOCK_STREAM)
            try:
                line.settimeout(PATIENCE)
                line.connect(os.path.relpath(os.path.join(folder, name)))
                line.sendall(number(0))
                line.recv(1)
            except OSError:
                continue
