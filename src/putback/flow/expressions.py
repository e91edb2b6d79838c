"""Lowering of expressions: every call, await, yield and subscript becomes an operation in evaluation order."""

from __future__ import annotations

from collections.abc import Sequence

import libcst as cst

from putback.flow import ir
from putback.flow.builder import Builder
from putback.flow.names import (
    DEEPEST,
    UNKNOWN,
    Awaited,
    Choice,
    Element,
    Expr,
    Invoke,
    Literal,
    Member,
    Name,
    dotted,
    shortcut,
)
from putback.flow.params import parameters

_CONSTANT_NAMES = {"None": ir.NONE, "True": ir.TRUE, "False": ir.FALSE}
_CONSTANT_VALUES = {"None": None, "True": True, "False": False}


class ExpressionLowering(Builder):
    """Expressions. Statements and functions are lowered by subclasses."""

    def __init__(self, qualname: str) -> None:
        super().__init__()
        self.qualname = qualname
        self.nodes: list[cst.CSTNode] = []
        self.assigned: set[str] = set()
        self.globals: set[str] = set()
        self.is_generator = False
        self._index: dict[int, int] = {}
        self._exprs: dict[int, Expr] = {}
        self._depth = 0

    # -- positions and symbolic values

    def at(self, node: cst.CSTNode) -> int:
        """The index under which the node's position can be asked for later."""
        index = self._index.get(id(node))
        if index is None:
            index = self._index[id(node)] = len(self.nodes)
            self.nodes.append(node)
        return index

    def expr(self, node: cst.CSTNode) -> Expr:
        """The symbolic value of an expression node."""
        known = self._exprs.get(id(node))
        if known is None:
            self._depth += 1
            known = self._exprs[id(node)] = self._symbolic(node) if self._depth <= DEEPEST else UNKNOWN
            self._depth -= 1
        return known

    def _symbolic(self, node: cst.CSTNode) -> Expr:
        match node:
            case cst.Name():
                if node.value in _CONSTANT_VALUES:
                    return Literal(_CONSTANT_VALUES[node.value])
                return Name(node.value)
            case cst.Attribute():
                return Member(self.expr(node.value), node.attr.value)
            case cst.Call():
                args = tuple(self.expr(a.value) for a in node.args if not a.keyword and a.star == "")
                keywords = tuple(
                    (a.keyword.value if a.keyword else "", self.expr(a.value))
                    for a in node.args
                    if a.keyword or a.star == "**"
                )
                return Invoke(self.expr(node.func), args, keywords)
            case cst.Await():
                return Awaited(self.expr(node.expression))
            case cst.SimpleString():
                value = node.evaluated_value
                return Literal(value) if isinstance(value, str) and len(value) < 200 else UNKNOWN
            case cst.Integer() | cst.Float():
                return Literal(node.evaluated_value)
            case cst.Subscript():
                return Element(self.expr(node.value), self._constant_index(node))
            case cst.BooleanOperation():
                return Choice((self.expr(node.left), self.expr(node.right)))
            case cst.IfExp():
                return Choice((self.expr(node.body), self.expr(node.orelse)))
            case cst.NamedExpr():
                return self.expr(node.value)
            case cst.Lambda():
                return shortcut(self.expr(node.body), {p.name for p in parameters(node.params)})
            case _:
                return UNKNOWN

    def _constant_index(self, node: cst.Subscript) -> int | str | None:
        if len(node.slice) == 1 and isinstance(node.slice[0].slice, cst.Index):
            value = self.expr(node.slice[0].slice.value)
            if isinstance(value, Literal) and isinstance(value.value, (int, str)):
                return value.value
        return None

    # -- values

    def value(self, node: cst.BaseExpression) -> ir.Val:
        """Emit the operations of an expression and return where its value is."""
        match node:
            case cst.Name():
                return _CONSTANT_NAMES.get(node.value, node.value)
            case cst.Attribute():
                return self._attribute(node)
            case cst.Call():
                return self.call(node)
            case cst.SimpleString() | cst.Integer() | cst.Float() | cst.Imaginary() | cst.Ellipsis():
                return ir.CONSTANT
            case cst.Await():
                return self._await(node)
            case cst.Subscript():
                return self._subscript(node)
            case cst.BooleanOperation() | cst.IfExp():
                return self._choice(node)
            case cst.UnaryOperation() if isinstance(node.operator, cst.Not):
                return self._choice(node)
            case cst.Comparison():
                return self._choice(node) if self._asks_none(node) else self._compute(node, self._operands(node))
            case cst.NamedExpr():
                return self._walrus(node)
            case cst.Tuple() | cst.List() | cst.Set() | cst.Dict():
                return self._build(node)
            case cst.Yield():
                return self._yield(node)
            case cst.Lambda():
                return self.closure(node, f"{self.qualname}.<lambda{self.at(node)}>")
            case cst.ListComp() | cst.SetComp() | cst.DictComp() | cst.GeneratorExp():
                return self._comprehension(node)
            case _:
                return self._compute(node, self._operands(node))

    def _compute(self, node: cst.CSTNode, operands: Sequence[ir.Val]) -> ir.Val:
        if not operands:
            return ir.CONSTANT
        target = self.temporary()
        self.emit(ir.Compute(self.at(node), target, tuple(operands)))
        return target

    def _operands(self, node: cst.CSTNode) -> list[ir.Val]:
        """The values of the expressions directly below an operator, a comparison or a formatted string."""
        match node:
            case cst.BinaryOperation():
                return [self.value(node.left), self.value(node.right)]
            case cst.Comparison():
                return [self.value(node.left), *(self.value(each.comparator) for each in node.comparisons)]
            case cst.SubscriptElement(slice=cst.Index(value=value)):
                return [self.value(value)]
        found: list[ir.Val] = []
        for child in node.children:
            if isinstance(child, cst.BaseExpression):
                found.append(self.value(child))
            elif child.children:
                found.extend(self._operands(child))
        return found

    def _attribute(self, node: cst.Attribute) -> ir.Val:
        return self._read_attribute(node, self.value(node.value), node.attr.value, self.expr(node))

    def _named_attribute(self, node: cst.Call) -> Member | None:
        """The attribute that `getattr(conn, "close", None)` asks for."""
        if not isinstance(node.func, cst.Name) or node.func.value != "getattr" or any(a.star for a in node.args[:1]):
            return None  # and an outer call of a long chain is not asked before the inner ones
        match self.expr(node):
            case Invoke(func=Name(id="getattr"), args=(base, Literal(value=str() as name), *_)):
                return Member(base, name)
        return None

    def _read_attribute(self, node: cst.CSTNode, base: ir.Val, name: str, asked: Expr) -> ir.Val:
        target = self.temporary()
        self.emit(ir.Attr(self.at(node), target, base, name, asked))
        return target

    def _subscript(self, node: cst.Subscript) -> ir.Val:
        base = self.value(node.value)
        for element in node.slice:
            self._operands(element)
        target = self.temporary()
        self.emit(ir.Item(self.at(node), target, base, self._constant_index(node)))
        return target

    def call(self, node: cst.Call, awaited: bool = False, discarded: bool = False) -> ir.Val:
        """Emit a call; `awaited` and `discarded` say what stands around it."""
        if (named := self._named_attribute(node)) is not None:
            base, *_ = [self.value(each.value) for each in node.args]
            return self._read_attribute(node, base, named.attr, named)
        func = node.func
        receiver: ir.Val = ""
        if isinstance(func, cst.Attribute):
            receiver = self.value(func.value)
            callee, name = self.temporary(), func.attr.value
            self.emit(ir.Attr(self.at(func), callee, receiver, name, self.expr(func)))
        else:
            callee, name = self.value(func), func.value if isinstance(func, cst.Name) else ""
        arguments = tuple(
            ir.Argument(self.value(a.value), a.keyword.value if a.keyword else "", a.star != "") for a in node.args
        )
        target = self.temporary()
        self.emit(
            ir.Call(
                self.at(node),
                target=target,
                callee=callee,
                receiver=receiver,
                name=name,
                arguments=arguments,
                expr=self._invoked(node),
                awaited=awaited,
                discarded=discarded,
            )
        )
        return target

    def _invoked(self, node: cst.Call) -> Invoke:
        """The symbolic value of a call; one of something unknown where it stands too deep in another."""
        found = self.expr(node)
        return found if isinstance(found, Invoke) else Invoke(UNKNOWN)

    def _await(self, node: cst.Await) -> ir.Val:
        inner = node.expression
        source = self.call(inner, awaited=True) if isinstance(inner, cst.Call) else self.value(inner)
        target = self.temporary()
        self.emit(ir.Await(self.at(node), target, source, isinstance(inner, cst.Call)))
        return target

    def _walrus(self, node: cst.NamedExpr) -> ir.Val:
        source = self.value(node.value)
        if isinstance(node.target, cst.Name):
            self.bind(node.target, source)
            return node.target.value
        return source

    def _build(self, node: cst.Tuple | cst.List | cst.Set | cst.Dict) -> ir.Val:
        elements: list[ir.Val] = []
        for element in node.elements:
            if isinstance(element, cst.DictElement):
                elements.append(self.value(element.key))
            elements.append(self.value(element.value))
        if not elements:
            return ir.CONSTANT
        target = self.temporary()
        self.emit(ir.Build(self.at(node), target, tuple(elements), isinstance(node, cst.Tuple)))
        return target

    def _yield(self, node: cst.Yield) -> ir.Val:
        self.is_generator = True
        delegate = isinstance(node.value, cst.From)
        inner = node.value.item if isinstance(node.value, cst.From) else node.value
        source = self.value(inner) if inner is not None else ir.NONE
        target = self.temporary()
        self.emit(ir.Yield(self.at(node), target, source, delegate))
        return target

    def _choice(self, node: cst.BaseExpression) -> ir.Val:
        """A value decided by branching, so that a flag remembers what it was computed from."""
        target = self.hidden("choice")
        done = self.new_block()
        at = self.at(node)
        match node:
            case cst.BooleanOperation():
                left = self.value(node.left)
                self.emit(ir.Assign(at, target, left))
                key = dotted(self.expr(node.left)) or ""
                more, stop = self.fork(ir.Test("truth", left if ir.is_local(left) else target, key=key))
                if isinstance(node.operator, cst.Or):
                    more, stop = stop, more
                self._go(stop, done)
                self.start(more)
                self.emit(ir.Assign(at, target, self.value(node.right)))
                self.jump(done)
            case cst.IfExp():
                then, orelse = self.new_block(), self.new_block()
                self.condition(node.test, then, orelse)
                for block, branch in ((then, node.body), (orelse, node.orelse)):
                    self.start(block)
                    self.emit(ir.Assign(at, target, self.value(branch)))
                    self.jump(done)
            case _:
                then, orelse = self.new_block(), self.new_block()
                self.condition(node, then, orelse)
                for block, constant in ((then, ir.TRUE), (orelse, ir.FALSE)):
                    self.start(block)
                    self.emit(ir.Assign(at, target, constant))
                    self.jump(done)
        self.start(done)
        return target

    def _go(self, block: int, target: int) -> None:
        self.start(block)
        self.jump(target)

    def _comprehension(self, node: cst.ListComp | cst.SetComp | cst.DictComp | cst.GeneratorExp) -> ir.Val:
        result = self.hidden("comp")
        at = self.at(node)
        self.emit(ir.Assign(at, result, ir.CONSTANT))
        done = self.new_block()
        self._comprehension_loop(node, node.for_in, result, done, "")
        self.start(done)
        return result

    def _comprehension_loop(
        self, node: cst.BaseComp, clause: cst.CompFor, result: ir.Val, done: int, first: ir.Val
    ) -> None:
        """One `for` of a comprehension; `first` is what its first one goes over, "" for that one."""
        source = self.hidden("for")
        first = first or source
        self.emit(ir.Assign(self.at(clause), source, self.value(clause.iter)))
        head = self.new_block()
        self.jump(head)
        self.start(head)
        item = self.temporary()
        self.emit(ir.Next(self.at(clause.iter), item, source, clause.asynchronous is not None))
        body, exhausted = self.fork(ir.Test("unknown"))
        self._go(exhausted, done)
        self.start(body)
        self.bind(clause.target, item)
        for condition in clause.ifs:
            kept = self.new_block()
            self.condition(condition.test, kept, head)
            self.start(kept)
        if clause.inner_for_in is not None:
            self._comprehension_loop(node, clause.inner_for_in, result, head, first)
            return
        parts = (node.key, node.value) if isinstance(node, cst.DictComp) else (node.elt,)  # type: ignore[attr-defined]
        elements = tuple(self.value(p) for p in parts)
        read, later = (first, _later(node)) if isinstance(node, cst.GeneratorExp) else ("", ())
        self.emit(ir.Build(self.at(node), result, elements, source=read, later=later))
        self.jump(head)

    def _asks_none(self, node: cst.Comparison) -> bool:
        return len(node.comparisons) == 1 and isinstance(
            node.comparisons[0].operator, (cst.Is, cst.IsNot, cst.Equal, cst.NotEqual, cst.In, cst.NotIn)
        )

    # -- provided by the subclasses

    def condition(self, node: cst.BaseExpression, then: int, orelse: int) -> None:
        """Branch on an expression; short-circuit operators become control flow."""
        raise NotImplementedError

    def bind(self, target: cst.CSTNode, source: ir.Val) -> None:
        """Assign `source` to an assignment target."""
        raise NotImplementedError

    def closure(self, node: cst.Lambda | cst.FunctionDef, qualname: str) -> ir.Val:
        """Lower a nested function or lambda on its own and return the value that stands for it."""
        raise NotImplementedError


def _later(node: cst.BaseComp) -> tuple[str, ...]:
    """The names that a generator expression reads when it is read itself: all but those in what it goes over first."""
    stack: list[cst.CSTNode] = [c for c in node.children if c is not node.for_in]
    stack += [c for c in node.for_in.children if c is not node.for_in.iter]
    found: set[str] = set()
    while stack:
        current = stack.pop()
        match current:
            case cst.Name(value=name):
                found.add(name)
            case cst.Attribute(value=value):
                stack.append(value)
            case _:
                stack.extend(current.children)
    return tuple(sorted(found))
