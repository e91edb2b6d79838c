"""What the explorer finds in functions of many shapes."""

from __future__ import annotations

import pytest
from roles_by_hand import version
from shapes import SHAPES, Shape

from putback.model.running import Broken
from putback.verify.explore import Budget, Exploration, explore
from putback.verify.extract import extract
from putback.verify.faults import faults_for
from putback.verify.roles import Bounds
from putback.verify.run import Runner


def explored(source: str, bounds: Bounds) -> Exploration:
    """Every run of the function `f`."""
    program = extract(version(source))
    runner = Runner(program, faults_for(program.handled, {}))
    return explore(runner, bounds, Budget(4_000, 60.0, lambda: 0.0))


def serious(found: Exploration) -> frozenset[Broken]:
    """The violations that are more than a remark."""
    return frozenset(b for b in found.first if not b.is_remark)


@pytest.mark.parametrize("shape", SHAPES, ids=lambda s: s.name)
def test_finds_what_a_shape_violates(shape: Shape) -> None:
    found = explored(shape.source, Bounds(items=2))
    assert serious(found) == shape.found
    assert found.exhaustive
    assert not found.unexplained
    assert found.unstable is None


@pytest.mark.parametrize("shape", SHAPES, ids=lambda s: s.name)
def test_finds_more_with_two_faults_and_cancellation(shape: Shape) -> None:
    found = explored(shape.source, Bounds(faults=2, level=2, items=2))
    assert serious(found) == shape.found_at_2
    assert found.unstable is None


_ARGUMENTS = """
def f(rows):
    conn = pool.getconn()
    try:
        conn.cursor().execute("insert into t values (1)")
    except psycopg2.Error as e:
        code, message = e.args[0], e.args[1]
        log.error("%s %s", code, message)
    finally:
        pool.putconn(conn)
"""
_STRICT_ZIP = """
def f(rows):
    conn = pool.getconn()
    try:
        for row, vector in zip(list(rows), embed(rows), strict=True):
            conn.cursor().execute("insert into t values (%s, %s)", (row, vector))
    finally:
        pool.putconn(conn)
"""


_EXPECTED = """
def f(mocker):
    expected = mocker.Mock()
    conn = pool.getconn()
    assert conn is expected
    pool.putconn(conn)
"""


def test_a_connection_may_be_what_it_is_compared_with() -> None:
    runs = explored(_EXPECTED, Bounds(faults=0)).runs
    assert {(run.outcome[0], run.leaks) for run in runs} == {("raises", True), ("returns", False)}


_NESTED_TARGETS = """
def f(rows):
    conn = pool.getconn()
    try:
        for number, (name, price) in enumerate(rows, start=1):
            conn.cursor().execute("insert into t values (%s, %s)", (name, price))
    finally:
        pool.putconn(conn)
"""
_FORMATTED_NONE = """
def f(rows):
    conn = pool.getconn()
    price = None
    try:
        row = conn.cursor().fetchone()
        if row:
            price = row[0]
        log.info(f"{price:.2f}")
    finally:
        pool.putconn(conn)
"""
_EXPLAINED = {
    "arguments of an error": _ARGUMENTS,
    "a strict zip": _STRICT_ZIP,
    "nested targets": _NESTED_TARGETS,
    "a formatted None": _FORMATTED_NONE,
}


@pytest.mark.parametrize("source", _EXPLAINED.values(), ids=_EXPLAINED.keys())
def test_what_code_runs_into_by_itself_is_explained(source: str) -> None:
    found = explored(source, Bounds(items=2))
    assert not found.unexplained
    assert serious(found) == frozenset()
