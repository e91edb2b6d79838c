"""What a process that hostile code has taken over may answer, as bytes. None of it is an answer to be believed."""

from __future__ import annotations

import json
import struct
from typing import Any

_STEP = ["fault", "c1.commit()#1", "OperationalError"]
_EXAMPLE = {"broken": "leak", "schedule": [_STEP], "story": ["1. a connection is taken"]}
PROVED: dict[str, Any] = {
    "verdict": "proved",
    "reason": "10 runs, 4 of them mended",
    "schedules": 10,
    "exhaustive": True,
    "bound": None,
    "coverage": 1.0,
    "compared": 10,
    "leaked_before": 4,
    "leaked_after": 0,
    "leak": _EXAMPLE,
    "counterexample": None,
    "occupancy": [10, [1] * 50, [0] * 50, 0, 0],
    "unreached": [],
    "unexplained": [],
    "seconds": 0.01,
}
"""A proof as the verifier would send it of a function with a fix."""


def answer(**changed: Any) -> bytes:
    """An answer with some fields changed; None for one that is left out is not the same as null."""
    return json.dumps({"proof": PROVED | changed}).encode()


def without(field: str) -> bytes:
    """An answer that lacks a field."""
    return json.dumps({"proof": {k: v for k, v in PROVED.items() if k != field}}).encode()


def raw(field: str, text: str) -> bytes:
    """An answer with this text in the place of a field's value, whether it is JSON or not."""
    return answer(**{field: "@"}).replace(b'"@"', text.encode())


_FORGED = answer()
_OLD_FRAME = struct.pack("<I", len(_FORGED)) + _FORGED
_FRAME = struct.pack("<cI", b"c", len(_FORGED)) + _FORGED
_HELPERS = struct.pack("<cI", b"h", len(_FORGED)) + _FORGED

OF_A_FIX: dict[str, bytes] = {
    "no JSON": b"proved",
    "nothing but a space": b" ",
    "half an answer": _FORGED[:-20],
    "an answer and more": _FORGED + b"x",
    "two answers": _FORGED + _FORGED,
    "two answers, in frames": _FRAME + _FRAME,
    "two answers, in frames without a name": _OLD_FRAME + _OLD_FRAME,
    "a frame of the helper": _HELPERS,
    "a frame that promises more": struct.pack("<cI", b"c", 1 << 20) + _FORGED,
    "a frame that promises four gigabytes": struct.pack("<cI", b"c", 0xFFFFFFFF) + b"x",
    "a frame that promises less": struct.pack("<cI", b"c", 10) + _FORGED,
    "a frame of nothing": struct.pack("<cI", b"c", 0),
    "a flood": b"[" * (8 << 20),
    "an answer just too long": _FORGED + b" " * (1 << 20),
    "deep lists": b"[" * 200_000,
    "deep lists, closed": b"[" * 100_000 + b"]" * 100_000,
    "deep objects": b'{"proof":' * 100_000,
    "deep where a number is": raw("schedules", "[" * 50_000 + "]" * 50_000),
    "deep where a story is": raw("leak", '{"story":' * 50_000),
    "a list": b"[]",
    "a text": b'"proved"',
    "a number": b"1",
    "null": b"null",
    "an empty object": b"{}",
    "null for all": b'{"proof": null, "run": null, "error": null}',
    "NaN": raw("coverage", "NaN"),
    "Infinity": raw("seconds", "Infinity"),
    "infinity by exponent": raw("seconds", "1e999"),
    "a share above one": answer(coverage=1.5),
    "less than nothing": answer(schedules=-1),
    "a bound that there is not": answer(bound=-2),
    "time runs backwards": answer(seconds=-1.0),
    "a number with 5,000 digits": raw("schedules", "9" * 5_000),
    "a fraction of a run": answer(schedules=1.5),
    "true for a number": answer(schedules=True),
    "a text for a number": answer(schedules="10"),
    "a number for a text": answer(reason=1),
    "an unknown verdict": answer(verdict="perfect"),
    "a verdict in capitals": answer(verdict="PROVED"),
    "a verdict in a list": answer(verdict=["proved"]),
    "no verdict": without("verdict"),
    "no seconds": without("seconds"),
    "a field too many": answer(is_safe=True),
    "another proof in the proof": answer(case={"path": "other.py"}),
    "a verdict on something else": answer(verdict="leaks"),
    "proved with a counterexample": answer(counterexample=_EXAMPLE),
    "proved by no run": answer(compared=0),
    "bounded by no schedule": answer(verdict="bounded", schedules=0),
    "rejected for nothing": answer(verdict="rejected"),
    "a leak of an unknown kind": answer(leak=_EXAMPLE | {"broken": "everything"}),
    "a schedule of one text": answer(leak=_EXAMPLE | {"schedule": ["fault x = y"]}),
    "a decision of an unknown sort": answer(leak=_EXAMPLE | {"schedule": [["hope", "x", "y"]]}),
    "a decision too short": answer(leak=_EXAMPLE | {"schedule": [["fault", "x"]]}),
    "a story without an end": answer(leak=_EXAMPLE | {"story": ["step"] * 20_000}),
    "a story in one endless sentence": answer(leak=_EXAMPLE | {"story": ["x" * 20_000]}),
    "a story of lists": answer(leak=_EXAMPLE | {"story": [["x"]]}),
    "a pool fuller than it is": answer(occupancy=[10, [99] * 50, [0] * 50, 0, 0]),
    "a pool of two lengths": answer(occupancy=[10, [1] * 50, [0], 0, 0]),
    "a pool without requests": answer(occupancy=[10, [], [], 0, 0]),
    "a pool of a million requests": answer(occupancy=[10, [1] * 100_000, [0] * 100_000, 0, 0]),
    "a pool too short": answer(occupancy=[10, [1] * 50]),
    "bytes that are no text": b'{"error": "\xff\xfe"}',
    "half a character": b'{"error": "\\ud800"}',
    "an error that is no text": b'{"error": 1}',
    "an error without an end": json.dumps({"error": "x" * 100_000}).encode(),
    "a run for a proof": b'{"run": {"broken": [], "story": []}}',
}
"""Answers for a function with a fix, each of which has to give `unknown`."""

COMMANDS = "\x1b[2J\x1b]0;title\x07\x9b1m\r\n\b\x00\x7f\u202e\u2028"
"""What a terminal would obey instead of print."""
