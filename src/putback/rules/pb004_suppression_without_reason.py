"""A comment hides a finding and does not say why.

## What it finds
A `# putback: ignore[PB101]` with nothing behind the bracket. Runs where it is asked for: `extend-select = ["PB004"]`.

## What to do
`# putback: ignore[PB101] given back by the C extension`
"""

from __future__ import annotations

from putback.model.finding import Severity
from putback.model.mending import HARMLESS
from putback.rules.rule import Rule, nothing

RULE = Rule(
    "PB004",
    "suppression-without-reason",
    "run",
    Severity.WARNING,
    __doc__,
    nothing,
    opt_in=True,
    running=None,
    mending=HARMLESS,
)
