"""The return annotation of a function that has become a generator."""

from __future__ import annotations

import ast
from collections.abc import Sequence

import libcst as cst

from putback.fixes.code import dotted
from putback.fixes.draft import Draft
from putback.fixes.imports import Needed, add_import
from putback.fixes.modules import module_tree

_FITTING = {"Generator", "AsyncGenerator", "Iterator", "AsyncIterator", "Iterable", "AsyncIterable", "Any", "None"}
_OLD_STYLE = {
    *("List", "Dict", "Tuple", "Set", "FrozenSet", "Type", "Callable", "Sequence", "Mapping", "MutableMapping"),
    *("Iterable", "Iterator", "Generator", "Awaitable", "Coroutine", "AsyncIterable", "AsyncIterator"),
    *("AsyncGenerator", "DefaultDict", "Deque"),
}


def annotate_generator(draft: Draft, function: cst.FunctionDef, is_async: bool) -> None:
    """Say `Generator[Session, None, None]` where `Session` is said, and import that. Raises Declined.

    A function without an annotation gets none.
    """
    if function.returns is None:
        return
    annotation = function.returns.annotation
    head = dotted(annotation.value if isinstance(annotation, cst.Subscript) else annotation) or ""
    if head.rpartition(".")[2] in _FITTING:
        return
    name, rest = ("AsyncGenerator", "None") if is_async else ("Generator", "None, None")
    wider = cst.parse_expression(f"{name}[{' '.join(draft.code.text(annotation).split())}, {rest}]")
    draft.change(annotation, lambda _: wider)
    add_import(draft, draft.rows, Needed(name, _home(draft.rows, name)))


def _home(rows: Sequence[str], name: str) -> str:
    """The module from which the file imports such names: `typing` where it has the old spellings from there."""
    from_typing: set[str] = set()
    from_collections: set[str] = set()
    for node in module_tree(rows).body:
        if isinstance(node, ast.ImportFrom) and not node.level:
            found = {"typing": from_typing, "collections.abc": from_collections}.get(node.module or "", set())
            found.update(a.name for a in node.names)
    if name in from_typing or (not from_collections and from_typing & _OLD_STYLE):
        return "typing"
    return "collections.abc"
