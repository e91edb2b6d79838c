"""Names of Python's own library that the verifier knows: what never fails, has no effect, or ends the process."""

from __future__ import annotations

import re

PURE = frozenset(
    (
        "items", "keys", "values", "get", "strip", "lstrip", "rstrip", "lower", "upper", "split", "format",
        "join", "startswith", "endswith", "replace", "copy", "isoformat", "total_seconds", "title", "encode",
        "capitalize", "strftime", "date", "isdigit", "timedelta", "datetime", "getLogger",
    )
)  # fmt: skip
"""Methods of Python's own values: they neither fail nor have an effect that others see."""

SHARED = frozenset(("copy", "get", "join", "replace"))
"""Those among them that what is no value of Python's own has as well, with an effect: requests.get, shutil.copy."""

CHANGING = frozenset(
    (
        "is_set", "now", "utcnow", "time", "perf_counter", "monotonic", "get_nowait", "today", "empty",
    )
)  # fmt: skip
"""The same, but different at each call."""

STORING = frozenset(("append", "add", "extend", "setdefault"))
"""Methods of Python's own collections that do not fail and that keep what they are given."""

REMOVING = frozenset(("discard", "pop", "popleft"))
"""Those that do not fail and that change what they are called on, and keep nothing."""

WAITING = frozenset(("wait_for", "shield", "run_until_complete", "run"))
"""Calls of asyncio whose result is that of their first argument."""

ENDING = frozenset(("exit", "quit", "sys.exit", "os._exit", "os.abort"))
"""What ends the process."""

_READING = re.compile(r"""\(f?['"]\s*select\b(?!.*\b(into|update)\b)(?=.*(\bfrom\b|…))""", re.IGNORECASE)
_BUILT_READING = re.compile(r"[^(]*\((?:\w+\.)*select\(")


def reads(text: str) -> bool:
    """Whether a statement with this text, which may have been cut, reads a table: a commit makes nothing of it durable.

    `select(…)` is what SQLAlchemy builds of one.
    """
    return _READING.search(text) is not None or _BUILT_READING.match(text) is not None


CONTROL = re.compile(
    r"""\((?:\w+\()?f?['"]\s*(savepoint|rollback\s+to|release|rollback|commit|begin|start\s+transaction)\b"""
    r"""(?:\s+(?:savepoint|transaction|work)\b)?\s*([^\s'";]*)""",
    re.IGNORECASE,
)
"""The text of a statement that begins or ends a transaction or a savepoint: its words, and the savepoint's name."""
