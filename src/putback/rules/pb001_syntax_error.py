"""A file, or a function in it, cannot be read or parsed, so it was not checked.

## What it finds
A file that is not valid Python, cannot be decoded, or cannot be opened. The message says where and why, the finding
stands where the parser gave up, and all other files are checked all the same. A file in which no word hints at a
database is not parsed at all, so its syntax is not judged. Where only one function or statement cannot be parsed, or is
nested too deeply, the message says which, and the rest of the file is checked. It is a hint in tests, examples,
templates, notebooks, folders for what is put aside (`backup`, `old`), and in a file that is written for Python 2 all
through (`print "text"`, `except Error, e:` at more than one place): no Python of today is meant to run that.

## Known gaps
Syntax that is newer than the parser is reported here although Python accepts it: update `libcst`, or exclude the
file. So is syntax that is newer than the Python that putback runs on, where the file also has more than a million
characters, or a row with some two thousand characters of code: run putback on a newer Python.
"""

from __future__ import annotations

from putback.model.finding import Severity
from putback.rules.rule import Rule, nothing

RULE = Rule("PB001", "syntax-error", "run", Severity.ERROR, __doc__, nothing, running=None)
