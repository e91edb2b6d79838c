"""Write a file whole or not at all: the new content goes to a file beside it, which then takes its place.

Whatever interrupts this, the file holds either the old content or the new one. A process that is killed outright can
leave the file beside it behind: `sweep` removes it the next time.
"""

from __future__ import annotations

import os
import re
import shutil
import stat
from contextlib import suppress

from putback.model.errors import Overtaken, WriteError

OURS = re.compile(r"\.putback-(\d+)-[0-9a-f]{16}\.tmp")


def write(path: str, before: bytes, after: bytes) -> None:
    """Put `after` in the place of `before`. Mode, owner and extended attributes stay, links are followed.

    Raises Overtaken when the file does not hold `before` any more, WriteError when it cannot be written.
    """
    try:
        target = os.path.realpath(path, strict=True)
        status = os.stat(target)
        check_writable(target, status)
        temporary = os.path.join(os.path.dirname(target), f".putback-{os.getpid()}-{os.urandom(8).hex()}.tmp")
        try:
            create(temporary, after)
            make_alike(temporary, target, status)
            check_unchanged(target, before)
            os.replace(temporary, target)
        except BaseException:
            with suppress(FileNotFoundError):
                os.unlink(temporary)
            raise
    except OSError as error:
        raise WriteError(error.strerror or str(error)) from error


def check_writable(path: str, status: os.stat_result) -> None:
    """Raise WriteError for a file that nobody may write, or that would not be the same file afterwards."""
    if not stat.S_ISREG(status.st_mode):
        raise WriteError("it is not a regular file")
    if not status.st_mode & 0o222 or not may_write(path):
        raise WriteError("it is read-only")
    if status.st_nlink > 1:
        raise WriteError("it has another name (a hard link), which would keep the old content")
    if not may_write(os.path.dirname(path)):
        raise WriteError("its directory is read-only")


def may_write(path: str) -> bool:
    """Whether the process may write there."""
    return os.access(path, os.W_OK, effective_ids=os.access in os.supports_effective_ids)


def create(path: str, data: bytes) -> None:
    """A new file with `data`, on the disk and not only in memory when this returns."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def make_alike(path: str, model: str, status: os.stat_result) -> None:
    """Give the file at `path` the owner, the mode and the extended attributes of `model`."""
    own = os.stat(path)
    if (own.st_uid, own.st_gid) != (status.st_uid, status.st_gid):
        try:
            os.chown(path, status.st_uid, status.st_gid)
        except OSError as error:
            raise WriteError("it belongs to somebody else and would not any more") from error
    shutil.copystat(model, path)
    os.utime(path)


def check_unchanged(path: str, before: bytes) -> None:
    """Raise Overtaken when the file does not hold `before`."""
    with open(path, "rb") as file:
        if file.read() != before:
            raise Overtaken("it has changed since it was read")


def sweep(directory: str) -> None:
    """Remove what a process that was killed while it wrote has left in `directory`."""
    if os.name != "posix":
        return
    with suppress(OSError):
        for name in os.listdir(directory):
            ours = OURS.fullmatch(name)
            if ours and not is_running(int(ours[1])):
                os.unlink(os.path.join(directory, name))


def is_running(process: int) -> bool:
    """Whether another process has this number."""
    if process == os.getpid():
        return False
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        return True
    return True
