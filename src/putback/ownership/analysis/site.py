"""What is followed through a function: one acquire, or one connection that the caller handed in."""

from __future__ import annotations

from collections.abc import Hashable
from enum import Enum, auto

from msgspec import Struct
from msgspec.structs import replace

from putback.drivers.schema import Kind
from putback.flow.ir import Val
from putback.model.finding import Confidence
from putback.model.lifecycle import On
from putback.ownership.resolve.identity import Defined
from putback.ownership.resolve.types import FunctionRef


class Owner(Struct, frozen=True, gc=False, order=True, cache_hash=True):
    """A project class whose instances keep a connection in attribute `attribute`."""

    path: str
    key: str
    attribute: str

    def __str__(self) -> str:
        return f"{self.path}|{self.key}|{self.attribute}"


class Home(Enum):
    """Where a connection is that lives longer than the function which uses it.

    GLOBAL: a name of a module; OBJECT: an attribute of an object; REGISTRY: the session that a scoped session keeps for
    its thread; CONTEXT: the same, and an extension removes it when an application context ends; LENT: a parameter.
    """

    GLOBAL = auto()
    OBJECT = auto()
    REGISTRY = auto()
    CONTEXT = auto()
    LENT = auto()


class Ambient(Struct, frozen=True):
    """A connection that is there before a function is called and after it has ended.

    `meant` is the global name that leads to it, the same in all files (None: a parameter, or an attribute of one), and
    `rest` the attributes behind that name, with a leading dot.
    """

    home: Home
    meant: Defined | None = None
    rest: str = ""


class Acquisition(Struct, frozen=True):
    """What a call hands out.

    `kinds` are the possible resource kinds, the likeliest first; `on` says when it acquires; `element` is the position
    of the connection when the call returns a tuple, `beside` the constants in that, by their place; `maybe_none`
    whether it can return None instead; `through` are the project functions between the caller and the driver, nearest
    first; `generator` marks a context manager of the project; `owner` is set when an object around the connection is
    handed out instead of the connection; `itself` when the object that the method is called on becomes held
    (`db.connect()`); `closed_by` the function between that
    closes it before it hands it out: a lazy one, which opens again; `autocommits`: statements open no transaction;
    `indirect`: the call gives the function that acquires to somebody who calls it, as a thread does, or calls a lambda.
    `known_before`: on some way a function between answers with one that was there before, and that others may use.
    `keeper`: the object around it has taken it for itself. `ambient`: nothing is acquired, the connection has been
    there before. `parked`: the attributes of the function's own object that may have it, where the function gives it
    back itself; `parks`: the one that a method of the object has put it in. `made_by`: the parameter whose function has
    made it: who gives the function another one gets something else. `half_made`: the object around it can come without
    it, because its maker keeps an error of the acquire to itself. `may_be_shared`: it is told by its use alone, which
    is that of a registry's as well, and others may have that.
    """

    kinds: tuple[Kind, ...]
    on: tuple[On, ...] = (On.CALL,)
    element: int | None = None
    beside: tuple[tuple[int, Val], ...] = ()
    maybe_none: bool = False
    through: tuple[FunctionRef, ...] = ()
    confidence: Confidence = Confidence.HIGH
    generator: bool = False
    owner: Owner | None = None
    itself: bool = False
    closed_by: FunctionRef | None = None
    autocommits: bool = False
    indirect: bool = False
    known_before: bool = False
    keeper: bool = False
    ambient: Ambient | None = None
    parked: frozenset[str] = frozenset()
    parks: str = ""
    made_by: str = ""
    half_made: bool = False
    may_be_shared: bool = False

    @property
    def kind(self) -> Kind:
        """The likeliest kind."""
        return self.kinds[0]

    def bare(self) -> Acquisition:
        """The connection by itself, without the object or the tuple that it comes in."""
        return replace(self, owner=None, element=None, beside=())

    def given(self, is_pending: bool, *, whole: bool = False) -> Acquisition:
        """What a function can know of it that is given it: not where it has come from, nor how it was acquired unless
        it is yet to be (`is_pending`). `whole`: it is given the tuple that it is in."""
        return Acquisition(
            self.kinds,
            self.on if is_pending else (On.CALL,),
            self.element if whole else None,
            self.beside if whole else (),
            owner=self.owner,
            autocommits=self.autocommits,
            known_before=self.known_before and is_pending,
            ambient=self.ambient,
        )

    @property
    def key(self) -> tuple[Hashable, ...]:
        """By what answers about one that is given are remembered."""
        kinds = tuple(kind.id for kind in self.kinds)
        around = self.owner, self.element, self.beside
        return kinds, self.on, around, self.autocommits, self.known_before, self.ambient


class Site(Struct, frozen=True):
    """A followed connection: acquired by operation `at`, or known before as `name` (`at` None).

    `name` is a parameter, a captured name, or the path of an ambient connection.
    """

    at: int | None
    acquisition: Acquisition
    name: str = ""

    @property
    def kind(self) -> Kind:
        """The likeliest kind."""
        return self.acquisition.kind

    @property
    def acquired_at(self) -> int:
        """The operation that acquires; to be asked of what the function acquires itself."""
        assert self.at is not None
        return self.at
