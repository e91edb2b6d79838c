"""Generated functions that hold connections, right and wrong: to compare the check with the explorer.

The grammar of the modules for the fixes, with more ways to hold: `with` blocks that release, connections that are
handed on, flags, two connections at once, `while` loops.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from dialects import DIALECTS, Dialect
from grammar import Numbers, Row, Writer, rendered
from hypothesis import strategies as st

_HEADER = """\
import logging
from contextlib import closing, contextmanager
from shop.tools import alock, awork, flag, lock, shelf, work
{imports}
logger = logging.getLogger(__name__)
"""


@dataclass(frozen=True, slots=True)
class Shop:
    """A library in use. `manager` enters a connection that leaving gives back; `other` is a second connection.

    `others` are the libraries that only this grammar knows.
    """

    dialect: Dialect
    manager: str = ""
    other: Dialect | None = None

    @property
    def header(self) -> str:
        """The rows in front of the functions."""
        imports = self.dialect.imports + (self.other.imports if self.other is not None else "")
        return _HEADER.format(imports=imports)


_BY_TITLE = {dialect.title: dialect for dialect in DIALECTS}
_REPLICA = Dialect(
    "replica",
    'replica = psycopg2.pool.SimpleConnectionPool(1, 5, "dbname=replica")\n'
    "\n\n@contextmanager\ndef connected():\n    lent = pool.getconn()\n    try:\n        yield lent\n"
    "    finally:\n        pool.putconn(lent)\n\n\n",
    "other",
    "replica.getconn()",
    "replica.putconn(other)",
    "psycopg2.Error",
    execute="{name}.cursor().execute({query})",
    fetch="{name}.cursor().fetchall({query})",
    wrong="other.close()",
)
_PSYCOPG = Dialect(
    "psycopg pool",
    "import psycopg\nfrom psycopg_pool import ConnectionPool\n\npool = ConnectionPool('dbname=shop')\n",
    "conn",
    "pool.getconn()",
    "pool.putconn(conn)",
    "psycopg.Error",
    wrong="conn.close()",
)
_PLAIN = Dialect(
    "psycopg2 connection",
    "import psycopg2\n",
    "conn",
    'psycopg2.connect("dbname=shop")',
    "conn.close()",
    "psycopg2.Error",
    execute="{name}.cursor().execute({query})",
    fetch="{name}.cursor().fetchall({query})",
)
_ASYNC_SESSION = Dialect(
    "SQLAlchemy async session",
    "from sqlalchemy.exc import SQLAlchemyError\n"
    "from sqlalchemy.ext.asyncio import async_sessionmaker, create_async_engine\n\n"
    "engine = create_async_engine('postgresql+asyncpg://shop')\nmake = async_sessionmaker(engine)\n",
    "session",
    "make()",
    "await session.close()",
    "SQLAlchemyError",
    execute="await {name}.execute({query})",
    fetch="(await {name}.execute({query})).fetchall()",
    has_cursor=False,
    commit="await {name}.commit()",
    is_async=True,
)
_AIOMYSQL = Dialect(
    "aiomysql pool",
    "import aiomysql\n\npool: aiomysql.Pool = None\n",
    "conn",
    "await pool.acquire()",
    "pool.release(conn)",
    "aiomysql.Error",
    execute="await (await {name}.cursor()).execute({query})",
    fetch="await (await {name}.cursor()).fetchall({query})",
    has_cursor=False,
    commit="await {name}.commit()",
    wrong="conn.close()",
    is_async=True,
)
SHOPS = (
    Shop(_BY_TITLE["psycopg2 pool"], "connected()", _REPLICA),
    Shop(_BY_TITLE["wrapped pool"]),
    Shop(_BY_TITLE["sqlite3"], 'closing(sqlite3.connect("shop.db"))'),
    Shop(_BY_TITLE["asyncpg pool"], "pool.acquire()"),
    Shop(_BY_TITLE["SQLAlchemy session"], "SessionLocal()"),
    Shop(_PSYCOPG, "pool.connection()"),
    Shop(_PLAIN),
    Shop(_ASYNC_SESSION, "make()"),
    Shop(_AIOMYSQL, "pool.acquire()"),
)


@dataclass(frozen=True, slots=True)
class Holder:
    """A generated function: the library it uses, and its text with NAME in place of its name."""

    shop: Shop
    text: str


NAME = "holder"


class HolderWriter(Writer):
    """Writes one function. `may_release`: releases are drawn here, and not written by a shape."""

    def __init__(self, number: Numbers, shop: Shop) -> None:
        super().__init__(number, shop.dialect)
        self.shop = shop
        self.may_release = True
        self.has_other = False

    # -- statements

    def work(self, depth: int) -> list[Row]:
        """A call, or something else that can raise."""
        if self.chance(6):
            return [
                (
                    depth,
                    self.pick(
                        ('value = a["key"]', f"assert b.{self.label()}", "value = [work(one) for one in others]")
                    ),
                )
            ]
        return super().work(depth)

    def release(self, depth: int) -> list[Row]:
        """The connection is given back, unless a shape does that."""
        return super().release(depth) if self.may_release else self.use(depth)

    def statement(self, depth: int, size: int, held: bool, loop: bool) -> list[Row]:
        """One statement."""
        if size > 0 and depth <= 5 and self.chance(9):
            forms = [self.repeat, self.while_true]
            if self.shop.other is not None and not self.has_other:
                forms.append(self.second)
            return self.pick(tuple(forms))(depth, size, held, loop)
        return super().statement(depth, size, held, loop)

    def condition(self) -> str:
        """What a branch asks: one of the arguments, or what nothing else asks."""
        if self.chance(2):
            return self.pick(("a", "b", "not a", "a and b"))
        return self.pick((f"a.{self.label()}", f"not b.{self.label()}", f"a and b.{self.label()}"))

    def branch(self, depth: int, size: int, held: bool, loop: bool) -> list[Row]:
        """if, elif, else."""
        rows = [(depth, f"if {self.condition()}:"), *self.block(depth + 1, size, held, loop)]
        if self.chance(4):
            rows += [(depth, f"elif b.{self.label()}:"), *self.block(depth + 1, size, held, loop)]
        if self.chance(3):
            rows += [(depth, "else:"), *self.block(depth + 1, size, held, loop)]
        return rows

    def short(self, depth: int, size: int, held: bool, loop: bool) -> list[Row]:
        """A branch on one row."""
        return [(depth, f"if {self.condition()}: {self.leave(0, loop)[0][1]}")]

    def loop(self, depth: int, size: int, held: bool, loop: bool) -> list[Row]:
        """for over what no other loop goes over, so that none is empty because another is; an else now and then."""
        rows = [(depth, f"for item in items[{self.count}]:"), *self.block(depth + 1, size, held, True)]
        self.count += 1
        if self.chance(6):
            rows += [(depth, "else:"), *self.block(depth + 1, size, held, loop)]
        return rows

    def repeat(self, depth: int, size: int, held: bool, loop: bool) -> list[Row]:
        """while with a condition."""
        return [(depth, f'while flag("{self.label()}"):'), *self.block(depth + 1, size, held, True)]

    def while_true(self, depth: int, size: int, held: bool, loop: bool) -> list[Row]:
        """A loop that is left from inside."""
        rows = [(depth, "while True:"), *self.block(depth + 1, size, held, True)]
        return rows if _ends(rows, depth + 1) else [*rows, (depth + 1, self.pick(("break", "return value")))]

    def managed(self, depth: int, size: int, held: bool, loop: bool) -> list[Row]:
        """with, or async with."""
        if self.dialect.is_async and self.chance(2):
            return [(depth, "async with alock:"), *self.block(depth + 1, size, held, loop)]
        return super().managed(depth, size, held, loop)

    def second(self, depth: int, size: int, held: bool, loop: bool) -> list[Row]:
        """Another connection is held for a while."""
        assert self.shop.other is not None
        kept = self.dialect, self.has_cursor, self.is_given, self.unsure, self.may_release
        self.dialect, self.has_cursor, self.is_given, self.unsure, self.has_other = (
            self.shop.other,
            False,
            False,
            False,
            True,
        )
        self.may_release = True
        rows: list[Row] = getattr(self, f"_{self.pick(('tidy', 'straight', 'try', 'flag'))}")(depth)
        self.dialect, self.has_cursor, self.is_given, self.unsure, self.may_release = kept
        return rows

    # -- the function

    def body(self, depth: int) -> list[Row]:
        """Acquire, use, and most often release."""
        shapes = ["tidy", "tidy", "pair", "given", "kept", "flag", "base", "base", "base"]
        if self.shop.manager:
            shapes += ["entered", "entered"]
        shape = self.pick(tuple(shapes))
        if shape == "base":
            return super().body(depth)
        rows: list[Row] = [(depth, "value = rows = None")]
        if self.chance(3):
            rows += self.work(depth)
        rows += getattr(self, f"_{shape}")(depth)
        if not _ends(rows, depth) and self.chance(3):
            rows += self.block(depth, 2, False)
        return rows

    def safe(self, depth: int, size: int = 4) -> list[Row]:
        """A block that uses the connection and does not release it, most of the time."""
        self.may_release = self.chance(9)
        rows = self.block(depth, size, True)
        self.may_release = True
        return rows

    def given_back(self, depth: int) -> list[Row]:
        """The plain release."""
        return [(depth, self.dialect.release)]

    def _tidy(self, depth: int) -> list[Row]:
        between = self.log(depth) if self.chance(3) else self.use(depth) if self.chance(6) else []
        rows = [*self.acquire(depth), *between, (depth, "try:"), *self.safe(depth + 1)]
        if self.chance(2):
            self.may_release = False
            rows += [(depth, f"except {self.caught(False)[0]}:".replace(" :", ":"))]
            rows += self.handler(depth + 1, 2, True, False)
            self.may_release = True
        before = self.pick((self.log, self.work, self.use))(depth + 1) if self.chance(5) else []
        return [*rows, (depth, "finally:"), *before, *self.given_back(depth + 1)]

    def _pair(self, depth: int) -> list[Row]:
        rows = [*self.acquire(depth), (depth, "try:"), *self.safe(depth + 1)]
        rows += [(depth, f"except {self.pick(('Exception', 'BaseException', self.dialect.error))}:")]
        ends = self.pick(("raise", "return", ""))
        rows += [*self.log(depth + 1), *self.given_back(depth + 1), *([(depth + 1, ends)] if ends else [])]
        if ends and not self.chance(3):
            return [*rows, *self.given_back(depth)]
        return [*rows, (depth, "else:"), *self.given_back(depth + 1)]

    def _given(self, depth: int) -> list[Row]:
        rows = self.acquire(depth)
        if self.chance(3):
            rows += self.use(depth)
        else:
            rows += [(depth, "try:"), *self.safe(depth + 1)]
            rows += [(depth, f"except {self.pick(('Exception', 'BaseException', self.dialect.error))}:")]
            rows += [*self.given_back(depth + 1), (depth + 1, "raise")]
        return [*rows, (depth, self.pick((f"return {self.dialect.name}", f"return {self.dialect.name}, value")))]

    def _kept(self, depth: int) -> list[Row]:
        name = self.dialect.name
        before = self.safe(depth, 2) if self.chance(2) else []
        rows = [*self.acquire(depth), *before]
        return (
            rows if _ends(rows, depth) else [*rows, (depth, self.pick((f"shelf[a] = {name}", f"shelf.last = {name}")))]
        )

    def _flag(self, depth: int) -> list[Row]:
        rows = [*self.acquire(depth), (depth, "done = False"), (depth, "try:"), *self.safe(depth + 1, 3)]
        if not _ends(rows, depth + 1):
            rows += [*self.given_back(depth + 1), (depth + 1, "done = True")]
        return [*rows, (depth, "finally:"), (depth + 1, "if not done:"), *self.given_back(depth + 2)]

    def _entered(self, depth: int) -> list[Row]:
        word = "async with" if self.dialect.is_async else "with"
        self.may_release = False
        body = self.block(depth + 1, 4, True)
        self.may_release = True
        return [(depth, f"{word} {self.shop.manager} as {self.dialect.name}:"), *body]


def _ends(rows: Sequence[Row], depth: int) -> bool:
    """Whether the last statement of a block at `depth` leaves it."""
    last = next((text for at, text in reversed(rows) if at == depth and text), "")
    return last.startswith(("return", "raise", "break", "continue"))


def holder(number: Numbers, shop: Shop) -> Holder:
    """A function that holds a connection of the library `shop`."""
    word = "async def" if shop.dialect.is_async else "def"
    rows = [(0, f"{word} {NAME}(a, b, items, others):"), *HolderWriter(number, shop).body(1)]
    return Holder(shop, rendered(rows, "    "))


@st.composite
def holders(draw: st.DrawFn, shop: Shop) -> Holder:
    """The same, at hypothesis' choice."""
    return holder(lambda low, high: draw(st.integers(low, high)), shop)


def modules_of(found: Sequence[Holder], size: int) -> Iterator[tuple[str, dict[str, Holder]]]:
    """Modules with up to `size` functions each: their texts, and their functions by name."""
    for shop in SHOPS:
        own = [holder for holder in found if holder.shop == shop]
        for start in range(0, len(own), size):
            named = {f"{NAME}{number}": holder for number, holder in enumerate(own[start : start + size])}
            texts = (holder.text.replace(NAME, name, 1) for name, holder in named.items())
            yield "\n\n".join([shop.header, *texts]), named
