"""Leaking functions with a right fix, good variants of it, and plausible wrong ones.

Built from structure, not from text: a function is a way of taking a connection, a way of leaking it and a body. Each
wrong fix is made only where it is wrong: where releasing twice is harmless, keeping the old release is no mistake.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

Lines = list[str]


@dataclass(frozen=True, slots=True)
class Way:
    """A way of taking a connection and giving it back.

    `closes_wrongly`: `conn.close()` is not the release; `twice_fails`: a second release is an error; `acquire_fails`:
    the acquire can raise; `cursor`: statements need one.
    """

    name: str
    acquire: str
    release: str
    is_async: bool = False
    closes_wrongly: bool = False
    twice_fails: bool = False
    acquire_fails: bool = True
    cursor: bool = True
    commits: bool = True


WAYS = (
    Way("pool", "pool.getconn()", "pool.putconn(conn)", closes_wrongly=True, twice_fails=True),
    Way("wrapper", "get_db_connection()", "release_db_connection(conn)", closes_wrongly=True, twice_fails=True),
    Way("file", "sqlite3.connect('shop.db')", "conn.close()"),
    Way("session", "SessionLocal()", "conn.close()", acquire_fails=False, cursor=False),
    Way("asession", "AsyncSessionLocal()", "await conn.close()", is_async=True, acquire_fails=False, cursor=False),
    Way("asyncpg", "await self.pool.acquire()", "await self.pool.release(conn)", True, cursor=False, commits=False),
)


@dataclass(frozen=True, slots=True)
class Body:
    """What is done with the connection: statements without the acquire, and the value returned at the end."""

    name: str
    statements: tuple[str, ...]
    result: str


def bodies(way: Way) -> Iterator[Body]:
    """Bodies in the language of a way."""
    wait = "await " if way.is_async else ""
    on = "cur" if way.cursor else "conn"
    opened = ("cur = conn.cursor()",) if way.cursor else ()
    fetch = "rows = cur.fetchall()" if way.cursor else "rows = answer"
    commit = (f"{wait}conn.commit()",) if way.commits else ()
    read = f"answer = {wait}{on}.execute('select * from orders where shop = 1')"
    write = f"{wait}{on}.execute('update orders set state = 2')"
    insert = f"{wait}{on}.execute('insert into audit values (1)')"
    yield Body("read", (*opened, read, fetch), "rows")
    yield Body("write", (*opened, write, *commit), "True")
    yield Body("two-writes", (*opened, write, insert, *commit), "True")
    yield Body("write-read", (*opened, write, *commit, read, fetch), "rows")
    yield Body("external", (*opened, read, fetch, "notify(rows)"), "len(rows)")
    yield Body("loop", (*opened, f"for item in items:\n    {write}\n    ship(item)", *commit), "items")
    yield Body("branch", (*opened, read, fetch, f"if rows:\n    {write}\nelse:\n    warn('none')", *commit), "rows")
    yield Body("logged", (*opened, "logger.info('start')", read, fetch, "logger.info('end')"), "rows")
    yield Body("computed", (*opened, read, fetch, "totals = [price(r) for r in rows]"), "sum(totals)")
    yield Body(
        "handled", (*opened, f"try:\n    {write}\n    {insert}\nexcept ValueError:\n    skip()", *commit), "True"
    )


@dataclass(frozen=True, slots=True)
class Leaky:
    """A leaking function: `early` returns before the release, `swallows` its exceptions, `closes` where it should give
    back, or `never` releases."""

    way: Way
    body: Body
    leak: str

    @property
    def name(self) -> str:
        """A name for reports."""
        return f"{self.way.name}/{self.body.name}/{self.leak}"


LEAKS = ("linear", "early", "never", "swallows", "closes")


def leaky_functions() -> Iterator[Leaky]:
    """Every combination that makes sense."""
    for way in WAYS:
        for body in bodies(way):
            for leak in LEAKS:
                if leak == "closes" and not way.closes_wrongly:
                    continue
                yield Leaky(way, body, leak)


# -- texts


def _block(head: str, statements: Sequence[str]) -> str:
    return f"{head}\n" + textwrap.indent("\n".join(statements) or "pass", "    ")


def _function(way: Way, statements: Sequence[str]) -> str:
    head = "async def f(self, items, flag):" if way.is_async else "def f(self, items, flag):"
    return _block(head, statements) + "\n"


def _early(leaky: Leaky) -> Lines:
    """The body with an early return in its middle, if it leaks so."""
    statements = list(leaky.body.statements)
    if leaky.leak == "early":
        statements.insert(len(statements) // 2 + 1, "if flag:\n    return None")
    return statements


def before(leaky: Leaky) -> str:
    """The leaking function."""
    way = leaky.way
    acquire, result = f"conn = {way.acquire}", f"return {leaky.body.result}"
    statements = _early(leaky)
    match leaky.leak:
        case "never":
            return _function(way, [acquire, *statements, result])
        case "swallows":
            tried = _block("try:", [acquire, *statements, way.release, result])
            return _function(way, [tried, _block("except Exception as error:", ["logger.error(error)", "return None"])])
        case "closes":
            return _function(way, [acquire, *statements, "conn.close()", result])
        case _:
            return _function(way, [acquire, *statements, way.release, result])


def _tried(leaky: Leaky, tried: Sequence[str], last: Sequence[str], handlers: Sequence[str] = ()) -> str:
    """acquire, `try`, `finally`; a function that swallowed keeps its handler around everything."""
    way = leaky.way
    inner = [f"conn = {way.acquire}", _block("try:", tried), *handlers, _block("finally:", last)]
    return _around(leaky, inner)


def _around(leaky: Leaky, statements: Sequence[str]) -> str:
    if leaky.leak == "swallows":
        handler = _block("except Exception as error:", ["logger.error(error)", "return None"])
        return _function(leaky.way, [_block("try:", statements), handler])
    return _function(leaky.way, statements)


def right(leaky: Leaky) -> str:
    """The right fix."""
    return _tried(leaky, [*_early(leaky), f"return {leaky.body.result}"], [leaky.way.release])


def good(leaky: Leaky) -> Iterator[tuple[str, str]]:
    """The right fix and others that are as good."""
    way, statements, result = leaky.way, _early(leaky), f"return {leaky.body.result}"
    body = [*statements, result]
    wait = "await " if way.is_async else ""
    yield "right", right(leaky)
    yield "guarded", _tried(leaky, body, [_block("if conn is not None:", [way.release])])
    yield (
        "bound before",
        _around(
            leaky,
            [
                "conn = None",
                _block("try:", [f"conn = {way.acquire}", *body]),
                _block("finally:", [_block("if conn is not None:", [way.release])]),
            ],
        ),
    )
    yield (
        "on both ways",
        _around(
            leaky,
            [
                f"conn = {way.acquire}",
                _block("try:", [*statements, f"result = {leaky.body.result}"]),
                _block("except BaseException:", [way.release, "raise"]),
                way.release,
                "return result",
            ],
        )
        if leaky.leak != "early"
        else right(leaky),
    )
    if way.commits:
        handler = _block("except Exception:", [f"{wait}conn.rollback()", "raise"])
        yield "rolled back", _tried(leaky, body, [way.release], [handler])
    if not way.is_async:
        release = way.release.partition("(")[0] + (", conn" if "(conn)" in way.release else "")
        stacked = [f"conn = {way.acquire}", f"stack.callback({release})", *body]
        yield "exit stack", _around(leaky, [_block("with ExitStack() as stack:", stacked)])


def _ends_transaction(leaky: Leaky) -> bool:
    """Whether a session holds nothing any more when the body is through."""
    return not leaky.way.acquire_fails and leaky.body.statements[-1].endswith("commit()")


def wrong(leaky: Leaky) -> Iterator[tuple[str, str]]:
    """Fixes that look right and are not."""
    way, statements, result = leaky.way, _early(leaky), f"return {leaky.body.result}"
    body = [*statements, result]
    acquire, release = f"conn = {way.acquire}", [way.release]
    swallows = leaky.leak == "swallows"
    wait = "await " if way.is_async else ""
    yield "no release", _tried(leaky, body, ["pass"])
    if not _ends_transaction(leaky):
        yield (
            "except only",
            _around(leaky, [acquire, _block("try:", body), _block("except Exception:", [*release, "raise"])]),
        )
    yield (
        "narrow except",
        _around(
            leaky,
            [
                acquire,
                _block("try:", [*statements, f"result = {leaky.body.result}"]),
                _block("except IntegrityError:", [*release, "raise"]),
                *release,
                "return result",
            ],
        ),
    )
    yield "release first", _around(leaky, [acquire, *release, *body])
    first = next(n for n, s in enumerate(statements) if "execute" in s) + 1
    before_try, inside = statements[:first], [*statements[first:], result]
    if any("cur." in s or "conn." in s for s in inside):
        yield (
            "released half way",
            _around(leaky, [acquire, _block("try:", before_try), _block("finally:", release), *inside]),
        )
    yield "gap before try", _around(leaky, [acquire, *before_try, _block("try:", inside), _block("finally:", release)])
    yield "return in finally", _tried(leaky, body, [*release, "return None"])
    yield "result dropped", _tried(leaky, statements, release)
    yield "flag decides", _tried(leaky, body, [_block("if flag:", release)])
    yield "statement dropped", _tried(leaky, [*statements[: first - 1], *inside], release)
    yield "statement twice", _tried(leaky, [*before_try, statements[first - 1], *inside], release)
    yield (
        "released in else",
        _around(
            leaky,
            [
                acquire,
                _block("try:", [*statements, f"result = {leaky.body.result}"]),
                _block("except TypeError:", ["raise"]),
                _block("else:", release),
                "return result",
            ],
        ),
    )
    yield "wrong name", _tried(leaky, body, [way.release.replace("conn)", "items)").replace("conn.", "items.")])
    if not swallows:
        yield "swallowed", _tried(leaky, body, release, [_block("except Exception:", ["pass"])])
        yield (
            "other error",
            _tried(
                leaky,
                body,
                release,
                [_block("except Exception as error:", ["raise RuntimeError('failed') from error"])],
            ),
        )
    if way.acquire_fails:
        yield "acquired inside", _around(leaky, [_block("try:", [acquire, *body]), _block("finally:", release)])
        yield (
            "None released",
            _around(leaky, ["conn = None", _block("try:", [acquire, *body]), _block("finally:", release)]),
        )
    if way.twice_fails:
        yield "old release kept", _tried(leaky, [*statements, *release, result], release)
        yield (
            "released in handler too",
            _tried(leaky, body, release, [_block("except Exception:", [*release, "raise"])]),
        )
    if way.closes_wrongly:
        yield "closed instead", _tried(leaky, body, ["conn.close()"])
        yield "closing", _around(leaky, [acquire, _block("with closing(conn):", body)])
    if way.commits:
        yield "commit in finally", _tried(leaky, body, [f"{wait}conn.commit()", *release])
        commits = [n for n, s in enumerate(statements) if s.endswith("commit()")]
        if commits:
            at = commits[0]
            rolled = [*statements[:at], f"{wait}conn.rollback()", *statements[at:], result]
            yield "rollback before commit", _tried(leaky, rolled, release)
            yield "commit dropped", _tried(leaky, [*statements[:at], *statements[at + 1 :], result], release)
    if way.is_async:
        yield "release not awaited", _tried(leaky, body, [way.release.removeprefix("await ")])
    if way.cursor:
        yield "cursor released", _tried(leaky, body, [way.release.replace("(conn)", "(cur)").replace("conn.", "cur.")])
