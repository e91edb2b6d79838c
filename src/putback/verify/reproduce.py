"""A counterexample as a test: it fails as long as the function behaves so, and passes once the fix is in."""

from __future__ import annotations

import re

from putback.verify.events import Broken
from putback.verify.verdict import Proof

_TEMPLATE = '''"""{function} in {path}: {broken}.

{story}

Written by `putback verify`. It runs the function as it is now, on a model of its connections, under one schedule.
"""

from putback.pipeline.cases import replay_file


def test_{name}_gives_every_connection_back() -> None:
    schedule = [{choices}]
    run = replay_file({path!r}, {function!r}, schedule)
    assert [str(v) for v in run.violations if not v.broken.is_remark] == []
'''


def as_test(proof: Proof) -> str | None:
    """The text of a test module for the leak that a proof shows; None when it shows none, or a mere remark."""
    if proof.leak is None or Broken(proof.leak.broken).is_remark:
        return None
    function = proof.case.before.function
    choices = "".join(f"\n        {str(c)!r}," for c in proof.leak.schedule)
    return _TEMPLATE.format(
        path=proof.case.path,
        function=function,
        broken=proof.leak.broken,
        story="\n".join(line.replace("\\", "\\\\").replace('"""', "'''") for line in proof.leak.story),
        name=re.sub(r"\W", "_", function).lower(),
        choices=f"{choices}\n    " if choices else "",
    )
