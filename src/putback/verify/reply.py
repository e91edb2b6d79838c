"""What comes back from the sandbox, read with distrust.

Code under test runs in the process that answers, so its answer may be anything: it is decoded as exactly one shape,
within limits, and then asked whether it can be true of the case. What cannot be believed is `unknown`, with the reason.
"""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from putback.model.errors import SourceError
from putback.model.occupancy import Occupancy
from putback.model.printable import harmless
from putback.model.running import Broken
from putback.verify.choices import Choice, Sort
from putback.verify.occupancy import REQUESTS
from putback.verify.roles import Case
from putback.verify.verdict import Counterexample, Proof, Verdict
from putback.verify.wire import LONGEST_ANSWER, LONGEST_TEXT, MOST_TEXTS

_MOST = 10**9

Text = Annotated[str, Meta(max_length=LONGEST_TEXT)]
Texts = Annotated[list[Text], Meta(max_length=MOST_TEXTS)]
Count = Annotated[int, Meta(ge=0, le=_MOST)]
Counts = Annotated[list[Count], Meta(max_length=max(MOST_TEXTS, REQUESTS))]
Share = Annotated[float, Meta(ge=0, le=1)]
Seconds = Annotated[float, Meta(ge=0, le=_MOST)]
Label = Annotated[str, Meta(max_length=LONGEST_ANSWER)]


class _Example(Struct, forbid_unknown_fields=True):
    broken: Text
    schedule: Annotated[list[tuple[Sort, Label, Label]], Meta(max_length=MOST_TEXTS)]
    story: Texts
    rows: Counts = []


class _Proof(Struct, forbid_unknown_fields=True):
    verdict: Verdict
    reason: Text
    schedules: Count
    exhaustive: bool
    bound: Count | None
    coverage: Share
    compared: Count
    leaked_before: Count
    leaked_after: Count
    leak: _Example | None
    counterexample: _Example | None
    occupancy: tuple[Count, Counts, Counts, Count, Count] | None
    unreached: Counts
    unexplained: Texts
    seconds: Seconds


class _Run(Struct, forbid_unknown_fields=True):
    broken: Texts
    story: Texts


class _Answer(Struct, forbid_unknown_fields=True):
    proof: _Proof | None = None
    run: _Run | None = None
    error: Text | None = None


class Unbelievable(Exception):
    """An answer that cannot be one."""


_OF_FIXES = (Verdict.PROVED, Verdict.BOUNDED, Verdict.TESTED, Verdict.REJECTED)
_OF_FUNCTIONS = (Verdict.LEAKS, Verdict.BROKEN, Verdict.CLEAN)
_BROKEN = frozenset(each.value for each in Broken)
_DECODER = msgspec.json.Decoder(_Answer)


def proof(data: bytes, case: Case) -> Proof:
    """The proof that an answer holds; `unknown` where it holds none."""
    try:
        answer = _decoded(data)
        if answer.error is not None:
            return unknown(case, harmless(answer.error))
        if answer.proof is None:
            raise Unbelievable("it holds no verdict")
        _doubt(answer.proof, case)
        return _believed(answer.proof, case)
    except Unbelievable as error:
        return unknown(case, _makes_no_sense(error))


def run(data: bytes) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """What one run violates, and its story. Raises SourceError when the answer holds none."""
    try:
        answer = _decoded(data)
    except Unbelievable as error:
        raise SourceError(_makes_no_sense(error)) from error
    if answer.run is None:
        raise SourceError(harmless(answer.error or "the answer from the sandbox holds no run"))
    return _texts(answer.run.broken), _texts(answer.run.story)


def unknown(case: Case, reason: str) -> Proof:
    """The proof of a case that could not be run."""
    return Proof(
        case=case,
        verdict=Verdict.UNKNOWN,
        reason=reason,
        schedules=0,
        exhaustive=False,
        bound=0,
        coverage=0.0,
        compared=0,
        leaked_before=0,
        leaked_after=0,
        leak=None,
        counterexample=None,
        occupancy=None,
        unreached=(),
        unexplained=(),
        seconds=0.0,
    )


def _decoded(data: bytes) -> _Answer:
    if len(data) > LONGEST_ANSWER:
        raise Unbelievable(f"it has {len(data):,} bytes")
    try:
        return _DECODER.decode(data)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise Unbelievable(str(error)) from error


def _doubt(told: _Proof, case: Case) -> None:
    """Raise Unbelievable for what the verifier never says of such a case."""
    of_fix = case.after is not None
    if told.verdict in (_OF_FUNCTIONS if of_fix else _OF_FIXES):
        subject = f"a function {'with' if of_fix else 'without'} a fix"
        raise Unbelievable(f"{told.verdict.value!r} is no verdict on {subject}")
    if told.verdict.is_accepted and not (told.compared and told.schedules and told.counterexample is None):
        raise Unbelievable(f"{told.verdict.value!r} without a run to show for it")
    if told.verdict is Verdict.REJECTED and told.counterexample is None:
        raise Unbelievable("'rejected' without a counterexample")
    if told.leak is not None and told.leak.broken not in _BROKEN:
        raise Unbelievable("a leak of a kind that there is not")
    if told.verdict in (Verdict.LEAKS, Verdict.BROKEN) and told.leak is None:
        raise Unbelievable(f"{told.verdict.value!r} without a run that shows it")
    if told.occupancy is not None:
        size, before, after, *_ = told.occupancy
        if not 0 < len(before) == len(after) <= REQUESTS or max(*before, *after) > size:
            raise Unbelievable("a pool that there is not")


def _believed(told: _Proof, case: Case) -> Proof:
    picture = told.occupancy
    return Proof(
        case=case,
        verdict=told.verdict,
        reason=harmless(told.reason),
        schedules=told.schedules,
        exhaustive=told.exhaustive,
        bound=told.bound,
        coverage=told.coverage,
        compared=told.compared,
        leaked_before=told.leaked_before,
        leaked_after=told.leaked_after,
        leak=_example(told.leak),
        counterexample=_example(told.counterexample),
        occupancy=None
        if picture is None
        else Occupancy(picture[0], tuple(picture[1]), tuple(picture[2]), picture[3], picture[4]),
        unreached=tuple(told.unreached),
        unexplained=_texts(told.unexplained),
        seconds=told.seconds,
    )


def _example(told: _Example | None) -> Counterexample | None:
    if told is None:
        return None
    schedule = tuple(Choice(sort, harmless(label), harmless(option)) for sort, label, option in told.schedule)
    return Counterexample(harmless(told.broken), schedule, _texts(told.story), tuple(told.rows))


def _texts(texts: list[str]) -> tuple[str, ...]:
    return tuple(map(harmless, texts))


def _makes_no_sense(error: Unbelievable) -> str:
    return f"the answer from the sandbox makes no sense: {harmless(str(error))}"
