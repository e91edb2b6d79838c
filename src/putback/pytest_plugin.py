"""For pytest: a test that ends with a connection out fails, with the place that took it.

For all tests `putback_no_leaks = true` in pytest's configuration; for one the fixture or the marker `no_leaks`;
`@pytest.mark.no_leaks(False)` for none. Pools are found by themselves, whoever builds them. What a fixture of a wider
scope holds is that fixture's; what a session has that is older than the test, or a variable of a module, is named at
the end and fails nothing. A test that failed for another reason is left alone: its frames keep what they held.
"""

from __future__ import annotations

import functools
import gc
import sys
import weakref
from collections import Counter
from collections.abc import Callable, Generator
from contextlib import nullcontext
from typing import Any

import pytest

from putback.pool.lease import Frame
from putback.pool.watching import Watch, hooks, lasting, sqlalchemy, watch
from putback.pool.watching.holding import Holding, Note

INI = "putback_no_leaks"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addini(INI, "a test that ends with a database connection out fails", type="bool", default=False)


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers", "no_leaks(wanted=True): the test fails if it ends with a database connection out"
    )
    config.pluginmanager.register(_Guard(config), "putback-no-leaks-guard")


@pytest.fixture
def no_leaks() -> None:
    """The test fails if it ends with a database connection out."""


class _Pools:
    """Every pool of this process, watched from its making on."""

    def __init__(self) -> None:
        self._watches: list[Watch] = []
        self._known: set[str] = set()
        self._undo: list[Callable[[], None]] = []
        self.sessions: lasting.Sessions | None = None

    def find(self) -> None:
        """Hear of the pools of libraries that were loaded meanwhile."""
        for library in hooks.LIBRARIES:
            if library.module not in self._known:
                for cls in hooks.loaded_classes(library):
                    self._known.add(library.module)
                    self._hear_of_new(cls)
                    self._watch_existing(cls)
        if "sqlalchemy.pool" in sys.modules and "sqlalchemy" not in self._known:
            self._known.add("sqlalchemy")
            watching = Watch("SQLAlchemy", depth=8, sample=1)
            sqlalchemy.hook_all(watching)
            self._watches.append(watching)
        if self.sessions is None and "sqlalchemy.orm" in sys.modules:
            self.sessions = lasting.Sessions(sys.modules["sqlalchemy"])
            self._undo.append(self.sessions.stop)

    def lasts(self, holding: Holding, others: list[Any]) -> bool:
        """Whether what holds it was there before the test and stays, as `others` do."""
        lent = self._lent(holding)
        if lent is None:
            return False
        if self.sessions is not None and (session := self.sessions.taker(lent)) is not None:
            return self.sessions.is_older(session) or lasting.is_kept(session, others)
        return lasting.is_kept(lent, others)

    def _lent(self, holding: Holding) -> Any:
        """What the borrower has."""
        for watching in self._watches:
            for key, note in list(watching.out.items()):
                if isinstance(note, Note) and note.holding is holding:
                    if isinstance(note.kept, weakref.ref):
                        return note.kept()
                    return next((found for found in gc.get_objects() if id(found) == key), None)
        return None

    def holdings(self) -> list[Holding]:
        return [holding for watching in self._watches for holding in watching.holdings()]

    def stop(self) -> None:
        for undo in self._undo:
            undo()
        for watching in self._watches:
            watching.stop()

    def _hear_of_new(self, cls: type) -> None:
        init: Callable[..., None] = vars(cls)["__init__"]

        @functools.wraps(init)
        def making(pool: Any, *args: Any, **kwargs: Any) -> None:
            init(pool, *args, **kwargs)
            self._watch(pool)

        setattr(cls, "__init__", making)  # noqa: B010 (an assignment is no method for the type checker)
        self._undo.append(lambda: setattr(cls, "__init__", init))

    def _watch_existing(self, cls: type) -> None:
        for found in gc.get_objects():
            if isinstance(found, cls):
                self._watch(found)

    def _watch(self, pool: Any) -> None:
        if hooks.library_of(pool) is not None:  # the class of that name may be another one
            self._watches.append(watch(pool, depth=8, sample=1))


class _Guard:
    """Looks at each test's end."""

    def __init__(self, config: pytest.Config) -> None:
        self._everywhere = bool(config.getini(INI))
        self._pools = _Pools()
        self._before: set[Holding] = set()
        self._of_wider_scope: set[Holding] = set()
        self._wider: list[pytest.FixtureDef[Any]] = []
        self._kept: Counter[Frame] = Counter()
        self._failed = False

    def _guards(self, item: pytest.Item) -> bool:
        marker = item.get_closest_marker("no_leaks")
        if marker is not None:
            return bool(marker.args[0]) if marker.args else True
        return self._everywhere or "no_leaks" in getattr(item, "fixturenames", ())

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> Generator[None, None, None]:
        self._failed = False
        if self._guards(item):
            self._pools.find()
            self._before = self._out()
            if self._pools.sessions is not None:
                self._pools.sessions.begin()
        return (yield)

    @pytest.hookimpl(wrapper=True)
    def pytest_fixture_setup(self, fixturedef: pytest.FixtureDef[Any]) -> Generator[None, object, object]:
        if fixturedef.scope == "function":
            return (yield)
        before, sessions = self._out(), self._pools.sessions
        with nullcontext() if sessions is None else sessions.of_wider_scope():
            result = yield
        self._wider.append(fixturedef)
        self._of_wider_scope |= self._out() - before
        return result

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_call(self, item: pytest.Item) -> Generator[None, None, None]:
        self._pools.find() if self._guards(item) else None
        try:
            return (yield)
        except BaseException:
            self._failed = True
            raise

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_teardown(self, item: pytest.Item) -> Generator[None, None, None]:
        yield
        if self._guards(item) and not self._failed and (left := self._left()):
            pytest.fail(_told(left), pytrace=False)

    def pytest_unconfigure(self) -> None:
        self._pools.stop()

    def _out(self) -> set[Holding]:
        return set(self._pools.holdings())

    def _left(self) -> list[Holding]:
        """What this test took and did not give back."""
        excused = self._before | self._of_wider_scope
        left = [holding for holding in self._pools.holdings() if holding not in excused]
        if left:
            gc.collect()
            still = self._out()
            others = [fixture.cached_result[0] for fixture in self._wider if fixture.cached_result is not None]
            kept = [each for each in left if each in still and self._pools.lasts(each, others)]
            self._kept.update(holding.caller for holding in kept)
            left = [holding for holding in left if holding in still and holding not in kept]
        return left

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        if self._kept:
            terminalreporter.section("connections kept by what lasts longer than the test that took them")
            for place, times in self._kept.most_common():
                terminalreporter.line(f"{times} x taken at {place}")


def _told(left: list[Holding]) -> str:
    lines = ["connections are still out at the end of the test:"]
    for holding in left:
        through = "".join(f", through {frame}" for frame in holding.through)
        lines.append(f"  taken at {holding.caller}{through}, by {holding.holder}")
        lines += [f"    putback check: {finding}" for finding in _findings_at(holding.caller)]
    return "\n".join(lines)


def _findings_at(place: Frame) -> list[str]:
    """What `putback check` says about the place, if it says anything."""
    from putback.pipeline.check import check  # the analyser is loaded for a failing test only

    try:
        findings = check([place.file]).findings
    except Exception:
        return []
    return [f"{each.code} {each.message}" for each in findings if each.span.start.row == place.line]
