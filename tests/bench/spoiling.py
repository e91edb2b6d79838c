"""Small things that a fix must not do, put into any function: at its beginning, in the middle and before its end.

None of them is right anywhere: each stores, calls, asks, hands on or changes something that others can see.
"""

from __future__ import annotations

import ast
import copy
from collections.abc import Iterator

from putback.verify.extract import Definition, find

_STATEMENTS = {
    "attribute stored": "spoilt_shop.state = 1",
    "item stored": "spoilt_shop['state'] = None",
    "attribute deleted": "del spoilt_shop.state",
    "item deleted": "del spoilt_shop['state']",
    "appended": "spoilt_shop.append(1)",
    "added in place": "spoilt_shop.count += 1",
    "stored by a name": "setattr(spoilt_shop, 'state', 1)",
    "called": "spoilt_shop.tell()",
    "called with more": "spoilt_shop.tell(1, two=2)",
    "printed": "print('spoilt')",
    "logged": "logger.info('spoilt')",
    "written if": "if spoilt_shop.flag:\n    spoilt_shop.state = 2",
    "called unless": "if not spoilt_shop.flag:\n    spoilt_shop.tell()",
    "called for none": "if spoilt_shop is None:\n    tell_spoilt()",
    "called for some": "if 'x' in spoilt_shop:\n    tell_spoilt()",
    "raised if": "if spoilt_shop.flag:\n    raise ValueError('spoilt')",
    "called for each": "for each_spoilt in spoilt_shop:\n    tell_spoilt(each_spoilt)",
    "asserted": "assert spoilt_shop",
    "global": "global spoilt_count\nspoilt_count = 1",
    "class attribute": "type(spoilt_shop).state = 1",
    "in a lambda run": "(lambda: spoilt_shop.tell())()",
    "comprehended": "[spoilt_shop.tell(n) for n in (1, 2)]",
    "left": "with spoilt_shop.open():\n    pass",
}
_OF_CONNECTION = {
    "kept in a list": "spoilt_shop.append({name})",
    "kept by an attribute": "spoilt_shop.conn = {name}",
    "registered": "atexit.register(spoilt_shop.close, {name})",
    "given to a thread": "threading.Thread(target=tell_spoilt, args=({name},)).start()",
    "given away": "tell_spoilt({name})",
    "set": "{name}.autocommit = True",
    "set by a call": "{name}.set_isolation_level(0)",
    "closed for good if": "if spoilt_shop.flag:\n    {name}.cancel()",
}
_HEADERS = (
    "a default", "another order", "one more", "collecting", "cached", "decorated", "the other sort", "no name",
    "all names",
)  # fmt: skip


def spoilt(source: str, function: str, name: str) -> Iterator[tuple[str, str]]:
    """The kind and text of every spoilt version of a function; `name` is the connection's ("" when it has none)."""
    tree = ast.parse(source)
    for kind, text in _STATEMENTS.items():
        yield from _put(tree, function, kind, text, ())
    for kind, text in _OF_CONNECTION.items() if name else ():
        yield from _put(tree, function, kind, text.format(name=name), (name,))
    for kind in _HEADERS:
        changed = _other_header(copy.deepcopy(tree), function, kind)
        if changed is not None:
            yield f"header: {kind}", changed
    for number in range(_returned(tree, function)):
        for kind in ("paired", "listed", "lost", "lazy", "true"):
            yield f"result {kind}", _other_result(copy.deepcopy(tree), function, number, kind)
    for number in range(_loops(tree, function)):
        yield "loop cut", _cut_loop(copy.deepcopy(tree), function, number)


def _put(tree: ast.Module, function: str, kind: str, text: str, needed: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    if text.startswith("global "):
        changed = copy.deepcopy(tree)
        found = _of(changed, function)
        found.body[:0] = ast.parse(text).body
        yield kind, _text(changed)
        return
    for place in sorted({0, _places(tree, function) // 2, _places(tree, function) - 1}):
        changed = copy.deepcopy(tree)
        if place >= 0 and _put_at(_of(changed, function), place, text, needed):
            yield kind, _text(changed)


def _blocks(function: Definition) -> list[tuple[list[ast.stmt], int]]:
    """The places of a function that come in every plain run: its own rows, and those of what always runs."""
    found: list[tuple[list[ast.stmt], int]] = []
    waiting = [function.body]
    while waiting:
        block = waiting.pop(0)
        for at, statement in enumerate(block):
            found.append((block, at))
            if isinstance(statement, (ast.Try, ast.With, ast.AsyncWith)):
                waiting.append(statement.body)
            if isinstance(statement, (ast.Return, ast.Raise, ast.Continue, ast.Break)):
                break
    return found


def _places(tree: ast.Module, function: str) -> int:
    return len(_blocks(_of(tree, function)))


def _put_at(function: Definition, place: int, text: str, needed: tuple[str, ...]) -> bool:
    block, at = _blocks(function)[place]
    if needed and not _is_bound(function, block[at], needed[0]):
        return False
    block[at:at] = ast.parse(text).body
    return True


def _is_bound(function: Definition, statement: ast.stmt, name: str) -> bool:
    """Whether a name is bound in front of a statement and is used in it or behind it."""
    stores = [
        n for n in ast.walk(function) if isinstance(n, ast.Name) and n.id == name and isinstance(n.ctx, ast.Store)
    ]
    uses = [n for n in ast.walk(function) if isinstance(n, ast.Name) and n.id == name and isinstance(n.ctx, ast.Load)]
    first = max((n.lineno for n in stores), default=1 << 30)
    return first < statement.lineno <= max((n.lineno for n in uses), default=0)


def _other_header(tree: ast.Module, function: str, kind: str) -> str | None:
    found = _of(tree, function)
    arguments = found.args
    match kind:
        case "a default" if arguments.args and not arguments.defaults and not arguments.posonlyargs:
            arguments.defaults = [ast.Constant(None)]
        case "another order" if len(arguments.args) > 2 and not arguments.defaults:
            arguments.args[-2:] = reversed(arguments.args[-2:])
        case "one more":
            arguments.kwonlyargs.append(ast.arg("spoilt"))
            arguments.kw_defaults.append(ast.Constant(None))
        case "collecting" if arguments.kwarg is None:
            arguments.kwarg = ast.arg("spoilt")
        case "cached":
            found.decorator_list.insert(0, ast.Name("cache", ast.Load()))
        case "decorated":
            found.decorator_list.append(ast.parse("spoil(1)", mode="eval").body)
        case "no name" if arguments.args and not arguments.posonlyargs and not arguments.defaults:
            arguments.posonlyargs, arguments.args = arguments.args, []
        case "all names" if arguments.args and arguments.vararg is None and not arguments.defaults:
            arguments.kwonlyargs = [*arguments.args[1:], *arguments.kwonlyargs]
            arguments.kw_defaults = [*[None] * (len(arguments.args) - 1), *arguments.kw_defaults]
            if len(arguments.args) == 1:
                return None
            arguments.args = arguments.args[:1]
        case "the other sort" if not isinstance(found, ast.AsyncFunctionDef) and not _yields(found):
            text = _text(tree)
            head = f"def {found.name}("
            return text.replace(head, f"async {head}") if text.count(head) == 1 else None
        case _:
            return None
    return _text(tree)


def _yields(function: Definition) -> bool:
    return any(isinstance(n, (ast.Yield, ast.YieldFrom)) for n in ast.walk(function))


def _returns(function: Definition) -> list[ast.Return]:
    """The returns of a value among what comes in every plain run."""
    return [
        statement
        for block, at in _blocks(function)
        if isinstance(statement := block[at], ast.Return) and statement.value is not None
    ]


def _returned(tree: ast.Module, function: str) -> int:
    found = _of(tree, function)
    return 0 if _yields(found) else len(_returns(found))


def _other_result(tree: ast.Module, function: str, number: int, kind: str) -> str:
    statement = _returns(_of(tree, function))[number]
    assert statement.value is not None
    value = ast.unparse(statement.value)
    text = {
        "paired": f"(({value}), 'spoilt')",
        "listed": f"[[[[[[{value}]]]]]]",
        "lost": "'spoilt'",
        "lazy": f"(each for each in [({value})])",
        "true": f"({value}) == 'spoilt'",
    }[kind]
    statement.value = ast.parse(text, mode="eval").body
    return _text(tree)


def _own_loops(function: Definition) -> list[ast.For | ast.AsyncFor]:
    """The loops over something among what comes in every plain run, of one round or more that a `break` cuts."""
    found = [block[at] for block, at in _blocks(function)]
    loops = [s for s in found if isinstance(s, (ast.For, ast.AsyncFor))]
    return [s for s in loops if isinstance(s.iter, (ast.Name, ast.Attribute)) and not _leaves(s) and _calls(s)]


def _leaves(loop: ast.stmt) -> bool:
    return any(isinstance(n, (ast.Break, ast.Return, ast.Raise, ast.Continue)) for n in ast.walk(loop))


def _calls(loop: ast.For | ast.AsyncFor) -> bool:
    """Whether each round calls something with what it is given."""
    names = {n.id for n in ast.walk(loop.target) if isinstance(n, ast.Name)}
    return any(
        isinstance(s, ast.Expr)
        and isinstance(s.value, (ast.Call, ast.Await))
        and names & {n.id for n in ast.walk(s) if isinstance(n, ast.Name)}
        for s in loop.body
    )


def _loops(tree: ast.Module, function: str) -> int:
    return len(_own_loops(_of(tree, function)))


def _cut_loop(tree: ast.Module, function: str, number: int) -> str:
    _own_loops(_of(tree, function))[number].body.append(ast.Break())
    return _text(tree)


def _of(tree: ast.Module, function: str) -> Definition:
    found = find(tree, function)
    assert found is not None
    return found


def _text(tree: ast.Module) -> str:
    return ast.unparse(ast.fix_missing_locations(tree))
