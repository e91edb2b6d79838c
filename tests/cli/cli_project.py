"""A directory to run the command line in, and code to fix."""

from __future__ import annotations

import json
import os
import sys
from io import BytesIO, TextIOWrapper
from pathlib import Path

import pytest

import putback
from putback.cli.main import run

SOURCES = str(Path(putback.__file__).parents[1])
HEAD = "import asyncpg\n"
BROKEN = """

async def rename{0}(pool: asyncpg.Pool, name):
    conn = await pool.acquire()
    try:
        await conn.execute("UPDATE users SET name = $1", name)
    finally:
        pool.release(conn)
"""
"""A function with a defect that has a safe fix, to be given a name."""


def mended(code: str) -> str:
    """`code` with the fix of each function like `BROKEN`."""
    return code.replace("  pool.release", "  await pool.release")


class Project:
    """A directory to run in, and what the last run printed."""

    def __init__(self, root: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.root = root
        self.capsys = capsys
        self.out = ""
        self.err = ""

    def write(self, name: str, content: str | bytes = "x = 1\n") -> None:
        """Create a file."""
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())

    def putback(self, *arguments: str) -> int:
        """Run the command line; its exit code."""
        code = run(list(arguments))
        self.out, self.err = self.capsys.readouterr()
        return code

    def found(self, *arguments: str) -> list[tuple[str, str]]:
        """The code and the path of each finding."""
        assert self.putback("check", *arguments, "--output-format", "json") in (0, 1), self.err
        return [(item["code"], item["path"]) for item in json.loads(self.out)]


def stdin(monkeypatch: pytest.MonkeyPatch, content: str | bytes) -> None:
    """Give `content` on standard input."""
    data = content if isinstance(content, bytes) else content.encode()
    monkeypatch.setattr(sys, "stdin", TextIOWrapper(BytesIO(data)))


def new_project(root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Project:
    """An empty project as the working directory."""
    monkeypatch.chdir(root)
    for name in ("NO_COLOR", "FORCE_COLOR", *(name for name in os.environ if name.startswith("PUTBACK_"))):
        monkeypatch.delenv(name, raising=False)
    return Project(root, capsys)
