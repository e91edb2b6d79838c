"""Enter a context manager with `with`: what was made as if it were the connection becomes one. Rule PB113."""

from __future__ import annotations

from dataclasses import dataclass, replace

import libcst as cst

from putback.fixes import protect, region
from putback.fixes.closers import closers_of
from putback.fixes.code import Code, Place, all_below, mentions
from putback.fixes.declined import Declined
from putback.fixes.draft import Draft
from putback.fixes.holding import Holding
from putback.fixes.imports import Needed, add_import
from putback.fixes.leaving import ensure_stays_inside
from putback.fixes.removal import take_out
from putback.fixes.with_style import entering, hold
from putback.model.fix import Applicability, Fix

_FREE_NAMES = ("conn", "connection", "db_conn")


@dataclass(frozen=True, slots=True)
class Written:
    """How a manager is to be written where no call makes it yet, with the import that this needs."""

    manager: cst.Call
    needed: Needed


@dataclass(frozen=True, slots=True)
class Manager:
    """A context manager that nobody enters.

    `holding` is the call that makes it with its name, and what needs the connection; `is_async`: it needs `async with`.
    `written`: the call makes the connection, and the manager is to be written in its place.
    """

    holding: Holding
    is_async: bool
    written: Written | None = None


def enter(manager: Manager) -> Fix:
    """The fix that enters the manager around everything that needs its connection. Raises Declined.

    It is safe: without it the first use fails, so there is no path that worked and could change.
    """
    code = manager.holding.code
    if manager.is_async and not code.is_async:
        raise Declined("it has to be entered with `async with`, and the function is not async")
    word = "async with" if manager.is_async else "with"
    place = code.place(manager.holding.acquire)
    if _is_part(code, place.statement, manager.holding.acquire):
        return _enter_part(manager, place, word)
    return _enter_bound(manager, word)


# -- conn = pool.connection()


def _enter_bound(manager: Manager, word: str) -> Fix:
    """Turn `conn = manager()` into `with manager() as conn:` around the statements behind it, up to the last use."""
    place = protect.acquiring(manager.holding)
    made = manager.holding
    holding = replace(made, related=made.related | made.needing | {made.name}, foreign=frozenset())
    closers = closers_of(holding)
    region.ensure_single_binding(holding, place.statement, closers)
    _ensure_used_as_connection(holding)
    code = holding.code
    removed = {id(s) for closer in closers for s in closer.removed}
    rest = place.statements[place.index + 1 :]
    if any(not any(code.is_inside(n, s) for s in place.statements[place.index :]) for n in region.uses(holding)):
        raise Declined(f"`{holding.name}` is used outside of the block that makes it")
    kept = [s for s in rest if id(s) not in removed]
    last = region.last_use(holding, kept)
    if last < 0:
        raise Declined(f"nothing is done with `{holding.name}`")
    draft = Draft(code)
    manager_call = holding.acquire
    if manager.written is not None:
        manager_call = manager.written.manager
        add_import(draft, code.rows, manager.written.needed)
    hold(draft, place, manager_call, holding.name, kept[last], manager.is_async)
    take_out(draft, [s for closer in closers for s in closer.removed])
    return _fix(draft, f"{word} {code.text(manager_call)} as {holding.name}")


# -- pool.connection().execute(...)


def _enter_part(manager: Manager, place: Place, word: str) -> Fix:
    """Put `with manager() as conn:` around a statement that uses the manager without giving it a name."""
    code = manager.holding.code
    acquire, statement = manager.holding.acquire, place.statement
    span = code.span(acquire)
    if span.start.row != span.end.row:
        raise Declined("the call that makes it spans several rows")
    name = code.free_name(_FREE_NAMES)
    holding = replace(manager.holding, name=name, related=manager.holding.needing, foreign=frozenset())
    _ensure_made_at_once(statement)
    ensure_stays_inside(holding)
    rest = place.statements[place.index :]
    last = max(0, region.last_use(holding, rest))
    draft = Draft(code)
    made = acquire.with_changes()
    draft.change(acquire, lambda _: cst.Name(holding.name))
    draft.enclose(rest[: last + 1], lambda body: entering(made, holding.name, body, manager.is_async))
    return _fix(draft, f"{word} {code.text(acquire)} as {holding.name}")


def _is_part(code: Code, statement: cst.BaseStatement, acquire: cst.CSTNode) -> bool:
    """Whether a method is called on the manager right where it is made."""
    is_receiver = isinstance(code.parent(acquire), cst.Attribute)
    if isinstance(statement, cst.For):
        return is_receiver and code.is_inside(acquire, statement.iter)
    return is_receiver and isinstance(statement, cst.SimpleStatementLine) and len(statement.body) == 1


def _ensure_made_at_once(statement: cst.BaseStatement) -> None:
    """Decline when the statement makes it later than it runs."""
    if any(isinstance(node, (cst.Lambda, cst.GeneratorExp)) for node in all_below(statement)):
        raise Declined("it is used later than it is made")


def _ensure_used_as_connection(holding: Holding) -> None:
    """Decline when it leaves the function: returned, stored, or captured by a function that may run later."""
    ensure_stays_inside(holding)
    own = frozenset({holding.name})
    for node in all_below(holding.code.function):
        match node:
            case cst.Assign(targets=targets, value=value) if isinstance(value, cst.Name) and mentions(value, own):
                if not all(isinstance(t.target, cst.Name) for t in targets):
                    raise Declined(f"`{holding.name}` is stored")
            case cst.FunctionDef() if node is not holding.code.function and mentions(node.body, own):
                raise Declined(f"`{holding.name}` is used in a nested function")
            case cst.Lambda() if mentions(node.body, own):
                raise Declined(f"`{holding.name}` is used in a lambda")


def _fix(draft: Draft, header: str) -> Fix:
    shown = " ".join(header.split())
    return Fix(Applicability.SAFE, f"enter it: {shown}", draft.edits())
