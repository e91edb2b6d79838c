"""Symbolic expressions: what a value was computed from, without running anything.

Both front ends (the libcst lowering and the cheap index) translate source expressions into these, so that one
evaluator can say what type a value has. Everything is frozen, hashable and picklable.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Name:
    """A bare name, local or global."""

    id: str


@dataclass(frozen=True, slots=True)
class Member:
    """`base.attr`."""

    base: Expr
    attr: str


@dataclass(frozen=True, slots=True)
class Invoke:
    """A call. `keywords` pairs a keyword with its value; `**rest` has the keyword ""."""

    func: Expr
    args: tuple[Expr, ...] = ()
    keywords: tuple[tuple[str, Expr], ...] = ()

    def keyword(self, name: str) -> Expr | None:
        """The value given for keyword `name`, if any."""
        return next((value for key, value in self.keywords if key == name), None)


@dataclass(frozen=True, slots=True)
class Literal:
    """A constant: None, True, False, a short string or a number; every other constant is `Unknown`."""

    value: str | int | float | bool | None


@dataclass(frozen=True, slots=True)
class Awaited:
    """`await value`."""

    value: Expr


@dataclass(frozen=True, slots=True)
class Entered:
    """What `with value as ...` binds."""

    value: Expr


@dataclass(frozen=True, slots=True)
class Element:
    """One item of `value`: of a subscript or an unpacking (with its index) or of an iteration (None)."""

    value: Expr
    index: int | str | None = None


@dataclass(frozen=True, slots=True)
class Choice:
    """One of several values: `a or b`, `a if c else b`."""

    options: tuple[Expr, ...]


@dataclass(frozen=True, slots=True)
class Group:
    """A short tuple: `a, b`."""

    items: tuple[Expr, ...]


@dataclass(frozen=True, slots=True)
class Annotation:
    """A value known only by its annotation, an expression that names a type."""

    type: Expr


@dataclass(frozen=True, slots=True)
class Function:
    """A nested function or lambda; `qualname` is its dotted name inside the module."""

    qualname: str


@dataclass(frozen=True, slots=True)
class Unknown:
    """Anything else."""


Expr = Name | Member | Invoke | Literal | Awaited | Entered | Element | Choice | Group | Annotation | Function | Unknown

UNKNOWN = Unknown()

DEEPEST = 50
"""How many levels of an expression are kept: longer chains carry no connection, and deep values are dear to compare."""


def dotted(expr: Expr) -> str | None:
    """`a.b.c` for a chain of names, None for everything else.

    >>> dotted(Member(Name("a"), "b"))
    'a.b'
    """
    match expr:
        case Name(id=name):
            return name
        case Member(base=base, attr=attr):
            head = dotted(base)
            return None if head is None else f"{head}.{attr}"
        case _:
            return None


def last_name(expr: Expr) -> str:
    """The rightmost name of a callee, `c` of `a.b().c`; "" when there is none."""
    match expr:
        case Name(id=name):
            return name
        case Member(attr=attr):
            return attr
        case _:
            return ""
