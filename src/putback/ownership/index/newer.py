"""Modules with syntax that the running Python does not know, indexed as far as can be."""

from __future__ import annotations

import ast

from putback.model.errors import SourceError
from putback.ownership.index.indexer import Indexer
from putback.ownership.index.module import ModuleInfo
from putback.ownership.index.trees import parse_ast
from putback.ownership.index.vocabulary import Receivers
from putback.ownership.index.watched import watched_rows


def index_by_statement(path: str, text: str, receivers: Receivers) -> ModuleInfo | None:
    """Index a module that only libcst can parse, without the syntax that the running Python does not know.

    Where that is not enough, whole statements are left out. None when libcst cannot parse it either.
    """
    from putback.flow.older import UNWRITABLE, parse_newer, without_newer

    try:
        tree = parse_newer(text)
    except SourceError:
        return None
    info = ModuleInfo(path, incomplete=True)
    indexer = Indexer(info, receivers, watched_rows(text, receivers))
    try:
        indexer.block(parse_ast(without_newer(tree)).body, None, None)
        return info
    except (SourceError, *UNWRITABLE):
        pass
    row = 1 + sum(1 for _ in tree.header)
    for statement in tree.body:
        try:
            code = tree.code_for_node(statement)
        except UNWRITABLE:
            return None
        try:
            part = parse_ast(code)
        except SourceError as error:
            info.left_out.append((row + error.row - 1, str(error)))
            part = ast.Module([], [])
        ast.increment_lineno(part, row - 1)
        indexer.block(part.body, None, None)
        row += code.count("\n")
    return info
