"""What crosses the border to the sandbox: framed messages, and proofs as JSON; `reply` reads the latter again.

Only the helper process writes frames. What a process of code under test has written is the inside of one frame,
whatever it looks like, so that it is the answer to one request and to no other.
"""

from __future__ import annotations

import json
import os
import struct
from enum import Enum
from typing import Any, BinaryIO, NamedTuple

from putback.verify.run import Run
from putback.verify.story import tell
from putback.verify.verdict import Counterexample, Proof

_HEAD = struct.Struct("<cI")
_LONGEST_REQUEST = 64 << 20
LONGEST_ANSWER = 1 << 20
"""Bytes of an answer; what is longer is none."""
LONGEST_TEXT = 4_000
"""Characters of a text in an answer; the rest is cut before it is sent."""
MOST_TEXTS = 1_000
"""Texts in one list of an answer."""


class By(Enum):
    """Who has said what a frame holds: the helper itself (words), or code under test (nothing to rely on)."""

    HELPER = b"h"
    CODE = b"c"


class Message(NamedTuple):
    """The inside of a frame."""

    by: By
    data: bytes


def framed(message: Message) -> bytes:
    """A message with its length in front."""
    return _HEAD.pack(message.by.value, len(message.data)) + message.data


def receive(stream: BinaryIO) -> Message | None:
    """The next message; None at the end, also in the middle of one, and when it is too long to be one."""
    head = stream.read(_HEAD.size)
    if len(head) < _HEAD.size:
        return None
    by, size = _HEAD.unpack(head)
    if size > _LONGEST_REQUEST:
        return None
    data = stream.read(size)
    return Message(By(by), data) if len(data) == size else None


def write(descriptor: int, data: bytes) -> None:
    """All of `data`."""
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(descriptor, rest) :]


def as_bytes(answer: dict[str, Any]) -> bytes:
    """An answer as JSON."""
    return json.dumps(answer).encode()


def encode_error(reason: str) -> dict[str, Any]:
    """Why there is no answer."""
    return {"error": _cut(reason)}


def encode(proof: Proof) -> dict[str, Any]:
    """A proof without its case."""
    picture = proof.occupancy
    told = {
        "verdict": proof.verdict.value,
        "reason": _cut(proof.reason),
        "schedules": proof.schedules,
        "exhaustive": proof.exhaustive,
        "bound": proof.bound,
        "coverage": proof.coverage,
        "compared": proof.compared,
        "leaked_before": proof.leaked_before,
        "leaked_after": proof.leaked_after,
        "leak": _example(proof.leak),
        "counterexample": _example(proof.counterexample),
        "occupancy": None
        if picture is None
        else [picture.size, picture.before, picture.after, picture.refused_before, picture.refused_after],
        "unreached": proof.unreached[:MOST_TEXTS],
        "unexplained": _texts(proof.unexplained),
        "seconds": proof.seconds,
    }
    return {"proof": told}


def encode_run(run: Run) -> dict[str, Any]:
    """One run: what it violates, and its story."""
    broken = tuple(str(v) for v in run.violations if not v.broken.is_remark)
    return {"run": {"broken": _texts(broken), "story": _texts(tell(run))}}


def _example(found: Counterexample | None) -> dict[str, Any] | None:
    if found is None:
        return None
    schedule = [[c.sort.value, _whole(c.label), _whole(c.option)] for c in found.schedule]
    told = {"broken": _cut(found.broken), "schedule": schedule, "story": _texts(found.story)}
    return {**told, "rows": found.rows[:MOST_TEXTS]}


def _texts(texts: tuple[str, ...]) -> list[str]:
    return [_cut(text) for text in texts[:MOST_TEXTS]]


def _cut(text: str) -> str:
    return _whole(text if len(text) <= LONGEST_TEXT else f"{text[: LONGEST_TEXT - 1]}…")


def _whole(text: str) -> str:
    """A text that can be sent: half a surrogate pair cannot."""
    return text.encode("utf-8", "replace").decode()
