"""A counterexample as a test: it fails as long as the function behaves so, and passes once the fix is in."""

from __future__ import annotations

import re

from putback.model.printable import harmless
from putback.model.running import Broken
from putback.verify.verdict import Proof

_TEMPLATE = '''{heading}
"""{function} in {path}: {broken}.

{story}

It runs the function as it is now, on a model of its connections, under one schedule.
"""

from pathlib import Path

from putback.pipeline.cases import replay_file


def test_{name}_gives_every_connection_back() -> None:
    schedule = [{choices}]
    file = Path(__file__).resolve().parent / {place!r}
    run = replay_file(str(file), {verbatim!r}, schedule)
    assert [str(v) for v in run.violations if not v.broken.is_remark] == []
'''


def heading(proof: Proof) -> str:
    """The first line of a proof's test: what it is about, so that the next run knows it again."""
    about = harmless(f"{proof.case.path} {proof.case.before.function}")
    return f"# Written by putback verify for {about}; its next run writes it anew."


def as_test(proof: Proof, place: str) -> str | None:
    """The text of a test module for the leak that a proof shows; None when it shows none, or a mere remark.

    `place` is where the function's file is, as seen from the directory of the test.
    """
    if proof.leak is None or Broken(proof.leak.broken).is_remark:
        return None
    function = proof.case.before.function
    choices = "".join(f"\n        {str(c)!r}," for c in proof.leak.schedule)
    return _TEMPLATE.format(
        heading=heading(proof),
        path=_quoted(proof.case.path),
        function=_quoted(function),
        broken=proof.leak.broken,
        story="\n".join(map(_quoted, proof.leak.story)),
        name=re.sub(r"\W", "_", function).lower(),
        choices=f"{choices}\n    " if choices else "",
        place=place,
        verbatim=function,
    )


def _quoted(text: str) -> str:
    """A text that stays what it is inside of three quotes."""
    return harmless(text).replace("\\", "\\\\").replace('"', '\\"')
