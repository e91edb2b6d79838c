"""Text of a module -> ModuleInfo: one walk over the `ast`, no analysis."""

from __future__ import annotations

import ast
import warnings
from collections.abc import Collection

from putback.flow.names import UNKNOWN, Element, Entered, Expr, Unknown
from putback.model.errors import SourceError
from putback.ownership.astnames import annotation, to_expr
from putback.ownership.module import ClassInfo, FunctionInfo, Import, ModuleInfo, ParamInfo, Reference
from putback.source.slices import Slice

_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


def parse_ast(text: str) -> ast.Module:
    """Parse with the running Python. Raises SourceError with the place when that cannot be done."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.parse(text)
    except SyntaxError as error:
        raise SourceError(error.msg, error.lineno or 1, error.offset or 1) from None
    except (ValueError, RecursionError, MemoryError) as error:
        raise SourceError(str(error) or "nested too deeply to parse") from None


def index_module(path: str, tree: ast.Module, receivers: Collection[str]) -> ModuleInfo:
    """Collect imports, definitions and bindings. `receivers`: last names of calls whose function arguments matter."""
    info = ModuleInfo(path)
    indexer = _Indexer(info, receivers)
    indexer.block(tree.body, None, None)
    return info


class _Indexer:
    """Walks statements; `function` and `cls` are the innermost enclosing definitions."""

    def __init__(self, info: ModuleInfo, receivers: Collection[str]) -> None:
        self.info = info
        self.receivers = receivers

    def block(self, body: list[ast.stmt], function: FunctionInfo | None, cls: ClassInfo | None) -> None:
        for statement in body:
            self.statement(statement, function, cls)

    def statement(self, node: ast.stmt, function: FunctionInfo | None, cls: ClassInfo | None) -> None:
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
                    self._assign(target, to_expr(node.value), function, cls)
            case ast.AnnAssign():
                value = to_expr(node.value) if node.value is not None else UNKNOWN
                self._assign(
                    node.target, annotation(node.annotation) if isinstance(value, Unknown) else value, function, cls
                )
                if node.value is not None and not isinstance(value, Unknown):
                    self._assign(node.target, annotation(node.annotation), function, cls)
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

    def _parts(self, node: ast.AST, function: FunctionInfo | None, cls: ClassInfo | None) -> None:
        """Descend: statements recursively, expressions for names, yields, walrus and function-taking calls."""
        mentions = function.mentions if function is not None else self.info.top_mentions
        stack: list[ast.AST] = []
        _push_children(stack, node)
        while stack:
            child = stack.pop()
            kind = type(child)
            if kind is ast.Name:
                mentions.add(child.id)  # type: ignore[attr-defined]
                continue
            if isinstance(child, ast.stmt):
                self.statement(child, function, cls)
                continue
            if kind is ast.Attribute:
                mentions.add(child.attr)  # type: ignore[attr-defined]
            elif kind is ast.Call:
                self._call(child, function)  # type: ignore[arg-type]
            elif kind is ast.NamedExpr:
                self._assign(child.target, to_expr(child.value), function, cls)  # type: ignore[attr-defined]
            elif kind in (ast.Yield, ast.YieldFrom) and function is not None:
                function.is_generator = True
                value = to_expr(child.value)  # type: ignore[attr-defined]
                function.yields.append(Element(value) if kind is ast.YieldFrom else value)
            _push_children(stack, child)

    def _call(self, node: ast.Call, function: FunctionInfo | None) -> None:
        func = node.func
        name = func.attr if type(func) is ast.Attribute else func.id if type(func) is ast.Name else ""
        if name in self.receivers and (node.args or node.keywords):
            self.info.references.append(Reference(to_expr(node), function.key if function else "", node.lineno))

    def _import(self, node: ast.Import | ast.ImportFrom, function: FunctionInfo | None) -> None:
        table = function.imports if function is not None else self.info.imports
        if isinstance(node, ast.Import):
            for alias in node.names:
                table[alias.asname or alias.name.partition(".")[0]] = Import(
                    alias.name if alias.asname else alias.name.partition(".")[0]
                )
            return
        for alias in node.names:
            found = Import(node.module or "", alias.name, node.level)
            if alias.name == "*":
                self.info.star_imports.append(found)
            else:
                table[alias.asname or alias.name] = found

    def _assign(self, target: ast.expr, value: Expr, function: FunctionInfo | None, cls: ClassInfo | None) -> None:
        match target:
            case ast.Name():
                self._assign_name(target.id, value, function, cls)
            case ast.Tuple() | ast.List():
                for position, element in enumerate(target.elts):
                    self._assign(element, Element(value, position), function, cls)
            case ast.Starred():
                self._assign(target.value, UNKNOWN, function, cls)
            case ast.Attribute(value=ast.Name(id=("self" | "cls"))):
                owner = self._owner(function)
                if owner is not None and function is not None:
                    owner.attributes.setdefault(target.attr, []).append((function.key, value))
            case ast.Attribute(value=ast.Name(id=name)) if name in self.info.classes:
                scope = function.key if function is not None else ""
                self.info.classes[name].attributes.setdefault(target.attr, []).append((scope, value))

    def _assign_name(self, name: str, value: Expr, function: FunctionInfo | None, cls: ClassInfo | None) -> None:
        if function is not None and name not in function.globals:
            function.bindings[name] = (*function.bindings.get(name, ()), value)
        elif cls is not None and function is None:
            cls.attributes.setdefault(name, []).append(("", value))
        else:
            self.info.globals.setdefault(name, []).append((function.key if function else "", value))

    def _owner(self, function: FunctionInfo | None) -> ClassInfo | None:
        while function is not None:
            if function.owner:
                return self.info.classes.get(function.owner)
            function = self.info.functions.get(function.outer)
        return None

    def _function(
        self, node: ast.FunctionDef | ast.AsyncFunctionDef, outer: FunctionInfo | None, cls: ClassInfo | None
    ) -> None:
        key = f"{_prefix(outer, cls)}{node.name}"
        if key in self.info.functions:
            key = f"{key}@{node.lineno}"
        row = min([node.lineno, *(d.lineno for d in node.decorator_list)])
        info = FunctionInfo(
            key,
            row,
            node.end_lineno or node.lineno,
            node.lineno,
            node.col_offset,
            _params(node.args),
            tuple(to_expr(d) for d in node.decorator_list),
            annotation(node.returns),
            isinstance(node, ast.AsyncFunctionDef),
            cls.key if cls is not None else "",
            outer.key if outer is not None else "",
        )
        self.info.functions[key] = info
        if cls is not None:
            cls.methods[node.name] = key
            info.is_placeholder = all(_does_nothing(statement) for statement in node.body)
        for part in (*node.decorator_list, node.args, *([node.returns] if node.returns else ())):
            self._parts(_Holder(part), info, None)
        self.block(node.body, info, None)
        if outer is not None:
            outer.mentions |= info.mentions

    def _class(self, node: ast.ClassDef, function: FunctionInfo | None, outer: ClassInfo | None) -> None:
        key = f"{_prefix(function, outer)}{node.name}"
        info = ClassInfo(key, node.lineno, tuple(to_expr(b) for b in node.bases))
        self.info.classes[key] = info
        for part in (*node.decorator_list, *node.bases):
            self._parts(_Holder(part), function, None)
        for statement in node.body:
            if isinstance(statement, _FUNCTIONS):
                self._method(statement, function, info)
            else:
                self.statement(statement, None, info)

    def _method(
        self, node: ast.FunctionDef | ast.AsyncFunctionDef, function: FunctionInfo | None, cls: ClassInfo
    ) -> None:
        self._function(node, function, cls)


def _does_nothing(node: ast.stmt) -> bool:
    """Whether a statement says that there is nothing here: `...`, `pass`, a docstring, `raise NotImplementedError`."""
    return isinstance(node, (ast.Pass, ast.Raise)) or (
        isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    )


class _Holder(ast.AST):
    """A stand-in parent, so that a lone expression is walked like a child."""

    _fields = ("part",)

    def __init__(self, part: ast.AST) -> None:
        super().__init__()
        self.part = part


def _prefix(function: FunctionInfo | None, cls: ClassInfo | None) -> str:
    if cls is not None:
        return f"{cls.key}."
    return f"{function.key}." if function is not None else ""


def _params(args: ast.arguments) -> tuple[ParamInfo, ...]:
    plain = [*args.posonlyargs, *args.args]
    defaults: list[ast.expr | None] = [None] * (len(plain) - len(args.defaults)) + list(args.defaults)
    found = [ParamInfo(a.arg, "", annotation(a.annotation), to_expr(d)) for a, d in zip(plain, defaults, strict=True)]
    if args.vararg is not None:
        found.append(ParamInfo(args.vararg.arg, "*"))
    for arg, default in zip(args.kwonlyargs, args.kw_defaults, strict=True):
        found.append(ParamInfo(arg.arg, "kw", annotation(arg.annotation), to_expr(default)))
    if args.kwarg is not None:
        found.append(ParamInfo(args.kwarg.arg, "**"))
    return tuple(found)


def calls_by_row(part: Slice) -> dict[int, set[Expr]]:
    """The calls of a slice by the row of the innermost `def` around them (0: none). Raises SourceError."""
    text, offset = part.text, part.offset
    if text[:1] in (" ", "\t"):
        text, offset = "class _:\n" + text, offset - 1
    found: dict[int, set[Expr]] = {}
    todo: list[tuple[ast.AST, int]] = [(parse_ast(text), 0)]
    children: list[ast.AST] = []
    while todo:
        node, row = todo.pop()
        if type(node) is ast.Call:
            found.setdefault(row, set()).add(to_expr(node))
        inner = node.lineno + offset if isinstance(node, _FUNCTIONS) else row
        children.clear()
        _push_children(children, node)
        todo += [(child, inner) for child in children]
    return found


_CHILD_FIELDS: dict[type, tuple[str, ...]] = {}
_LEAVES = {
    "ctx",
    "op",
    "ops",
    "kind",
    "type_comment",
    "type_ignores",
    "name",
    "names",
    "attr",
    "id",
    "arg",
    "level",
    "module",
}


def _push_children(stack: list[ast.AST], node: ast.AST) -> None:
    """Append the child nodes; the fields that can hold none are worked out once a node class."""
    kind = type(node)
    fields = _CHILD_FIELDS.get(kind)
    if fields is None:
        fields = _CHILD_FIELDS[kind] = tuple(f for f in kind._fields if f not in _LEAVES)
    for field in fields:
        value = getattr(node, field, None)
        if type(value) is list:
            stack += [v for v in value if isinstance(v, ast.AST)]
        elif isinstance(value, ast.AST):
            stack.append(value)


def index_by_statement(path: str, text: str, receivers: Collection[str]) -> ModuleInfo | None:
    """Index a module that only libcst can parse, leaving out the statements that the running Python cannot.

    None when libcst cannot parse it either.
    """
    from putback.flow.lower import parse

    try:
        tree = parse(text)
    except SourceError:
        return None
    info = ModuleInfo(path, incomplete=True)
    indexer = _Indexer(info, receivers)
    row = 1 + sum(1 for _ in tree.header)
    for statement in tree.body:
        code = tree.code_for_node(statement)
        try:
            part = parse_ast(code)
        except SourceError:
            part = ast.Module([], [])
        ast.increment_lineno(part, row - 1)
        indexer.block(part.body, None, None)
        row += code.count("\n")
    return info
