"""A comment hides a finding that is not there.

## What it finds
A `# putback: ignore[PB101]`, `disable` or `ignore-file` comment, or one of the rules in its brackets, that hides
nothing: the code was mended, has moved, or never had the defect. Left in place it would hide the next leak there. Rules
that do not run are not judged, nor are `noqa` comments.

## What to do
Remove the comment, or the rule in its brackets: that is the fix.

## Fix safety
Safe: only a comment changes.
"""

from __future__ import annotations

from putback.model.finding import Severity
from putback.model.mending import HARMLESS
from putback.rules.rule import Rule, nothing

RULE = Rule("PB002", "unused-suppression", "run", Severity.WARNING, __doc__, nothing, running=None, mending=HARMLESS)
