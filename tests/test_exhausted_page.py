"""The page for somebody whose pool is exhausted: every snippet runs, on a real server."""

from __future__ import annotations

import configparser
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from libraries import import_or_skip

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "exhausted.md"
BLOCKS = re.findall(r"^```(\w+) ?(\w*)\n(.*?)^```", PAGE.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)
LIBRARIES = sorted({library for language, library, _ in BLOCKS if language == "python"})


@pytest.mark.parametrize("library", LIBRARIES)
def test_the_snippets_run(library: str, postgres_dsn: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import_or_skip(library, library)
    monkeypatch.setenv("DATABASE_URL", postgres_dsn)
    names: dict[str, Any] = {"__name__": "shop"}
    for place, (language, of, code) in enumerate(BLOCKS):
        if (language, of) == ("python", library):
            file = tmp_path / f"snippet_{place}.py"
            file.write_text(code, encoding="utf-8")
            exec(compile(code, str(file), "exec"), names)
    watching, pool = names.get("watching"), names.get("pool")
    if watching is not None:
        watching.stop()
    for name in ("close", "closeall"):
        if pool is not None and hasattr(pool, name):
            getattr(pool, name)()


def test_the_commands_run_on_the_shop(tmp_path: Path) -> None:
    (tmp_path / "shop").mkdir()
    for file in (ROOT / "fixtures" / "projects" / "shop" / "shop").glob("*.py"):
        (tmp_path / "shop" / file.name).write_bytes(file.read_bytes())
    commands = [line for language, _, code in BLOCKS if language == "sh" for line in code.splitlines()]
    assert len(commands) == 4
    for command in commands:
        words = shlex.split(command, comments=True)
        done = subprocess.run(
            [sys.executable, "-m", *words], cwd=tmp_path, capture_output=True, text=True, env={**os.environ, "CI": ""}
        )
        assert done.returncode in (0, 1), (command, done.stderr)


def test_the_setting_is_one_of_the_plugin() -> None:
    from putback.pytest_plugin import INI

    (text,) = [code for language, _, code in BLOCKS if language == "ini"]
    read = configparser.ConfigParser()
    read.read_string(text)
    assert read["pytest"].getboolean(INI)


def test_the_readme_shows_it_first() -> None:
    links = re.findall(r"\]\((?!#)([^)]+)\)", (ROOT / "README.md").read_text(encoding="utf-8"))
    assert links[0] == "docs/exhausted.md"
