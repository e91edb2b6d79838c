"""Takes one function out of its file and compiles it, rewritten, so that it can be run against the model."""

from __future__ import annotations

import ast
import types
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from typing import NamedTuple

from putback.model.errors import SourceError
from putback.verify.instrument import PREFIX, Instrumenter, helper
from putback.verify.reflection import check_source
from putback.verify.roles import Taken, Version
from putback.verify.syntax import asked_classes, numbers_of
from putback.verify.unknown import VERIFIED

_OUTER = "__pb_outer__"

Definition = ast.FunctionDef | ast.AsyncFunctionDef


class Header(NamedTuple):
    """What callers see of a function without calling it; a parameter by its kind, with its name and default."""

    decorators: tuple[str, ...]
    parameters: tuple[str, ...]
    is_async: bool


class Program(NamedTuple):
    """A compiled function.

    `names` are the globals it reads, `stores` those it assigns; `rows` maps each marked statement to its row, `loops`
    each loop to the first and last statement of its body; `handled` are the exception classes named by its handlers,
    `asked` those that it asks for otherwise; `numbers` are those that are written in it; `bound` the names that are
    bound to an acquire. The first `along` of the marked statements are of functions that are taken along.
    """

    name: str
    code: types.CodeType
    is_async: bool
    is_generator: bool
    parameters: tuple[str, ...]
    keyword_only: tuple[str, ...]
    collects: str
    names: frozenset[str]
    stores: frozenset[str]
    rows: dict[int, int]
    loops: dict[int, tuple[int, int]]
    handled: tuple[str, ...]
    asked: tuple[str, ...]
    numbers: Counter[float]
    bound: frozenset[str]
    header: Header
    version: Version
    along: int = 0

    def row_of(self, number: int) -> int:
        """The row of a marked statement in the file of the function; 0 for those of others."""
        return self.rows.get(number, 0) if number > self.along else 0


def extract(version: Version, absent: Collection[str] = ()) -> Program:
    """Compile the function of a version, with the names of `absent` bound before anything else.

    Raises SourceError when it is not there or does not parse.
    """
    node, first_row = _found(version)
    along = [_found(each) for each in version.taken]
    try:
        return _compiled(node, version, first_row, absent, along)
    except (SyntaxError, ValueError, RecursionError) as error:
        raise SourceError(f"the function does not compile alone: {error}") from None


def _found(version: Version | Taken) -> tuple[Definition, int]:
    """The definition of a function, and the row at which its parsed text begins. Raises SourceError."""
    tree, indented = _parsed(version)
    node = find(tree, version.function)
    if node is None:
        raise SourceError(f"there is no function {version.function} in the source")
    return node, version.first_row - indented


def _parsed(version: Version | Taken) -> tuple[ast.Module, bool]:
    """The source, put into an `if` where it is indented, and whether it is. Raises SourceError."""
    first = next((row for row in version.source.splitlines() if row.strip()), "")
    indented = first[:1].isspace()
    try:
        return ast.parse(f"if True:\n{version.source}" if indented else version.source), indented
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise SourceError(f"the function does not parse: {error}") from None


def statements(version: Version, rows: Collection[int]) -> Counter[str]:
    """The statements that begin in these rows of the file, however they are laid out; of blocks the heads."""
    tree, indented = _parsed(version)
    first = version.first_row - indented
    found = (n for n in ast.walk(tree) if isinstance(n, ast.stmt) and n.lineno + first - 1 in rows)
    return Counter(ast.unparse(each).partition("\n")[0] for each in found)


def find(tree: ast.AST, qualname: str) -> Definition | None:
    """The function of this dotted name; the last of several, and by its last name alone if it is the only one."""
    found = [(path, node) for path, node in _definitions(tree, ())]
    exact = [node for path, node in found if ".".join(path) == qualname]
    if exact:
        return exact[-1]
    last = qualname.rpartition(".")[2]
    named = [node for _, node in found if node.name == last]
    return named[0] if len(named) == 1 else None


def _definitions(tree: ast.AST, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Definition]]:
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield (*path, node.name), node
            yield from _definitions(node, (*path, node.name))
        elif isinstance(node, ast.ClassDef):
            yield from _definitions(node, (*path, node.name))
        elif isinstance(node, (ast.stmt, ast.ExceptHandler, ast.match_case)):
            yield from _definitions(node, path)


def _compiled(
    node: Definition,
    version: Version,
    first_row: int,
    absent: Collection[str],
    along: Sequence[tuple[Definition, int]],
) -> Program:
    for each in (node, *(other for other, _ in along)):
        check_source(each)
    arguments = node.args
    header = _header(node)
    is_generator = any(isinstance(n, (ast.Yield, ast.YieldFrom)) for n in _own(node))
    every = [node, *(other for other, _ in along)]
    globals_ = (n for each in every for n in ast.walk(each) if isinstance(n, ast.Global))
    stores = frozenset(name for n in globals_ for name in n.names)
    free = _free_nonlocals(node)
    numbers = Counter(numbers_of(node))
    asked = tuple(name for each in every for name in asked_classes(each))
    instrumenter = Instrumenter(version.roles, first_row, version.calls)
    taken = [
        instrumenter.taken(other, number, row, version.taken[number].calls) for number, (other, row) in enumerate(along)
    ]
    marked = len(instrumenter.rows)
    statement: ast.stmt = instrumenter.visit(node)
    own = {a.arg for a in ast.walk(arguments) if isinstance(a, ast.arg)}
    bound = [ast.Assign([ast.Name(n, ast.Store())], helper("absent")) for n in sorted({*absent} - own)]
    node.body[:0] = bound
    walked = (n for each in (*taken, statement) for n in ast.walk(each))
    mentioned = {n.id for n in walked if isinstance(n, ast.Name) and not n.id.startswith(PREFIX)}
    body = _enclosed(statement, node.name, free) if free else [statement]
    code = compile(ast.fix_missing_locations(ast.Module([*taken, *body], [])), VERIFIED, "exec")
    return Program(
        name=node.name,
        code=code,
        is_async=isinstance(node, ast.AsyncFunctionDef),
        is_generator=is_generator,
        parameters=tuple(a.arg for a in (*arguments.posonlyargs, *arguments.args)),
        keyword_only=tuple(a.arg for a in arguments.kwonlyargs),
        collects=arguments.vararg.arg if arguments.vararg is not None else "",
        names=frozenset(mentioned & _globals(code)) - {node.name},
        stores=stores,
        rows=instrumenter.rows,
        loops=instrumenter.loops,
        handled=tuple(instrumenter.handled),
        asked=asked,
        numbers=numbers,
        bound=frozenset(instrumenter.bound),
        header=header,
        version=version,
        along=marked,
    )


def _header(node: Definition) -> Header:
    arguments = node.args
    plain = [*arguments.posonlyargs, *arguments.args]
    defaults = [None] * (len(plain) - len(arguments.defaults)) + arguments.defaults
    kinds = ["only by position"] * len(arguments.posonlyargs) + [""] * len(arguments.args)
    found = [_parameter(*each) for each in zip(plain, kinds, defaults, strict=True)]
    found += [_parameter(a, "*", None) for a in (arguments.vararg,) if a is not None]
    named = zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)
    found += [_parameter(a, "only by name", d) for a, d in named]
    found += [_parameter(a, "**", None) for a in (arguments.kwarg,) if a is not None]
    decorators = tuple(ast.unparse(d) for d in node.decorator_list)
    return Header(decorators, tuple(found), isinstance(node, ast.AsyncFunctionDef))


def _parameter(parameter: ast.arg, kind: str, default: ast.expr | None) -> str:
    annotated = f": {ast.unparse(parameter.annotation)}" if parameter.annotation is not None else ""
    given = f" = {ast.unparse(default)}" if default is not None else ""
    return f"{kind} {parameter.arg}{annotated}{given}".lstrip()


def _free_nonlocals(node: Definition) -> list[str]:
    """The names that the function rebinds in a scope around it."""
    own = {name for n in _own(node) if isinstance(n, ast.Nonlocal) for name in n.names}
    return sorted(own)


def _enclosed(statement: ast.stmt, name: str, free: list[str]) -> list[ast.stmt]:
    """The function inside of one that binds `free`, and its name outside again."""
    given: list[ast.stmt] = [ast.Assign([ast.Name(n, ast.Store())], helper("free", ast.Constant(n))) for n in free]
    nothing = ast.arguments([], [], None, [], [], None, [])
    inside = [*given, statement, ast.Return(ast.Name(name, ast.Load()))]
    outer = ast.FunctionDef(_OUTER, nothing, inside, [], lineno=1, col_offset=0)
    call = ast.Call(ast.Name(_OUTER, ast.Load()), [], [])
    return [outer, ast.Assign([ast.Name(name, ast.Store())], call)]


def _own(node: ast.AST) -> Iterator[ast.AST]:
    """The nodes of a function without those of functions and classes in it."""
    waiting = list(ast.iter_child_nodes(node))
    while waiting:
        found = waiting.pop()
        yield found
        if not isinstance(found, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef)):
            waiting += ast.iter_child_nodes(found)


def _globals(code: types.CodeType) -> set[str]:
    """The names that code looks up outside of its functions, attributes among them."""
    found = set(code.co_names)
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            found |= _globals(constant)
    return found
