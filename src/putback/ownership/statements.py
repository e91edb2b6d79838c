"""What a call executes, as far as its text says."""

from __future__ import annotations

import re

_STATEMENT = re.compile(r"""\w\(\s*[a-z]{0,2}["']+\s*([a-z]+)""", re.IGNORECASE)
_WRITING = frozenset({"INSERT", "UPDATE", "DELETE", "REPLACE", "WITH"})


def first_word(call: str) -> str:
    """The word that a statement begins with, in capitals; "" when the source of the call does not show it.

    >>> first_word('cur.execute("select 1")'), first_word("conn.execute(text(f'ROLLBACK TO {name}'))")
    ('SELECT', 'ROLLBACK')
    """
    found = _STATEMENT.search(call)
    return found[1].upper() if found is not None else ""


def may_write(call: str) -> bool:
    """Whether the statement may change rows, so that a library which begins a transaction for that does so."""
    word = first_word(call)
    return not word or word in _WRITING
