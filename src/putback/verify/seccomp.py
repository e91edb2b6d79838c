"""The system calls that the child may still make, as a kernel filter: Linux on x86-64.

Everything else fails with "operation not permitted", even when the interpreter itself has been subverted.
"""

from __future__ import annotations

import ctypes
import os
import struct
import sys

_PR_SET_NO_NEW_PRIVS = 38
_PR_SET_SECCOMP = 22
_FILTER = 2
_X86_64 = 0xC000003E
_X32_BIT = 0x40000000
_LOAD, _JUMP_EQUAL, _JUMP_GREATER_EQUAL, _RETURN = 0x20, 0x15, 0x35, 0x06
_ALLOW, _DENY, _KILL = 0x7FFF0000, 0x00050001, 0x80000000
_ALLOWED = {
    "read": 0, "write": 1, "close": 3, "fstat": 5, "lseek": 8, "mmap": 9, "mprotect": 10, "munmap": 11, "brk": 12,
    "rt_sigaction": 13, "rt_sigprocmask": 14, "rt_sigreturn": 15, "sched_yield": 24, "mremap": 25, "madvise": 28,
    "nanosleep": 35, "setitimer": 38, "getpid": 39, "exit": 60, "gettimeofday": 96, "sigaltstack": 131, "gettid": 186,
    "time": 201, "futex": 202, "clock_gettime": 228, "clock_nanosleep": 230, "exit_group": 231, "getrandom": 318,
    "rseq": 334,
}  # fmt: skip
"""What a running interpreter needs: its memory, its clock, its signals, and the descriptors that are open already."""


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_void_p))


def is_available() -> bool:
    """Whether this system knows the filter."""
    return sys.platform == "linux" and os.uname().machine == "x86_64"


def restrict() -> None:
    """Put the filter on this process, for good. Raises OSError when the kernel refuses."""
    program = _compiled()
    buffer = ctypes.create_string_buffer(program, len(program))
    found = _Program(len(program) // 8, ctypes.cast(buffer, ctypes.c_void_p))
    library = ctypes.CDLL(None, use_errno=True)
    if library.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0):
        raise OSError(ctypes.get_errno(), "no_new_privs was refused")
    if library.prctl(_PR_SET_SECCOMP, _FILTER, ctypes.byref(found), 0, 0):
        raise OSError(ctypes.get_errno(), "the system call filter was refused")


def _compiled() -> bytes:
    """Right architecture, not the 32-bit numbers, and one of the allowed calls."""
    numbers = sorted(_ALLOWED.values())
    lines = [
        _instruction(_LOAD, 0, 0, 4),
        _instruction(_JUMP_EQUAL, 1, 0, _X86_64),
        _instruction(_RETURN, 0, 0, _KILL),
        _instruction(_LOAD, 0, 0, 0),
        _instruction(_JUMP_GREATER_EQUAL, len(numbers), 0, _X32_BIT),
        *(_instruction(_JUMP_EQUAL, len(numbers) - n, 0, number) for n, number in enumerate(numbers)),
        _instruction(_RETURN, 0, 0, _DENY),
        _instruction(_RETURN, 0, 0, _ALLOW),
    ]
    return b"".join(lines)


def _instruction(code: int, if_true: int, if_false: int, operand: int) -> bytes:
    return struct.pack("HBBI", code, if_true, if_false, operand)
