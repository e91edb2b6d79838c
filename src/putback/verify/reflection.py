"""What leads from a value to the interpreter that runs it, and so to the verifier: code under test gets none of it.

The verifier and the code under test share one process, where frames, classes and modules are a few attributes away;
a function that changes them can say about itself what it likes. Whoever reaches for them gets no verdict.
"""

from __future__ import annotations

import ast
import types
from collections.abc import Callable
from typing import NoReturn

from putback.model.errors import SourceError
from putback.verify.standin import StandIn

_REACHING = frozenset(
    (
        "tb_frame", "gi_frame", "gi_code", "cr_frame", "cr_code", "ag_frame", "ag_code", "f_back", "f_globals",
        "f_locals", "f_builtins", "f_code", "f_trace", "mro", "_convert_",
        "__globals__", "__builtins__", "__code__", "__closure__", "__self__", "__func__", "__subclasses__", "__base__",
        "__bases__", "__mro__", "__loader__", "__spec__", "__getattribute__", "__reduce__", "__reduce_ex__",
    )
)  # fmt: skip
_OF_CLASSES = frozenset(("__dict__", "__setattr__", "__delattr__"))
"""What is harmless on an object of the code under test, and opens a class or a module."""
_OWN = ("_pb_", "__pb_")
_WITHHELD = frozenset(
    (
        *("attrgetter", "methodcaller", "Formatter", "get_type_hints", "ForwardRef", "make_dataclass"),
        *("global_enum", "global_enum_repr", "global_flag_repr"),
    )
)
"""Names of harmless modules that look up others, or evaluate text, on behalf of who calls them."""
_SUBMODULES = {"collections": ("abc",)}


def reaches(name: str) -> bool:
    """Whether an attribute of this name may lead out of the code under test."""
    return name in _REACHING or name in _OF_CLASSES or name.startswith(_OWN)


def check(value: object, name: str) -> None:
    """End the verification when an attribute of this name leads out of a value."""
    if isinstance(value, StandIn) and not name.startswith(_OWN):
        return
    if name in _REACHING or name.startswith(_OWN):
        on_reach(name)
    if name in _OF_CLASSES and isinstance(value, (type, types.ModuleType)):
        on_reach(name)


def check_source(tree: ast.AST) -> None:
    """Raise SourceError for what is written in a way that no check comes in between: stores, patterns, names."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and not isinstance(node.ctx, ast.Load) and reaches(node.attr):
            raise SourceError(why(node.attr))
        if isinstance(node, ast.MatchClass) and (found := next(filter(reaches, node.kwd_attrs), None)):
            raise SourceError(why(found))
        if isinstance(node, ast.Name) and node.id.startswith(_OWN):
            raise SourceError(why(node.id))


def public(module: types.ModuleType) -> types.ModuleType:
    """A harmless module without what it imports itself: `typing.sys` leads to every other module."""
    names = getattr(module, "__all__", None) or [name for name in dir(module) if not name.startswith("_")]
    shown = types.ModuleType(module.__name__)
    for name in (*names, *_SUBMODULES.get(module.__name__, ())):
        if name not in _WITHHELD:
            setattr(shown, name, getattr(module, name))
    return shown


def why(name: str) -> str:
    """Why code that reaches for this has no verdict."""
    return f"the code reaches for {name}, and so for the verifier itself: what is said of it could not be believed"


def _refused(name: str) -> NoReturn:
    raise PermissionError(why(name))


on_reach: Callable[[str], NoReturn] = _refused
"""What happens to code that reaches out; in the sandbox its process is ended."""
