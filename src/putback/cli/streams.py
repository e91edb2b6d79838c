"""Standard output that nobody reads, that is full, or that is not there."""

from __future__ import annotations

import errno
import os
import sys
from io import TextIOWrapper

FULL = frozenset((errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EBADF))


def provided() -> None:
    """Give the process the standard streams that it was started without."""
    while (handle := os.open(os.devnull, os.O_RDWR)) <= 2:
        pass
    os.close(handle)
    sys.stdout = sys.stdout or open(os.devnull, "w")  # noqa: SIM115  for as long as the process runs
    sys.stderr = sys.stderr or open(os.devnull, "w")  # noqa: SIM115


def forgiving() -> None:
    """Let the standard streams print whatever there is, escaped what their encoding lacks, and read what is typed."""
    if isinstance(sys.stdin, TextIOWrapper):
        sys.stdin.reconfigure(errors="replace")
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def flush() -> None:
    """Write what the standard streams still hold; a stream that somebody has closed holds nothing."""
    for stream in (sys.stdout, sys.stderr):
        if not stream.closed:
            stream.flush()


def is_lost(error: OSError) -> bool:
    """Whether `error` says that nothing more can be written to standard output: it names no file."""
    return error.filename is None and (isinstance(error, BrokenPipeError) or error.errno in FULL)


def given_up(error: OSError) -> int:
    """Drop what is left to write, or the interpreter complains at exit; say so unless nobody reads; the exit code."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    if isinstance(error, BrokenPipeError):
        return 1
    sys.stderr.write(f"putback: error: cannot write to standard output: {error.strerror or error}\n")
    return 2
