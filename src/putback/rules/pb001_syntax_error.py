"""A file cannot be read or parsed, so nothing in it was checked.

## What it finds
A file that is not valid Python, cannot be decoded, or cannot be opened. The message says where and why; all other files are
checked all the same.
"""

from __future__ import annotations

from putback.model.finding import Severity
from putback.rules.rule import Rule, nothing

RULE = Rule("PB001", "syntax-error", "run", Severity.ERROR, __doc__, nothing)
