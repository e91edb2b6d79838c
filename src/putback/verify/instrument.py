"""Rewrites of the few constructs whose behaviour no object can override: `is None`, `in`, unpacking, `except T`,
`raise T`, `**kw`, `", ".join`, subscripts, loops; calls that play a role; and a mark before each statement.

The names put in are those of the methods of `runtime.Runtime`, as `__pb_<method>__`.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence

from putback.verify.reflection import reaches
from putback.verify.roles import Acquire, Does, Own, Pass, Roles
from putback.verify.standin import is_dunder
from putback.verify.syntax import class_names, is_kept, is_suppressing, last_name, outer_names, text_of
from putback.verify.texts import MAKING

PREFIX = "__pb_"
CUT = "__pb_Cut__"
_OF_VALUES = {
    "get", "pop", "startswith", "endswith", "split", "find", "fromhex", "from_bytes", "fromkeys", *MAKING,
}  # fmt: skip
"""Methods of Python's own dictionaries, texts and types that may be given a stand-in."""
_ACQUIRES = "acquires"
_BODIES = ("body", "orelse", "finalbody")
_GIVING = (Does.RELEASES, Does.CLOSES)


def _load(name: str) -> ast.expr:
    return ast.Name(name, ast.Load())


def helper(method: str, *arguments: ast.expr) -> ast.Call:
    """A call of a method of the runtime."""
    return ast.Call(_load(f"{PREFIX}{method}__"), list(arguments), [])


def own_name(number: int) -> str:
    """The name of a function that is taken along."""
    return f"{PREFIX}own_{number}__"


def _constant(value: object) -> ast.expr:
    return ast.Constant(value)  # type: ignore[arg-type]


def _shape(target: ast.expr) -> ast.expr:
    """What an assignment target takes apart: nested tuples of None, "*" for a starred name."""
    if isinstance(target, (ast.Tuple, ast.List)):
        return ast.Tuple([_shape(t) for t in target.elts], ast.Load())
    return _constant("*" if isinstance(target, ast.Starred) else None)


def _may_end(statement: ast.stmt) -> bool:
    """Whether it is a `while` on a condition: what comes behind its end is only seen if some run gets there."""
    if not isinstance(statement, ast.While):
        return False
    return not (isinstance(statement.test, ast.Constant) and statement.test.value)


class Instrumenter(ast.NodeTransformer):
    """Rewrites one function.

    `rows` are the rows of the marked statements, `loops` the first and last of them in each loop's body, `handled` the
    classes named by handlers, `bound` the names that an acquire is bound to.
    """

    def __init__(self, roles: Roles, first_row: int, calls: Mapping[str, Own]) -> None:
        self.rows: dict[int, int] = {}
        self.handled: list[str] = []
        self.loops: dict[int, tuple[int, int]] = {}
        self.bound: set[str] = set()
        self._acquires = _by_last_name(roles.acquires)
        self._passes = _by_last_name(roles.passes)
        self._passing = roles.passes
        self._releasing = {"close", *(m for p in roles.profiles.values() for m in p.given_back_by)}
        self._outer: frozenset[str] = frozenset()
        self._uses = {use.callee: number for number, use in enumerate(roles.uses)}
        self._offset = first_row - 1
        self._calls = calls
        self._sites: dict[ast.stmt, int] = {}
        self._depth = 0
        self._handlers: list[int] = []
        self._asserted = 0

    def taken(self, node: ast.stmt, number: int, first_row: int, calls: Mapping[str, Own]) -> ast.stmt:
        """A function that is taken along, under the name by which it is called."""
        around = self._offset, self._calls
        self._offset, self._calls = first_row - 1, calls
        changed: ast.stmt = self.visit(node)
        self._offset, self._calls = around
        if isinstance(changed, (ast.FunctionDef, ast.AsyncFunctionDef)):
            changed.name = own_name(number)
        return changed

    # -- statements

    def _statements(self, statements: Sequence[ast.stmt]) -> list[ast.stmt]:
        done: list[ast.stmt] = []
        for statement in statements:
            if isinstance(statement, (ast.Global, ast.Nonlocal)):
                done.append(statement)
                continue
            mark, may_end = self._mark(statement.lineno), _may_end(statement)
            changed = self.visit(statement)
            done.append(mark)
            if isinstance(statement, (ast.While, ast.For, ast.AsyncFor)):
                done.append(ast.Expr(helper("enter", _constant(self._sites[statement]))))
            done.append(changed)
            done += self._rebound(statement)
            if statement is statements[-1] and may_end:
                done.append(self._mark(statement.end_lineno or statement.lineno))
        return done

    def _rebound(self, statement: ast.stmt) -> Iterator[ast.stmt]:
        """Calls that note what a statement has stored in names from around the function."""
        if not self._outer or not isinstance(statement, (ast.Assign, ast.AugAssign, ast.AnnAssign, ast.Delete)):
            return
        for node in ast.walk(statement):
            if isinstance(node, ast.Name) and node.id in self._outer and not isinstance(node.ctx, ast.Load):
                value = [] if isinstance(node.ctx, ast.Del) else [_load(node.id)]
                yield ast.Expr(helper("rebound", _constant(node.id), *value))

    def _mark(self, row: int) -> ast.stmt:
        """A call that notes that this place is reached."""
        number = len(self.rows) + 1
        self.rows[number] = row + self._offset
        return ast.Expr(helper("at", _constant(number)))

    def _visit_bodies(self, node: ast.AST) -> None:
        for name in _BODIES:
            body = getattr(node, name, None)
            if body and isinstance(body, list):
                setattr(node, name, self._statements(body))

    def _function(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> ast.AST:
        """Annotations go, and the decorators and defaults of the outermost function."""
        outermost = self._depth == 0
        decorators = [] if outermost else self._decorators(node)
        node.decorator_list = []
        node.returns = None
        arguments = node.args
        for argument in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs):
            argument.annotation = None
        for collecting in (arguments.vararg, arguments.kwarg):
            if collecting is not None:
                collecting.annotation = None
        if outermost:
            arguments.defaults = [_constant(None) for _ in arguments.defaults]
            arguments.kw_defaults = [d and _constant(None) for d in arguments.kw_defaults]
        else:
            arguments.defaults = [self.visit(d) for d in arguments.defaults]
            arguments.kw_defaults = [d and self.visit(d) for d in arguments.kw_defaults]
        self._depth += 1
        around, self._outer = self._outer, outer_names(node)
        node.body = self._statements(node.body)
        self._outer = around
        self._depth -= 1
        node.decorator_list = decorators
        return node

    def _decorators(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> list[ast.expr]:
        """Those of a function in the function, the last of which remembers its text."""
        releases = any(isinstance(n, ast.Call) and self._gives_back(n) for n in ast.walk(node))
        found = [
            self.visit(d) if is_kept(d) else helper("decorates", self.visit(d), _constant(releases))
            for d in node.decorator_list
        ]
        return [*found, helper("remembers", _constant(text_of(node)))]

    def _gives_back(self, node: ast.Call) -> bool:
        last = last_name(node.func)
        passing = self._role(self._passes, node)
        return last in self._releasing or (passing is not None and self._passing[passing].does in _GIVING)

    def visit_Assert(self, node: ast.Assert) -> ast.AST:
        """An assertion without words says which one it is: two that fail are not the same failure."""
        self._asserted += 1
        self.generic_visit(node)
        if node.msg is None:
            node.msg = _constant(f"assertion {self._asserted}")
        return node

    def visit_Lambda(self, node: ast.Lambda) -> ast.AST:
        """What a lambda is, its text says."""
        text = ast.unparse(node)
        self.generic_visit(node)
        return ast.Call(helper("remembers", _constant(text)), [node], [])

    visit_FunctionDef = _function
    visit_AsyncFunctionDef = _function

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.AST:
        """A class inside of the function keeps its methods; decorators and keywords go."""
        node.decorator_list = []
        node.keywords = []
        node.bases = [self.visit(b) for b in node.bases]
        self._visit_bodies(node)
        return node

    def visit_If(self, node: ast.If) -> ast.AST:
        """Only its bodies hold statements to mark."""
        node.test = self.visit(node.test)
        self._visit_bodies(node)
        return node

    def visit_While(self, node: ast.While) -> ast.AST:
        """A `while` loop asks the runtime how often it goes round."""
        site = self._loop(node)
        node.test = helper("again", self.visit(node.test), _constant(site))
        self._loop_body(node, site)
        return node

    def _loop(self, node: ast.While | ast.For | ast.AsyncFor) -> int:
        """The number of a new loop."""
        self._sites[node] = len(self._sites) + 1
        return self._sites[node]

    def _loop_body(self, node: ast.While | ast.For | ast.AsyncFor, site: int) -> None:
        first = len(self.rows) + 1
        node.body = self._statements(node.body)
        self.loops[site] = (first, len(self.rows))
        node.body.insert(0, ast.Expr(helper("round", _constant(site))))
        node.orelse = self._statements(node.orelse)

    def _for(self, node: ast.For | ast.AsyncFor, iterate: str) -> ast.AST:
        site = self._loop(node)
        node.iter = helper(iterate, self.visit(node.iter), _shape(node.target))
        node.target = self.visit(node.target)
        self._loop_body(node, site)
        return node

    def visit_For(self, node: ast.For) -> ast.AST:
        """Iteration goes through the runtime."""
        return self._for(node, "items")

    def visit_AsyncFor(self, node: ast.AsyncFor) -> ast.AST:
        """Iteration goes through the runtime."""
        return self._for(node, "aitems")

    def visit_comprehension(self, node: ast.comprehension) -> ast.AST:
        """So does that of a comprehension."""
        self.generic_visit(node)
        node.iter = helper("aitems" if node.is_async else "items", node.iter, _shape(node.target))
        return node

    def _with(self, node: ast.With | ast.AsyncWith) -> ast.AST:
        for item in node.items:
            if self._is_acquire(item.context_expr) and isinstance(item.optional_vars, ast.Name):
                self.bound.add(item.optional_vars.id)
            item.context_expr = self.visit(item.context_expr)
            if item.optional_vars is not None:
                item.optional_vars = self.visit(item.optional_vars)
        self._visit_bodies(node)
        return node

    visit_With = _with
    visit_AsyncWith = _with

    def visit_Match(self, node: ast.Match) -> ast.AST:
        """Patterns stay as they are: a stand-in matches a class pattern or a name only."""
        node.subject = self.visit(node.subject)
        for case in node.cases:
            case.guard = case.guard and self.visit(case.guard)
            case.body = self._statements(case.body)
        return node

    def _try(self, node: ast.Try | ast.TryStar) -> ast.AST:
        for clause in node.handlers:
            self.handled += class_names(clause.type)
            clause.type = helper("caught_class", self.visit(clause.type)) if clause.type else None
            row = clause.lineno + self._offset
            entered = helper("caught", _constant(row), *map(_constant, self._handlers))
            self._handlers.append(row)
            clause.body = [ast.Expr(entered), *self._statements(clause.body)]
            self._handlers.pop()
        self._visit_bodies(node)
        if node.handlers and isinstance(node, ast.Try):
            node.handlers.insert(0, ast.ExceptHandler(_load(CUT), None, [ast.Raise(None, None)]))
        return node

    visit_Try = _try
    visit_TryStar = _try

    def visit_Raise(self, node: ast.Raise) -> ast.AST:
        """What is raised may be a stand-in."""
        node.exc = node.exc and helper("raising", self.visit(node.exc))
        node.cause = node.cause and helper("raising", self.visit(node.cause))
        return node

    def visit_Assign(self, node: ast.Assign) -> ast.AST:
        """Unpacking asks for as many items as there are targets."""
        if self._is_acquire(node.value):
            self.bound |= {t.id for t in node.targets if isinstance(t, ast.Name)}
        self.generic_visit(node)
        for target in node.targets:
            if isinstance(target, (ast.Tuple, ast.List)):
                node.value = helper("unpack", node.value, _shape(target))
        return node

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST:
        """Annotations go."""
        if node.value is None:
            return ast.copy_location(ast.Pass(), node)
        return self.visit_Assign(ast.copy_location(ast.Assign([node.target], node.value), node))

    # -- expressions

    def visit_Attribute(self, node: ast.Attribute) -> ast.AST:
        """`x.__enter__` of a stand-in is a stand-in too; what leads out of the code is asked for first."""
        self.generic_visit(node)
        if isinstance(node.ctx, ast.Load) and (is_dunder(node.attr) or reaches(node.attr)):
            return helper("dunder", node.value, _constant(node.attr))
        return node

    def visit_Subscript(self, node: ast.Subscript) -> ast.AST:
        """A stand-in as key finds an item in a real container."""
        self.generic_visit(node)
        if isinstance(node.ctx, ast.Load) and not isinstance(node.slice, ast.Slice):
            return helper("item", node.value, node.slice)
        return node

    def visit_BinOp(self, node: ast.BinOp) -> ast.AST:
        """`%` makes texts, too."""
        self.generic_visit(node)
        return helper("percent", node.left, node.right) if isinstance(node.op, ast.Mod) else node

    def visit_Compare(self, node: ast.Compare) -> ast.AST:
        """`is` and `in` cannot be overridden."""
        self.generic_visit(node)
        if len(node.ops) != 1:
            return node
        operator = node.ops[0]
        if isinstance(operator, (ast.In, ast.NotIn)):
            asked = helper("contains", node.left, node.comparators[0])
        elif isinstance(operator, (ast.Is, ast.IsNot)):
            asked = helper("same", node.left, node.comparators[0])
        else:
            return node
        return ast.UnaryOp(ast.Not(), asked) if isinstance(operator, (ast.NotIn, ast.IsNot)) else asked

    def visit_Call(self, node: ast.Call) -> ast.AST:
        """Calls with a role go through the runtime; `**x` and `", ".join(x)` accept stand-ins."""
        text = ast.unparse(node.func) if self._calls else ""
        own = self._calls.get(text)
        role = self._played_by(node) if own is None else None
        self.generic_visit(node)
        for keyword in node.keywords:
            if keyword.arg is None:
                keyword.value = helper("keywords", keyword.value)
        if is_suppressing(node):
            node.args = [helper("caught_class", each) for each in node.args]
        if own is not None:
            receiver = [node.func.value] if own.is_bound and isinstance(node.func, ast.Attribute) else []
            called = [_constant(own.name), _load(own_name(own.number)), *receiver, *node.args]
            if own.hands_out:
                handed = _constant(own.hands_out), _constant(own.element)
                called[:0] = [*handed, _constant(text), _constant(node.lineno + self._offset)]
            return ast.Call(_load(f"{PREFIX}{'hands_out' if own.hands_out else 'own'}__"), called, node.keywords)
        if role is not None:
            method, number = role
            place = [_constant(node.lineno + self._offset)] if method == _ACQUIRES else []
            called = [_constant(number), *place, node.func, *node.args]
            return ast.Call(_load(f"{PREFIX}{method}__"), called, node.keywords)
        if not isinstance(node.func, ast.Attribute):
            return node
        if node.func.attr == "join" and len(node.args) == 1:
            return helper("join", node.func.value, node.args[0])
        if node.func.attr in _OF_VALUES:
            found = helper("method", node.func.value, _constant(node.func.attr), *node.args)
            found.keywords = node.keywords
            return found
        return node

    def visit_Dict(self, node: ast.Dict) -> ast.AST:
        """`{**x}` accepts stand-ins."""
        self.generic_visit(node)
        node.values = [v if k is not None else helper("merged", v) for k, v in zip(node.keys, node.values, strict=True)]
        return node

    def _played_by(self, node: ast.Call) -> tuple[str, int] | None:
        """The method of the runtime that makes this call, and the number of the role; None for a call without one."""
        acquire = self._role(self._acquires, node)
        if acquire is not None:
            return _ACQUIRES, acquire
        passing = self._role(self._passes, node)
        if passing is not None:
            return "passes", passing
        using = self._uses.get(ast.unparse(node.func)) if self._uses else None
        return ("uses", using) if using is not None else None

    def _is_acquire(self, node: ast.expr) -> bool:
        value = node.value if isinstance(node, ast.Await) else node
        if not isinstance(value, ast.Call):
            return False
        own = self._calls.get(ast.unparse(value.func)) if self._calls else None
        return bool(own.hands_out) if own is not None else self._role(self._acquires, value) is not None

    def _role(self, roles: _Named, node: ast.Call) -> int | None:
        """The number of the role that this call plays."""
        last = last_name(node.func)
        if last not in roles:
            return None
        text = ast.unparse(node.func)
        row = node.lineno + self._offset
        return next((n for n, r in roles[last] if r.callee == text and r.row in (0, row)), None)


_Named = dict[str, list[tuple[int, Acquire | Pass]]]


def _by_last_name(roles: Sequence[Acquire | Pass]) -> _Named:
    """The roles by the last name of what is called, "" where that is no name, as in `sessionmaker(bind)()`."""
    found: _Named = {}
    for number, role in enumerate(roles):
        last = role.callee.rpartition(".")[2]
        found.setdefault(last if last.isidentifier() else "", []).append((number, role))
    return found
