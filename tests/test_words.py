"""What is known of libraries stands in the tables: code has neither their names nor those of their methods."""

from __future__ import annotations

import ast
import builtins
import io
import tomllib
from collections.abc import AsyncGenerator, Iterator, Mapping
from pathlib import Path
from typing import Any

PACKAGE = Path(__file__).parents[1] / "src" / "putback"
ROOMS = ("flow", "ownership", "fixes", "rules", "pipeline", "server", "verify")

PYTHONS = {name for each in (builtins, str, list, dict, set, io.IOBase, AsyncGenerator) for name in dir(each)}
OURS = {"acquire", "commit", "connection", "dbapi", "putback", "query", "release", "rollback", "run", "savepoint"} | {
    "session", "stream", "transaction", "value",
}  # fmt: skip
"""Words of ours that are methods somewhere, too: nouns of messages, values of the tables' keys, a table, commands."""

LEFT: Mapping[str, set[str]] = {
    "fixes/closers.py": {"is_closed", "is_connected"},
    "fixes/wrap.py": {"is_connected"},
    "pipeline/summing.py": {"celery"},
    "rules/pb203_dependency_swallows_exception.py": {"fastapi"},
    "rules/pb308_session_held_while_streaming.py": {"fastapi"},
    "rules/pb309_app_context_never_popped.py": {"flask_sqlalchemy"},
    "verify/faults.py": {"asyncio", "concurrent"},
    "verify/resource.py": {"autocommit"},
}
"""What is still there, by file: nothing may be added, and what is mended goes out of it."""


def _tables() -> Iterator[dict[str, Any]]:
    for path in (*PACKAGE.glob("drivers/*.toml"), *PACKAGE.glob("frameworks/*.toml")):
        yield tomllib.loads(path.read_text(encoding="utf-8"))


def _of_libraries() -> set[str]:
    """The names of libraries and of the methods that their tables speak of."""
    libraries = {name.partition(".")[0] for table in _tables() for name in table.get("imports", ())}
    types = [types for table in _tables() if isinstance(types := table.get("types"), dict)]
    keys = (key for each in types for spec in each.values() for key in spec.get("methods", {}))
    return libraries | {name.strip() for key in keys for name in key.split(",")}


def _texts(tree: ast.Module) -> Iterator[str]:
    """Every text of a module that stands in an expression, and not alone as a docstring does."""
    alone = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in alone:
            yield node.value


def _beginnings(tree: ast.Module) -> Iterator[str]:
    """What texts are asked to begin with."""
    for node in ast.walk(tree):
        match node:
            case ast.Call(func=ast.Attribute(attr="startswith"), args=[asked]):
                yield from (
                    n.value for n in ast.walk(asked) if isinstance(n, ast.Constant) and isinstance(n.value, str)
                )


def test_libraries_stand_in_the_tables() -> None:
    known = {word for word in _of_libraries() - PYTHONS - OURS if not word.startswith("__")}
    found: dict[str, set[str]] = {}
    for path in sorted(path for room in ROOMS for path in (PACKAGE / room).rglob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        words = {text for text in _texts(tree) if text in known or ("." in text and text.partition(".")[0] in known)}
        words |= {
            text
            for text in _beginnings(tree)
            if len(text) > 1 and text.isidentifier() and any(w.startswith(text) for w in known)
        }
        if words:
            found[path.relative_to(PACKAGE).as_posix()] = words
    assert found == LEFT
