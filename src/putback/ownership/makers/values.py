"""What an expression is worth when the program runs, as far as the project says: how pools are set up.

Literals and names for them, environment variables with their defaults, settings classes, dictionaries of options, texts
put together from parts. Nothing runs; what cannot be seen is `UNSEEN`.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from putback.frameworks.idioms import idioms
from putback.model.errors import SourceError
from putback.ownership.analysis.analyzer import Analyzer
from putback.ownership.analysis.context import name_of
from putback.ownership.index.astnames import to_expr
from putback.ownership.index.module import FunctionInfo
from putback.ownership.index.trees import parse_ast
from putback.ownership.makers.assigned import assigned, fields, set_on_self, statements
from putback.ownership.makers.parts import FUNCTIONS, Function
from putback.ownership.makers.worth import HIDDEN, NOT_SEEN, UNSEEN, Options, Value, agreed, merged
from putback.ownership.resolve.types import ClassRef, FunctionRef, ModuleRef, Object, Scope, Symbol

_DEEPEST = 12
_MOST_FILES = 40


@dataclass(frozen=True, slots=True)
class Spot:
    """An expression and where it stands; `given` are the arguments of the functions around it, by parameter."""

    node: ast.expr
    path: str
    function: str = ""
    given: Mapping[str, Spot] = field(default_factory=dict, compare=False)

    def beside(self, node: ast.expr) -> Spot:
        """Another expression in the same place."""
        return Spot(node, self.path, self.function, self.given)


class Values:
    """Evaluates; files are parsed once."""

    def __init__(self, analyzer: Analyzer) -> None:
        self.analyzer = analyzer
        self._trees: dict[str, ast.Module | None] = {}
        self._depth = 0

    def tree(self, path: str) -> ast.Module | None:
        """The whole file as a tree."""
        if path not in self._trees:
            if len(self._trees) >= _MOST_FILES:
                self._trees.pop(next(iter(self._trees)))
            try:
                self._trees[path] = parse_ast(self.analyzer.reader.text(path))
            except SourceError:
                self._trees[path] = None
        return self._trees[path]

    def value(self, spot: Spot) -> Value:
        """What an expression is worth."""
        if self._depth > _DEEPEST:
            return NOT_SEEN
        self._depth += 1
        try:
            return self._evaluate(spot)
        finally:
            self._depth -= 1

    def _evaluate(self, spot: Spot) -> Value:
        match spot.node:
            case ast.Constant(value=str() | int() | float() | bool() | None as constant):
                return Value(constant)
            case ast.JoinedStr(values=parts):
                return self._joined([self._part(spot, part) for part in parts])
            case ast.Dict():
                return self._dictionary(spot, spot.node)
            case ast.Name(id=name):
                return self._name(spot, name)
            case ast.Attribute(value=base, attr=attr):
                return self._attribute(spot, base, attr)
            case ast.Subscript(value=base, slice=ast.Constant(value=str(key))):
                return self._item(spot, base, key)
            case ast.Call():
                return self._call(spot, spot.node)
            case ast.Await(value=inner) | ast.NamedExpr(value=inner):
                return self.value(spot.beside(inner))
            case ast.IfExp(body=body, orelse=orelse):
                return agreed([self.value(spot.beside(body)), self.value(spot.beside(orelse))])
            case ast.BoolOp(op=ast.Or(), values=values):
                return self._first(spot, values)
            case ast.BinOp():
                return self._operation(spot, spot.node)
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                number = self.value(spot.beside(operand))
                return Value(-number.number, number.variables) if number.number is not None else NOT_SEEN
            case _:
                return NOT_SEEN

    # -- texts and numbers

    def _part(self, spot: Spot, part: ast.expr) -> Value:
        return self.value(spot.beside(part.value if isinstance(part, ast.FormattedValue) else part))

    @staticmethod
    def _joined(parts: Sequence[Value]) -> Value:
        text = "".join(str(p.it) if isinstance(p.it, (str, int, float)) else HIDDEN for p in parts)
        return Value(text, tuple(v for p in parts for v in p.variables))

    def _operation(self, spot: Spot, node: ast.BinOp) -> Value:
        left, right = self.value(spot.beside(node.left)), self.value(spot.beside(node.right))
        both = (*left.variables, *right.variables)
        if isinstance(node.op, ast.BitOr):
            return merged([left, right])
        if left.number is not None and right.number is not None and not left.text and not right.text:
            done = {ast.Add: int.__add__, ast.Sub: int.__sub__, ast.Mult: int.__mul__}.get(type(node.op))
            return Value(done(left.number, right.number), both) if done is not None else NOT_SEEN
        if isinstance(node.op, ast.Add) and (left.text or right.text):
            return self._joined([left, right])
        return NOT_SEEN

    def _first(self, spot: Spot, values: Sequence[ast.expr]) -> Value:
        """Of `a or b` the first that is something; a variable that need not be set leads on to the next."""
        variables: tuple[str, ...] = ()
        for each in values:
            found = self.value(spot.beside(each))
            variables += found.variables
            if found.is_seen and found.it:
                return Value(found.it, variables)
        return Value(UNSEEN, variables)

    # -- dictionaries

    def _dictionary(self, spot: Spot, node: ast.Dict) -> Value:
        items: dict[str, Value] = {}
        whole = True
        for key, value in zip(node.keys, node.values, strict=True):
            found = self.value(spot.beside(value))
            if isinstance(key, ast.Constant) and isinstance(key.value, str):
                items[key.value] = found
            elif key is None and isinstance(found.it, Options):
                items.update(found.it.items)
                whole = whole and found.it.whole
            else:
                whole = False
        return Value(Options(items, whole))

    def _item(self, spot: Spot, base: ast.expr, key: str) -> Value:
        if self._outside(spot, base) & idioms().reading.mappings:
            return Value(UNSEEN, (key,))
        found = self.value(spot.beside(base)).it
        return found.items.get(key, NOT_SEEN) if isinstance(found, Options) else NOT_SEEN

    # -- names

    def _name(self, spot: Spot, name: str) -> Value:
        if name in spot.given:
            return self.value(spot.given[name])
        function = self.function(spot.path, spot.function)
        while function is not None:
            info, node = function
            found = self._bound(spot, name, node, info.key)
            if found is not None:
                return found
            function = self.function(spot.path, info.outer)
        return self._global(spot.path, name)

    def _bound(self, spot: Spot, name: str, node: Function, key: str) -> Value | None:
        """A name that a function binds, by assignments or as a parameter; None if it does not."""
        bound = list(assigned(node.body, name))
        if bound:
            here = Spot(node=bound[0], path=spot.path, function=key, given=spot.given)
            return self._changed(here, name, node.body, [self.value(here.beside(each)) for each in bound])
        args = node.args
        given = (*args.posonlyargs, *args.args, *args.kwonlyargs, args.vararg, args.kwarg)
        return NOT_SEEN if name in {each.arg for each in given if each is not None} else None

    def _changed(self, spot: Spot, name: str, body: Sequence[ast.stmt], found: Sequence[Value]) -> Value:
        """The value of a name whose items may be set afterwards: `options["pool_size"] = 5`, `options.update(...)`."""
        first = agreed(found)
        if not any(isinstance(each.it, Options) for each in found):
            return first
        parts = list(found) if not first.is_seen else [first]
        for statement in statements(body):
            match statement:
                case ast.Assign(targets=[ast.Subscript(value=ast.Name(id=owner), slice=ast.Constant(value=str(key)))]):
                    if owner == name:
                        parts.append(Value(Options({key: self.value(spot.beside(statement.value))})))
                case ast.Expr(value=ast.Call(func=ast.Attribute(value=ast.Name(id=owner), attr="update")) as call):
                    if owner == name:
                        parts.append(self._updated(spot, call))
        return merged(parts)

    def _updated(self, spot: Spot, call: ast.Call) -> Value:
        given = [self.value(spot.beside(each)) for each in call.args]
        named = {k.arg: self.value(spot.beside(k.value)) for k in call.keywords if k.arg is not None}
        return merged([*given, Value(Options(named, all(k.arg is not None for k in call.keywords)))])

    def _global(self, path: str, name: str) -> Value:
        module, tree = self.analyzer.project.module(path), self.tree(path)
        if module is None or tree is None:
            return NOT_SEEN
        bound = list(assigned(tree.body, name))
        if bound:
            here = Spot(bound[0], path)
            return self._changed(here, name, tree.body, [self.value(here.beside(each)) for each in bound])
        found = module.imports.get(name)
        home = self.analyzer.project.resolve_import(found, path) if found is not None and found.name else None
        if found is not None and home is not None and home != path:
            return self._global(home, found.name)
        return NOT_SEEN

    # -- attributes

    def _attribute(self, spot: Spot, base: ast.expr, attr: str) -> Value:
        for t in self.analyzer.resolver.types(to_expr(base), Scope(spot.path, spot.function)):
            match t:
                case ModuleRef(path=path):
                    return self._global(path, attr)
                case Object(path=path, key=key) | ClassRef(path=path, key=key):
                    return self._of_class(path, key, attr)
        return NOT_SEEN

    def _of_class(self, path: str, key: str, attr: str) -> Value:
        """What a class says of an attribute, or those below it, which fill in what it leaves open or empty."""
        found = self._in_lineage(path, key, attr)
        if found.is_seen and found.it:
            return found
        below = [self._in_lineage(*each, attr) for each in self.analyzer.resolver.callers.subclasses(key)]
        filled = [each for each in below if each.is_seen and each.it]
        return agreed(filled) if filled else found

    def _in_lineage(self, path: str, key: str, attr: str) -> Value:
        """What a class says of an attribute: in its body, in a property, or in what a method sets."""
        for module, cls in self.analyzer.resolver.classes.lineage(path, key):
            node = self._class(module.path, cls.row, cls.end_row, cls.key.rpartition(".")[2])
            if node is None:
                continue
            bound = list(assigned(node.body, attr))
            if bound:
                others = {name: Spot(value, module.path) for name, value in fields(node.body) if name != attr}
                here = Spot(bound[0], module.path, "", others)
                found = self._changed(here, attr, node.body, [self.value(here.beside(each)) for each in bound])
                return Value(found.it, (*found.variables, attr.upper())) if self._is_configured(path, key) else found
            if attr in cls.methods:
                return self._returned(FunctionRef(module.path, cls.methods[attr]), {})
            for method in (each for each in node.body if isinstance(each, FUNCTIONS)):
                for value in set_on_self(method, attr):
                    return self.value(Spot(value, module.path, f"{cls.key}.{method.name}"))
        return NOT_SEEN

    def _is_configured(self, path: str, key: str) -> bool:
        """Whether the environment fills in what the body of a class says: its fields are variables."""
        bases = self.analyzer.resolver.classes.outside_bases(path, key)
        return not idioms().reading.settings.isdisjoint(bases)

    def _class(self, path: str, row: int, end_row: int, name: str) -> ast.ClassDef | None:
        tree = self.tree(path)
        for node in ast.walk(tree) if tree is not None else ():
            if isinstance(node, ast.ClassDef) and node.name == name and row <= node.lineno <= end_row:
                return node
        return None

    # -- calls

    def _call(self, spot: Spot, call: ast.Call) -> Value:
        reading, names = idioms().reading, self._outside(spot, call.func)
        arguments = [spot.beside(each) for each in call.args if not isinstance(each, ast.Starred)]
        named = {k.arg: spot.beside(k.value) for k in call.keywords if k.arg is not None}
        for name in names:
            if name in reading.environment:
                return self._from_environment(arguments, named, reading.environment[name])
            if name in reading.fields:
                found = named.get("default") or (arguments[0] if arguments else None)
                return self.value(found) if found is not None else NOT_SEEN
            if name in reading.casts:
                return self.value(arguments[0]) if arguments else NOT_SEEN
            if name in reading.texts:
                found = named.get(reading.texts[name]) or (arguments[0] if arguments else None)
                return self._joined([self.value(found), Value("://"), NOT_SEEN]) if found is not None else NOT_SEEN
        if names & {"dict"} and not call.args:
            return Value(Options({k: self.value(v) for k, v in named.items()}, len(named) == len(call.keywords)))
        if isinstance(call.func, ast.Attribute):
            return self._method(spot, call.func, arguments)
        return self._of_project(spot, call, arguments, named)

    def _from_environment(self, arguments: Sequence[Spot], named: Mapping[str, Spot], index: int) -> Value:
        variable = self.value(arguments[0]).text if arguments else ""
        default = named.get("default") or (arguments[index] if 0 <= index < len(arguments) else None)
        found = self.value(default) if default is not None else NOT_SEEN
        return Value(found.it, (*((variable,) if variable else ()), *found.variables))

    def _method(self, spot: Spot, func: ast.Attribute, arguments: Sequence[Spot]) -> Value:
        owner = self.value(spot.beside(func.value))
        if isinstance(owner.it, Options) and func.attr == "get" and arguments:
            default = self.value(arguments[1]) if len(arguments) > 1 else Value(None)
            return owner.it.items.get(self.value(arguments[0]).text, default if owner.it.whole else NOT_SEEN)
        if isinstance(owner.it, Options) and func.attr == "copy":
            return owner
        if owner.text and func.attr == "replace" and len(arguments) > 1:
            old, new = self.value(arguments[0]).text, self.value(arguments[1])
            return Value(owner.text.replace(old, str(new.it)) if old and new.is_seen else owner.it, owner.variables)
        if owner.text and func.attr in idioms().reading.text_methods:
            return owner
        known = self.analyzer.resolver.types(to_expr(func), Scope(spot.path, spot.function))
        return next((self._returned(t, {}) for t in known if isinstance(t, FunctionRef)), NOT_SEEN)

    def _of_project(self, spot: Spot, call: ast.Call, arguments: Sequence[Spot], named: Mapping[str, Spot]) -> Value:
        for t in self.analyzer.resolver.types(to_expr(call.func), Scope(spot.path, spot.function)):
            if isinstance(t, FunctionRef):
                info = self.analyzer.info(t)
                plain = [p.name for p in info.params if not p.kind] if info is not None else []
                return self._returned(t, {**dict(zip(plain, arguments, strict=False)), **named})
        return NOT_SEEN

    def _returned(self, ref: FunctionRef, given: Mapping[str, Spot]) -> Value:
        """What a function of the project answers, if all its ways out agree."""
        found = self.function(ref.path, ref.key)
        if found is None:
            return NOT_SEEN
        info, node = found
        returns = [s.value for s in statements(node.body) if isinstance(s, ast.Return) and s.value is not None]
        return agreed([self.value(Spot(each, ref.path, info.key, given)) for each in returns])

    # -- places

    def _outside(self, spot: Spot, node: ast.expr) -> set[str]:
        """The names from outside of the project that an expression can mean."""
        types = self.analyzer.resolver.types(to_expr(node), Scope(spot.path, spot.function))
        return {name_of(t) for t in types if isinstance(t, Symbol) or name_of(t)}

    def function(self, path: str, key: str) -> tuple[FunctionInfo, Function] | None:
        """A function of a file with its tree."""
        info = self.analyzer.info(FunctionRef(path, key)) if key else None
        tree = self.tree(path) if info is not None else None
        for node in ast.walk(tree) if tree is not None else ():
            if isinstance(node, FUNCTIONS) and info is not None and node.lineno == info.def_row:
                return info, node
        return None
