"""A run's knowledge goes when the run does: a program may ask for many."""

from __future__ import annotations

import gc
import weakref
from pathlib import Path

from putback.model.config import Config
from putback.ownership.sessions.scoped import sessions_of
from putback.pipeline.check import scanned


def test_nothing_keeps_the_knowledge_of_a_run(tmp_path: Path) -> None:
    (tmp_path / "shop.py").write_text("from sqlalchemy.orm import scoped_session\n\ndb = scoped_session(None)\n")
    analyzer = scanned([str(tmp_path)], Config(root=str(tmp_path))).analysis.analyzer
    assert sessions_of(analyzer) is sessions_of(analyzer)
    left = weakref.ref(analyzer)
    del analyzer
    gc.collect()
    assert left() is None
