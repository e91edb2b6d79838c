"""A function of a small project as the verifier gets it, and what is said of a fix of it."""

from __future__ import annotations

import time
from pathlib import Path

from putback.model.config import Config
from putback.pipeline.cases import version_of
from putback.pipeline.check import scanned
from putback.verify import Bounds, verify_here
from putback.verify.roles import About, Case, Version
from putback.verify.verdict import Proof


def version(module: str, folder: Path) -> Version:
    """The function `write` of a module, which is a project of its own in a new folder."""
    folder.mkdir()
    (folder / "pyproject.toml").write_text('[project]\nname = "shop"\n', encoding="utf-8")
    path = folder / "shop.py"
    path.write_text(module, encoding="utf-8")
    analyzer = scanned([str(path)], Config(root=str(folder))).analysis.analyzer
    unit = analyzer.unit(str(path), "write")
    found = version_of(analyzer, unit) if unit is not None else None
    assert found is not None
    return found


def proved(before: str, after: str, acquire: str, root: Path) -> Proof:
    """What is said of a fix of the connection that `acquire` takes; both are whole modules."""
    case = Case(version(before, root / "before"), version(after, root / "after"), about=(About(acquire),))
    return verify_here(case, Bounds(), time.process_time)
