"""The vocabulary of the driver tables: what a library hands out and what its calls do to it.

One `.toml` file a library is read into one `Driver`. Everything is data: no name of a library stands in
code outside the tables. The facts come from running the libraries. The fields are the keys of the tables.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from putback.model.lifecycle import After, Begin, Close, FailedCommit, Gc, On, Twice, With
from putback.tables import ScopedName, Table, spread


class KindTable(Table, frozen=True, rename={"with_": "with"}):
    """A resource kind: one sort of thing that is held.

    `aborts` means that after a failed statement every later one fails until the transaction is rolled back,
    `own_errors` that its error is one of the driver's `errors` and not of a library below;
    `title` names it in messages ("psycopg2 pool connection"); `type` is the qualified class of the object;
    `lazy` means that it holds a connection only from its first statement to the end of the transaction;
    `exhausted` is the error text that users see when the pool has run dry; `registry` marks an object that a
    registry keeps and gives back (a scoped session); `standing` are the names of a registry that the library itself has
    for each thread, and ends with each request and job: the first is the {pool} of `release`; `waits`: an exhausted
    pool keeps the caller waiting without end;
    `shareable`: it is made to be used by several threads or tasks at once;
    `release` is how the paired release is written, with {conn}
    and {pool} to fill in, e.g. "{pool}.putconn({conn})", and `older` how it was before a version of the library, which
    every version still knows. `rollback_error` is the base class of what a rollback raises
    when the server has gone away or the connection is closed ("" when it has no server to lose); `notices_loss`: not
    behind the failed statement that has shown it, for then there is nothing to roll back any more. `autocommit` is what
    switches its transactions off: an argument, an attribute or a setter (`set_...`) of this name, given one of these
    constants or a name that ends so. `memory_uri` is the argument that lets the address be a URI, by which several
    connections can share a database in memory: that lasts as long as one of them is open. `ends_on_error`: a statement
    that fails ends the transaction, and what it held is given back with the error. `keeps_process`: as long as one is
    open, a thread of its own keeps the process from ending.
    """

    title: str
    type: str
    release: str
    older: Mapping[str, str] = {}
    pooled: bool = False
    lazy: bool = False
    close: Close = Close.DESTROYS
    with_: With = With.ERROR
    gc: Gc = Gc.REFCOUNT
    release_twice: Twice = Twice.HARMLESS
    use_after_release: After = After.RAISES
    rollback_error: str = ""
    notices_loss: bool = False
    autobegin: Begin = Begin.ANY
    aborts: bool = True
    own_errors: bool = True
    failed_commit: FailedCommit = FailedCommit.OVER
    exhausted: str = ""
    registry: bool = False
    standing: tuple[str, ...] = ()
    waits: bool = False
    shareable: bool = False
    autocommit: Mapping[str, tuple[str, ...]] = {}
    memory_uri: str = ""
    ends_on_error: bool = False
    keeps_process: bool = False


class Kind(KindTable, frozen=True, kw_only=True):
    """A kind of a driver. `id` is "<driver>.<name>", e.g. "psycopg2.pooled"."""

    id: str
    driver: str

    def __hash__(self) -> int:
        return hash(self.id)


class Parameter(Table, frozen=True):
    """An argument of a call: by position (0 is the first after self; -1: keyword only) or by name."""

    name: str
    index: int


class Effect(Table, frozen=True):
    """What one function, method, constructor or call of an instance does.

    `acquires` is a kind id; `when` maps a keyword argument (of this call or of the receiver's constructor) to
    the kind id that applies when it is given a value other than False or None. `bound` names arguments
    that, when they are a connection themselves, make the result hold nothing of its own.
    `returns` is the qualified type of a result that is not a resource (a pool, an engine, a factory).
    `derives` is the type of a result that belongs to its receiver (a cursor, a result, a transaction), unless one of
    `derives_when`, keywords that are given as True, says which (`begin(nested=True)`).
    `releases` is the argument that is given back; `keeps` the one that is stored by the callee;
    `closes` marks the object's own close (its meaning stands in its Kind); `releases_self` a method that
    really gives the object back whatever `close` means; `releases_all` a method of a pool that ends everything the
    pool has handed out; `itself` a call whose result is its receiver (`conn.execution_options(...)`). `makes` is the
    argument (of this call or of the receiver's constructor) that is a class: if it is given and known, its constructor
    says what is acquired (`sessionmaker(class_=AsyncSession)`). `executes` marks a statement; `ends` is "commit"
    or "rollback" (or "both": the transaction is over either way); `undoes` rolls back to a savepoint and leaves the
    transaction open. `awaited`: a coroutine, nothing happens without
    `await`. `raises`: whether the call can raise. `listens`: something is called through the object later on, so that
    it has to stay (a subscription). `serverside`: the argument that can make its result a cursor of the server's, whose
    `close` asks the server. `flushes`: when it fails, the session's transaction is broken on every server.
    `defers`: nothing runs yet; what it is given is written by the next statement or commit.
    `reopens`: what was closed is open again behind it. `tells_open`: its result is whether a transaction is open.
    `idles`: it gives back what it holds, and takes another if it is used again. `limited` is the argument that ends the
    waiting for a connection.
    `deferred_by`: with this argument it only makes the object, which is closed until a method opens it (`reopens`).
    `reads`: its statement changes nothing; `writes`: it changes rows.
    `idle_with`: given this argument so, it runs no statement (`merge(copy, load=False)`).
    `loaded`: it works on an object that the session has loaded or written, which one that was closed has not.
    """

    acquires: ScopedName = ScopedName("")
    on: tuple[On, ...] = (On.CALL,)
    when: Mapping[str, ScopedName] = {}
    bound: tuple[Parameter, ...] = ()
    returns: str = ""
    derives: str = ""
    derives_when: Mapping[str, str] = {}
    releases: Parameter | None = None
    keeps: Parameter | None = None
    closes: bool = False
    releases_self: bool = False
    releases_all: bool = False
    itself: bool = False
    makes: Parameter | None = None
    executes: bool = False
    ends: Literal["", "commit", "rollback", "both"] = ""
    undoes: bool = False
    limited: str = ""
    awaited: bool = False
    raises: bool = True
    telling: bool = False
    listens: bool = False
    serverside: Parameter | None = None
    flushes: bool = False
    defers: bool = False
    reopens: bool = False
    tells_open: bool = False
    loaded: bool = False
    idle_with: Mapping[str, bool] = {}
    deferred_by: str = ""
    idles: bool = False
    reads: bool = False
    writes: bool = False


INHERITED = Effect()
"""Stands for a constructor that its table does not mention; the catalog puts the base's in its place."""


class Attribute(Table, frozen=True):
    """An attribute: its qualified type, and its truth value while the object is held (None: unknown)."""

    type: str = ""
    while_held: bool | None = None


class TypeTable(Table, frozen=True):
    """A class of a library. `init` is its constructor, `call` what calling an instance does.

    `cursor`: statements run on it, and its rows are fetched from the server.
    `falsy`: its own truth value can be false while it is held (an empty queue).
    `method_truth` maps a method without arguments ("is_connected") to its truth value while the object is held.
    `detached` are methods whose results, and `data` attributes whose values, are no less good when the connection is
    closed: rows, numbers, texts. What any other method or attribute gives is taken to live on the connection.
    `lobs`: a row can hold a large object, which is read through the connection when somebody asks for it.
    """

    bases: tuple[str, ...] = ()
    cursor: bool = False
    detached: tuple[str, ...] = ()
    data: tuple[str, ...] = ()
    lobs: bool = False
    falsy: bool = False
    init: Effect = INHERITED
    call: Effect | None = None
    methods: Mapping[str, Effect] = {}
    attributes: Mapping[str, Attribute] = {}
    method_truth: Mapping[str, bool] = {}

    def __post_init__(self) -> None:
        spread(self, "methods", "attributes", "method_truth")


class TypeSpec(TypeTable, frozen=True, kw_only=True):
    """A class, by the name under which it stands in the table of its driver."""

    name: str
    driver: str


class Limit(Table, frozen=True):
    """An argument that is a number: by name, or by position (-1: keyword only). `default` is what stands for a missing
    one, and `like` the argument whose value does."""

    name: str
    index: int = -1
    default: int | None = None
    like: str = ""


class Backend(Table, frozen=True):
    """A database that a URL can name. `server`: it is not in the process. `idle_closes`: it closes what is idle.
    `limit` is how many connections it takes unless it is told otherwise. `usual` is the driver of a URL that names
    none, `timeouts` the argument of each driver that waits without end for a
    connection, and would not with it. `told_by` are options, and words of a
    file, which tell that it may be the one where the URL does not. `cutting` are parts of a host's name that tell
    of a service which closes what is idle, or sleeps meanwhile."""

    server: bool = True
    idle_closes: bool = False
    limit: int = 100
    usual: str = ""
    timeouts: Mapping[str, str] = {}
    told_by: tuple[str, ...] = ()
    cutting: tuple[str, ...] = ()


class Successor(Table, frozen=True):
    """The pool of a newer library that can stand in place of one, and is made `by` this.

    `arguments` are the constructor's, in their order, with their names there, and `added` what is given besides;
    `options` takes what goes to the driver's `connect`, of which some are `renamed` and others `refused`. `methods`
    have another name there; `taking` says how many arguments of a method both know. `lacks` are attributes of
    connections, cursors and pools that are not there any more. `closed_by_with` are methods by which a connection is
    told that a `with` closes there, and here only commits.
    """

    by: str
    arguments: Mapping[str, str]
    options: str
    added: str = ""
    renamed: Mapping[str, str] = {}
    refused: tuple[str, ...] = ()
    methods: Mapping[str, str] = {}
    taking: Mapping[str, int] = {}
    lacks: tuple[str, ...] = ()
    closed_by_with: tuple[str, ...] = ()


class PoolTable(Table, frozen=True):
    """What keeps connections for others: an engine, a pool, or a factory of sessions over one.

    `made_by` are the functions and classes that make one, `ends` its methods that close what it keeps. `keeps`: it
    opens connections of its own. `size` is how many it keeps at most, `overflow` how many more it may open. `url` is
    what it connects to, `passes` the dictionary of what the driver's `connect` is given besides. `pre_ping` switches
    the test of a connection before it is lent, which listeners to one of the events `pinged_by` may do as well;
    `recycle` says how old one may become, `timeout` how long connecting may take. `lazy`: it opens none before the
    first is asked for. `gc` is when what it keeps is closed if nobody has closed it. With one of the classes
    `keeping_none` for its argument `pool_class` it keeps none. `successor` is the pool of the library that has come
    after this one.
    """

    title: str
    made_by: tuple[str, ...]
    ends: tuple[str, ...] = ()
    keeps: bool = True
    size: Limit | None = None
    overflow: Limit | None = None
    url: Parameter | None = None
    passes: str = ""
    pre_ping: str = ""
    pinged_by: tuple[str, ...] = ()
    recycle: str = ""
    timeout: str = ""
    lazy: bool = False
    gc: Gc = Gc.REFCOUNT
    pool_class: str = ""
    keeping_none: tuple[str, ...] = ()
    successor: Successor | None = None


class Pool(PoolTable, frozen=True, kw_only=True):
    """A pool of a driver. `id` is "<driver>.<name>"."""

    id: str
    driver: str

    def __hash__(self) -> int:
        return hash(self.id)


class DriverTable(Table, frozen=True):
    """What putback knows about one library.

    The error of a failed statement is of one of the classes `errors`; `lost` are attributes of an error which tell that
    the connection was lost, and its transaction with it; `counts` are attributes of a cursor which tell how many rows a
    statement has changed, by DB-API's name. `answers` are errors by which a statement that has worked says
    what it has found. Of a library for several servers `aborting_servers` are words
    that name one where a failed statement breaks the transaction, `keeping_servers` the schemes of the others' URLs,
    `keeping_clients` the distributions that talk to those; `embedded_servers` the schemes of databases in the process.
    `imports` are the top-level import names (they gate files), `packages` the PyPI distributions that the
    tests install, `aliases` maps a second qualified name to the one used in the tables, `needles` are
    names whose appearance in a file can mean an acquire, or something that others acquire from. `embedded`: the
    database is in the process, so that opening it costs next to nothing. `threadsafety` is DB-API's number: threads
    may share a connection where it is 2 or more.
    `fetching` are the methods of cursors and connections that answer with rows, `reading` the functions that make a
    statement which only reads, `writing` those of one that changes rows.
    """

    imports: tuple[str, ...] | None = None
    packages: tuple[str, ...] = ()
    needles: tuple[str, ...] | None = None
    kinds: Mapping[str, KindTable] = {}
    functions: Mapping[str, Effect] = {}
    types: Mapping[str, TypeTable] = {}
    aliases: Mapping[str, str] = {}
    errors: tuple[str, ...] = ()
    lost: tuple[str, ...] = ()
    counts: tuple[str, ...] = ("rowcount",)
    answers: tuple[str, ...] = ()
    aborting_servers: tuple[str, ...] = ()
    keeping_servers: tuple[str, ...] = ()
    keeping_clients: tuple[str, ...] = ()
    embedded_servers: tuple[str, ...] = ()
    pools: Mapping[str, PoolTable] = {}
    backends: Mapping[str, Backend] = {}
    embedded: bool = False
    threadsafety: int = 1
    fetching: tuple[str, ...] = ()
    reading: tuple[str, ...] = ()
    writing: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        spread(self, "functions", "types", "aliases", "backends")


class Driver(DriverTable, frozen=True, kw_only=True):
    """A driver: what its table leaves out is filled in, its kinds, types and pools know whose they are."""

    name: str
    imports: tuple[str, ...]
    needles: tuple[str, ...]
    kinds: Mapping[str, Kind]
    types: Mapping[str, TypeSpec]
    pools: Mapping[str, Pool]
