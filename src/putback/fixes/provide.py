"""Make a dependency yield what it returns: `return db` becomes `yield db` with the release behind it. Rule PB301.

The fix is safe although it changes what a call of the function gives, and its annotation: the rule makes sure that only
the framework calls it, and the framework hands the same session to the same routes. What changes is that the session
stays open until they have ended, and is closed then.
"""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from putback.fixes import region
from putback.fixes.annotations import annotate_generator
from putback.fixes.code import Block, Code, Place, children, dotted, statement
from putback.fixes.declined import Declined
from putback.fixes.draft import Draft
from putback.fixes.holding import Holding
from putback.fixes.imports import add_import
from putback.model.fix import Applicability, Fix


def provide(holding: Holding, returned: cst.CSTNode, with_releases: bool) -> Fix:
    """The fix that yields instead of `returned`, the `return` that hands the connection out. Raises Declined.

    `with_releases`: leaving a `with` on the connection gives it back.
    """
    if not isinstance(returned, cst.Return) or returned.value is None:
        raise Declined("what it returns is not clear")
    provision = _Provision(holding, returned, returned.value)
    provision.ensure_possible()
    provision.write(with_releases)
    return Fix(Applicability.SAFE, provision.message, provision.draft.edits())


class _Provision:
    """One `return` on its way to a `yield`."""

    def __init__(self, holding: Holding, returned: cst.Return, value: cst.BaseExpression) -> None:
        self.holding = holding
        self.code: Code = holding.code
        self.returned = returned
        self.value = value
        self.draft = Draft(self.code)
        self.place = self.code.place(returned)
        assert isinstance(self.code.function, cst.FunctionDef)
        self.function: cst.FunctionDef = self.code.function
        self.message = f"yield `{holding.name}`, and release it in the `finally`: {holding.release.statement}"

    # -- whether it can be done

    def ensure_possible(self) -> None:
        """Decline where a `yield` in the place of the `return` would do something else."""
        if any(_is_changing(d) for d in self.function.decorators):
            raise Declined("a decorator works with what it returns")
        if sum(1 for _ in _returns(self.function)) > 1:
            raise Declined("it returns in several places")
        statement: cst.CSTNode = self.place.statement
        if not isinstance(statement, cst.SimpleStatementLine) or len(statement.body) > 1:
            raise Declined("several statements share the line of the `return`")
        self._ensure_last()

    def _ensure_last(self) -> None:
        """Decline where something would run behind the `yield` that never ran before."""
        place = self.place
        while True:
            if place.index + 1 < len(place.statements):
                raise Declined("code follows the `return`")
            outer = self.code.owner(place.block)
            if outer is self.function:
                return
            if isinstance(outer, cst.Try) and outer.body is place.block:
                self._ensure_passes_on(outer)
            elif not isinstance(outer, cst.With):
                raise Declined("it returns in a branch")
            place = self.code.place(outer)

    def _ensure_passes_on(self, attempt: cst.Try) -> None:
        """Decline where the errors of a route, which arrive at the `yield`, would be caught on their way."""
        if attempt.orelse is not None:
            raise Declined("code follows the `return`")
        if not all(_raises_again(h) for h in attempt.handlers):
            raise Declined("an `except` around it would catch what a route raises")

    # -- what is written

    def write(self, with_releases: bool) -> None:
        """Fill the draft."""
        becomes_async = False
        if not self._is_entered():
            becomes_async = self.holding.release.statement.startswith("await ") and not self.code.is_async
            self._protect()
        elif with_releases:
            self.message = f"yield `{self.holding.name}`"
            self._yield()
        else:
            raise Declined("leaving its `with` does not give it back")
        annotate_generator(self.draft, self.function, self.code.is_async or becomes_async)
        if becomes_async:
            self._make_async()

    def _is_entered(self) -> bool:
        """Whether a `with` on the connection stands around the `return`."""
        items = (i for o in self.code.ancestors(self.returned) if isinstance(o, cst.With) for i in o.items)
        return any(
            self.code.is_inside(self.holding.acquire, i.item) or dotted(i.item) == self.holding.name for i in items
        )

    def _make_async(self) -> None:
        """A release that is awaited needs an `async def`; the framework takes that as well."""
        self.draft.change(self.function, lambda node: node.with_changes(asynchronous=cst.Asynchronous()))

    def _yield(self) -> None:
        self.draft.change(self.returned, lambda _: cst.Expr(cst.Yield(self.value)))

    def _protect(self) -> None:
        release = self.holding.release
        if not release.statement:
            raise Declined(release.reason or "how it is given back is not known")
        inner = self.value.expression if isinstance(self.value, cst.Await) else self.value
        if inner is self.holding.acquire:
            self._bind(release.statement)
        elif isinstance(inner, cst.Name) and inner.value == self.holding.name:
            self._protect_bound(release.statement)
        else:
            raise Declined("it returns something around it")
        for needed in release.needs:
            add_import(self.draft, self.code.rows, needed)

    def _bind(self, release: str) -> None:
        """`return Session()`: give it a name first."""
        if self.holding.closers:
            raise Declined("it is released by hand")
        target = cst.AssignTarget(cst.Name(self.holding.name))
        self.draft.change(self.returned, lambda _: cst.Assign([target], self.value))
        body = self.code.block([statement(f"yield {self.holding.name}")])
        self.draft.put_behind(self.place.statement, cst.Try(body, finalbody=self._finally(release)))

    def _protect_bound(self, release: str) -> None:
        """`db = Session()` ... `return db`: as far as no `finally` releases it yet, one is written."""
        acquired = self.code.place(self.holding.acquire)
        region.ensure_single_binding(self.holding, acquired.statement, ())
        self._yield()
        attempt = self._releasing_try()
        if attempt is not None:
            self._acquire_before(attempt, acquired)
        elif self.holding.closers:
            raise Declined("it is released by hand on another path")
        else:
            self._wrap(acquired, release)

    def _releasing_try(self) -> cst.Try | None:
        """The `try` around the `return` whose `finally` releases."""
        around = (o for o in self.code.ancestors(self.returned) if isinstance(o, cst.Try))
        return next((o for o in around if self._releases(o.finalbody)), None)

    def _releases(self, clause: cst.Finally | None) -> bool:
        return clause is not None and any(self.code.is_inside(c, clause) for c in self.holding.closers)

    def _acquire_before(self, attempt: cst.Try, acquired: Place) -> None:
        """Move the acquire in front of the `try`, where a failing one has nothing to release."""
        if not self.code.is_inside(acquired.statement, attempt) or self._is_bound_before(attempt):
            return
        if acquired.block is not attempt.body:
            raise Declined("it is acquired in a branch")
        self.draft.let_out(acquired.statements[: acquired.index + 1], attempt)

    def _is_bound_before(self, attempt: cst.Try) -> bool:
        return any(not self.code.is_inside(n, attempt) for n in region.bindings(self.code, self.holding.name))

    def _wrap(self, acquired: Place, release: str) -> None:
        """Put everything behind the acquire that can raise, and the `yield`, in a `try`."""
        block, first = acquired.block, acquired.index + 1
        if not any(self.code.is_inside(self.returned, s) for s in acquired.statements[first:]):
            raise Declined("it is acquired in a branch")
        rest = acquired.statements
        while region.keeps_safe(self.holding, rest[first]) and first + 1 < len(rest):
            first += 1
        if self._takes_finally(block, first):
            final = self._finally(release)
            self.draft.change(rest[first], lambda node: node.with_changes(finalbody=final))
        else:
            self.draft.enclose(rest[first:], lambda body: cst.Try(body, finalbody=self._finally(release)))

    @staticmethod
    def _takes_finally(block: Block, first: int) -> bool:
        """Whether all that is left of a block is one `try` without a `finally`."""
        only = block.body[first] if first + 1 == len(block.body) else None
        return isinstance(only, cst.Try) and only.finalbody is None

    def _finally(self, release: str) -> cst.Finally:
        return cst.Finally(self.code.block([statement(release)]))


def _returns(function: cst.FunctionDef) -> Iterator[cst.Return]:
    """Every `return` of a function, those of nested functions left out."""
    stack: list[cst.CSTNode] = [function.body]
    while stack:
        node = stack.pop()
        if isinstance(node, cst.Return):
            yield node
        elif not isinstance(node, (cst.FunctionDef, cst.Lambda, cst.ClassDef)):
            stack.extend(reversed(children(node)))


def _is_changing(decorator: cst.Decorator) -> bool:
    return dotted(decorator.decorator) not in ("staticmethod", "classmethod")


def _raises_again(handler: cst.ExceptHandler) -> bool:
    """Whether a handler ends with a bare `raise`."""
    body = handler.body.body
    match body[-1] if body else None:
        case cst.SimpleStatementLine(body=[*_, cst.Raise(exc=None)]):
            return True
    return False
