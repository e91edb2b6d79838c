"""Lowering of statements: control flow with exception edges, one copy of each clean-up per kind of exit."""

from __future__ import annotations

from collections.abc import Sequence

import libcst as cst

from putback.flow import ir
from putback.flow.builder import Frame
from putback.flow.names import dotted
from putback.flow.protected import ProtectedLowering

_MOST_ROUNDS = 6


class StatementLowering(ProtectedLowering):
    """Statements of one function body."""

    def body(self, statements: Sequence[cst.CSTNode]) -> None:
        """Emit statements in order."""
        for statement in statements:
            self.statement(statement)

    def statement(self, node: cst.CSTNode) -> None:
        """Emit one statement, simple or compound."""
        match node:
            case cst.SimpleStatementLine() | cst.SimpleStatementSuite():
                for small in node.body:
                    self._small(small)
            case cst.IndentedBlock():
                self.body(node.body)
            case cst.If():
                self._if(node)
            case cst.For():
                self._for(node)
            case cst.While():
                self._while(node)
            case cst.Try() | cst.TryStar():
                self.try_(node)
            case cst.With():
                self.with_(node, 0)
            case cst.Match():
                self._match(node)
            case cst.FunctionDef():
                self._function(node)
            case cst.ClassDef():
                self._class(node)

    # -- simple statements

    def _small(self, node: cst.BaseSmallStatement) -> None:
        match node:
            case cst.Expr():
                self._expression_statement(node.value)
            case cst.Assign(targets=[cst.AssignTarget(target=cst.Tuple() as names)], value=cst.Tuple() as values) if (
                self._assign_each(names, values)
            ):
                pass
            case cst.Assign():
                source = self.value(node.value)
                if len(node.targets) > 1 and ir.is_temporary(source):
                    source = self._keep(node, source)
                for target in node.targets:
                    self.bind(target.target, source)
            case cst.AnnAssign() if node.value is not None:
                self.bind(node.target, self.value(node.value))
            case cst.AugAssign():
                self._augmented(node)
            case cst.Return():
                value = self.value(node.value) if node.value is not None else ir.NONE
                self.leave_function(self.at(node), value)
            case cst.Raise():
                self._raise(node)
            case cst.Assert():
                self._assert(node)
            case cst.Break():
                self.leave_loop(self.at(node), "break")
            case cst.Continue():
                self.leave_loop(self.at(node), "continue")
            case cst.Del():
                self._delete(node.target)
            case cst.Global() | cst.Nonlocal():
                self.globals.update(item.name.value for item in node.names)

    def _assign_each(self, targets: cst.Tuple, values: cst.Tuple) -> bool:
        """`a, b = f(), g()` as `a = f()`, then `b = g()`; that `a` is bound earlier so makes no difference here.

        False for everything else.
        """
        elements = (*targets.elements, *values.elements)
        is_made = all(isinstance(e.value, cst.Call | cst.Await) for e in values.elements)
        is_plain = all(isinstance(e, cst.Element) for e in elements)
        if not is_made or not is_plain or len(targets.elements) != len(values.elements):
            return False
        for target, value in zip(targets.elements, values.elements, strict=True):
            self.bind(target.value, self.value(value.value))
        return True

    def _keep(self, node: cst.CSTNode, source: ir.Val) -> ir.Val:
        kept = self.hidden("value")
        self.emit(ir.Assign(self.at(node), kept, source))
        return kept

    def _expression_statement(self, node: cst.BaseExpression) -> None:
        if isinstance(node, cst.Call):
            self.call(node, discarded=True)
        else:
            self.value(node)

    def _augmented(self, node: cst.AugAssign) -> None:
        operands = (self._read_again(node.target), self.value(node.value))
        target = self.temporary()
        self.emit(ir.Compute(self.at(node), target, operands))
        self.bind(node.target, target)

    def _read_again(self, node: cst.BaseExpression) -> ir.Val:
        """The old value of an augmented target: a counter's subscript is not worth an exception edge of its own."""
        if not isinstance(node, cst.Subscript):
            return self.value(node)
        return self._compute(node, (self.value(node.value),))

    def _raise(self, node: cst.Raise) -> None:
        type_, value = "", ""
        if node.exc is not None:
            raised = node.exc.func if isinstance(node.exc, cst.Call) else node.exc
            value = self.value(node.exc)
            if isinstance(node.exc, cst.Call) or not ir.is_local(value) or value not in self.assigned:
                type_ = dotted(self.expr(raised)) or "?"
        self.end(ir.Raise(self.at(node), type_, value))

    def _assert(self, node: cst.Assert) -> None:
        passed, failed = self.new_block(), self.new_block()
        self.condition(node.test, passed, failed)
        self.start(failed)
        self.end(ir.Raise(self.at(node), "AssertionError"))
        self.start(passed)

    def _delete(self, node: cst.BaseExpression) -> None:
        match node:
            case cst.Name():
                self.emit(ir.Delete(self.at(node), node.value))
            case cst.Tuple() | cst.List():
                for element in node.elements:
                    self._delete(element.value)
            case _:
                self.value(node)

    # -- targets

    def bind(self, target: cst.CSTNode, source: ir.Val) -> None:
        match target:
            case cst.Name():
                self._bind_name(target, source)
            case cst.Attribute():
                base = self.value(target.value)
                self.emit(ir.StoreAttr(self.at(target), base, target.attr.value, source))
            case cst.Subscript():
                base = self.value(target.value)
                for element in target.slice:
                    self._operands(element)
                self.emit(ir.StoreItem(self.at(target), base, source, self._constant_index(target)))
            case cst.Tuple() | cst.List():
                self._bind_many(target, source)
            case cst.StarredElement():
                self.bind(target.value, source)

    def _bind_name(self, target: cst.Name, source: ir.Val) -> None:
        if target.value in self.globals:
            self.emit(ir.StoreGlobal(self.at(target), target.value, source))
            return
        self.assigned.add(target.value)
        self.emit(ir.Assign(self.at(target), target.value, source))

    def _bind_many(self, target: cst.Tuple | cst.List, source: ir.Val) -> None:
        values = [self.temporary() for _ in target.elements]
        self.emit(ir.Unpack(self.at(target), tuple(values), source))
        for element, value in zip(target.elements, values, strict=True):
            self.bind(element.value, value)

    # -- branches and loops

    def _if(self, node: cst.If) -> None:
        then, orelse, done = self.new_block(), self.new_block(), self.new_block()
        self.condition(node.test, then, orelse)
        self.start(then)
        self.statement(node.body)
        self.jump(done)
        self.start(orelse)
        if isinstance(node.orelse, cst.If):
            self._if(node.orelse)
        elif node.orelse is not None:
            self.statement(node.orelse.body)
        self.jump(done)
        self.start(done)

    def _loop(self, node: cst.For | cst.While, head: int, done: int, exhausted: int) -> None:
        """The body, back to `head`, then the `else` part on the way from `exhausted` to `done`."""
        self.frames.append(Frame(loop=(done, head)))
        self.start_in_frame()
        self.statement(node.body)
        self.jump(head)
        self.frames.pop()
        self.start(exhausted)
        if node.orelse is not None:
            self.statement(node.orelse.body)
        self.jump(done)
        self.start(done)

    def _for(self, node: cst.For) -> None:
        rounds = _named_elements(node.iter)
        if rounds and node.asynchronous is None:
            self._unrolled(node, rounds)
            return
        source = self.hidden("for")
        self.emit(ir.Assign(self.at(node.iter), source, self.value(node.iter)))
        head, done = self.new_block(), self.new_block()
        self.jump(head)
        self.start(head)
        item = self.temporary()
        self.emit(ir.Next(self.at(node.iter), item, source, node.asynchronous is not None))
        inside, exhausted = self.fork(ir.Test("unknown"))
        self.start(inside)
        self.bind(node.target, item)
        self._loop(node, head, done, exhausted)

    def _unrolled(self, node: cst.For, rounds: Sequence[cst.Name]) -> None:
        """`for each in (a, b):` as what it does to `a`, then to `b`."""
        heads = [self.new_block() for _ in (*rounds, node)]
        done = self.new_block()
        self.jump(heads[0])
        for head, following, element in zip(heads, heads[1:], rounds, strict=False):
            self.start(head)
            self.bind(node.target, self.value(element))
            self.frames.append(Frame(loop=(done, following)))
            self.start_in_frame()
            self.statement(node.body)
            self.jump(following)
            self.frames.pop()
        self.start(heads[-1])
        if node.orelse is not None:
            self.statement(node.orelse.body)
        self.jump(done)
        self.start(done)

    def _while(self, node: cst.While) -> None:
        head, inside, exhausted, done = (self.new_block() for _ in range(4))
        self.jump(head)
        self.start(head)
        self.condition(node.test, inside, exhausted)
        self.start(inside)
        self._loop(node, head, done, exhausted)

    def _match(self, node: cst.Match) -> None:
        subject = self._keep(node, self.value(node.subject))
        done = self.new_block()
        for case in node.cases:
            if _takes_anything(case.pattern):
                following = self.new_block()
            else:
                taken, following = self.fork(ir.Test("unknown"))
                self.start(taken)
            self._capture(case.pattern, subject)
            if case.guard is not None:
                inside = self.new_block()
                self.condition(case.guard, inside, following)
                self.start(inside)
            self.statement(case.body)
            self.jump(done)
            self.start(following)
        self.jump(done)
        self.start(done)

    def _capture(self, pattern: cst.CSTNode, subject: ir.Val) -> None:
        """Bind the names of a pattern: the whole subject for a bare name, unknown parts otherwise."""
        if isinstance(pattern, cst.MatchAs):
            if pattern.name is not None:
                self._bind_name(pattern.name, subject)
            if pattern.pattern is not None:
                self._capture(pattern.pattern, subject)
            return
        for child in pattern.children:
            if isinstance(
                child,
                (
                    cst.MatchPattern,
                    cst.MatchSequenceElement,
                    cst.MatchMappingElement,
                    cst.MatchKeywordElement,
                    cst.MatchOrElement,
                ),
            ):
                self._capture(child, ir.CONSTANT)

    # -- definitions

    def _function(self, node: cst.FunctionDef) -> None:
        for decorator in node.decorators:
            self.value(decorator.decorator)
        for param in (*node.params.params, *node.params.kwonly_params):
            if param.default is not None:
                self.value(param.default)
        value = self.closure(node, f"{self.qualname}.{node.name.value}")
        if node.decorators:
            target = self.temporary()
            decorators = tuple(self.expr(d.decorator) for d in reversed(node.decorators))
            self.emit(ir.Decorate(self.at(node), target, value, decorators))
            value = target
        self._bind_name(node.name, value)

    def _class(self, node: cst.ClassDef) -> None:
        """A nested class: its methods are functions of their own, its body is not executed here."""
        methods = tuple(self._methods(node.body, f"{self.qualname}.{node.name.value}"))
        target = self.temporary()
        self.emit(ir.NestedClass(self.at(node), target, methods))
        self._bind_name(node.name, target)

    def _methods(self, block: cst.CSTNode, owner: str) -> list[ir.Val]:
        """The methods in a part of a class body, in its branches too; those of classes in it are lowered as well."""
        found: list[ir.Val] = []
        for member in block.children:
            match member:
                case cst.FunctionDef():
                    found.append(self.closure(member, f"{owner}.{member.name.value}"))
                case cst.ClassDef():
                    self._methods(member.body, f"{owner}.{member.name.value}")
                case cst.SimpleStatementLine() | cst.BaseExpression():
                    pass
                case _:
                    found += self._methods(member, owner)
        return found


def _takes_anything(pattern: cst.MatchPattern) -> bool:
    """Whether a pattern fits whatever it is held against: `_`, a bare name, or one of those behind a `|`."""
    match pattern:
        case cst.MatchAs(pattern=inner):
            return inner is None or _takes_anything(inner)
        case cst.MatchOr(patterns=[*_, last]):
            return _takes_anything(last.pattern)
    return False


def _named_elements(node: cst.BaseExpression) -> list[cst.Name]:
    """The elements of a short tuple or list that holds nothing but names."""
    elements = list(node.elements) if isinstance(node, cst.Tuple | cst.List) else []
    names = [e.value for e in elements if isinstance(e, cst.Element) and isinstance(e.value, cst.Name)]
    return names if len(names) == len(elements) <= _MOST_ROUNDS else []
