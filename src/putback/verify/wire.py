"""What crosses the border to the sandbox: framed messages, and proofs as JSON, which is all that is taken back."""

from __future__ import annotations

import json
import os
import struct
from typing import Any

from putback.model.errors import SourceError
from putback.model.occupancy import Occupancy
from putback.verify.choices import parse
from putback.verify.roles import Case
from putback.verify.run import Run
from putback.verify.story import tell
from putback.verify.verdict import Counterexample, Proof, Verdict

_HEAD = struct.Struct("<I")


def write(descriptor: int, data: dict[str, Any]) -> None:
    """Send one message as JSON."""
    text = json.dumps(data).encode()
    write_raw(descriptor, _HEAD.pack(len(text)) + text)


def write_raw(descriptor: int, data: bytes) -> None:
    """Send bytes that are framed already."""
    while data:
        data = data[os.write(descriptor, data) :]


def read(descriptor: int) -> bytes | None:
    """The next message; None at the end."""
    head = _exactly(descriptor, _HEAD.size)
    return _exactly(descriptor, _HEAD.unpack(head)[0]) if head else None


def framed(data: bytes) -> bytes:
    """A message with its length in front."""
    return _HEAD.pack(len(data)) + data


def _exactly(descriptor: int, size: int) -> bytes:
    found = b""
    while len(found) < size:
        part = os.read(descriptor, size - len(found))
        if not part:
            return b""
        found += part
    return found


def encode(proof: Proof) -> dict[str, Any]:
    """A proof without its case, as JSON."""
    picture = proof.occupancy
    return {
        "verdict": proof.verdict.value,
        "reason": proof.reason,
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
        "unreached": proof.unreached,
        "unexplained": proof.unexplained,
        "seconds": proof.seconds,
    }


def _example(found: Counterexample | None) -> dict[str, Any] | None:
    if found is None:
        return None
    return {"broken": found.broken, "schedule": [str(c) for c in found.schedule], "story": found.story}


def decode(data: Any, case: Case) -> Proof:
    """The reverse of `encode`. What comes from the sandbox is not trusted: nonsense gives the verdict unknown."""
    try:
        return _decoded(data, case)
    except (KeyError, TypeError, ValueError, AttributeError, LookupError) as error:
        return unknown(case, f"the answer from the sandbox makes no sense: {error!r}")


def unknown(case: Case, reason: str) -> Proof:
    """The proof of a case that could not be run."""
    return Proof(case, Verdict.UNKNOWN, reason, 0, False, 0, 0.0, 0, 0, 0, None, None, None, (), (), 0.0)


def _decoded(data: Any, case: Case) -> Proof:
    if "error" in data:
        return unknown(case, _clean(data["error"]))
    picture = data["occupancy"]
    return Proof(
        case,
        Verdict(data["verdict"]),
        _clean(data["reason"]),
        int(data["schedules"]),
        bool(data["exhaustive"]),
        int(data["bound"]),
        float(data["coverage"]),
        int(data["compared"]),
        int(data["leaked_before"]),
        int(data["leaked_after"]),
        _read_example(data["leak"]),
        _read_example(data["counterexample"]),
        None
        if picture is None
        else Occupancy(int(picture[0]), _whole(picture[1]), _whole(picture[2]), int(picture[3]), int(picture[4])),
        _whole(data["unreached"]),
        tuple(_clean(u) for u in data["unexplained"]),
        float(data["seconds"]),
    )


def encode_run(run: Run) -> dict[str, Any]:
    """One run as JSON: what it violates, and its story."""
    return {"broken": [str(v) for v in run.violations if not v.broken.is_remark], "story": tell(run)}


def decode_run(data: Any) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The reverse of `encode_run`. Raises SourceError when the run could not be made or the answer makes no sense."""
    if not isinstance(data, dict) or "error" in data:
        raise SourceError(_clean(data["error"]) if isinstance(data, dict) else "the sandbox gives no answer")
    try:
        return tuple(map(_clean, data["broken"])), tuple(map(_clean, data["story"]))
    except (KeyError, TypeError) as error:
        raise SourceError(f"the answer from the sandbox makes no sense: {error!r}") from error


def _whole(values: Any) -> tuple[int, ...]:
    return tuple(int(v) for v in values)


def _read_example(data: Any) -> Counterexample | None:
    if data is None:
        return None
    schedule = tuple(parse(_clean(c)) for c in data["schedule"])
    return Counterexample(_clean(data["broken"]), schedule, tuple(_clean(s) for s in data["story"]))


def _clean(text: Any) -> str:
    """A text without what a terminal would obey."""
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in str(text))
