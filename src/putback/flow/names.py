"""Symbolic expressions: what a value was computed from, without running anything.

Both front ends (the libcst lowering and the cheap index) translate source expressions into these, so that one
evaluator can say what type a value has. Everything is frozen, hashable and picklable. There are many of these and
they are compared a lot, hence structs: made, hashed and packed by compiled code, and not watched by the collector.
"""

from __future__ import annotations

import re
from collections.abc import Container, Iterator, Mapping

from msgspec import Struct


def _tag(name: str) -> str:
    return name[:2]


class Node(Struct, frozen=True, gc=False, array_like=True, cache_hash=True, tag=_tag, tag_field="node"):
    """Base of the expressions."""


class Name(Node, frozen=True):
    """A bare name, local or global."""

    id: str


class Member(Node, frozen=True):
    """`base.attr`."""

    base: Expr
    attr: str


class Invoke(Node, frozen=True):
    """A call. `keywords` pairs a keyword with its value; `**rest` has the keyword ""."""

    func: Expr
    args: tuple[Expr, ...] = ()
    keywords: tuple[tuple[str, Expr], ...] = ()

    def keyword(self, name: str) -> Expr | None:
        """The value given for keyword `name`, if any."""
        return next((value for key, value in self.keywords if key == name), None)

    def given(self, index: int, keyword: str) -> tuple[Expr, ...]:
        """What is given for an argument: by its keyword ("*": by any), else by its position (-1: none)."""
        named = tuple(value for key, value in self.keywords if key and keyword in (key, "*"))
        return named or (self.args[index : index + 1] if index >= 0 else ())

    def named(self, keyword: str) -> tuple[Expr, ...]:
        """What is given by `keyword`, or else by position behind the first argument."""
        value = self.keyword(keyword)
        return self.args[1:] if value is None else (value,)


class Literal(Node, frozen=True):
    """A constant: None, True, False, a short string or a number; every other constant is `Unknown`."""

    value: str | int | float | bool | None


class Awaited(Node, frozen=True):
    """`await value`."""

    value: Expr


class Entered(Node, frozen=True):
    """What `with value as ...` binds."""

    value: Expr


class Element(Node, frozen=True):
    """One item of `value`: of a subscript or an unpacking (with its index) or of an iteration (None)."""

    value: Expr
    index: int | str | bool | None = None


class Choice(Node, frozen=True):
    """One of several values: `a or b`, `a if c else b`."""

    options: tuple[Expr, ...]


class Group(Node, frozen=True):
    """A short tuple or list: `a, b`."""

    items: tuple[Expr, ...]


class Record(Node, frozen=True):
    """A dictionary: what is in it, by keys that are text ("" for all others), constants left out; `on` are the keys
    whose value is True."""

    pairs: tuple[tuple[str, Expr], ...]
    on: tuple[str, ...] = ()


class Annotation(Node, frozen=True):
    """A value known only by its annotation, an expression that names a type."""

    type: Expr


class TypeForm(Node, frozen=True):
    """A type written as a value, `Annotated[A, Depends(f)]`, `A | None`: the class meant, and the calls beside it."""

    type: Expr
    metadata: tuple[Expr, ...] = ()


class Lambda(Node, frozen=True):
    """A lambda that calls something which is none of its own parameters; `value` is what it answers with."""

    value: Expr


class Unknown(Node, frozen=True):
    """Anything else; of a text that is long or put together, the word that it begins with, in capitals, is kept, and
    of a dictionary of constants the keys whose value is True."""

    opening: str = ""
    on: tuple[str, ...] = ()


Expr = (
    Name
    | Member
    | Invoke
    | Literal
    | Awaited
    | Entered
    | Element
    | Choice
    | Group
    | Record
    | Annotation
    | TypeForm
    | Lambda
    | Unknown
)

UNKNOWN = Unknown()

_OPENING = re.compile(r"[\s(]*([a-z]+)\s", re.IGNORECASE)

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


def chain(path: str) -> Expr:
    """The reverse of `dotted`.

    >>> dotted(chain("a.b.c"))
    'a.b.c'
    """
    first, *rest = path.split(".")
    expr: Expr = Name(first)
    for attribute in rest:
        expr = Member(expr, attribute)
    return expr


def mentioned(annotation: Expr) -> Iterator[str]:
    """The names in what an annotation says, those of attributes included.

    >>> list(mentioned(Annotation(Choice((Name("a"), Member(Name("b"), "c"))))))
    ['a', 'c', 'b']
    """
    match annotation:
        case Annotation(type=inner) | TypeForm(type=inner):
            yield from mentioned(inner)
        case Choice(options=options):
            for each in options:
                yield from mentioned(each)
        case Record(pairs=pairs):
            for _, each in pairs:
                yield from mentioned(each)
        case Member(base=base, attr=attr):
            yield attr
            yield from mentioned(base)
        case Name(id=name):
            yield name


def replaced(expr: Expr, others: Mapping[str, Expr]) -> Expr:
    """A call, with other values in place of some names in it.

    >>> replaced(Invoke(Name("f"), (Name("a"),)), {"a": Name("b")})
    Invoke(func=Name(id='f'), args=(Name(id='b'),), keywords=())
    """
    match expr:
        case Name(id=name):
            return others.get(name, expr)
        case Member(base=base, attr=attr):
            inside = replaced(base, others)
            return expr if inside is base else Member(inside, attr)
        case Invoke(func=func, args=args, keywords=keywords):
            given = tuple(replaced(each, others) for each in args)
            named = tuple((key, replaced(value, others)) for key, value in keywords)
            return Invoke(replaced(func, others), given, named)
        case _:
            return expr


def opening(expr: Expr) -> str:
    """The word that a text begins with, in capitals; "" for one of a single word, and for everything else.

    >>> opening(Literal("select 1")), opening(Invoke(Member(Literal("(update {}"), "format"))), opening(Name("a"))
    ('SELECT', 'UPDATE', '')
    """
    match expr:
        case Literal(value=str() as text):
            found = _OPENING.match(text)
            return found[1].upper() if found is not None else ""
        case Unknown(opening=word):
            return word
        case Invoke(func=Member(base=base)) if word := opening(base):
            return word
        case Invoke(args=(first,)):
            return opening(first)
        case _:
            return ""


def shortcut(value: Expr, params: Container[str]) -> Expr:
    """The symbolic value of a lambda: only one that is a call of something outside of it can answer with a connection.

    >>> shortcut(Invoke(Name("f")), ["f"])
    Unknown(opening='')
    """
    return Lambda(value) if isinstance(value, Invoke) and root_name(value) not in params else UNKNOWN


def root_name(expr: Expr) -> str:
    """The name that a callee begins with: `a` of `a.b().c`; "" if it begins with something else."""
    while True:
        match expr:
            case Member(base=inner) | Invoke(func=inner):
                expr = inner
            case Name(id=name):
                return name
            case _:
                return ""


def last_name(expr: Expr) -> str:
    """The rightmost name of a callee, `c` of `a.b().c`; "" when there is none."""
    match expr:
        case Name(id=name):
            return name
        case Member(attr=attr):
            return attr
        case _:
            return ""
