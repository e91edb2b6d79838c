"""The tree of the file that a fix changes."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from functools import lru_cache

from putback.fixes.declined import Declined
from putback.flow.older import parse_newer, without_newer
from putback.model.errors import SourceError


def module_tree(rows: Sequence[str]) -> ast.Module:
    """The tree of a file, without syntax that the running Python does not know. Raises Declined when there is none."""
    return _tree("\n".join(rows))


@lru_cache(1)
def _tree(text: str) -> ast.Module:
    """The same for its text: the last one is remembered, for the findings of a file come one after another."""
    try:
        return ast.parse(text)
    except SyntaxError:
        pass
    try:
        return ast.parse(without_newer(parse_newer(text)))
    except (SourceError, SyntaxError):
        raise Declined("this Python cannot read the file, so that nothing can be imported into it") from None
