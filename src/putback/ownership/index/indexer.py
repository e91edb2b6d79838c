"""Text of a module -> ModuleInfo: one walk over the `ast`, no analysis."""

from __future__ import annotations

import ast
from bisect import bisect_left
from collections.abc import Sequence
from itertools import count
from typing import Any

from putback.flow.names import UNKNOWN, Element, Entered, Expr, Literal, Member, Unknown, chain, last_name, replaced
from putback.frameworks.idioms import idioms
from putback.ownership.index.annotations import Names, alias, annotation, type_parameters
from putback.ownership.index.astnames import default_value, to_expr
from putback.ownership.index.module import ClassInfo, FunctionInfo, Import, ModuleInfo, ParamInfo, Reference
from putback.ownership.index.trees import parse_ast, push_children
from putback.ownership.index.vocabulary import Receivers
from putback.ownership.index.watched import watched_rows

_END = 1 << 30
_TYPE_ALIAS: Any = getattr(ast, "TypeAlias", None)
"""A `type` statement, where the running Python knows it."""
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


def index_module(path: str, text: str, receivers: Receivers) -> ModuleInfo:
    """Collect imports, definitions and bindings. `receivers`: calls whose function arguments matter.

    Raises SourceError when the running Python cannot parse the text.
    """
    info = ModuleInfo(path)
    Indexer(info, receivers, watched_rows(text, receivers)).block(parse_ast(text).body, None, None)
    return info


class Indexer:
    """Walks statements; `function` and `cls` are the innermost enclosing definitions."""

    def __init__(self, info: ModuleInfo, receivers: Receivers, watched: Sequence[int]) -> None:
        self.info = info
        self.receivers = receivers
        self.watched = watched
        self.branches = 0
        self.types: Names = {}
        self.itself: list[str] = []

    def block(self, body: list[ast.stmt], function: FunctionInfo | None, cls: ClassInfo | None) -> None:
        for statement in body:
            self.statement(statement, function, cls)

    def statement(self, node: ast.stmt, function: FunctionInfo | None, cls: ClassInfo | None) -> None:
        if type(node) is ast.Expr:
            self._note_call(node.value, function)
            self._expressions(node, function, cls)
            return
        if type(node) is _TYPE_ALIAS:
            self._assign(node.name, alias(node.value, self.types, is_said=True) or UNKNOWN, function, cls)  # type: ignore[attr-defined]
            return
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                self._function(node, function, cls)
                return
            case ast.ClassDef():
                self._class(node, function, cls)
                return
            case ast.Import() | ast.ImportFrom():
                self._import(node, function)
                return
            case ast.Assign():
                for target in node.targets:
                    self._assign(target, alias(node.value, self.types) or to_expr(node.value), function, cls)
            case ast.AnnAssign():
                is_alias = last_name(to_expr(node.annotation)) in idioms().annotations.announcing
                said = annotation(node.annotation, self.types)
                value = alias(node.value, self.types, is_alias) or to_expr(node.value)
                self._assign(node.target, said if isinstance(value, Unknown) else value, function, cls)
                if not (is_alias or isinstance(value, Unknown)):
                    self._assign(node.target, said, function, cls)
            case ast.Global() | ast.Nonlocal():
                if function is not None:
                    function.globals.update(node.names)
                return
            case ast.Return():
                if function is not None and node.value is not None:
                    function.returns.append(to_expr(node.value))
            case ast.For() | ast.AsyncFor():
                self._assign(node.target, Element(to_expr(node.iter)), function, cls)
            case ast.With() | ast.AsyncWith():
                for item in node.items:
                    if item.optional_vars is not None:
                        self._assign(item.optional_vars, Entered(to_expr(item.context_expr)), function, cls)
        self._parts(node, function, cls)

    def _note_call(self, node: ast.expr, function: FunctionInfo | None) -> None:
        """Keep a call that stands alone and passes more than constants."""
        call = node.value if isinstance(node, ast.Await) else node
        if isinstance(call, ast.Call) and _passes(call):
            self.info.calls.append((function.key if function is not None else "", to_expr(call)))

    def _parts(self, node: ast.AST, function: FunctionInfo | None, cls: ClassInfo | None) -> None:
        """Descend into the blocks of a statement, the last first, then into its own expressions.

        Of two imports of one name the one that stands first counts: the `try` before its `except ImportError`, which is
        what counts where the first is of a library that nobody knows.
        """
        self.branches += 1
        for field in _BLOCKS.get(type(node), ()):
            for part in reversed(getattr(node, field)):
                if isinstance(part, ast.stmt):
                    self.statement(part, function, cls)
                else:
                    self._parts(part, function, cls)
        self.branches -= 1
        self._expressions(node, function, cls)

    def _expressions(self, node: ast.AST, function: FunctionInfo | None, cls: ClassInfo | None) -> None:
        """Look for yields, walrus and function-taking calls, if a row of the node can have one."""
        if self._is_quiet(_first_row(node), getattr(node, "end_lineno", _END)) or self._is_quiet(*_own_rows(node)):
            return
        stack: list[ast.AST] = []
        blocks = _BLOCKS.get(type(node), ())
        push_children(stack, node, tuple(f for f in node._fields if f not in blocks))
        while stack:
            child = stack.pop()
            kind = type(child)
            if kind is ast.Call:
                self._call(child, function)  # type: ignore[arg-type]
            elif kind is ast.NamedExpr:
                self._assign(child.target, to_expr(child.value), function, cls)  # type: ignore[attr-defined]
            elif kind in (ast.Yield, ast.YieldFrom) and function is not None:
                function.is_generator = True
                value = to_expr(child.value)  # type: ignore[attr-defined]
                function.yields.append(Element(value) if kind is ast.YieldFrom else value)
            push_children(stack, child)

    def _is_quiet(self, first: int, last: int) -> bool:
        """Whether there is nothing to look for in some rows."""
        at = bisect_left(self.watched, first)
        return at == len(self.watched) or self.watched[at] > last

    def _call(self, node: ast.Call, function: FunctionInfo | None) -> None:
        func = node.func
        name = func.attr if type(func) is ast.Attribute else func.id if type(func) is ast.Name else ""
        if any(_can_be_function(node, *place) for place in self.receivers.get(name, ())):
            self.info.references.append(Reference(to_expr(node), function.key if function else "", node.lineno))

    def _import(self, node: ast.Import | ast.ImportFrom, function: FunctionInfo | None) -> None:
        table = function.imports if function is not None else self.info.imports
        if isinstance(node, ast.Import):
            for alias in node.names:
                top = alias.name.partition(".")[0]
                self._bind_import(table, alias.asname or top, Import(alias.name if alias.asname else top))
            return
        for alias in node.names:
            found = Import(node.module or "", alias.name, node.level)
            if alias.name == "*":
                self.info.star_imports.append(found)
            else:
                self._bind_import(table, alias.asname or alias.name, found)

    def _bind_import(self, table: dict[str, Import], name: str, found: Import) -> None:
        if self.branches and name in table and table is self.info.imports:
            self.info.fallbacks[name] = table[name]
        table[name] = found
        if f"{found.module}.{found.name}" in idioms().annotations.itself:
            self.itself.append(name)

    def _assign(self, target: ast.expr, value: Expr, function: FunctionInfo | None, cls: ClassInfo | None) -> None:
        match target:
            case ast.Name():
                self._assign_name(target.id, value, function, cls)
            case ast.Tuple() | ast.List():
                for position, element in enumerate(target.elts):
                    self._assign(element, Element(value, position), function, cls)
            case ast.Starred():
                self._assign(target.value, UNKNOWN, function, cls)
            case ast.Attribute(value=ast.Name(id=name)) if (owner := self._owner(function, name)) is not None:
                scope = function.key if function is not None else ""
                owner.attributes.setdefault(target.attr, []).append((scope, value))
            case ast.Attribute(value=ast.Name(id=name)) if name in self.info.classes:
                scope = function.key if function is not None else ""
                self.info.classes[name].attributes.setdefault(target.attr, []).append((scope, value))
            case ast.Attribute():
                self._store(target.attr, target.value, value, function)
            case ast.Subscript(slice=ast.Constant(value=str(key))):
                self._store(f"[{key}]", target.value, value, function)
            case ast.Subscript():
                self._store("[]", target.value, value, function)

    def _store(self, name: str, base: ast.expr, value: Expr, function: FunctionInfo | None) -> None:
        """Keep what is set on an object, unless it is a constant."""
        if not isinstance(value, (Literal, Unknown)):
            scope = function.key if function is not None else ""
            self.info.stores.append((scope, name, to_expr(base), value))

    def _assign_name(self, name: str, value: Expr, function: FunctionInfo | None, cls: ClassInfo | None) -> None:
        if function is not None and name not in function.globals:
            function.bindings[name] = (*function.bindings.get(name, ()), value)
        elif cls is not None and function is None:
            cls.attributes.setdefault(name, []).append(("", self._in_body(value, cls)))
        else:
            self.info.globals.setdefault(name, []).append((function.key if function else "", value))

    def _in_body(self, value: Expr, cls: ClassInfo) -> Expr:
        """A value in the body of a class, which names what stands above it there: that is an attribute elsewhere."""
        above = cls.attributes if cls.key.partition(".")[0] in self.info.classes else {}
        return replaced(value, {name: Member(chain(cls.key), name) for name in above}) if above else value

    def _owner(self, function: FunctionInfo | None, name: str) -> ClassInfo | None:
        """The class whose object, or itself, a method or a function in one knows by this name."""
        while function is not None:
            if function.owner:
                return self.info.classes.get(function.owner) if function.own == name else None
            if any(param.name == name for param in function.params):
                return None
            function = self.info.functions.get(function.outer)
        return None

    def _function(
        self, node: ast.FunctionDef | ast.AsyncFunctionDef, outer: FunctionInfo | None, cls: ClassInfo | None
    ) -> None:
        key = f"{_prefix(outer, cls)}{node.name}"
        if key in self.info.functions:
            key = next(k for n in count(2) if (k := f"{key}@{n}") not in self.info.functions)
        outside = self.types
        self.types = {**outside, **dict(type_parameters(node, outside))}
        info = FunctionInfo(
            key=key,
            row=_first_row(node),
            end_row=node.end_lineno or node.lineno,
            def_row=node.lineno,
            column=node.col_offset,
            params=_params(node.args, self.types),
            decorators=tuple(to_expr(d) for d in node.decorator_list),
            returns_annotation=annotation(node.returns, self.types),
            is_async=isinstance(node, ast.AsyncFunctionDef),
            owner=cls.key if cls is not None else "",
            outer=outer.key if outer is not None else "",
        )
        self.info.functions[key] = info
        if cls is not None:
            cls.methods[node.name] = key
            info.is_placeholder = all(_does_nothing(statement) for statement in node.body)
        self._expressions(node, info, None)
        self.block(node.body, info, None)
        self.types = outside

    def _class(self, node: ast.ClassDef, function: FunctionInfo | None, outer: ClassInfo | None) -> None:
        key = f"{_prefix(function, outer)}{node.name}"
        info = ClassInfo(
            key,
            _first_row(node),
            node.end_lineno or node.lineno,
            node.col_offset,
            tuple(to_expr(b) for b in node.bases),
            metaclass=next((to_expr(k.value) for k in node.keywords if k.arg == "metaclass"), UNKNOWN),
            decorators=tuple(to_expr(d) for d in node.decorator_list),
        )
        self.info.classes[key] = info
        self._expressions(node, function, None)
        outside = self.types
        self.types = {**outside, **dict.fromkeys(self.itself, chain(key)), **dict(type_parameters(node, outside))}
        for statement in node.body:
            if isinstance(statement, _FUNCTIONS):
                self._function(statement, function, info)
            else:
                self.statement(statement, None, info)
        self.types = outside


_BLOCKS: dict[type[ast.AST], tuple[str, ...]] = {
    ast.If: ("orelse", "body"),
    ast.For: ("orelse", "body"),
    ast.AsyncFor: ("orelse", "body"),
    ast.While: ("orelse", "body"),
    ast.With: ("body",),
    ast.AsyncWith: ("body",),
    ast.Try: ("finalbody", "orelse", "handlers", "body"),
    ast.TryStar: ("finalbody", "orelse", "handlers", "body"),
    ast.ExceptHandler: ("body",),
    ast.Match: ("cases",),
    ast.match_case: ("body",),
    ast.FunctionDef: ("body",),
    ast.AsyncFunctionDef: ("body",),
    ast.ClassDef: ("body",),
}
"""The fields with statements below a node, or parts that have some, the last first."""


def _does_nothing(node: ast.stmt) -> bool:
    """Whether a statement says that there is nothing here: `...`, `pass`, a docstring, `raise NotImplementedError`."""
    return isinstance(node, (ast.Pass, ast.Raise)) or (
        isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    )


def _own_rows(node: Any) -> tuple[int, int]:
    """The first and the last row of a node, without the blocks below it; decorators count."""
    body = getattr(node, "body", None)
    if type(body) is not list or not body:
        return node.lineno, node.end_lineno
    return _first_row(node), _first_row(body[0])


def _first_row(node: Any) -> int:
    """The row where a statement or a case of a `match` begins, decorators included."""
    if type(node) is ast.match_case:
        node = node.pattern
    decorators = getattr(node, "decorator_list", None)
    row: int = node.lineno
    return min(row, decorators[0].lineno) if decorators else row


_GIVEN = (ast.Name, ast.Attribute, ast.Call, ast.Await, ast.Dict)


def _passes(call: ast.Call) -> bool:
    """Whether a call, or one in the chain in front of it, passes what can be an object that was made elsewhere."""
    node: ast.expr = call
    while isinstance(node, (ast.Call, ast.Attribute)):
        if isinstance(node, ast.Attribute):
            node = node.value
            continue
        if any(isinstance(each, _GIVEN) for each in (*node.args, *(k.value for k in node.keywords))):
            return True
        node = node.func
    return False


def _can_be_function(call: ast.Call, index: int, keyword: str) -> bool:
    """Whether an argument is given, by position or keyword, and is no constant."""
    given = next((each.value for each in call.keywords if each.arg and keyword in (each.arg, "*")), None)
    if given is None and 0 <= index < len(call.args):
        return any(isinstance(each, ast.Starred) for each in call.args) or type(call.args[index]) is not ast.Constant
    return given is not None


def _prefix(function: FunctionInfo | None, cls: ClassInfo | None) -> str:
    if cls is not None:
        return f"{cls.key}."
    return f"{function.key}." if function is not None else ""


def _params(args: ast.arguments, types: Names) -> tuple[ParamInfo, ...]:
    plain = [*args.posonlyargs, *args.args]
    defaults: list[ast.expr | None] = [None] * (len(plain) - len(args.defaults)) + list(args.defaults)
    found = [_param(arg, "", default, types) for arg, default in zip(plain, defaults, strict=True)]
    if args.vararg is not None:
        found.append(ParamInfo(args.vararg.arg, "*"))
    for arg, default in zip(args.kwonlyargs, args.kw_defaults, strict=True):
        found.append(_param(arg, "kw", default, types))
    if args.kwarg is not None:
        found.append(ParamInfo(args.kwarg.arg, "**"))
    return tuple(found)


def _param(arg: ast.arg, kind: str, default: ast.expr | None, types: Names) -> ParamInfo:
    return ParamInfo(arg.arg, kind, annotation(arg.annotation, types), default_value(default), default is None)
