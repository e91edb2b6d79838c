"""Every fix of the shapes in `fixtures/fixes/` stands the test of being run."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from test_shapes import SHAPES, Shape

from putback.model.config import Config
from putback.pipeline.fix import checked_for_fixes, fixed
from putback.pipeline.verify import Prover, subjects
from putback.verify.roles import Bounds
from putback.verify.sandbox import Sandbox

pytestmark = pytest.mark.slow

FIXED = [shape for shape in SHAPES if shape.after is not None]
PATIENT = Bounds(seconds=60.0)
_FAILS_ITSELF = re.compile(r"not part of this fix: leak, if `[\w.]+\(\)`")
"""What a function of the project that gives back loses by its own failure is left, and said."""
REMAINING = {
    "In a try": ["may_be_unbound"],  # it is about the name that may be unbound; `finish()` may still fail
    "A name of a module": ["__main__"],  # another connection is left open, whose fix is not safe
}
"""The functions that lose something after their fix, by the shape."""


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    """One helper process for all."""
    with Sandbox() as started:
        yield started


@pytest.mark.parametrize("shape", FIXED, ids=lambda s: f"{s.document.stem}: {s.title}")
def test_a_fix_is_proved(shape: Shape, tmp_path: Path, sandbox: Sandbox) -> None:
    path = tmp_path / "example.py"
    path.write_text(shape.before, encoding="utf-8")
    config = Config(root=str(tmp_path))
    project = checked_for_fixes([str(path)], config)
    wanted = [s for s in subjects(project, fixed(project, config)) if s.case.after is not None]
    proofs = Prover(sandbox, PATIENT, lambda done, total: None).prove(wanted)
    assert proofs
    assert [(p.case.before.function, p.title, p.reason) for p in proofs if not p.verdict.is_accepted] == []
    assert [p.case.before.function for p in proofs if p.leak is None] == []
    left = [p for p in proofs if p.leaked_after and not _FAILS_ITSELF.search(p.reason)]
    assert [p.case.before.function for p in left] == REMAINING.get(shape.title.partition("\n")[0], [])


def test_a_fix_that_says_that_it_holds_longer_is_bounded(tmp_path: Path, sandbox: Sandbox) -> None:
    path = tmp_path / "example.py"
    shape = next(s for s in SHAPES if s.document.stem == "held-longer" and s.title == "Quick by name only")
    path.write_text(shape.before, encoding="utf-8")
    config = Config(root=str(tmp_path), unsafe_fixes=True)
    project = checked_for_fixes([str(path)], config)
    wanted = [s for s in subjects(project, fixed(project, config)) if s.case.after is not None]
    proofs = Prover(sandbox, PATIENT, lambda done, total: None).prove(wanted)
    longer = "; on some path the connection is held longer than before, as the fix says"
    assert {p.title for p in proofs} == {"bounded(all)"}
    assert [p.case.before.function for p in proofs if not p.reason.endswith(longer)] == []
