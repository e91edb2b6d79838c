"""Lowering of conditions: what a branch asks, as a test that two branches on the same thing share."""

from __future__ import annotations

import libcst as cst

from putback.flow import ir
from putback.flow.expressions import ExpressionLowering
from putback.flow.names import Literal, dotted
from putback.frameworks.idioms import idioms


class ConditionLowering(ExpressionLowering):
    """Conditions of `if`, `while`, `assert`, of `and` and `or`."""

    def condition(self, node: cst.BaseExpression, then: int, orelse: int) -> None:
        """Branch on an expression; short-circuit operators become control flow."""
        match node:
            case cst.BooleanOperation():
                middle = self.new_block()
                if isinstance(node.operator, cst.And):
                    self.condition(node.left, middle, orelse)
                else:
                    self.condition(node.left, then, middle)
                self.start(middle)
                self.condition(node.right, then, orelse)
            case cst.UnaryOperation() if isinstance(node.operator, cst.Not):
                self.condition(node.expression, orelse, then)
            case cst.Name() if node.value == "True":
                self.jump(then)
            case cst.Name() if node.value in ("False", "None"):
                self.jump(orelse)
            case cst.Integer():
                self.jump(then if node.evaluated_value else orelse)
            case cst.Comparison() if len(node.comparisons) == 1:
                self._comparison(node, then, orelse)
            case cst.Call(func=cst.Name(value="callable"), args=[cst.Arg(value=asked, keyword=None)]):
                self.condition(asked, then, orelse)
            case cst.Call(
                func=cst.Name(value="hasattr"),
                args=[cst.Arg(value=owner), cst.Arg(value=cst.SimpleString(evaluated_value=str() as attribute))],
            ):
                self.end(
                    ir.Branch(ir.Test("has", self.value(owner), attribute, dotted(self.expr(node)) or ""), then, orelse)
                )
            case cst.Call() if self._is_isinstance(node):
                subject = self.value(node.args[0].value)
                self.end(
                    ir.Branch(
                        ir.Test("isinstance", subject, key=dotted(self.expr(node.args[1].value)) or ""), then, orelse
                    )
                )
            case _:
                key = dotted(self.expr(node)) or ""
                self.end(ir.Branch(ir.Test("truth", self._asked(node), key=key), then, orelse))

    def _asked(self, node: cst.BaseExpression) -> ir.Val:
        """The value that a condition asks about."""
        value = self.value(node)
        if isinstance(node, cst.Name) and value == node.value:
            self.emit(ir.Read(self.at(node), value))
        return value

    def _comparison(self, node: cst.Comparison, then: int, orelse: int) -> None:
        part = node.comparisons[0]
        operator, right = part.operator, part.comparator
        if isinstance(operator, (cst.In, cst.NotIn)) and self._names_scope(node.left, right):
            assert isinstance(node.left, cst.SimpleString)
            test = ir.Test("bound", str(node.left.evaluated_value))
        else:
            left_value = self._asked(node.left)
            right_value = self.value(right)
            key = self._key(node.left, right)
            if right_value == ir.NONE:
                test = ir.Test("none", left_value, key=key)
            elif isinstance(operator, (cst.Equal, cst.NotEqual, cst.Is, cst.IsNot)):
                test = ir.Test("equal", left_value, right_value, f"{key}==" if key else "")
            else:
                test = ir.Test("unknown", key=f"{key} {type(operator).__name__}" if key else "")
        if isinstance(operator, (cst.IsNot, cst.NotEqual, cst.NotIn)):
            then, orelse = orelse, then
            if test.kind == "unknown" and test.key:
                test = ir.Test("unknown", key=test.key.removesuffix("NotIn") + "In")
        self.end(ir.Branch(test, then, orelse))

    def _key(self, left: cst.BaseExpression, right: cst.BaseExpression) -> str:
        names = [self._simple(left), self._simple(right)]
        return " ".join(n for n in names if n) if all(names) else ""

    def _simple(self, node: cst.BaseExpression) -> str:
        expr = self.expr(node)
        return repr(expr.value) if isinstance(expr, Literal) else dotted(expr) or ""

    @staticmethod
    def _names_scope(left: cst.BaseExpression, right: cst.BaseExpression) -> bool:
        return (
            isinstance(left, cst.SimpleString)
            and isinstance(right, cst.Call)
            and isinstance(right.func, cst.Name)
            and right.func.value in idioms().functions.naming
        )

    @staticmethod
    def _is_isinstance(node: cst.Call) -> bool:
        return isinstance(node.func, cst.Name) and node.func.value == "isinstance" and len(node.args) == 2
