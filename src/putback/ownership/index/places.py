"""What kind of code a file holds: tests, examples and migrations, a script that runs once, or a service."""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Iterator, Sequence
from functools import lru_cache

from putback.frameworks.idioms import idioms
from putback.model.finding import Place
from putback.ownership.index.module import ModuleInfo
from putback.source.notebook import ENDING

_STARTED = re.compile(rb"^if\s+__name__\s*==\s*['\"]__main__['\"]", re.MULTILINE)
_LOOPS_AT_ONCE = re.compile(rb"^while\b", re.MULTILINE)
_MAIN = "__main__.py"
_DONE = re.compile(rb"^(?:async\s+)?(?:with|for)\b", re.MULTILINE)
_WHILE = re.compile(rb"^\s*while\b", re.MULTILINE)
_FOR = re.compile(rb"^\s*(?:async\s+)?for\b", re.MULTILINE)
_LATER = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)


@lru_cache(1 << 16)
def is_test_code(path: str) -> bool:
    """Whether a file is test code by its path."""
    parts = path.split("/")
    name = parts[-1]
    return (
        name.startswith("test_")
        or name.endswith("_test.py")
        or name == "conftest.py"
        or not idioms().places.tests.isdisjoint(parts[:-1])
    )


def is_test_function(name: str) -> bool:
    """Whether pytest takes a function of this name for a test."""
    return name.startswith("test")


def is_called_a_test(path: str) -> bool:
    """Whether only the name of a file says that it is test code, as those of scripts that try something out do."""
    parts = path.split("/")
    return is_test_code(path) and parts[-1] != "conftest.py" and idioms().places.tests.isdisjoint(parts[:-1])


@lru_cache(1 << 16)
def place_by_path(path: str) -> Place:
    """What the directories of a file say, of scripts only the one that it stands in; a notebook is run by hand.

    What stands in a hidden folder are tools of who works on the project: no import leads there.
    """
    places = idioms().places
    folders = path.split("/")[:-1]
    if is_test_code(path):
        return Place.TEST
    if not places.examples.isdisjoint(folders):
        return Place.EXAMPLE
    is_hidden = any(each.startswith(".") for each in folders)
    is_run_by_hand = path.endswith(ENDING) or is_hidden or is_among_scripts(path)
    return Place.SCRIPT if is_run_by_hand else Place.SERVICE


def is_among_scripts(path: str) -> bool:
    """Whether a file stands where a project keeps what is run by hand, which what serves may import all the same."""
    return not idioms().places.scripts.isdisjoint(path.split("/")[-2:-1])


def is_put_aside(path: str) -> bool:
    """Whether a file stands where a project keeps what it no longer uses."""
    return not idioms().places.retired.isdisjoint(path.lower().split("/")[:-1])


def runs_once(module: ModuleInfo, content: bytes, is_alone: bool, serving: frozenset[str]) -> bool:
    """Whether a file is only ever started by hand: no other imports it, unless it is what `python -m` runs, it does
    something by itself, and serves nobody.

    `serving` are the packages of frameworks that call functions of the file again and again.
    """
    is_all_done_at_once = not module.functions and not module.classes and _DONE.search(content) is not None
    if not (is_alone or is_main(module.path)) or not (is_all_done_at_once or is_started(module.path, content)):
        return False
    return imported_roots(module).isdisjoint(idioms().places.serving | serving) and not goes_on(content)


def imported_roots(module: ModuleInfo) -> frozenset[str]:
    """The modules that a file imports, and the packages that they are in."""
    return frozenset(name for each in module.all_imports() for name in (each.module, each.module.partition(".")[0]))


def is_main(path: str) -> bool:
    """Whether a file is what `python -m` runs of a package."""
    return path.rpartition("/")[2] == _MAIN


def is_started(path: str, content: bytes) -> bool:
    """Whether a file does something when it is started: it says so, it is what `python -m` runs, or it loops at its top
    level, so that nobody could import it before the loop has ended."""
    return is_main(path) or any(each.search(content) is not None for each in (_STARTED, _LOOPS_AT_ONCE))


def goes_on(content: bytes) -> bool:
    """Whether something in a file goes on for ever: a loop that waits, or one that nothing in it ends."""
    if any(word.encode() in content for word in idioms().places.serving_for_ever):
        return True
    if not _WHILE.search(content) and not (_names_waiting(content) and _FOR.search(content)):
        return False
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(content)
    except (SyntaxError, ValueError, RecursionError):
        return True
    return any(map(is_for_ever, _statements(tree)))


def _names_waiting(content: bytes) -> bool:
    return any(word.encode() in content for word in idioms().places.waiting)


def _statements(tree: ast.Module) -> Iterator[ast.AST]:
    """All statements of a module with their clauses, wherever they stand; no expression is gone through."""
    todo: list[ast.AST] = [*tree.body]
    while todo:
        node = todo.pop()
        yield node
        for block in ("body", "orelse", "finalbody", "handlers", "cases"):
            todo += getattr(node, block, ())


def is_for_ever(node: ast.AST) -> bool:
    """Whether this is a loop that waits for what comes next, or one that nothing in it ends; where it is a person at
    the keyboard who is waited for, nobody else is served."""
    match node:
        case ast.While(test=test, body=body) if not any(map(_asks, _inside([*body, ast.Expr(test)]))):
            asked = {id(each) for node in _inside(body) for each in _compared_to_none(node)}
            waits = any(_waits(node) and id(node) not in asked for node in _inside(body))
            return waits or not (_changes(test, body) or _ends(body))
        case ast.For(iter=source) | ast.AsyncFor(iter=source):
            return _waits(source)
        case _:
            return False


def _compared_to_none(node: ast.AST) -> Iterator[ast.expr]:
    """What is asked only whether it is there: `process.poll() is not None` does not wait."""
    if isinstance(node, ast.Compare) and any(isinstance(c, ast.Constant) and c.value is None for c in node.comparators):
        yield node.left


def _waits(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and _last(node.func) in idioms().places.waiting


def _asks(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and _last(node.func) in idioms().places.asking


def _changes(test: ast.expr, body: list[ast.stmt]) -> bool:
    """Whether the body of a loop changes something that its condition asks: binds it anew, or calls a method of it."""
    asked = {ast.unparse(node) for node in ast.walk(test) if isinstance(node, ast.Name | ast.Attribute)}
    bound = (n for n in (*ast.walk(test), *_inside(body)) if isinstance(n, ast.Name | ast.Attribute))
    called = (n.func.value for n in _inside(body) if isinstance(n, ast.Call) and isinstance(n.func, ast.Attribute))
    changed = (*(n for n in bound if isinstance(n.ctx, ast.Store)), *called)
    return any(ast.unparse(node) in asked for node in changed)


def _ends(body: list[ast.stmt]) -> bool:
    """Whether something in the body of a loop leaves it."""
    ending = idioms().functions.ending_the_process
    inner = {id(each) for node in body for loop in ast.walk(node) if _is_loop(loop) for each in ast.walk(loop)}
    for node in _inside(body):
        if isinstance(node, ast.Return) or (isinstance(node, ast.Break) and id(node) not in inner):
            return True
        if isinstance(node, ast.Call) and ast.unparse(node.func) in ending:
            return True
    return False


def _is_loop(node: ast.AST) -> bool:
    return isinstance(node, ast.For | ast.AsyncFor | ast.While)


def _inside(body: list[ast.stmt]) -> Iterator[ast.AST]:
    """What happens in some statements: not what functions that they define do later."""
    todo: list[ast.AST] = [*body]
    while todo:
        node = todo.pop()
        yield node
        if not isinstance(node, _LATER):
            todo += ast.iter_child_nodes(node)


def _last(node: ast.expr) -> str:
    match node:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
        case _:
            return ""


def reruns(module: ModuleInfo) -> bool:
    """Whether the top level of a file runs anew for whatever its users do: a page of Streamlit."""
    return not imported_roots(module).isdisjoint(idioms().places.rerunning)


def is_started_there(rows: Sequence[str], row: int) -> bool:
    """Whether a row, counted from 1, stands in the block that runs only when the file is started: under
    `if __name__ == "__main__":`, by the last row above it that is not indented."""
    above = (text for text in reversed(rows[:row]) if text.strip() and not text[0].isspace() and text[0] != "#")
    return _STARTED.match(next(above, "").encode("utf-8", "replace")) is not None
