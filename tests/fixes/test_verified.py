"""Every fix of the shapes in `fixtures/fixes/` stands the test of being run."""

from __future__ import annotations

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
    assert all(p.leak is not None and not p.leaked_after for p in proofs)
