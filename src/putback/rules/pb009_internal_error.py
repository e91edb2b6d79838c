"""putback itself failed on a function, so that function was not checked.

## What it finds
A defect of putback. The message holds everything a report needs, in one line; all other functions and files are
checked all the same, and the exit code is 2 so that no gate takes an unchecked function for a clean one.
"""

from __future__ import annotations

from putback.model.finding import Severity
from putback.rules.rule import Rule, nothing

RULE = Rule("PB009", "internal-error", "run", Severity.ERROR, __doc__, nothing, running=None)
