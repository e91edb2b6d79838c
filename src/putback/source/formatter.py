"""How long the rows of a project may be, and which formatter keeps them so, from its configuration."""

from __future__ import annotations

import os
import tomllib
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from putback.source.prefilter import read_bytes

DEFAULT = 88
_FILES = ("ruff.toml", ".ruff.toml", "pyproject.toml")


@dataclass(frozen=True, slots=True)
class Formatter:
    """The columns of the longest row, and whether the formatter is black; without configuration, ruff."""

    row_length: int = DEFAULT
    is_black: bool = False


@lru_cache(maxsize=1024)
def formatter(folder: str) -> Formatter:
    """What the nearest configuration in `folder` or above says; a broken one says nothing."""
    for name in _FILES:
        found = _configured(os.path.join(folder, name))
        if found is not None:
            return found
    above = os.path.dirname(folder)
    if above == folder or os.path.exists(os.path.join(folder, ".git")):
        return Formatter()
    return formatter(above)


def _configured(path: str) -> Formatter | None:
    """What one file says; None when it says nothing about a formatter."""
    try:
        content = tomllib.loads(read_bytes(path).decode("utf-8"))
    except (OSError, ValueError):
        return None
    if os.path.basename(path) != "pyproject.toml":
        return Formatter(_length(content))
    tools = content.get("tool")
    for tool in ("black", "ruff"):
        table = tools.get(tool) if isinstance(tools, dict) else None
        if isinstance(table, dict):
            return Formatter(_length(table), tool == "black")
    return None


def _length(table: dict[str, Any]) -> int:
    length = table.get("line-length")
    return length if isinstance(length, int) else DEFAULT
