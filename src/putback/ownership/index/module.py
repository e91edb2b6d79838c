"""What the cheap pass keeps of one module: imports, definitions, bindings. Plain data, packed when it is not in use."""

from __future__ import annotations

from functools import cache
from zlib import compress, decompress

from msgspec import Struct, field
from msgspec.msgpack import Decoder, Encoder
from msgspec.structs import replace

from putback.flow.names import UNKNOWN, Expr, Invoke, Name

_STATIC, _OF_CLASS = Name("staticmethod"), Name("classmethod")
MAKING = frozenset({"__new__", "__init_subclass__", "__class_getitem__"})
"""Methods that Python gives the class, without a decorator."""

Bindings = dict[str, tuple[Expr, ...]]


class Import(Struct, frozen=True, gc=False, array_like=True):
    """`import module` (name "") or `from module import name`; `level` counts the leading dots."""

    module: str
    name: str = ""
    level: int = 0


class ParamInfo(Struct, frozen=True, gc=False, array_like=True):
    """A parameter with its annotation and default; `kind` as in flow.ir.Param; `required`: it has no default."""

    name: str
    kind: str = ""
    annotation: Expr = UNKNOWN
    default: Expr = UNKNOWN
    required: bool = False


class Reference(Struct, frozen=True, gc=False, array_like=True):
    """A call that is given functions: `Depends(get_db)`, `Thread(target=work)`. `scope` is the calling function."""

    call: Expr
    scope: str
    row: int


class FunctionInfo(Struct, array_like=True):
    """A function definition. `row` and `end_row` cover its decorators and body; `def_row` is the line of its `def`.

    `bindings` are the values assigned to its local names, in order; `owner` is the dotted name of the class it is a
    method of ("").
    `key` is the dotted name in the file, for the second one of a name with "@2" behind it. `outer` is the key of the
    enclosing function (""); `is_placeholder`: it does nothing and leaves the work to subclasses.
    """

    key: str
    row: int
    end_row: int
    def_row: int
    column: int
    params: tuple[ParamInfo, ...]
    decorators: tuple[Expr, ...]
    returns_annotation: Expr
    is_async: bool
    owner: str = ""
    outer: str = ""
    is_generator: bool = False
    bindings: Bindings = field(default_factory=dict)
    imports: dict[str, Import] = field(default_factory=dict)
    globals: set[str] = field(default_factory=set)
    returns: list[Expr] = field(default_factory=list)
    yields: list[Expr] = field(default_factory=list)
    is_placeholder: bool = False

    @property
    def name(self) -> str:
        """The bare name."""
        return self.key.rpartition(".")[2].partition("@")[0]

    @property
    def own(self) -> str:
        """The name by which a method knows its object or class: its first parameter; "" for every other function."""
        is_method = bool(self.owner) and _STATIC not in self.decorators
        return next((p.name for p in self.params if not p.kind), "") if is_method else ""

    @property
    def is_of_class(self) -> bool:
        """Whether what a method knows by its first parameter is the class."""
        return _OF_CLASS in self.decorators or self.name in MAKING


class ClassInfo(Struct, array_like=True):
    """A class; `row` and `end_row` cover its decorators and body.

    `attributes` are values given to `self.x` in methods and to names in the body, each with its scope.
    """

    key: str
    row: int
    end_row: int
    column: int
    bases: tuple[Expr, ...]
    methods: dict[str, str] = field(default_factory=dict)
    attributes: dict[str, list[tuple[str, Expr]]] = field(default_factory=dict)
    metaclass: Expr = UNKNOWN
    decorators: tuple[Expr, ...] = ()


class ModuleInfo(Struct, array_like=True):
    """One file. `globals` pairs each value of a global name with the scope that assigns it ("" for the top level).

    `calls` are the calls that stand alone as statements and are given something, each with the function it stands in.
    `stores` are the values set on objects other than `self`: the function, the name (`[key]` for an item, `[]`
    where the key is no text), the object and the value.
    `fallbacks` are the imports of the top level that stand in for others, behind an `except ImportError`.
    `incomplete`: it has syntax that the running Python cannot parse; `left_out` are the rows of what was left out for
    that, each with the reason.
    """

    path: str
    imports: dict[str, Import] = field(default_factory=dict)
    fallbacks: dict[str, Import] = field(default_factory=dict)
    star_imports: list[Import] = field(default_factory=list)
    globals: dict[str, list[tuple[str, Expr]]] = field(default_factory=dict)
    functions: dict[str, FunctionInfo] = field(default_factory=dict)
    classes: dict[str, ClassInfo] = field(default_factory=dict)
    references: list[Reference] = field(default_factory=list)
    calls: list[tuple[str, Expr]] = field(default_factory=list)
    stores: list[tuple[str, str, Expr, Expr]] = field(default_factory=list)
    incomplete: bool = False
    left_out: list[tuple[int, str]] = field(default_factory=list)

    @property
    def size(self) -> int:
        """About how much memory it takes, in definitions of about two kilobytes each."""
        return 10 + len(self.functions) + len(self.globals) + len(self.classes)

    def all_imports(self) -> list[Import]:
        """The imports at the top level and in functions."""
        every = [*self.imports.values(), *self.fallbacks.values(), *self.star_imports]
        for function in self.functions.values():
            every.extend(function.imports.values())
        return every

    def import_roots(self) -> frozenset[str]:
        """The top-level packages that the file imports anywhere."""
        return frozenset(i.module.partition(".")[0] for i in self.all_imports() if not i.level)


class ClassOutline(Struct, frozen=True, gc=False, array_like=True):
    """A class by its key, the last names of its bases, and the names of its methods."""

    key: str
    bases: tuple[str, ...]
    methods: tuple[str, ...]


class Outline(Struct, frozen=True, array_like=True):
    """What others look up in a file by name: the calls and what is set on objects, packed by name, and the classes.

    `imports` are the files of the project that it imports, at its top level or in a function.
    """

    imports: tuple[str, ...]
    calls: dict[str, bytes]
    stores: dict[str, bytes]
    classes: tuple[ClassOutline, ...]


_ENCODER = Encoder()


@cache
def _decoder() -> Decoder[ModuleInfo]:
    return Decoder(ModuleInfo)


Calls = list[tuple[str, Invoke]]
"""Calls, each with the key of the function that it stands in ("" for the top level)."""


@cache
def _calls_decoder() -> Decoder[Calls]:
    return Decoder(Calls)


def packed_calls(calls: Calls) -> bytes:
    """Some calls in little memory."""
    return _ENCODER.encode(calls)


def unpacked_calls(data: bytes) -> Calls:
    """The reverse of `packed_calls`."""
    return _calls_decoder().decode(data)


Stores = list[tuple[str, Expr, Expr]]
"""What is set under one name: the key of the function it is set in, the object, the value."""


@cache
def _stores_decoder() -> Decoder[Stores]:
    return Decoder(Stores)


def packed_stores(module: ModuleInfo) -> dict[str, bytes]:
    """What a module sets on objects, by name, in little memory."""
    found: dict[str, Stores] = {}
    for scope, name, base, value in module.stores:
        found.setdefault(name, []).append((scope, base, value))
    return {name: _ENCODER.encode(stores) for name, stores in found.items()}


def unpacked_stores(data: bytes) -> Stores:
    """The reverse for one name."""
    return _stores_decoder().decode(data)


def packed(module: ModuleInfo) -> bytes:
    """The module in a tenth of the memory, without its path, which need not be valid text."""
    return compress(_ENCODER.encode(replace(module, path="")), 1)


def unpacked(data: bytes, path: str) -> ModuleInfo:
    """The reverse of `packed`."""
    module = _decoder().decode(decompress(data))
    module.path = path
    return module
