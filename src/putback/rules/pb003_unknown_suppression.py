"""A comment for putback says something that putback does not know.

## What it finds
A rule that there is not (`# putback: ignore[PB1O1]`) or a word that means nothing (`# putback: ignor[PB101]`): such a
comment hides nothing, whatever its author believes. The message names what may have been meant. Nor does a comment hide
anything that names rules without brackets (`# putback: ignore PB101`).

## What to do
One of `ignore`, `ignore-file`, `disable-next-line`, `disable` and `enable`, with codes, prefixes or names of rules in
brackets.

## Fix safety
Brackets around what is named: safe. The nearest name: unsafe, for it is a guess, and then the comment hides something.
"""

from __future__ import annotations

from putback.model.finding import Severity
from putback.model.mending import HARMLESS
from putback.rules.rule import Rule, nothing

RULE = Rule("PB003", "unknown-suppression", "run", Severity.WARNING, __doc__, nothing, running=None, mending=HARMLESS)
