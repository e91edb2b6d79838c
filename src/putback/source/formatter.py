"""The formatter that a project has configured: how long rows may be, and what it makes of a text."""

from __future__ import annotations

import os
import shutil
import sys
import tomllib
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from putback.source.prefilter import read_bytes

DEFAULT = 88
PATIENCE = 60  # seconds
_COMMANDS = {
    "black": ("black", "--quiet", "--stdin-filename"),
    "ruff": ("ruff", "format", "--quiet", "--no-cache", "--stdin-filename"),
}
_FILES = ("ruff.toml", ".ruff.toml", "pyproject.toml")


@dataclass(frozen=True, slots=True)
class Formatter:
    """The columns of the longest row, and the tool that lays the files out ("" for none)."""

    row_length: int = DEFAULT
    tool: str = ""


def laid_out(path: str, before: bytes, after: bytes) -> bytes:
    """`after` as the project's formatter lays it out, where that has nothing to change in `before`; else as it is.

    So only what has changed is laid out, and a file that nobody keeps in form is left alone.
    """
    tool = formatter(os.path.dirname(path)).tool
    if not tool or _formatted(tool, path, before) != before:
        return after
    return _formatted(tool, path, after) or after


@lru_cache(maxsize=8)
def _formatted(tool: str, path: str, data: bytes) -> bytes:
    """What a formatter makes of the content of a file; empty where it is not installed or cannot read that."""
    import subprocess

    # it is not looked for in the working directory, which may be the repository's
    installed = os.pathsep.join(filter(os.path.isabs, (os.path.dirname(sys.executable), *os.get_exec_path())))
    program = shutil.which(_COMMANDS[tool][0], path=installed)
    if program is None:
        return b""
    command = [program, *_COMMANDS[tool][1:], path, "-"]
    try:
        done = subprocess.run(command, cwd=os.path.dirname(path), input=data, capture_output=True, timeout=PATIENCE)
    except (OSError, subprocess.TimeoutExpired):
        return b""
    return done.stdout if done.returncode == 0 else b""


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
        return Formatter(_length(content), "ruff")
    tools = content.get("tool")
    for tool in ("black", "ruff"):
        table = tools.get(tool) if isinstance(tools, dict) else None
        if isinstance(table, dict):
            return Formatter(_length(table), tool)
    return None


def _length(table: dict[str, Any]) -> int:
    length = table.get("line-length")
    return length if isinstance(length, int) else DEFAULT
