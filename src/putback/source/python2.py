"""Whether a file that does not parse is written for Python 2, so that no Python of today is meant to run it."""

from __future__ import annotations

import re
from collections.abc import Sequence

_OLD = re.compile(
    r"""^\s*(?:
        print\s*>>                              # print >> sys.stderr, text
      | print\s+(?!(?:in|is|and|or|not|if|else|for)\b)[\w"'`]   # print text
      | except\s[^:]*,\s*[a-z_]\w*\s*:          # except Error, e:
      | raise\s+[\w.]+\s*,                      # raise Error, text
      | exec\s+["'\w]                           # exec code in names
    )|<>|\bur["']""",
    re.VERBOSE,
)
_NEW = re.compile(r"""^\s*(?:async\s|nonlocal\s)|\b[fF]["']|:=|\)\s*->""")
_LEAST = 2


def is_python_2(rows: Sequence[str], row: int) -> bool:
    """Whether the parser gave up at a row, counted from 1, that was right in Python 2, in a file where another is as
    old and none is newer: who only forgot brackets today has not done so all over a file."""
    if not 0 < row <= len(rows) or not _OLD.search(rows[row - 1]):
        return False
    old = sum(_OLD.search(each) is not None for each in rows)
    return old >= _LEAST and not any(map(_NEW.search, rows))
