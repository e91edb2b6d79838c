"""Teardowns: one that removes its session whatever happens, and one where there was none. Rules PB305 and PB304."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import libcst as cst

from putback.fixes.code import Code, all_below
from putback.fixes.declined import Declined
from putback.fixes.draft import Draft
from putback.fixes.removal import take_out
from putback.fixes.rows import Rows
from putback.fixes.whole import beginning, in_finally
from putback.model.fix import Applicability, Fix

_UNIT = " " * 4
_NAMES = ("remove_session", "shutdown_session", "remove_scoped_session")


def always_remove(code: Code, rows: Collection[int]) -> Fix:
    """The fix that moves the removals on some rows of a teardown into a `finally`. Raises Declined."""
    function = code.function
    if not isinstance(function, cst.FunctionDef) or not isinstance(function.body, cst.IndentedBlock):
        raise Declined("its body shares a line with its header")
    statements = [
        n for n in all_below(function.body) if isinstance(n, cst.SimpleStatementLine) and code.first_row(n) in rows
    ]
    texts = {code.text(s.body[0]) for s in statements if len(s.body) == 1 and isinstance(s.body[0], cst.Expr)}
    if len(statements) != len(set(rows)) or len(texts) != 1:
        raise Declined("the removal is a part of a larger statement")
    draft, release = Draft(code), statements[0]
    draft.moving.add(release)
    take_out(draft, statements)
    left = [s for s in draft.body(function.body) if s in function.body.body]
    if left[beginning(left) :]:
        in_finally(draft, left, release)
    else:
        _alone(draft, function.body, left, release)
    return Fix(Applicability.SAFE, f"remove the session in a `finally`: {texts.pop()}", draft.edits())


def _alone(draft: Draft, block: cst.IndentedBlock, left: Sequence[cst.CSTNode], release: cst.BaseStatement) -> None:
    """The release is all that is done; a `pass` that stood in for it goes."""
    for each in [s for s in draft.body(block) if s not in left]:
        lines, _ = draft.detach(each)
        draft.lines(block)[:0] = lines
    draft.fill(block, [release])


def add_teardown(rows: Sequence[str], application: str, release: str, row: int) -> Fix:
    """The fix that adds a teardown behind `row` of a file with these rows. Raises Declined."""
    if release.startswith("await "):
        raise Declined("a teardown of Flask does not wait for it")
    text = "\n".join(rows)
    name = next((each for each in _NAMES if each not in text), None)
    if name is None:
        raise Declined("no name is free for the teardown")
    draft = Rows(rows)
    body = [f"@{application}.teardown_appcontext", f"def {name}(exception=None):", f"{_UNIT}{release}"]
    is_followed = row < len(rows) and bool(rows[row].strip())
    draft.insert(row + 1, ["", "", *body, *(["", ""] if is_followed else [])])
    return Fix(
        Applicability.UNSAFE,
        f"remove the session when an application context ends: {release} (objects kept between requests are detached)",
        draft.edits(),
    )
