"""What the verifier is told: the source before and after, and the role that each call plays for a connection.

Plain data, so that it can cross a process border. The analyser knows all of it; wrong roles are the main cause of
wrong verdicts, therefore nothing here is guessed from names.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import NamedTuple

from putback.model.lifecycle import After, Begin, Close, FailedCommit, On, Twice, With
from putback.model.running import SERIOUS, Broken, Running


class Does(Enum):
    """What a call does to a connection that it is given.

    ENDS: commits. BORROWS: uses it and leaves it held. KEEPS: becomes its owner. RETURNS: its result is the connection.
    """

    RELEASES = "releases"
    CLOSES = "closes"
    KEEPS = "keeps"
    ENDS = "ends"
    BORROWS = "borrows"
    RETURNS = "returns"


class Fails(Enum):
    """How a call that is given a connection can raise: not at all, with the work undone, or with it done."""

    NEVER = "never"
    BEFORE = "before"
    AFTER = "after"


class Method(NamedTuple):
    """What a method of a connection, or of an object that belongs to one, does.

    `executes`: a statement runs; `derives`: the type of a result that belongs to the connection ("" none), which the
    keywords of `derives_when` change where they are given as True;
    `itself`: the result is the object; `ends`: "commit", "rollback", "both" (commit, or rollback after an exception)
    or "";
    `closes`: the object's own close; `releases`: gives the connection back whatever close means; `awaited`: a
    coroutine, nothing happens before it is awaited; `raises`: whether it can fail.
    """

    executes: bool = False
    derives: str = ""
    derives_when: tuple[tuple[str, str], ...] = ()
    itself: bool = False
    ends: str = ""
    closes: bool = False
    releases: bool = False
    awaited: bool = False
    raises: bool = True

    @property
    def derived(self) -> tuple[str, ...]:
        """All types that its result can have."""
        return tuple(name for name in (self.derives, *dict(self.derives_when).values()) if name)

    def derived_by(self, keywords: Mapping[str, object]) -> str:
        """The type of what a call with these keywords results in."""
        return next((name for keyword, name in self.derives_when if keywords.get(keyword) is True), self.derives)


@dataclass(frozen=True, slots=True)
class ObjectType:
    """A class of a driver: its methods, and the truth of attributes and of calls without arguments while it is held."""

    methods: Mapping[str, Method] = field(default_factory=dict)
    attributes: Mapping[str, bool] = field(default_factory=dict)
    truths: Mapping[str, bool] = field(default_factory=dict)

    @property
    def is_async(self) -> bool:
        """Whether its methods are awaited."""
        return any(method.awaited for method in self.methods.values())


@dataclass(frozen=True, slots=True)
class Profile:
    """A resource kind: what is held and what its calls mean.

    `type` names its entry in `Roles.types`. `lazy`: it holds a connection only from its first statement to the end of
    the transaction. `aborts`: a failed statement makes every later one fail until the rollback. `given_back_by` are
    the methods of its pool that release a connection passed as the first argument, `closed_by` its own that release it.
    `has_server`: a rollback fails when the server has gone away.
    """

    name: str
    title: str = "connection"
    type: str = ""
    pooled: bool = True
    lazy: bool = False
    close: Close = Close.LEAKS
    leaving: With = With.TRANSACTION
    twice: Twice = Twice.RAISES
    late: After = After.FOREIGN
    begin: Begin = Begin.ANY
    aborts: bool = True
    exhausted: str = "connection pool exhausted"
    given_back_by: tuple[str, ...] = ()
    closed_by: tuple[str, ...] = ()
    failed_commit: FailedCommit = FailedCommit.OVER
    has_server: bool = False


@dataclass(frozen=True, slots=True)
class Acquire:
    """A call that hands out a connection.

    `callee` is the text of what is called ("pool.getconn"); `row` (0: any) tells calls of one text apart. `element` is
    the position of the connection in a tuple result, `maybe_none` whether None can come instead, `itself` whether the
    receiver becomes held. `commits`: leaving its `with` commits, or rolls back after an exception. `methods` are those
    of an object around the connection, which go before those of the connection; `leaving` is its `with`.
    `is_drivers`: the call is the driver's own, so that what it is called on is the pool. `lends` is the wrapper that a
    context manager of the project takes from to lend and give back, and does nothing else: it is told as that.
    """

    callee: str
    profile: str
    on: tuple[On, ...] = (On.CALL,)
    row: int = 0
    element: int | None = None
    maybe_none: bool = False
    itself: bool = False
    commits: bool = False
    raises: bool = True
    methods: Mapping[str, Method] = field(default_factory=dict)
    leaving: With | None = None
    is_drivers: bool = False
    lends: str = ""


@dataclass(frozen=True, slots=True)
class Pass:
    """A call that is given a connection: by position (-1: keyword only), by `keyword`, or as the `receiver`.

    `manages`: it makes a context manager, and does its work when that is left; `lends`: entering gives the connection.
    """

    callee: str
    does: Does
    position: int = 0
    keyword: str = ""
    receiver: bool = False
    fails: Fails = Fails.AFTER
    awaited: bool = False
    row: int = 0
    manages: bool = False
    lends: bool = False


class Lent(NamedTuple):
    """A parameter by which the caller lends a connection, or None where that is allowed (`maybe_none`).

    What a function knows without being given it is lent, too: `parameter` is then the text that means it (`self.conn`).
    `is_injected`: a framework opens it for this call alone, and closes it after it.
    """

    parameter: str
    profile: str
    maybe_none: bool = False
    is_injected: bool = False


class Registry(NamedTuple):
    """A scoped session: it makes a session for the thread when it is first used, and keeps it until it is removed.

    `name` is what stories call it, `paths` are the texts that mean it; `queries` those that mean a query on its session
    ("User.query"), of type `query_type`. `type` names the entry of its own methods in `Roles.types`.
    `is_managed`: the end of an application context removes it; `is_open`: there is a session when the function begins;
    `outlives`: somebody else removes it when the function has ended, as at the end of a request.
    """

    name: str
    paths: tuple[str, ...]
    profile: str
    type: str
    queries: tuple[str, ...] = ()
    query_type: str = ""
    is_managed: bool = False
    is_open: bool = False
    outlives: bool = False


class Use(NamedTuple):
    """A call that uses scoped sessions by itself: the numbers of `registries` used, and of those that it commits."""

    callee: str
    registries: tuple[int, ...]
    ends: tuple[int, ...] = ()
    awaited: bool = False


class Context(NamedTuple):
    """A call that makes an application context: leaving it removes the sessions of the managed registries."""

    callee: str


class Parameter(NamedTuple):
    """A parameter of a known function; `kind` as the analyser has it: "", "*", "kw" or "**"."""

    name: str
    kind: str = ""
    required: bool = False


Signature = tuple[Parameter, ...]
"""The parameters that a call of a known function has to fill."""


@dataclass(frozen=True, slots=True)
class Roles:
    """The role table of one version of a function.

    `quiet` are the texts of callees that cannot raise, `logs` those that only write a log; `errors` maps further
    exception names of drivers to the DB-API name whose place they take ("UniqueViolation": "IntegrityError").
    `signatures` are those of callees that are known, `wrapping` callees whose results may be objects that own what they
    are given, `quick` those that take no time worth mentioning. `believed` are the callees of the project whose role is
    what `check` believes of them: they are not run.
    """

    acquires: tuple[Acquire, ...] = ()
    passes: tuple[Pass, ...] = ()
    profiles: Mapping[str, Profile] = field(default_factory=dict)
    types: Mapping[str, ObjectType] = field(default_factory=dict)
    quiet: frozenset[str] = frozenset()
    logs: frozenset[str] = frozenset()
    errors: Mapping[str, str] = field(default_factory=dict)
    lent: tuple[Lent, ...] = ()
    registries: tuple[Registry, ...] = ()
    uses: tuple[Use | Context, ...] = ()
    signatures: Mapping[str, Signature] = field(default_factory=dict)
    wrapping: frozenset[str] = frozenset()
    quick: frozenset[str] = frozenset()
    believed: frozenset[str] = frozenset()

    @property
    def has_connections(self) -> bool:
        """Whether there is anything that a run could leave behind."""
        return bool(self.acquires or self.lent or self.registries)

    @property
    def managing(self) -> frozenset[str]:
        """The context managers of the project that give a connection back at their end, and are not run themselves."""
        entered = {a.callee for a in self.acquires if On.ENTER in a.on} | {p.callee for p in self.passes if p.manages}
        return self.believed & entered


class Own(NamedTuple):
    """A call of a function of the project that is run itself: the `number` of that among all that are taken along, its
    dotted name, and whether the object that it is called on is its first argument; `hands_out` is the profile
    of the connection that the call results in, by itself or as item `element` of a tuple ("": none)."""

    number: int
    name: str
    is_bound: bool
    hands_out: str = ""
    element: int | None = None


class Taken(NamedTuple):
    """A function of the project that the verified one calls: `calls` are those of its own calls that lead to others, by
    the text of what is called. `first_row` is the row at which `source` begins, as the roles count it."""

    source: str
    function: str
    first_row: int
    calls: Mapping[str, Own]


class Version(NamedTuple):
    """One version of a function: a module or a part of one, and the dotted name of the function in it.

    `first_row` is the row of the file at which `source` begins; the rows of the roles are those of the file. `taken`
    are the functions of the project that run with it, `calls` those of its calls that lead to them.
    """

    source: str
    function: str
    roles: Roles
    first_row: int = 1
    taken: tuple[Taken, ...] = ()
    calls: Mapping[str, Own] = {}


class About(NamedTuple):
    """A connection and a rule that a fix is about.

    `acquire` is the text of the callee that acquires it ("": any), `row` where that call stands (0: any), `code` the
    rule, `running` what the rule says of running (None: it is not known, so it is all that is serious).
    """

    acquire: str = ""
    row: int = 0
    code: str = ""
    running: Running | None = None

    @property
    def breaks(self) -> frozenset[Broken]:
        """What the fix has to mend."""
        return self.running.breaks if self.running is not None else SERIOUS

    @property
    def level(self) -> int:
        """The level of faults that has to be looked at to see it."""
        return self.running.level if self.running is not None else 1

    def shows(self, broken: Broken) -> bool:
        """Whether a violation is worth showing: what the rule is about, or all but remarks if that is not known."""
        return broken in self.running.breaks if self.running is not None else not broken.is_remark


ANYTHING = About()


@dataclass(frozen=True, slots=True)
class Case:
    """What is to be verified: a function that leaks, and what the fix makes of it (None: show the leak only).

    `about`: what the fix is about; what that does not cover was there before and may stay. `handlers` are the rows of
    the `except` clauses that the fix is about (none: all of them). `rolls_back_plainly`: the fix is known to let its
    rollback raise in place of a handler's answer when the connection is lost, `holds_longer` to hold the connection
    longer on some path.
    """

    before: Version
    after: Version | None = None
    path: str = ""
    about: tuple[About, ...] = (ANYTHING,)
    handlers: frozenset[int] = frozenset()
    rolls_back_plainly: bool = False
    holds_longer: bool = False

    @property
    def injects(self) -> bool:
        """Whether what the function acquires is injected with the fix."""
        return self.after is not None and any(role.is_injected for role in self.after.roles.lent)


@dataclass(frozen=True, slots=True)
class Bounds:
    """The bounds of an exploration.

    `level` 1 faults what commonly fails, 2 also rollback, cursor close, cancellation, steps of a loop, subscripts and
    a connection that the server has closed, 3 also the release. `schedules` and `seconds` limit one function, `choices`
    one schedule.
    """

    faults: int = 1
    level: int = 1
    items: int = 2
    schedules: int = 2_000
    seconds: float = 4.0
    choices: int = 400

    def text(self) -> str:
        """The bounds in words."""
        fault = "one fault" if self.faults == 1 else f"{self.faults} faults"
        items = "one item" if self.items == 1 else f"{self.items} items"
        return f"{fault} of level {self.level}, two rounds of a loop, at most {items} of what is iterated, one thread"
