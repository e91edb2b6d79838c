"""Put in a `try`: the rows of a protection. Rules PB101, PB102, PB103, PB104, PB107, PB108, PB111."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import libcst as cst

from putback.fixes.apart import comes_to_run_elsewhere, release_apart
from putback.fixes.closers import Closer, Form, call_text, only_swallows
from putback.fixes.code import Code, all_below, names, statement
from putback.fixes.declined import Declined
from putback.fixes.draft import Draft, Lines, comments, remark, remarks_begin, said
from putback.fixes.earlier import can_begin_earlier
from putback.fixes.hand_over import release_before, release_on_error
from putback.fixes.holding import Holding
from putback.fixes.imports import add_import
from putback.fixes.protect import Protection, acquiring, protection
from putback.fixes.region import logs, returns_objects
from putback.fixes.remarks import mentions
from putback.fixes.removal import take_out
from putback.fixes.unbound import bind_before, can_bind, closes
from putback.fixes.with_style import around_transaction, in_header, in_with
from putback.model.fix import Applicability, Edit, Fix


def give_back(holding: Holding) -> Fix:
    """The fix that releases the connection of `holding` on every path. Raises Declined."""
    if holding.handed_on:
        return doubted(release_on_error(holding, acquiring(holding)), holding.doubts)
    found = protection(holding)
    if comes_to_run_elsewhere(holding, found):
        return doubted(release_apart(holding, found), holding.doubts)
    held = in_with(holding, found) or around_transaction(holding, found) or in_header(holding, found)
    if held is not None:
        return doubted(held, holding.doubts)
    apart = release_before(holding, acquiring(holding), found) if holding.name and not holding.itself else None
    if apart is not None:
        return doubted(apart, holding.doubts)
    fix = Fix(Applicability.SAFE, f"release it in a `finally`: {found.release}", _Writer(holding, found).edits())
    return replace(doubted(fix, [*holding.doubts, *_doubts(holding, found)]), holds_longer=found.longer)


def doubted(fix: Fix, doubts: Sequence[str]) -> Fix:
    """The fix, unsafe when there are doubts."""
    if not doubts:
        return fix
    return replace(fix, applicability=Applicability.UNSAFE, message=f"{fix.message} ({'; '.join(doubts)})")


def _doubts(holding: Holding, found: Protection) -> list[str]:
    """Why the fix may change what a path that did not leak does."""
    doubts = []
    if found.longer:
        doubts.append("it is held a little longer on some path")
    if any(_is_followed(holding, closer) for closer in found.closers):
        doubts.append("what follows the release in its clean-up comes before it then")
    if any(_leaves_quiet(holding, closer) for closer in found.closers):
        doubts.append("an error of the release is kept quiet where it stands now")
    if holding.lazy and not holding.closers and returns_objects(holding):
        doubts.append("what the function returns can no longer be read through the session")
    return doubts


def _is_followed(holding: Holding, closer: Closer) -> bool:
    """Whether a release is taken out of a guard in a `finally` that goes on behind it, as with word that it is done."""
    code = holding.code
    place = code.place(closer.statement)
    guard = code.owner(place.block)
    final = code.owner(code.place(guard).block) if isinstance(guard, cst.If) else None
    return isinstance(final, cst.Finally) and any(s not in closer.removed for s in place.statements[place.index + 1 :])


def _leaves_quiet(holding: Holding, closer: Closer) -> bool:
    """Whether a release goes out of a clean-up that does more and keeps its errors to itself."""
    code = holding.code
    block = code.place(closer.statement).block
    outer = code.owner(block)
    if closer.form is Form.SWALLOWED or not isinstance(outer, cst.Try) or block is not outer.body:
        return False
    others = [s for s in outer.body.body if s not in closer.removed]
    cleans = all(isinstance(s, cst.BaseStatement) and any(closes(s, n) for n in holding.related) for s in others)
    return bool(others) and cleans and only_swallows(outer)


class _Writer:
    """Writes one protection into a draft."""

    def __init__(self, holding: Holding, found: Protection) -> None:
        self.holding = holding
        self.code: Code = holding.code
        self.found = found
        self.draft = Draft(self.code)
        self.removed = [s for closer in found.closers for s in closer.removed]
        self.carried: list[str] = []
        self.remark = ""
        self.bound: Sequence[cst.BaseStatement] = ()
        self.moved = self._moved()
        self.draft.unsaid.update(c.statement for c in found.closers if self._is_another(c))

    def edits(self) -> tuple[Edit, ...]:
        """The changes. Raises Declined."""
        found = self.found
        if self.moved is not None:
            self.draft.moving.add(self.moved.statement)
        rest = self._take_finisher()
        hoisted = self._hoisted()
        if found.absorbs is not None and not self._stands_behind_another(found.absorbs):
            attempt = self._absorb(found.absorbs)
        elif hoisted is not None and self._may_hoist(hoisted):
            attempt = self._hoist(hoisted)
        else:
            attempt = self._wrap()
        self._give_back(rest, attempt)
        if found.binds_none:
            self.draft.put_before((*self.bound, attempt)[0], statement(f"{self.holding.name} = None"))
        if found.binds:
            self._bind(found.binds, attempt)
        for needed in self.holding.release.needs if found.release == self.holding.release.statement else ():
            add_import(self.draft, self.code.rows, needed)
        return self.draft.edits()

    def _bind(self, name: str, attempt: cst.Try) -> None:
        """Give the connection a name before its statement."""
        parent = self.code.parent(self.holding.acquire)
        acquire = parent if isinstance(parent, cst.Await) else self.holding.acquire
        span = self.code.span(acquire)
        if span.start.row != span.end.row:
            raise Declined("the acquire is written over several rows")
        target = cst.AssignTarget(cst.Name(name))
        assert isinstance(acquire, cst.BaseExpression)
        value = acquire.with_changes(lpar=(), rpar=())
        self.draft.change(acquire, lambda _: cst.Name(name))
        self.draft.put_before(attempt, cst.SimpleStatementLine([cst.Assign([target], value)]))

    def _is_another(self, closer: Closer) -> bool:
        """Whether a call does something else than the release, so that what is said beside it is said of that."""
        return closer.is_wrong and closer.form is Form.PLAIN and call_text(self.code, closer.call) != self.found.release

    # -- what is written

    def _take_finisher(self) -> Lines:
        """Take out the release that moves into the `finally`, with its comments; what else stood above it."""
        finisher = self.found.finisher
        if finisher is None:
            return []
        rest: Lines = []
        remarks: list[str] = []
        for each in finisher.removed:
            left, following = self.draft.detach(each)
            if each is finisher.statement:
                cut = remarks_begin(left)
                rest, left = left[:cut], left[cut:]
                if self.draft.is_followed(each) and not mentions(said(left), each):
                    self.draft.lines(following)[:0] = left
                else:
                    self.carried += said(left)
            else:
                remarks += said(left)
            remarks += [] if each in self.draft.moving | self.draft.unsaid else comments(each)
        if len(remarks) == 1 and self.code.first_row(finisher.statement) == self.code.last_row(finisher.removed[-1]):
            self.remark = remarks.pop()
        self.carried += remarks
        while rest and rest[-1].comment is None:
            rest.pop()
        return rest

    def _give_back(self, rest: Lines, attempt: cst.Try) -> None:
        """Put what stood above a release that has moved at the end of a new `try`, or where it was."""
        finisher, block = self.found.finisher, self.found.block
        if finisher is None or not rest:
            return
        at = next(i for i, s in enumerate(block.body) if s is finisher.statement)
        if self.found.absorbs is None and at == self.found.last + 1:
            self.draft.lines(attempt.body).extend(rest)
            return
        behind = (s for s in block.body[at + 1 :] if s in self.draft.body(block))
        self.draft.lines(next(behind, block))[:0] = rest

    def _closing(self) -> list[cst.BaseStatement]:
        """The body of the `finally`."""
        closing = self.moved.statement if self.moved is not None else self._release()
        self.draft.lines(closing)[:0] = [remark(text) for text in self.carried]
        return [closing]

    def _release(self) -> cst.BaseStatement:
        """The release, which asks whether the connection is there where it need not be."""
        release = statement(self.found.release)
        right = next((c.call for c in self.found.closers if not c.is_wrong), None)
        if right is not None:  # as the function has it already
            parent = self.code.parent(right)
            value = parent if isinstance(parent, cst.Await) else right
            assert isinstance(value, cst.BaseExpression)
            release = cst.SimpleStatementLine([cst.Expr(value)])
        if self.remark:
            behind = cst.TrailingWhitespace(cst.SimpleWhitespace("  "), cst.Comment(self.remark))
            release = release.with_changes(trailing_whitespace=behind)
        return self.holding.ask(self.holding.name, self.code.block([release])) if self.found.guarded else release

    def _moved(self) -> Closer | None:
        """The release that moves with all that is around it."""
        swallowed = next((c for c in self.found.closers if c.form is Form.SWALLOWED and not c.is_wrong), None)
        return swallowed if swallowed is not None and not self.found.guarded else self._asking()

    def _asking(self) -> Closer | None:
        """A release that asks in its own words whether the connection is there: these may stay."""
        finisher = self.found.finisher
        asking = [c for c in self.found.closers if c.form is Form.GUARDED and not c.is_wrong]
        asking = [finisher] if finisher in asking else asking if finisher is None else []
        return next((c for c in asking if self._is_enough(c)), None)

    def _is_enough(self, closer: Closer) -> bool:
        """Whether a condition around a release holds whenever the connection is there, and reads nothing else."""
        guard = closer.statement
        if not isinstance(guard, cst.If) or len(guard.body.body) > 1 or any(comments(guard)):
            return False
        test = guard.test
        while isinstance(test, cst.BooleanOperation) and isinstance(test.operator, cst.And):
            test = test.left
        asks = isinstance(test, cst.Name | cst.Comparison) or not self.found.guarded
        return asks and {n.value for n in names(guard.test)} == {self.holding.name}

    # -- the three ways

    def _wrap(self) -> cst.Try:
        """All statements one level deeper, under a new `try`."""
        final = self.code.block()
        attempt = self.draft.enclose(self.found.statements, lambda body: cst.Try(body, finalbody=cst.Finally(final)))
        self._take_out()
        self.draft.fill(final, self._closing())
        return attempt

    def _take_out(self, kept: cst.Try | None = None) -> None:
        """Take out the releases; `kept` is a `try` that gets another."""
        finisher = self.found.finisher.removed if self.found.finisher is not None else ()
        take_out(self.draft, [s for s in self.removed if s not in finisher], kept, self.carried)

    def _is_left_bare(self, attempt: cst.Try) -> bool:
        """Whether a `try` loses its `finally` and has no handler."""
        return not attempt.handlers and attempt.finalbody is not None and not self._remains(attempt.finalbody)

    def _remains(self, clause: cst.Finally) -> Sequence[cst.CSTNode]:
        """What is to stay of a clause."""
        return [s for s in clause.body.body if s not in self.removed]

    def _hoisted(self) -> cst.Try | None:
        """The last statement, when it is a `try` that can begin earlier."""
        *before, last = self.found.statements
        if not before or self.found.absorbs is not None or not isinstance(last, cst.Try):
            return None
        if not isinstance(last.body, cst.IndentedBlock):
            return None
        if self._is_left_bare(last) and self.found.finisher is None:
            return last
        if not can_begin_earlier(self.holding, last, before, self.found.closers) or self._stands_behind_another(last):
            return None
        return last

    def _earlier(self, attempt: cst.Try) -> Sequence[cst.BaseStatement]:
        """The statements that come into a `try` whose `finally` may read what they bind."""
        return () if self._is_left_bare(attempt) else self.found.statements[:-1]

    def _may_hoist(self, attempt: cst.Try) -> bool:
        return not self._earlier(attempt) or can_bind(self.holding, attempt, self._earlier(attempt))

    def _hoist(self, attempt: cst.Try) -> cst.Try:
        """Move the `try` line up to the first statement; the rest of it stays where it is."""
        self.draft.take_in(self.found.statements[:-1], attempt)
        return self._absorb(attempt, is_hoisted=True)

    def _stands_behind_another(self, attempt: cst.Try) -> bool:
        """Whether the `finally` of a `try` does more that can raise: a `try` around it reads better than one in it."""
        if attempt.finalbody is None or self.found.guarded:
            return False
        return not all(self._cannot_raise(s) for s in self._remains(attempt.finalbody))

    def _absorb(self, attempt: cst.Try, is_hoisted: bool = False) -> cst.Try:
        """The existing `try` gets the release in its `finally`."""
        self._take_out(attempt)
        self._drop_bare_handlers(attempt)
        is_sound = self._bind_unbound(attempt, is_hoisted)
        if attempt.finalbody is None:
            final = cst.Finally(self.code.block(self._closing()))
            self.draft.change(attempt, lambda node: node.with_changes(finalbody=final))
            return attempt
        block = attempt.finalbody.body
        if not isinstance(block, cst.IndentedBlock):
            raise Declined("the body of a `finally` shares its line")
        for each in list(self.draft.body(block)):
            if (
                isinstance(each, cst.SimpleStatementLine)
                and isinstance(each.body[0], cst.Pass)
                and not any(comments(each))
            ):
                self.draft.remove(each)
        left = list(self.draft.body(block))
        if not left or (is_sound and all(self._cannot_raise(s) for s in left)):
            self.draft.fill(block, self._closing())
        else:
            final = cst.Finally(self.code.block(self._closing()))
            self.draft.enclose(left, lambda body: cst.Try(body, finalbody=final))
        return attempt

    def _bind_unbound(self, attempt: cst.Try, is_hoisted: bool) -> bool:
        """Bind what the `finally` reads before the `try`; whether all of it is bound in any case."""
        earlier = self._earlier(attempt) if is_hoisted else ()
        wanted = bool(earlier) if is_hoisted else bool(self.holding.unbound)
        if not wanted:
            return True
        if not can_bind(self.holding, attempt, earlier):
            return False
        self.bound = bind_before(self.holding, attempt, self.draft, earlier)
        return True

    def _cannot_raise(self, statement: cst.CSTNode) -> bool:
        """Whether a statement of a `finally` only closes cursors or logs, guarded or not."""
        stay = [n for n in all_below(statement) if not self._is_removed(n)]
        return all(self._is_harmless(n) for n in stay if isinstance(n, cst.Call)) and not any(
            isinstance(n, (cst.Await, cst.Subscript)) for n in stay
        )

    def _is_removed(self, node: cst.CSTNode) -> bool:
        return any(outer in self.removed for outer in (node, *self.code.ancestors(node)))

    def _is_harmless(self, call: cst.Call) -> bool:
        match call.func:
            case cst.Name(value="locals" | "dir"):
                return True
            case cst.Attribute(value=cst.Name(value=base), attr=cst.Name(value=name)) if base in self.holding.related:
                return name in ("close", "is_connected")
        return logs(self.holding, call)

    def _drop_bare_handlers(self, attempt: cst.Try) -> None:
        """Take out a last handler that does nothing but raise again, now that its release is gone."""
        handlers = list(attempt.handlers) if attempt.orelse is None else []
        while handlers and self._only_raises(handlers[-1]):
            self.draft.change(handlers.pop(), lambda _: None)

    def _only_raises(self, handler: cst.ExceptHandler) -> bool:
        body = handler.body
        if not isinstance(body, cst.IndentedBlock) or not any(s in self.removed for s in body.body):
            return False
        if any(comments(handler)):
            return False
        match self.draft.body(body):
            case [cst.SimpleStatementLine(body=[cst.Raise(exc=None)])]:
                return True
        return False
