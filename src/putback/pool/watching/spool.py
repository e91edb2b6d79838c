"""How a process that is watched tells another one about its pools, when it is asked by a signal.

`PID.lock` in a folder of the user's own is locked as long as the process lives and listens: a signal is sent to nobody
else, because whoever does not expect one would die of it. `PID.ask` is the question that comes with the signal,
`PID.json` the answer, written anew for each.
"""

from __future__ import annotations

import json
import os
import stat
import tempfile
import time
from pathlib import Path
from typing import Any

from putback.pool.errors import SettingsError

Json = dict[str, Any]

PATIENCE = 5.0
"""Seconds that a process has to answer."""


def folder() -> Path:
    """Where the files are. Nobody else may write there."""
    path = Path(tempfile.gettempdir()) / f"putback-{os.getuid()}"
    path.mkdir(mode=0o700, exist_ok=True)
    found = path.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or found.st_mode & 0o022:
        raise SettingsError(f"{path} is not a folder that only this user may write to")
    return path


class Spool:
    """The files of this process."""

    def __init__(self, number: int) -> None:
        import fcntl  # not everywhere

        self._process = os.getpid()
        self._signal = number
        self._answers = 0
        self._place = folder()
        self._lock = open(self._place / f"{self._process}.lock", "a")  # noqa: SIM115 (as long as the process)
        fcntl.lockf(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        self.write([])

    def is_asked(self) -> bool:
        """Whether the signal comes from `ask`, which wants an answer here and not in the log."""
        if os.getpid() != self._process:
            return False
        try:
            (self._place / f"{self._process}.ask").unlink()
        except FileNotFoundError:
            return False
        return True

    def write(self, pools: list[Json]) -> None:
        """Answer. In the child of a fork nobody asks: the lock is the parent's."""
        if os.getpid() != self._process:
            return
        self._answers += 1
        text = json.dumps({"signal": self._signal, "answer": self._answers, "pools": pools})
        new = self._place / f"{self._process}.new"
        new.write_text(text, encoding="utf-8")
        new.replace(self._place / f"{self._process}.json")

    def close(self) -> None:
        """No longer listen."""
        if os.getpid() == self._process:
            _remove(self._place, self._process)
        self._lock.close()


def ask(process: int, patience: float = PATIENCE) -> list[Json]:
    """The pools that a process watches. SettingsError if it does not listen or does not answer."""
    place = folder()
    if not _is_alive(place, process):
        raise SettingsError(
            f"process {process} does not listen: call on_signal() in it on what watch(...) gave, as the same user; "
            "a program that has just started may not be there yet"
        )
    before = _read(place, process)
    (place / f"{process}.ask").touch()
    os.kill(process, before["signal"])
    until = time.monotonic() + patience
    while time.monotonic() < until:
        found = _read(place, process)
        if found["answer"] != before["answer"]:
            pools: list[Json] = found["pools"]
            return pools
        time.sleep(0.02)
    raise SettingsError(f"process {process} has not answered in {patience:g} s: its main thread is busy")


def _is_alive(place: Path, process: int) -> bool:
    import fcntl

    try:
        with open(place / f"{process}.lock", "r+") as lock:
            fcntl.lockf(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except OSError:  # somebody has it
        return True
    _remove(place, process)
    return False


def _read(place: Path, process: int) -> Json:
    found: Json = json.loads((place / f"{process}.json").read_text(encoding="utf-8"))
    return found


def _remove(place: Path, process: int) -> None:
    for end in ("ask", "json", "lock", "new"):
        (place / f"{process}.{end}").unlink(missing_ok=True)
