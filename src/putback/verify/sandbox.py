"""Verifies cases in processes that can do no harm: see `child` for what is guaranteed where.

One helper process is started for all cases; it imports nothing but the standard library and the verifier, and each
case runs in a fork of it. One request has one answer: a helper that gives none is ended, and so is what it may still
say.
"""

from __future__ import annotations

import contextlib
import os
import pickle
import subprocess
import sys
from pathlib import Path
from threading import Timer
from types import TracebackType
from typing import BinaryIO, cast

import msgspec

from putback.model.errors import SandboxError, SourceError
from putback.verify import reply, wire
from putback.verify.choices import Schedule
from putback.verify.roles import Bounds, Case, Version
from putback.verify.verdict import Proof
from putback.verify.wire import By, Message

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


class _Hello(msgspec.Struct):
    ready: bool
    kernel: bool


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
        """The proof of a case; `unknown` with the reason when its process dies, takes too long, or talks nonsense."""
        try:
            return reply.proof(self._ask(case, bounds or Bounds(), None), case)
        except SandboxError as error:
            return reply.unknown(case, str(error))

    def replay(self, version: Version, schedule: Schedule) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """What the run of one schedule violates, and its story.

        Raises SourceError when it cannot be run.
        """
        try:
            return reply.run(self._ask(Case(version), Bounds(), schedule))
        except SandboxError as error:
            raise SourceError(str(error)) from error

    def _ask(self, case: Case, bounds: Bounds, schedule: Schedule | None) -> bytes:
        """The answer to one request. Raises SandboxError when there is none."""
        request = Message(By.HELPER, pickle.dumps((case, bounds, schedule)))
        answer = self._asked(request, 6 * bounds.seconds + 10) or self._asked(request, 6 * bounds.seconds + 10)
        if answer is None:
            raise SandboxError("the helper process gives no answer, a fresh one neither")
        return answer.data

    def _asked(self, request: Message, seconds: float) -> Message | None:
        """The answer of the helper, a new one if need be; None, and no helper any more, when it gives none in time."""
        if self._process is None:
            self._start()
        assert self._process is not None
        try:
            stream = cast(BinaryIO, self._process.stdin)
            stream.write(wire.framed(request))
            stream.flush()
        except OSError:
            self._stop()
            return None
        answer = self._answer(seconds)
        if answer is None or not hasattr(os, "fork"):
            self._stop()
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
        if answer is None:
            self._stop()
            raise SandboxError("the helper process of the sandbox does not start")
        self.has_kernel_filter = msgspec.json.decode(answer.data, type=_Hello).kernel

    def _answer(self, seconds: float) -> Message | None:
        """The next message of the helper, which is ended when none comes in time; None then."""
        assert self._process is not None
        patience = Timer(seconds, self._process.kill)
        patience.daemon = True
        patience.start()
        try:
            return wire.receive(cast(BinaryIO, self._process.stdout))
        finally:
            patience.cancel()

    def _stop(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        process.kill()
        process.wait()
        for stream in (process.stdin, process.stdout):
            if stream is not None:
                with contextlib.suppress(OSError):
                    stream.close()
