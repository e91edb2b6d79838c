"""Modules that mean each other in many ways, changed at random: a scan finds what it finds without what is kept.

Compared is what the search comes to, not only the findings: which files were looked at, which names can carry a
connection, and which files import which.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from putback.model.config import Config
from putback.pipeline.check import checked
from putback.source.wrappers import as_driver

MODULES = ("base", "core", "repo", "service", "jobs", "api", "pkg/__init__", "pkg/inner")
POOLS = {"driver": "pool = ThreadedConnectionPool(1, 9, '')", "none": "pool = None", "late": "pool = {maker}()"}
CONFIGS = (Config(), Config(), Config(drivers={"acme": as_driver(["base.take1", "core.make0"], ["base.give1"])}))
Piece = Callable[["Text"], str]


class Text:
    """What one module may say: pieces that name others."""

    def __init__(self, choice: random.Random) -> None:
        self.choice = choice

    def name(self, *kinds: str) -> str:
        """A name that one of the modules may define."""
        return f"{self.choice.choice(kinds)}{self.choice.randrange(3)}"

    def home(self) -> str:
        """A module to import from, with dots or without."""
        plain = self.choice.choice(MODULES).replace("/__init__", "").replace("/", ".")
        return self.choice.choice(("", "app.")) + plain

    def imported(self) -> str:
        """An import of a name, of all names or of a module."""
        home, name = self.home(), self.name("take", "Store", "give", "Base")
        forms = (
            f"from {home} import {name}",
            f"from {home} import {name}",
            f"from {home} import {name} as {self.name('take', 'Store')}",
            f"from {home} import *",
            f"import {home} as {self.name('mod')}",
        )
        return self.choice.choice(forms)

    def taken(self) -> str:
        """An expression that may be a connection."""
        name, attribute = self.name("take", "Store", "make"), self.name("conn", "db")
        forms = (
            "pool.getconn()",
            f"{name}()",
            f"{name}(pool)",
            f"{self.name('mod')}.{name}()",
            f"{name}(pool.getconn())",
            f"held['{attribute}']",
            f"app.state.{attribute}",
            f"{self.name('Store')}(None).{attribute}",
            f"{self.name('Store')}(None).open()",
        )
        return self.choice.choice(forms)

    def piece(self) -> str:
        """A definition."""
        pieces: tuple[Piece, ...] = (
            lambda t: f"def {t.name('take', 'make')}(arg=None):\n    return {t.taken()}\n",
            lambda t: f"def {t.name('take')}(arg):\n    return arg.getconn()\n",
            lambda t: f"def {t.name('give')}(conn):\n    {t.choice.choice(('conn.close()', 'pool.putconn(conn)'))}\n",
            lambda t: (
                f"def {t.name('run')}(x):\n    conn = {t.taken()}\n    conn.cursor().execute(x)\n    {t.used()}\n"
            ),
            lambda t: (
                f"class {t.name('Store')}({t.name('Base', 'Store')}):\n    def __init__(self, given):\n"
                f"        self.{t.name('conn', 'db')} = {t.choice.choice(('given', t.taken()))}\n\n"
                f"    def open(self):\n        return self.{t.name('conn', 'db')}\n"
            ),
            lambda t: f"class {t.name('Base')}:\n    {t.name('conn', 'db')} = {t.taken()}\n",
            lambda t: f"held = {{'{t.name('conn', 'db')}': {t.taken()}}}\n",
            lambda t: f"held['{t.name('conn', 'db')}'] = {t.taken()}\n",
            lambda t: f"app = FastAPI()\napp.state.{t.name('conn', 'db')} = {t.taken()}\n",
            lambda t: f"@contextmanager\ndef {t.name('take')}():\n    yield {t.taken()}\n",
            lambda t: f"{t.name('make')} = functools.partial({t.name('take', 'Store')}, pool)\n",
        )
        return self.choice.choice(pieces)(self)

    def used(self) -> str:
        """What becomes of a connection."""
        return self.choice.choice((f"{self.name('give')}(conn)", "return conn", "pass", f"{self.name('run')}(conn)"))

    def module(self) -> str:
        """A whole file."""
        rows = [self.imported() for _ in range(self.choice.randrange(4))]
        if self.choice.random() < 0.5:
            rows += ["import functools", "from contextlib import contextmanager", "from fastapi import FastAPI"]
        if self.choice.random() < 0.4:
            rows.append("from psycopg2.pool import ThreadedConnectionPool")
            rows.append(self.choice.choice(tuple(POOLS.values())).format(maker=self.name("take")))
        rows += [self.piece() for _ in range(self.choice.randrange(1, 5))]
        return "\n".join(rows) + "\n"


class App:
    """The files, and what was done to them last."""

    def __init__(self, root: Path, seed: int) -> None:
        self.root = root
        self.choice = random.Random(seed)
        self.text = Text(self.choice)
        (root / "app" / "pkg").mkdir(parents=True)
        (root / "pyproject.toml").write_text("")
        for name in MODULES:
            self.write(name)

    def path(self, name: str) -> Path:
        """Where a module is."""
        return self.root / "app" / f"{name}.py"

    def write(self, name: str) -> str:
        """Write a module anew."""
        self.path(name).write_text(self.text.module())
        return f"wrote {name}"

    def change(self) -> str:
        """Change something; what it was."""
        name, other = self.choice.choice(MODULES), self.choice.choice(MODULES)
        path = self.path(name)
        text = path.read_text() if path.exists() else ""
        pieces = text.split("\n\n")
        match self.choice.randrange(8):
            case 0 if path.exists():
                path.unlink()
                return f"removed {name}"
            case 1 if text:
                path.unlink()
                self.path(other).write_text(text)
                return f"moved {name} to {other}"
            case 2 if text:
                old = self.text.name("take", "Store", "conn", "db", "Base")
                path.write_text(text.replace(old, self.text.name(old[:-1])))
                return f"renamed {old} in {name}"
            case 3 if text:
                path.write_text(f"{self.text.imported()}\n{text}")
                return f"an import in {name}"
            case 4 if len(pieces) > 1:
                path.write_text("\n\n".join(pieces[:-1]) + "\n")
                self.path(other).write_text("\n\n".join((pieces[0], pieces[-1])) + "\n")
                return f"a piece of {name} to {other}"
            case 5 if text:
                path.write_text(f"\n{text}\n{self.text.piece()}")
                return f"a piece more in {name}"
            case 6:
                (self.root / f"{self.choice.choice(('base', 'core', 'pkg', 'FastAPI'))}.py").write_text("take1 = 1\n")
                return "a file of the same name"
        return self.write(name)

    def found(self, cache: str, config: Config) -> object:
        """What the search comes to, and the findings."""
        run = checked([str(self.root)], replace(config, root=str(self.root), cache=cache))
        scan = run.project.analysis.scan
        findings = [(each.path, each.span, each.code, each.message, each.trace) for each in run.result.findings]
        return scan.candidates, scan.names, scan.imports, scan.alone, findings


@pytest.mark.parametrize("seed", [0, *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(1, 6))])
def test_what_is_searched_for_is_found_as_without_what_is_kept(
    seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = App(tmp_path / "project", seed)
    monkeypatch.chdir(app.root)
    cache = str(tmp_path / "cache")
    done = ["nothing"]
    for _ in range(20):
        config = app.choice.choice(CONFIGS)
        assert app.found(cache, config) == app.found("", config), done
        done = [app.change() for _ in range(app.choice.choice((1, 1, 1, 3)))]
