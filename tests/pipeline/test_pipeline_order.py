"""What is found hangs on what the project says: not on the order of its functions and files, nor on who asks first.

Projects are generated, with circles and long chains of functions that hand connections on. Each is laid out in several
ways, and each layout is looked at cold and with what was kept, by one process and by two, whole and file by file.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path

import pytest
from layouts import program

from putback.model.config import Config
from putback.model.finding import Finding
from putback.pipeline.check import check
from putback.pipeline.workers import cores

_IN_ALL = 300
_AT_ONCE = 20


def written(root: Path, files: Mapping[str, str]) -> None:
    """Write the files of a project, and nothing else."""
    for old in root.glob("*.py"):
        old.unlink()
    root.mkdir(exist_ok=True)
    (root / "pyproject.toml").write_text("")
    for name, text in files.items():
        (root / name).write_text(text)


def said(findings: Iterable[Finding]) -> list[str]:
    """All that is told of findings, to the letter."""
    return [repr(finding) for finding in findings]


def found(config: Config, *paths: str, jobs: int = 1, cache: str = "") -> list[str]:
    """What a check of some paths says."""
    return said(check(list(paths) or [config.root or ""], replace(config, jobs=jobs, cache=cache)).findings)


def by_definition(config: Config, files: Mapping[str, str]) -> list[object]:
    """The findings as they are in each layout: by the function, and the row inside of it."""
    result = []
    for each in check([config.root or ""], config).findings:
        rows = files[Path(each.path).name].splitlines()
        name = (each.function or "").partition(".")[0]
        first = next((n for n, row in enumerate(rows, 1) if row.startswith((f"def {name}(", f"class {name}"))), 0)
        safe = each.fix.applicability if each.fix is not None else None
        result.append((each.function, each.code, each.span.start.row - first, each.confidence, each.severity, safe))
    return sorted(result, key=repr)


def looked_at(seed: int, root: Path, cache: Path) -> int:
    """Look at one project in all ways; how much there was to find."""
    made = program(seed)
    config = Config(root=str(root), cache="")
    layouts = [made.layout(random.Random(seed * 10 + number)) for number in range(3)]
    same = []
    for files in layouts:
        written(root, files)
        same.append(by_definition(config, files))
    assert same[1] == same[0], (seed, "another layout")
    cold = found(config)
    if cores(2) > 1:
        assert found(config, jobs=2) == cold, (seed, "two processes")
    for path in random.Random(seed).sample(sorted(root.glob("*.py")), 2):
        here = [each for each in cold if f"filename={str(path)!r}" in each]
        assert found(config, str(path)) == here, (seed, f"{path.name} by itself")
    assert found(config, cache=str(cache)) == cold, (seed, "nothing kept")
    assert found(config, cache=str(cache)) == cold, (seed, "all kept")
    edited = root / random.Random(seed).choice(sorted(layouts[-1]))
    edited.write_text(edited.read_text().replace("\n", "  # a comment\n", 1))
    assert found(config, cache=str(cache)) == cold, (seed, f"a comment in {edited.name}")
    return len(cold)


@pytest.mark.parametrize(
    "first", [0, *(pytest.param(first, marks=pytest.mark.slow) for first in range(_AT_ONCE, _IN_ALL, _AT_ONCE))]
)
def test_findings_hang_on_the_text_alone(first: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = tmp_path / "project"
    root.mkdir()
    monkeypatch.chdir(root)
    total = 0
    for seed in range(first, first + _AT_ONCE):
        total += looked_at(seed, root, tmp_path / f"cache{seed}")
    assert total > _AT_ONCE
