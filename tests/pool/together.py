"""Jobs in threads that all run at the same time."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable


def run_together(jobs: list[Callable[[], None]]) -> None:
    """Run each job in a thread of its own, all at the same time."""
    start = threading.Barrier(len(jobs))

    def begin(job: Callable[[], None]) -> None:
        start.wait()
        job()

    threads = [threading.Thread(target=begin, args=(job,)) for job in jobs]
    usual = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)  # change threads often, in the middle of everything
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(usual)
