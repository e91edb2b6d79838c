"""Put in a `try`: the rows of a protection. Rules PB101, PB102, PB103, PB104, PB107, PB108, PB111."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import libcst as cst

from putback.fixes.closers import Closer, Form, only_swallows
from putback.fixes.code import Code, all_below, names
from putback.fixes.declined import Declined
from putback.fixes.draft import Draft
from putback.fixes.hand_over import release_before, release_on_error
from putback.fixes.holding import Holding
from putback.fixes.imports import add_import
from putback.fixes.protect import Protection, acquiring, protection
from putback.fixes.region import logs, returns_objects
from putback.fixes.removal import Removal, comments
from putback.fixes.setting_up import can_begin_earlier
from putback.fixes.unbound import bind_before, closes
from putback.fixes.with_style import in_header, in_with
from putback.model.fix import Applicability, Fix
from putback.model.span import Position, Span


def give_back(holding: Holding) -> Fix:
    """The fix that releases the connection of `holding` on every path. Raises Declined."""
    if holding.handed_on:
        return doubted(release_on_error(holding, acquiring(holding)), holding.doubts)
    found = protection(holding)
    held = in_with(holding, found) or in_header(holding, found)
    if held is not None:
        return doubted(held, holding.doubts)
    apart = release_before(holding, acquiring(holding), found) if holding.name and not holding.itself else None
    if apart is not None:
        return doubted(apart, holding.doubts)
    writer = _Writer(holding, found)
    writer.write()
    fix = Fix(Applicability.SAFE, f"release it in a `finally`: {found.release}", writer.draft.edits())
    return doubted(fix, [*holding.doubts, *_doubts(holding, found)])


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
    if any(_leaves_quiet(holding, closer) for closer in found.closers):
        doubts.append("an error of the release is kept quiet where it stands now")
    if holding.lazy and not holding.closers and returns_objects(holding):
        doubts.append("objects that the function returns can no longer be loaded through the session")
    return doubts


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
        self.draft: Draft = self.code.draft()
        self.unit = self.code.unit()
        self.indent = self.code.indent_of(found.statements[0])
        removed = [s for closer in found.closers for s in closer.removed]
        self.remark = ""
        self.removal = Removal(self.code, self.draft, removed)
        self.first = self.code.first_row_with_remarks(found.statements[0], self._acquire_row())
        self.last = self.code.last_row(found.statements[-1])

    def write(self) -> None:
        self.code.ensure_complete(self.first, self.last)
        carried = self._carry_comments()
        hoisted = self._hoisted()
        target = self.found.absorbs
        if target is not None and not self._stands_behind_another(target):
            self._absorb(target, carried)
        elif hoisted is None or not self._hoist(hoisted, carried):
            self._wrap(carried)
        if self.found.binds_none:
            self.draft.insert(self.first, [f"{self.indent}{self.holding.name} = None"], ahead=True)
        if self.found.binds:
            self._bind(self.found.binds)
        for needed in self.holding.release.needs if self.found.release == self.holding.release.statement else ():
            add_import(self.draft, self.code.rows, needed)

    def _bind(self, name: str) -> None:
        """Give the connection a name before its statement."""
        parent = self.code.parent(self.holding.acquire)
        acquire = parent if isinstance(parent, cst.Await) else self.holding.acquire
        span = self.code.span(acquire)
        if span.start.row != span.end.row:
            raise Declined("the acquire is written over several rows")
        row = self.code.rows[span.start.row - 1]
        begin, end = span.start.column, span.end.column
        if row[begin - 2 : begin - 1] == "(" and row[end - 1 : end] == ")" and isinstance(acquire, cst.Await):
            begin, end = begin - 1, end + 1
        self.draft.replace(Span(Position(span.start.row, begin), Position(span.start.row, end)), name)
        self.draft.insert(self.first, [f"{self.indent}{name} = {self._bare(acquire)}"], ahead=True)

    def _bare(self, acquire: cst.CSTNode) -> str:
        """The source of the acquire without parentheses around it."""
        text = self.code.text(acquire)
        return text[1:-1].strip() if isinstance(acquire, cst.Await) and text.startswith("(") else text

    # -- what is written

    def _acquire_row(self) -> int:
        place = self.code.place(self.holding.acquire)
        inside = any(self.code.is_inside(self.holding.acquire, s) for s in self.found.statements)
        return 0 if inside else self.code.last_row(place.statement)

    def _carry_comments(self) -> list[str]:
        """The comments of the release that moves into the `finally`; they are not left behind."""
        finisher = self.found.finisher
        if finisher is None:
            return []
        first = self.code.first_row(finisher.statement)
        last = self.code.last_row(finisher.removed[-1])
        carried = comments(self.code, first, last)
        self.remark = carried.pop(0) if len(carried) == 1 and first == last else ""
        for statement in finisher.removed:
            self.removal.statements = [s for s in self.removal.statements if s is not statement]
        row = first
        while row - 1 > self.last and self._text(row - 1).startswith("#"):
            row -= 1
            carried.insert(0, self._text(row))
        while row - 1 > self.last and not self._text(row - 1):
            row -= 1
        self.draft.delete(row, last)
        if self.found.absorbs is None and all(self._text(r)[:1] in ("", "#") for r in range(self.last + 1, row)):
            self.last = row - 1
        return carried

    def _text(self, row: int) -> str:
        return self.code.rows[row - 1].strip()

    def _closing(self, indent: str, carried: list[str]) -> list[str]:
        """The body of the `finally`."""
        swallowed = next((c for c in self.found.closers if c.form is Form.SWALLOWED and not c.is_wrong), None)
        if swallowed is not None and not self.found.guarded:
            remarks = [*carried, self.remark] if self.remark else carried
            return [*(f"{indent}{remark}" for remark in remarks), *self._moved(swallowed, indent)]
        lines = [f"{indent}{c}" for c in carried]
        asking = self._asking()
        if asking is not None:
            return [*lines, *self._moved(asking, indent)]
        release = f"{self.found.release}  {self.remark}".rstrip()
        if not self.found.guarded:
            return [*lines, f"{indent}{release}"]
        inner = indent + self.unit
        return [*lines, f"{indent}if {self.holding.name} is not None:", f"{inner}{release}"]

    def _asking(self) -> Closer | None:
        """A release that asks in its own words whether the connection is there: these may stay."""
        finisher = self.found.finisher
        asking = [c for c in self.found.closers if c.form is Form.GUARDED and not c.is_wrong]
        asking = [finisher] if finisher in asking else asking if finisher is None else []
        return next((c for c in asking if self._is_enough(c)), None)

    def _is_enough(self, closer: Closer) -> bool:
        """Whether a condition around a release holds whenever the connection is there, and reads nothing else."""
        guard = closer.statement
        if not isinstance(guard, cst.If) or len(guard.body.body) > 1 or "#" in "".join(self._moved(closer, "")):
            return False
        test = guard.test
        while isinstance(test, cst.BooleanOperation) and isinstance(test.operator, cst.And):
            test = test.left
        asks = isinstance(test, cst.Name | cst.Comparison) or not self.found.guarded
        return asks and {n.value for n in names(guard.test)} == {self.holding.name}

    def _moved(self, closer: Closer, indent: str) -> list[str]:
        """The rows of a statement at another indentation."""
        old = self.code.indent_of(closer.statement)
        rows = self.code.rows[self.code.first_row(closer.statement) - 1 : self.code.last_row(closer.statement)]
        return [f"{indent}{row.removeprefix(old)}" for row in rows]

    # -- the three ways

    def _wrap(self, carried: list[str]) -> None:
        """All statements one level deeper, under a new `try`."""
        self._take_out(carried)
        self.draft.indent(self.first, self.last, self.unit)
        self.draft.insert(self.first, [f"{self.indent}try:", *self._air()], ahead=True)
        self.draft.insert(self.last + 1, [f"{self.indent}finally:", *self._closing(self.indent + self.unit, carried)])

    def _take_out(self, carried: list[str], kept: cst.Try | None = None) -> None:
        """Take out the releases, and each `try` that has nothing to catch or to clean up any more except `kept`."""
        bare = [t for t in self._clean_ups() if self._is_left_bare(t) and t is not kept]
        self.removal.apply(kept, carried)
        for attempt in bare:
            self._flatten(attempt)

    def _clean_ups(self) -> list[cst.Try]:
        """Every `try` that loses a statement of its `finally`."""
        found: dict[int, cst.Try] = {}
        for statement in self.removal.statements:
            for outer in self.code.ancestors(statement):
                attempt = self.code.parent(outer) if isinstance(outer, cst.Finally) else None
                if isinstance(attempt, cst.Try):
                    found[id(attempt)] = attempt
        return list(found.values())

    def _air(self) -> list[str]:
        """The empty row that formatters want between `try:` and a definition."""
        is_definition = isinstance(self.found.statements[0], (cst.FunctionDef, cst.ClassDef))
        return [""] if is_definition else []

    def _is_left_bare(self, statement: cst.CSTNode) -> bool:
        """Whether a `try` loses its `finally` and has no handler."""
        return (
            isinstance(statement, cst.Try)
            and not statement.handlers
            and statement.finalbody is not None
            and self.removal.is_empty(statement.finalbody.body)
        )

    def _flatten(self, statement: cst.CSTNode) -> None:
        """Undo a `try` that has nothing to catch or to clean up any more."""
        assert isinstance(statement, cst.Try) and statement.finalbody is not None
        header = self.code.first_row(statement)
        final = self.code.span(statement.finalbody).start.row
        self.draft.delete(header, header)
        self.draft.delete(final, final)
        self.draft.drop_inserted(self.code.first_row(statement.finalbody.body.body[0]))
        self.draft.dedent(header + 1, final - 1, self.unit)

    def _hoisted(self) -> cst.Try | None:
        """The last statement, when it is a `try` that can begin earlier."""
        *before, last = self.found.statements
        if not before or self.found.absorbs is not None or not isinstance(last, cst.Try):
            return None
        if not isinstance(last.body, cst.IndentedBlock):
            return None
        if self._is_left_bare(last) and self.found.finisher is None:
            return last
        if not can_begin_earlier(self.holding, last, before) or self._stands_behind_another(last):
            return None
        return last

    def _hoist(self, attempt: cst.Try, carried: list[str]) -> bool:
        """Move the `try` line up to the first statement; the rest of it stays where it is. False where it cannot be."""
        before = self.found.statements[:-1]
        reads = () if self._is_left_bare(attempt) else before
        if reads and not bind_before(self.holding, attempt, self._tried(), self.first, reads):
            return False
        header = self.code.first_row(attempt)
        above = self.code.last_row(before[-1]) + 1
        is_air = not any(row.strip() for row in self.code.rows[above - 1 : header - 1])
        self.draft.delete(above if is_air else header, header)
        self.draft.indent(self.first, header - 1, self.unit)
        self.draft.insert(self.first, [f"{self.indent}{self.code.rows[header - 1].strip()}"], ahead=True)
        if reads:
            bind_before(self.holding, attempt, self.removal, self.first, reads)
        self._absorb(attempt, carried, is_sound=True)
        return True

    def _tried(self) -> Removal:
        """The same removal in a draft that nobody will see."""
        return Removal(self.code, self.code.draft(), self.removal.statements)

    def _stands_behind_another(self, attempt: cst.Try) -> bool:
        """Whether the `finally` of a `try` does more that can raise: a `try` around it reads better than one in it."""
        if attempt.finalbody is None or self.found.guarded:
            return False
        return not all(self._cannot_raise(s) for s in self.removal.remains(attempt.finalbody.body))

    def _absorb(self, attempt: cst.Try, carried: list[str], is_sound: bool = False) -> None:
        """The existing `try` gets the release in its `finally`. `is_sound`: what that reads is bound in any case."""
        self._take_out(carried, attempt)
        self._drop_bare_handlers(attempt)
        if not is_sound:
            row = self.code.first_row(attempt)
            is_sound = not self.holding.unbound or bind_before(self.holding, attempt, self.removal, row)
        if attempt.finalbody is None:
            lines = [f"{self.indent}finally:", *self._closing(self.indent + self.unit, carried)]
            self.draft.insert(self.last + 1, lines)
            return
        body = attempt.finalbody.body
        left = [s for s in self.removal.remains(body) if not self._is_pass(s)]
        inner = self.code.indent_of(body.body[0])
        for statement in (s for s in body.body if self._is_pass(s)):
            self.draft.delete(self.code.first_row(statement), self.code.first_row(statement))
        if not left:
            self.draft.insert(self.code.first_row(body.body[0]), self._closing(inner, carried))
            return
        last = max(self.code.last_row(s) for s in left)
        if is_sound and all(self._cannot_raise(s) for s in left):
            self.draft.insert(last + 1, self._closing(inner, carried))
            return
        first = self.code.first_row(left[0])
        self.draft.indent(first, last, self.unit)
        self.draft.insert(first, [f"{inner}try:"], ahead=True)
        self.draft.insert(last + 1, [f"{inner}finally:", *self._closing(inner + self.unit, carried)])

    def _is_pass(self, statement: cst.CSTNode) -> bool:
        """Whether a statement is a bare `pass`, which a release beside it makes pointless."""
        is_pass = isinstance(statement, cst.SimpleStatementLine) and isinstance(statement.body[0], cst.Pass)
        return is_pass and "#" not in self.code.rows[self.code.first_row(statement) - 1]

    def _cannot_raise(self, statement: cst.CSTNode) -> bool:
        """Whether a statement of a `finally` only closes cursors or logs, guarded or not."""
        stay = [n for n in all_below(statement) if not self._is_removed(n)]
        return all(self._is_harmless(n) for n in stay if isinstance(n, cst.Call)) and not any(
            isinstance(n, (cst.Await, cst.Subscript)) for n in stay
        )

    def _is_removed(self, node: cst.CSTNode) -> bool:
        return any(id(outer) in self.removal.gone for outer in (node, *self.code.ancestors(node)))

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
            gone = handlers.pop()
            self.draft.delete(self.code.span(gone).start.row, self.code.last_row(gone.body.body[-1]))

    def _only_raises(self, handler: cst.ExceptHandler) -> bool:
        body = handler.body
        if not isinstance(body, cst.IndentedBlock) or not any(id(s) in self.removal.gone for s in body.body):
            return False
        left = self.removal.remains(body)
        rows = range(self.code.span(handler).start.row, self.code.last_row(body.body[-1]) + 1)
        if any("#" in self.code.rows[r - 1] for r in rows) or len(left) != 1:
            return False
        match left[0]:
            case cst.SimpleStatementLine(body=[cst.Raise(exc=None)]):
                return True
        return False
