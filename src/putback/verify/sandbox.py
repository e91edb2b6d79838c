"""Verifies cases in processes that can do no harm: see `child` for what is guaranteed where.

One helper process is started for all cases; it imports nothing but the standard library and the verifier, and each
case runs in a fork of it.
"""

from __future__ import annotations

import json
import os
import pickle
import select
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Any

from putback.verify import wire
from putback.verify.choices import Schedule
from putback.verify.roles import Bounds, Case, Version
from putback.verify.verdict import Proof

_BOOT = """
import gc, sys, types
gc.disable()
package = types.ModuleType("putback")
package.__path__ = [sys.argv[1]]
sys.modules["putback"] = package
from putback.verify.child import main
main()
"""
_START = 20.0
_PACKAGE = str(Path(__file__).parents[1])
_NEEDED = ("SYSTEMROOT",)


class Sandbox:
    """A context manager around the helper process. `has_kernel_filter`: the kernel itself enforces the locks."""

    def __init__(self) -> None:
        self.has_kernel_filter = False
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Sandbox:
        self._start()
        return self

    def __exit__(self, cls: type | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        self._stop()

    def verify(self, case: Case, bounds: Bounds | None = None) -> Proof:
        """The proof of a case; `unknown` with the reason when its process dies or takes too long."""
        return wire.decode(self._ask(case, bounds or Bounds(), None), case)

    def replay(self, version: Version, schedule: Schedule) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """What the run of one schedule violates, and its story.

        Raises SourceError when it cannot be run.
        """
        return wire.decode_run(self._ask(Case(version), Bounds(), schedule))

    def _ask(self, case: Case, bounds: Bounds, schedule: Schedule | None) -> Any:
        """The answer of the helper process, or what went wrong with it."""
        if self._process is None:
            self._start()
        process = self._process
        assert process is not None and process.stdin is not None
        try:
            process.stdin.write(wire.framed(pickle.dumps((case, bounds, schedule))))
            process.stdin.flush()
            answer = self._answer(4 * bounds.seconds + 10)
        except OSError as error:
            answer = {"error": f"the helper process is gone: {error}"}
        if answer is None:
            answer = {"error": "the helper process does not answer"}
        if "error" in answer or not hasattr(os, "fork"):
            self._check()
        return answer

    # -- the helper process

    def _start(self) -> None:
        """Nothing of the environment is handed down; hashes are the same in every run."""
        environment = {name: os.environ[name] for name in _NEEDED if name in os.environ}
        environment["PYTHONHASHSEED"] = "0"
        self._process = subprocess.Popen(
            [sys.executable, "-S", "-s", "-P", "-B", "-W", "ignore", "-c", _BOOT, _PACKAGE],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=environment,
            cwd=os.path.abspath(os.sep),
            start_new_session=True,
        )
        answer = self._answer(_START)
        if not isinstance(answer, dict) or not answer.get("ready"):
            self._stop()
            raise RuntimeError("the helper process of the sandbox does not start")
        self.has_kernel_filter = bool(answer.get("kernel"))

    def _answer(self, seconds: float) -> Any:
        """The next message of the helper; None when none comes in time."""
        process = self._process
        assert process is not None and process.stdout is not None
        descriptor = process.stdout.fileno()
        if hasattr(os, "fork") and not select.select([descriptor], [], [], seconds)[0]:
            self._stop()
            return None
        data = wire.read(descriptor)
        try:
            return json.loads(data) if data else None
        except ValueError:
            return {"error": "the answer from the sandbox is no JSON"}

    def _check(self) -> None:
        """Forget a helper that has ended."""
        if self._process is not None and self._process.poll() is not None:
            self._stop()

    def _stop(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        process.kill()
        process.wait()
        for stream in (process.stdin, process.stdout):
            if stream is not None:
                stream.close()
