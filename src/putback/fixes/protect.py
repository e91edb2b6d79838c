"""Where a `try ... finally` with the release goes: the decision, before any row is changed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import libcst as cst

from putback.fixes import region
from putback.fixes.closers import Closer, Form, common_text, every_closer, forgets, is_guard
from putback.fixes.code import Block, Code, Place, SharedRow, mentions
from putback.fixes.declined import Declined
from putback.fixes.holding import ANONYMOUS, Holding
from putback.fixes.leaving import ensure_stays_inside
from putback.fixes.reach import ensure_readable
from putback.fixes.setting_up import needs_it
from putback.model.config import FixStyle

_NAMES = ("conn", "connection")
_SESSION_NAMES = ("session", "db", *_NAMES)


@dataclass(frozen=True, slots=True)
class Protection:
    """Statements `first` to `last` of `block` come under a `try`; `release` is its `finally`.

    `binds` is the name that the acquire in the first statement gets before it ("" when it has one). `absorbs`: the
    range is one `try` statement that gets the `finally` itself. `guarded`: the name may be None, so the release asks;
    `binds_none`: the binding to None has to be written. `finisher` is the release behind the range that moves into the
    `finally`. `longer`: the connection is held longer than before on a normal path.
    """

    block: Block
    first: int
    last: int
    release: str
    closers: tuple[Closer, ...]
    absorbs: cst.Try | None = None
    guarded: bool = False
    binds_none: bool = False
    finisher: Closer | None = None
    longer: bool = False
    binds: str = ""

    @property
    def statements(self) -> Sequence[cst.BaseStatement]:
        """The protected statements."""
        return self.block.body[self.first : self.last + 1]


def protection(holding: Holding) -> Protection:
    """Decide how the connection of `holding` is given back. Raises Declined."""
    found = _protection(holding)
    if any(holding.code.is_inside_any(n, found.statements) for n in holding.others):
        raise Declined(f"`{holding.name}` is bound more than once")
    return found


def _protection(holding: Holding) -> Protection:
    code = holding.code
    _ensure_owned(holding)
    if not holding.name:
        return _anonymous(holding)
    if holding.itself:
        place = _alone(holding)
        closers = every_closer(holding)
        return _behind(holding, place.block, place.index + 1, closers, _release(holding, closers))
    place = acquiring(holding)
    closers = every_closer(holding)
    region.ensure_single_binding(holding, place.statement, closers)
    ensure_stays_inside(holding)
    release = _release(holding, closers)
    if not any(c.besides for c in closers):  # else it is not this one that is written
        ensure_readable(holding, release)
    attempt = enclosing_try(code, place)
    if attempt is not None and _only_acquires(attempt):
        tried = code.place(attempt)
        if not _used_elsewhere(holding, tried) and not any(_uses_in(holding, h) for h in attempt.handlers):
            return _behind(holding, tried.block, tried.index + 1, closers, release)
    if _used_elsewhere(holding, place):
        return _around(holding, place, closers, release)
    if attempt is not None and attempt.handlers and _body_of(code, place, attempt):
        found = _around(holding, place, closers, release)
        fails = any(_may_fail_inside(holding, c, attempt) for c in closers)
        if not found.longer and (not fails or holding.style is FixStyle.EXPLICIT):
            return found
    return _behind(holding, place.block, place.index + 1, closers, release)


def acquiring(holding: Holding) -> Place:
    """The statement `name = acquire`. Raises Declined for every other form."""
    place = holding.code.place(holding.acquire)
    statement = place.statement
    if not isinstance(statement, cst.SimpleStatementLine):
        raise Declined("it is acquired in the header of a compound statement")
    if len(statement.body) > 1:
        raise SharedRow("several statements share its line", holding.acquire)
    match statement.body[0]:
        case cst.Assign(targets=[cst.AssignTarget(target=cst.Name())], value=value):
            pass
        case cst.AnnAssign(target=cst.Name(), value=value) if value is not None:
            pass
        case cst.Assign(targets=[cst.AssignTarget(target=cst.Tuple())], value=cst.Tuple()):
            raise SharedRow("the connection is not bound to a name of its own", holding.acquire)
        case cst.Assign(targets=[cst.AssignTarget(target=cst.Tuple())], value=value) if holding.unpacked:
            pass
        case _:
            raise Declined("the connection is not bound to a name of its own")
    inner = value.expression if isinstance(value, cst.Await) else value
    if inner is not holding.acquire:
        raise Declined("the acquire is part of a larger expression")
    return place


def _alone(holding: Holding) -> Place:
    """The acquire as a statement of its own: `db.connect()`."""
    place = holding.code.place(holding.acquire)
    match place.statement:
        case cst.SimpleStatementLine(body=[cst.Expr(value=value)]):
            inner = value.expression if isinstance(value, cst.Await) else value
            if inner is holding.acquire:
                return place
    raise Declined("the acquire is part of a larger statement")


def _ensure_owned(holding: Holding) -> None:
    """Decline where the connection gets another owner, or may be acquired again by who resumes a generator."""
    code = holding.code
    if holding.handed_on:
        raise Declined("on some path it is handed on to another owner")
    if holding.lent and any(isinstance(a, cst.For | cst.While) for a in code.ancestors(holding.acquire)):
        raise Declined("it is lent out from inside a loop that may try again")
    if isinstance(code.function, cst.FunctionDef) and code.function.name.value in ("__enter__", "__aenter__"):
        raise Declined("it is acquired in `__enter__`, and released elsewhere")


def _release(holding: Holding, closers: Sequence[Closer]) -> str:
    """The statement that gives the connection back: as the function has it already, else the paired one."""
    text = common_text(holding.code, closers) or holding.release.statement
    if not text:
        raise Declined(holding.release.reason or "how it is given back is not known")
    if text.startswith("await ") and not holding.code.is_async:
        raise Declined("its release must be awaited, and the function is not async")
    return text


def enclosing_try(code: Code, place: Place) -> cst.Try | None:
    """The innermost `try` in whose body a statement stands."""
    child: cst.CSTNode = place.statement
    for parent in code.ancestors(place.statement):
        if isinstance(parent, cst.Try) and parent.body is child:
            return parent
        child = parent
    return None


def _may_fail_inside(holding: Holding, closer: Closer, attempt: cst.Try) -> bool:
    """Whether a release stands in the body of a `try` whose handlers take its own error: behind them, that would leave
    the function."""
    stands_in = holding.code.is_inside(closer.statement, attempt.body)
    return stands_in and not closer.is_wrong and closer.form is not Form.SWALLOWED and closer.call in holding.failing


def _only_acquires(attempt: cst.Try) -> bool:
    """Whether a `try` holds the acquire alone, and each of its handlers leaves: behind it the connection is there."""
    alone = isinstance(attempt.body, cst.IndentedBlock) and len(attempt.body.body) == 1
    leaves = all(region.leaves(h.body.body[-1]) for h in attempt.handlers)
    return alone and leaves and bool(attempt.handlers) and attempt.orelse is None and attempt.finalbody is None


def _uses_in(holding: Holding, node: cst.CSTNode) -> bool:
    return any(holding.code.is_inside(n, node) for n in region.uses(holding))


def _body_of(code: Code, place: Place, attempt: cst.Try) -> bool:
    return attempt.body is place.block


def _used_elsewhere(holding: Holding, place: Place) -> bool:
    """Whether the connection is mentioned outside of the acquire's statement and those behind it in its block."""
    return any(not _is_behind(holding.code, n, place) for n in region.uses(holding))


def _is_behind(code: Code, node: cst.CSTNode, place: Place) -> bool:
    return any(code.is_inside(node, s) for s in place.statements[place.index :])


# -- from behind the acquire to the release or the last use


def _behind(
    holding: Holding, block: Block, start: int, closers: Sequence[Closer], release: str, present: bool = False
) -> Protection:
    """Protect the statements of `block` from number `start` to the release or the last use.

    `present`: the connection is known not to be None there.
    """
    rest: Sequence[cst.BaseStatement] = block.body[start:]
    finisher = next((c for c in reversed(closers) if any(s is c.statement for s in rest)), None)
    if finisher is not None:
        end = next(i for i, s in enumerate(rest) if s is finisher.statement)
        behind = [s for s in rest[end + 1 :] if not any(s is f for f in finisher.forgets)]
        if region.last_use(holding, behind) >= 0:
            raise Declined(f"`{holding.name}` is used after its release")
        end = _last_needed(holding, rest[:end])
    else:
        end = _natural_end(holding, rest, closers)
    if end < 0:
        raise Declined("nothing is done with it before it is lost")
    first = next((i for i in range(end) if not region.keeps_safe(holding, rest[i])), end)
    only = rest[end] if first == end else None
    if finisher is None and only is not None and _asks_for_it(holding, only):
        return _behind(holding, only.body, 0, closers, release, True)  # type: ignore[attr-defined]
    inside = [c for c in closers if c is not finisher and not c.is_wrong]
    present = present or any(region.rules_out_none(holding, s) or needs_it(holding, s) for s in rest[:first])
    return Protection(
        block=block,
        first=start + first,
        last=start + end,
        release=release,
        closers=tuple(closers),
        absorbs=only if isinstance(only, cst.Try) and isinstance(only.body, cst.IndentedBlock) else None,
        guarded=holding.maybe_none and not present,
        binds_none=False,
        finisher=finisher,
        longer=any(region.runs_longer(holding, c, rest[end]) for c in inside),
    )


def _last_needed(holding: Holding, before: Sequence[cst.BaseStatement]) -> int:
    """The index of the last statement before a release that has to come under the `try`.

    That is the last one; but where a `try` is followed only by work on what was fetched, which nobody outside sees,
    that one can release itself.
    """
    alone = replace(holding, quick=holding.logging)
    last = region.last_use(holding, before)
    attempt = before[last] if last >= 0 else None
    first = next((i for i, s in enumerate(before) if not region.keeps_safe(holding, s)), last)
    if isinstance(attempt, cst.Try) and attempt.handlers and first == last:
        quick = all(region.is_quick(alone, s) and not region.may_leave(s) for s in before[last + 1 :])
        return last if quick else len(before) - 1
    return len(before) - 1


def _asks_for_it(holding: Holding, statement: cst.BaseStatement) -> bool:
    """Whether a statement is `if conn:` around all that is done with the connection."""
    return (
        isinstance(statement, cst.If)
        and isinstance(statement.body, cst.IndentedBlock)
        and isinstance(statement.test, cst.Name | cst.Comparison)
        and is_guard(statement.test, frozenset({holding.name}))
        and (statement.orelse is None or not mentions(statement.orelse, holding.related))
    )


def _natural_end(holding: Holding, rest: Sequence[cst.BaseStatement], closers: Sequence[Closer]) -> int:
    """The index in `rest` of the last statement that has to come under the `try`."""
    if holding.lazy and not closers:
        return len(rest) - 1
    released = [i for i, s in enumerate(rest) if any(holding.code.is_inside(c.statement, s) for c in closers)]
    return max([region.last_use(holding, rest), *released])


# -- an acquire without a name


def _anonymous(holding: Holding) -> Protection:
    """Bind the connection to a name in front of its statement, and protect from there to the last use."""
    code = holding.code
    if holding.closers:
        raise Declined("it is released without having a name")
    place = code.place(holding.acquire)
    _ensure_evaluated_first(holding, place)
    name = code.free_name(_SESSION_NAMES if holding.lazy else _NAMES)
    release = holding.release.statement.replace(ANONYMOUS, name)
    if not release:
        raise Declined(holding.release.reason or "how it is given back is not known")
    ensure_readable(holding, release)
    ensure_stays_inside(holding)
    last = place.index + max(region.last_use(holding, place.statements[place.index :]), 0)
    return Protection(place.block, place.index, last, release, (), binds=name)


def _unawaited(value: cst.BaseExpression) -> cst.BaseExpression:
    return value.expression if isinstance(value, cst.Await) else value


def _ensure_evaluated_first(holding: Holding, place: Place) -> None:
    """Decline unless the acquire runs exactly once and before everything else in its statement."""
    code = holding.code
    node: cst.CSTNode = holding.acquire
    for outer in code.ancestors(holding.acquire):
        if outer is place.statement:
            break
        match outer:
            case cst.Await() | cst.Expr() | cst.WithItem() | cst.Return() | cst.Assign() | cst.AnnAssign():
                pass
            case cst.Attribute(value=value) | cst.Call(func=value) | cst.Subscript(value=value):
                if value is not node:
                    raise Declined("the acquire is part of a larger expression")
            case _:
                raise Declined("the acquire is part of a larger expression")
        node = outer
    match place.statement:
        case cst.SimpleStatementLine(body=[cst.Expr(value=value)]) if _unawaited(value) is holding.acquire:
            raise Declined("it is acquired for nothing")
        case cst.SimpleStatementLine(body=[_]):
            return
        case cst.With(items=[first, *_]) if code.is_inside(holding.acquire, first):
            return
        case cst.For(iter=iterated) if code.is_inside(holding.acquire, iterated):
            return
    raise Declined("the acquire is part of a larger statement")


# -- around everything, with the name bound to None before


def _around(holding: Holding, place: Place, closers: Sequence[Closer], release: str) -> Protection:
    """Protect the smallest stretch of statements that holds the acquire and every use."""
    block, first, last = _stretch(holding, place)
    statements = block.body
    finisher = next((c for c in reversed(closers) if any(c.statement is s for s in statements[first : last + 1])), None)
    if finisher is not None:
        last = next(i for i, s in enumerate(statements) if s is finisher.statement) - 1
    if last < first:
        raise Declined("it is released outside of the block that acquires it")
    inside = [c for c in closers if c is not finisher]
    single = statements[first] if first == last else None
    end = single if single is not None else statements[last]
    return Protection(
        block=block,
        first=first,
        last=last,
        release=release,
        closers=tuple(closers),
        absorbs=single if isinstance(single, cst.Try) and isinstance(single.body, cst.IndentedBlock) else None,
        guarded=True,
        binds_none=not is_none_before(holding, Place(block, first)),
        finisher=finisher,
        longer=any(region.runs_longer(holding, c, end) for c in inside if not c.is_wrong),
    )


def _stretch(holding: Holding, place: Place) -> tuple[Block, int, int]:
    """The innermost block, with first and last index, in which all uses stand behind or in the acquiring statement."""
    code = holding.code
    used = region.uses(holding)
    attempt = enclosing_try(code, place)
    current = place
    while True:
        reached = attempt is None or not code.is_inside(current.statement, attempt) or current.statement is attempt
        if reached and all(_is_behind(code, n, current) for n in used):
            if attempt is None and current.statement is place.statement:
                raise Declined("its uses cannot be followed")
            last = max(i for i, s in enumerate(current.statements) if any(code.is_inside(n, s) for n in used))
            return current.block, current.index, last
        outer = code.owner(current.block)
        if isinstance(outer, cst.For | cst.While):
            raise Declined("it is acquired in a loop and used outside of it")
        if outer is None or isinstance(outer, cst.FunctionDef | cst.Module | cst.ClassDef):
            raise Declined(f"`{holding.name}` is used before it is acquired")
        current = code.place(outer)


def is_none_before(holding: Holding, place: Place) -> bool:
    """Whether a statement before `place`, in its block or one around it, binds the name to None on every way there."""
    code = holding.code
    current = place
    while True:
        if any(forgets(s, holding.name) for s in current.statements[: current.index]):
            return True
        outer = code.owner(current.block)
        if outer is None or isinstance(outer, cst.For | cst.While | cst.FunctionDef | cst.Module):
            return False
        current = code.place(outer)
