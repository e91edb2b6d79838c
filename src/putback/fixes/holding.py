"""What a fix has to know of one held connection; the rules fill it from the analysis."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import libcst as cst

from putback.fixes.code import Code, ask
from putback.fixes.imports import Needed
from putback.model.config import FixStyle

ANONYMOUS = "<connection>"
"""Stands in a release for the name that an acquire without a name has yet to get."""


@dataclass(frozen=True, slots=True)
class Release:
    """The paired release as a statement, with the imports it needs; `reason` says why there is none ("").

    `is_pair`: it is a function of the project.
    """

    statement: str = ""
    needs: tuple[Needed, ...] = ()
    reason: str = ""
    is_pair: bool = False


@dataclass(frozen=True, slots=True)
class Holding:
    """One acquire of a function and what becomes of the connection.

    `acquire` is the call, `name` the variable ("" for none), `related` every local name that is the connection or
    belongs to it. `closers` are the calls that give it back, `wrong` those among them that close it instead,
    or that no path was seen to reach;
    `handed_on` the places where somebody else becomes its owner, `lost_at` those where the function ends, or a round of
    a loop, without an exception and with nobody to give it back. `lazy`: a session that may connect again after its
    release; `maybe_none`: the acquire can hand out None; `lent`: it is yielded to whoever resumes the function;
    `itself`: the acquire makes the object `name` hold a connection (`db.connect()`);
    `unpacked`: it comes inside a tuple, with others of `related`, which is unpacked by the statement that acquires, and
    `beside` are those of them of which nobody knows what they are: a flag, an engine, a cursor of another one;
    `manages`: a `with` on what the acquire hands out gives it back; `closes`: a `with closing(...)` does;
    `style`: how the project wants it written; `asks_truth`: `if conn:` asks whether it is there;
    `needing` are the names of what needs the connection; `returned` are the `return` statements that hand such a value
    on, `stored` the places that keep one, `yielded` the `yield`s of one in a generator that lends nothing.
    `calm` are the calls that cannot raise, `failing` the releases that can, `makes` the calls that only make a cursor;
    `foreign` the mentions of its names, and of what needs it, that mean something else.
    `unbound` are the names that a clean-up reads although an error may have come before their binding;
    `doubts` say who may still need the connection when the function has ended;
    `besides` are those of the closers that do more than give back, with that in words;
    `quick` are the calls that take no time worth mentioning, `logging` those among them that write a log, and
    `value_methods` the methods of texts, containers and rows that take none either; `fetching` answer with rows.
    """

    code: Code
    acquire: cst.CSTNode
    name: str
    related: frozenset[str]
    release: Release
    closers: tuple[cst.CSTNode, ...] = ()
    wrong: tuple[cst.CSTNode, ...] = ()
    handed_on: tuple[cst.CSTNode, ...] = ()
    lost_at: tuple[cst.CSTNode, ...] = ()
    lazy: bool = False
    maybe_none: bool = False
    lent: bool = False
    itself: bool = False
    style: FixStyle = FixStyle.TRY_FINALLY
    asks_truth: bool = False
    manages: bool = False
    closes: bool = False
    needing: frozenset[str] = frozenset()
    returned: tuple[cst.CSTNode, ...] = ()
    stored: tuple[cst.CSTNode, ...] = ()
    yielded: tuple[cst.CSTNode, ...] = ()
    calm: frozenset[cst.CSTNode] = frozenset()
    failing: frozenset[cst.CSTNode] = frozenset()
    makes: frozenset[cst.CSTNode] = frozenset()
    foreign: frozenset[cst.CSTNode] = frozenset()
    unpacked: bool = False
    beside: frozenset[str] = frozenset()
    unbound: frozenset[str] = frozenset()
    quick: tuple[cst.CSTNode, ...] = ()
    logging: tuple[cst.CSTNode, ...] = ()
    value_methods: frozenset[str] = frozenset()
    fetching: frozenset[str] = frozenset()
    besides: Mapping[cst.CSTNode, str] = field(default_factory=dict, hash=False)
    doubts: tuple[str, ...] = ()

    @property
    def others(self) -> Iterator[cst.CSTNode]:
        """The mentions of the connection's own name that mean something else."""
        return (n for n in self.foreign if isinstance(n, cst.Name) and n.value == self.name)

    @property
    def asked(self) -> frozenset[str]:
        """The names of which a condition asks whether the connection is there: what came beside it may say anything."""
        return self.related - self.beside

    def ask(self, name: str, body: cst.BaseSuite) -> cst.If:
        """The question whether `name`, the connection or what belongs to it, is there."""
        return ask(name, body, self.asks_truth)
