"""What a check costs grows as the file does: twice the text is twice the work, not four times.

What is counted are calls of Python functions, and bytes; never seconds. Each shape has been quadratic or worse.
"""

from __future__ import annotations

import sys
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pytest
from hard_files import (
    HEAD,
    function,
    functions_in_a_circle,
    leaky_functions,
    loops_with_break,
    many_findings,
    routes,
    self_assignments,
)

from putback.pipeline.check import check

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty folder as the working directory."""
    monkeypatch.chdir(tmp_path)


def a_leak_among_others(count: int) -> str:
    return leaky_functions(1) + "".join(f"def g{n}(x):\n    y = x + {n}\n    return [y, x]\n" for n in range(count))


def nested_lambdas(count: int) -> str:
    return HEAD + function(f"    keep = {'lambda a: ' * count}x\n")


def links_in_a_chain(count: int) -> str:
    return HEAD + function(f"    y = x{'.add(1)' * count}\n")


def work(text: str) -> int:
    """How many calls of Python functions the check of a file takes."""
    Path("it.py").write_text(text)
    count = 0

    def note(frame: object, event: str, argument: object) -> None:
        nonlocal count
        count += event == "call"

    before = sys.getprofile()
    sys.setprofile(note)
    try:
        check(["it.py"])
    finally:
        sys.setprofile(before)
    return count


@pytest.mark.parametrize(
    ("made", "count"),
    [
        (leaky_functions, 60),
        (a_leak_among_others, 500),
        (many_findings, 60),
        (routes, 20),
        (loops_with_break, 30),
        (self_assignments, 40),
        (nested_lambdas, 100),
        (links_in_a_chain, 100),
    ],
)
def test_twice_the_text_is_twice_the_work(made: Callable[[int], str], count: int) -> None:
    work(made(2))
    once, twice, four_times = (work(made(times * count)) for times in (1, 2, 4))
    assert four_times - twice < 2.2 * (twice - once)


def test_functions_that_all_call_each_other_are_asked_once_each() -> None:
    """Whether one may answer with a known connection was asked along each of the ways of four calls: n to the fifth."""
    work(functions_in_a_circle(2))
    once, twice, four_times = (work(functions_in_a_circle(count)) for count in (8, 16, 32))
    assert twice < 5 * once
    assert four_times < 6 * twice


def test_a_finding_keeps_no_more_than_it_needs() -> None:
    """One kept its whole file and tree: 190 kB for each."""

    def peak(count: int) -> int:
        Path("it.py").write_text(many_findings(count))
        tracemalloc.start()
        try:
            found = check(["it.py"]).findings
            assert len(found) == count
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    peak(2)
    few, many = peak(100), peak(400)
    assert many - few < 300 * 40_000
