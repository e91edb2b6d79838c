"""Imports point one way, and what is slow to import is imported late."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path

import pytest

SOURCES = Path(__file__).parents[1] / "src"
PACKAGE = SOURCES / "putback"

MAY_IMPORT: dict[str, tuple[str, ...]] = {
    "model": (),
    "tables": ("model",),
    "drivers": ("tables", "model"),
    "frameworks": ("tables",),
    "source": ("model",),
    "report": ("model",),
    "pool": (),
    "verify": ("model", "pool.state"),
    "flow": ("frameworks.idioms", "model"),
    "ownership": (),
    "ownership.index": (
        "flow",
        "drivers",
        "frameworks",
        "model",
        "source.slices",
        "source.notebook",
        "source.packaging",
    ),
    "ownership.resolve": ("ownership.index", "flow", "drivers", "frameworks"),
    "ownership.analysis": (
        *("ownership.resolve", "ownership.index"),
        *("flow", "drivers", "frameworks", "model", "source.slices"),
    ),
    "ownership.sessions": (
        *("ownership.analysis", "ownership.resolve", "ownership.index"),
        *("flow", "drivers", "frameworks", "model", "source.slices"),
    ),
    "ownership.makers": (
        *("ownership.analysis", "ownership.resolve", "ownership.index", "flow.ir", "flow.names"),
        *("drivers.schema", "frameworks", "source.prefilter", "model"),
    ),
    "ownership.facts": (
        *("ownership.makers", "ownership.sessions", "ownership.analysis", "ownership.resolve", "ownership.index"),
        *("flow", "drivers", "frameworks", "model"),
    ),
    "fixes": ("source", "flow", "model"),
    "rules": ("ownership", "fixes", "frameworks.schema", "drivers.schema", "flow.solve", "model"),
    "pipeline.workers": (),
    "pipeline.offers": ("ownership", "drivers.catalog", "frameworks.catalog"),
    "pipeline.indexing": ("pipeline.offers", "ownership", "flow.names", "source.slices", "model"),
    "pipeline.kept": ("pipeline.indexing", "pipeline.offers", "ownership.index", "source", "model"),
    "pipeline.reuse": ("pipeline.kept", "pipeline.indexing", "pipeline.offers", "ownership.index", "source"),
    "pipeline.scan": (
        *("pipeline.reuse", "pipeline.kept", "pipeline.indexing", "pipeline.offers", "pipeline.workers"),
        *("ownership", "drivers", "frameworks", "source"),
    ),
    "pipeline.telling": (
        *("pipeline.offers", "pipeline.workers"),
        *("rules", "ownership", "flow.ir", "flow.lower", "source.discover", "model"),
    ),
    "pipeline.held": (
        *("pipeline.telling", "pipeline.scan", "pipeline.kept"),
        *("ownership", "source.cache", "model"),
    ),
    "pipeline.stale": ("ownership", "flow.ir", "source", "model"),
    "pipeline.remarks": ("rules", "source", "model"),
    "pipeline.deployment": ("frameworks.idioms", "model"),
    "pipeline.summing": ("pipeline.deployment", "model"),
    "pipeline.shares": ("ownership", "drivers.schema", "source.discover", "model"),
    "pipeline.exceeding": ("pipeline.shares", "pipeline.summing", "rules", "ownership", "model"),
    "pipeline.budget": ("pipeline.check", "pipeline.shares", "pipeline.summing", "model"),
    "pipeline.analyse": (
        *("pipeline.remarks", "pipeline.stale", "pipeline.scan", "pipeline.exceeding"),
        *("pipeline.indexing", "pipeline.kept", "pipeline.telling", "pipeline.held"),
        *("rules", "ownership", "flow", "drivers", "frameworks", "source", "model"),
    ),
    "pipeline.check": (
        *("pipeline.analyse", "pipeline.telling", "pipeline.kept", "pipeline.workers"),
        *("drivers", "source", "model"),
    ),
    "pipeline.fix": ("pipeline.check", "rules", "fixes", "source", "model"),
    "pipeline.scoped_cases": ("verify", "ownership", "drivers", "flow"),
    "pipeline.profiles": ("verify.roles", "drivers", "model.lifecycle"),
    "pipeline.taken_along": ("verify.roles", "ownership", "flow"),
    "pipeline.cases": (
        *("pipeline.scoped_cases", "pipeline.profiles", "pipeline.taken_along", "pipeline.check"),
        *("verify", "ownership", "flow", "source.settings", "model"),
    ),
    "pipeline.successions": ("pipeline.cases", "verify.roles", "ownership"),
    "pipeline.verify": (
        *("pipeline.cases", "pipeline.scoped_cases", "pipeline.successions", "pipeline.fix", "pipeline.check"),
        *("rules", "verify", "ownership", "source", "model"),
    ),
    "pipeline.gather": ("pipeline.verify", "pipeline.fix", "pipeline.check", "model"),
    "pipeline.debug": ("pipeline.check", "pipeline.telling", "ownership", "flow", "source", "model"),
    "pipeline": (),
    "server": ("pipeline", "verify", "rules", "source", "model"),
    "cli": ("server", "pipeline", "verify", "report", "rules", "fixes.write", "source", "model"),
    "__init__": ("pipeline", "model"),
    "__main__": ("cli", "source.cache"),
    "pytest_plugin": ("pool", "pipeline.check"),
}
"""What each layer may import beside itself: packages, modules at the top, rooms, and the pipeline's one by one."""

SERVES = {
    "pool.web.flask": "flask",
    "pool.web.fastapi": "fastapi",
    "pool.metrics.prometheus": "prometheus_client",
    "pool.metrics.otel": "opentelemetry",
}
"""Modules that are made for one framework, and the only ones that may import it."""

LATE = ("libcst", "rich", "click", "msgspec", "pathspec")
NEVER = ("libcst.matchers", "libcst.codemod")


@cache
def modules() -> Sequence[tuple[str, ast.Module]]:
    """Every module of the package by its dotted name below `putback`, parsed."""
    paths = sorted(PACKAGE.rglob("*.py"))
    names = (".".join(path.relative_to(PACKAGE).with_suffix("").parts) for path in paths)
    return [(name, ast.parse(path.read_text(encoding="utf-8"))) for name, path in zip(names, paths, strict=True)]


def imported(tree: ast.AST) -> Iterator[str]:
    """The absolute names that a module imports anywhere; `from a import b` gives `a.b`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, "imports are absolute"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def ours(tree: ast.AST) -> Iterator[str]:
    """What a module imports of ours, below `putback`."""
    for name in imported(tree):
        if name.startswith("putback."):
            yield name.removeprefix("putback.")


def is_in(name: str, place: str) -> bool:
    """Whether a dotted name is that of a package or module `place`, or of something in it."""
    return name == place or name.startswith(f"{place}.")


def layer_of(name: str) -> str:
    """The layer of a module, or of what is imported from one: the narrowest that there is."""
    return max((layer for layer in MAY_IMPORT if is_in(name, layer)), key=len)


def may_import(layer: str, name: str) -> bool:
    """Whether a module of `layer` may import `name`, a dotted name below `putback`."""
    return any(is_in(name, each) for each in (layer, *MAY_IMPORT[layer]))


def needed(allowed: tuple[str, ...]) -> set[str]:
    """The layers that these rights lead to."""
    return {layer for each in allowed for layer in (*MAY_IMPORT, layer_of(each)) if is_in(layer, layer_of(each))}


def test_imports_point_one_way() -> None:
    wrong = [
        f"{name} imports {each}"
        for name, tree in modules()
        for each in ours(tree)
        if not may_import(layer_of(name), each)
    ]
    assert wrong == []


def test_no_right_is_unused() -> None:
    used: dict[str, set[str]] = {}
    for name, tree in modules():
        used.setdefault(layer_of(name), set()).update(ours(tree))
    unused = [
        f"{layer} may import {each}"
        for layer, allowed in MAY_IMPORT.items()
        for each in allowed
        if not any(is_in(name, each) for name in used[layer])
    ]
    assert unused == []


def test_the_layers_have_no_cycle() -> None:
    order: list[str] = []
    waiting = {layer: needed(allowed) for layer, allowed in MAY_IMPORT.items()}
    while ready := [layer for layer, below in waiting.items() if below <= set(order)]:
        order += ready
        waiting = {layer: below for layer, below in waiting.items() if layer not in ready}
    assert waiting == {}


FOR_TYPES_ALONE = {
    "ownership.analysis.program": "ownership.analysis.summaries",
    "verify.resource": "verify.connections",
}
"""Who imports, for its types and nothing else, a file that imports it: what is followed asks what following finds."""


def run_time(tree: ast.Module) -> ast.Module:
    """A module without what stands under `if TYPE_CHECKING`."""
    body = [s for s in tree.body if not (isinstance(s, ast.If) and ast.unparse(s.test) == "TYPE_CHECKING")]
    return ast.Module(body, [])


def test_no_files_import_each_other_in_a_circle() -> None:
    trees = {name.removesuffix(".__init__"): tree for name, tree in modules()}
    imports: dict[str, set[str]] = {}
    for name, tree in trees.items():
        meant = {each if each in trees else each.rpartition(".")[0] for each in ours(tree)}
        imports[name] = {each for each in meant if each in trees}
    for name, other in FOR_TYPES_ALONE.items():
        assert not any(is_in(each, other) for each in ours(run_time(trees[name])))
        imports[name].remove(other)

    def reached(name: str) -> set[str]:
        found: set[str] = set()
        todo = set(imports[name])
        while todo:
            found |= todo
            todo = {each for here in todo for each in imports[here]} - found
        return found

    assert {name for name in imports if name in reached(name)} == set()


def _unnamed(call: ast.Call) -> int:
    """How many arguments a call gives by their places; the words of a command line have no names."""
    is_command = bool(call.args) and all(isinstance(each, ast.Constant) for each in call.args[1:])
    return 0 if is_command else len(call.args)


def test_calls_with_many_arguments_name_them() -> None:
    """From eight on nobody sees any more which is which."""
    calls = ((p, n) for p in PACKAGE.rglob("*.py") for n in ast.walk(ast.parse(p.read_text(encoding="utf-8"))))
    many = [f"{p.relative_to(PACKAGE)}:{n.lineno}" for p, n in calls if isinstance(n, ast.Call) and _unnamed(n) > 7]
    assert not many


def test_slow_parts_of_libcst_are_not_imported() -> None:
    wrong = [(name, each) for name, tree in modules() for each in imported(tree) if each.startswith(NEVER)]
    assert wrong == []


@pytest.mark.parametrize("package", ["model", "pool"])
def test_packages_of_the_standard_library_only(package: str) -> None:
    wrong = [
        f"{name} imports {each}"
        for name, tree in modules()
        if name.partition(".")[0] == package
        for each in imported(tree)
        if each.partition(".")[0] not in {*sys.stdlib_module_names, "putback", SERVES.get(name)}
    ]
    assert wrong == []


def test_the_pool_needs_no_framework() -> None:
    users = [name for name, tree in modules() for each in ours(tree) if each.startswith("pool.web")]
    assert [name for name in users if not name.startswith("pool.web")] == []


def test_rich_is_loaded_inside_of_functions_only() -> None:
    wrong = [
        (name, each)
        for name, tree in modules()
        for statement in tree.body
        if not isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef))
        for each in imported(statement)
        if each.partition(".")[0] == "rich"
    ]
    assert wrong == []


def loaded_by(folder: Path, *arguments: str) -> set[str]:
    """The modules that `putback` imports when it runs with these arguments."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PUTBACK_")}
    environment["PYTHONPATH"] = str(SOURCES)
    command = [sys.executable, "-X", "importtime", "-m", "putback", *arguments]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}


def test_a_file_without_a_driver_loads_next_to_nothing(tmp_path: Path) -> None:
    (tmp_path / "plain.py").write_text("import os\n\nprint(os.name)\n")
    assert loaded_by(tmp_path, "check", "plain.py").isdisjoint(LATE)


def test_a_directory_loads_no_rich(tmp_path: Path) -> None:
    (tmp_path / "plain.py").write_text("import os\n\nprint(os.name)\n")
    assert "rich" not in loaded_by(tmp_path, "check", ".")


def test_a_directory_without_a_driver_loads_no_libcst(tmp_path: Path) -> None:
    (tmp_path / "plain.py").write_text("import os\n\nprint(os.name)\n")
    assert "libcst" not in loaded_by(tmp_path, "check", ".")
