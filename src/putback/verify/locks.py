"""What the process of code under test may still do: as good as nothing."""

from __future__ import annotations

import math
import sys
from types import ModuleType
from typing import Any

from putback.verify import seccomp

resource: ModuleType | None
try:
    import resource
except ImportError:  # no limits on Windows
    resource = None

_BYTES = 512 << 20
_DESCRIPTORS = 16
_HARMLESS = frozenset(
    (
        "exec", "compile", "object.__getattr__", "sys._getframe", "sys.unraisablehook", "builtins.id",
        "gc.get_objects", "gc.get_referrers", "gc.get_referents", "time.sleep",
    )
)  # fmt: skip
_ATTRIBUTES = frozenset(("object.__setattr__", "object.__delattr__"))
_TAMPERING = frozenset(("__code__", "__globals__", "__builtins__"))


def has_kernel_filter() -> bool:
    """Whether the kernel itself enforces the locks here."""
    return seccomp.is_available()


def limit(seconds: float) -> None:
    """Limit memory, processor time, files and processes, where the system knows how."""
    if resource is None:
        return
    processor = math.ceil(seconds)
    for kind, value in (
        (resource.RLIMIT_CPU, processor),
        (resource.RLIMIT_AS, _BYTES),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_NOFILE, _DESCRIPTORS),
        (resource.RLIMIT_NPROC, 0),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(kind, (value, value))


def lock() -> None:
    """From here on nothing outside of the process can be reached. There is no way back.

    Raises OSError when the kernel should enforce it and refuses.
    """
    if seccomp.is_available():
        seccomp.restrict()
    sys.addaudithook(_audit)


def _audit(event: str, arguments: tuple[Any, ...]) -> None:
    if event in _HARMLESS:
        return
    if event in _ATTRIBUTES and arguments[1] not in _TAMPERING:
        return
    raise PermissionError(f"code under test may not: {event}")
