"""Work shared out over forked processes."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Sequence

import pytest

from putback.pipeline import workers

needs_fork = pytest.mark.skipif(workers.cores(2) == 1, reason="no fork on this system")


def test_results_come_in_the_order_of_the_shares() -> None:
    shares = [[1, 2], [3], [], [4, 5, 6]]
    assert workers.shared_out(sum, shares) == [3, 3, 0, 15]


@needs_fork
def test_the_first_share_is_done_here_and_the_others_elsewhere() -> None:
    here = os.getpid()
    found = workers.shared_out(lambda share: os.getpid(), [[1], [2], [3]])
    assert found[0] == here
    assert here not in found[1:]
    assert len(set(found)) == 3


@needs_fork
@pytest.mark.parametrize("how", ["killed", "leaves", "raises", "result that cannot be pickled"])
def test_the_share_of_a_child_that_dies_is_done_here(how: str) -> None:
    here = os.getpid()

    def work(share: Sequence[str]) -> object:
        if os.getpid() == here:
            return share[0].upper()
        if how == "killed":
            os.kill(os.getpid(), signal.SIGKILL)
        if how == "leaves":
            os._exit(3)
        if how == "raises":
            raise ValueError(share)
        return lambda: None

    assert workers.shared_out(work, [["a"], ["b"], ["c"]]) == ["A", "B", "C"]


@needs_fork
def test_a_large_result_does_not_fill_the_pipe() -> None:
    found = workers.shared_out(lambda share: bytes(1_000_000 * share[0]), [[1], [2], [3]])
    assert [len(each) for each in found] == [1_000_000, 2_000_000, 3_000_000]


@needs_fork
def test_no_child_is_left_behind() -> None:
    workers.shared_out(lambda share: share[0], [[1], [2]])
    with pytest.raises(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)


def test_no_shares() -> None:
    assert workers.shared_out(len, []) == []


def test_shares_are_of_about_equal_size() -> None:
    shares = workers.dealt(range(1, 101), lambda n: n, 4)
    assert sorted(n for share in shares for n in share) == list(range(1, 101))
    totals = [sum(share) for share in shares]
    assert max(totals) - min(totals) < 100


@pytest.mark.parametrize("hands", [0, 1])
def test_one_hand_does_everything(hands: int) -> None:
    assert workers.dealt([1, 2, 3], lambda n: n, hands) == [[3, 2, 1]]


def test_the_number_of_processes() -> None:
    assert workers.cores(1) == 1
    assert workers.cores(0) >= 1


def test_no_fork_no_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    assert workers.cores(8) == 1
