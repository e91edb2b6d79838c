"""What a call executes, as far as its text says."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable
from functools import lru_cache

from putback.drivers.schema import Effect
from putback.flow import ir

_REMARKS = r"(?:\s|--[^\n]*\n|/\*(?:[^*]|\*(?!/))*\*/)*"  # what may stand in front of a statement
_STATEMENT = re.compile(rf"""\w\(\s*[a-z]{{0,2}}["']+{_REMARKS}([a-z]+)""", re.IGNORECASE)
_VARIABLE = re.compile(r"\.\w+\(\s*([^\W\d]\w*)\s*[,)]")
_JOINED = re.compile(r"""\.\w+\(\s*\w+\s*\+\s*[a-z]{0,2}["']""", re.IGNORECASE)
_LITERAL = re.compile(rf"""[\s(]*[a-z]{{0,2}}["']+{_REMARKS}([a-z]+)""", re.IGNORECASE)
_REPEATABLE = re.compile(
    r"\binsert\s+(or\s+(ignore|replace)|ignore)\b|\bon\s+(conflict|duplicate\s+key)\b", re.IGNORECASE
)
_CHANGING = frozenset({"INSERT", "UPDATE", "DELETE", "REPLACE"})
_READING = frozenset({"SELECT", "SHOW", "EXPLAIN", "VALUES", "DESCRIBE"})
_UNDOING = frozenset({"ROLLBACK", "ABORT"})
_WRITING = _CHANGING | {"WITH"}
_FOR_UPDATE = re.compile(r"\bfor\s+(no\s+key\s+)?update\b|\bwith_for_update\b", re.IGNORECASE)
_TO_SAVEPOINT = re.compile(r"rollback\s+(?:\w+\s+)?to\b", re.IGNORECASE)


def rolls_all_back(call: str) -> bool:
    """Whether a statement rolls back the whole transaction, and not to a savepoint, as far as the source shows it.

    >>> rolls_all_back('cur.execute("rollback")'), rolls_all_back('cur.execute("ROLLBACK WORK TO SAVEPOINT one")')
    (True, False)
    """
    return rolls_back(call) and _TO_SAVEPOINT.search(call) is None


def rolls_back(call: str) -> bool:
    """Whether a statement rolls back, to a savepoint or all: `ABORT` is another word of PostgreSQL for it.

    >>> rolls_back('cur.execute("ROLLBACK TO one")'), rolls_back('cur.execute("abort")'), rolls_back('cur.execute(sql)')
    (True, True, False)
    """
    return first_word(call) in _UNDOING


def first_word(call: str) -> str:
    """The word that a statement begins with, in capitals; "" when the source of the call does not show it.

    >>> first_word('cur.execute("select 1")'), first_word("conn.execute(text(f'ROLLBACK TO {name}'))")
    ('SELECT', 'ROLLBACK')
    >>> first_word('cur.execute("/* all */ create table a (b)")')
    'CREATE'
    """
    found = _STATEMENT.search(call)
    return found[1].upper() if found is not None else ""


def may_write(words: Collection[str]) -> bool:
    """Whether a statement may change rows."""
    return not words or "" in words or not _WRITING.isdisjoint(words)


def may_begin(words: Collection[str]) -> bool:
    """Whether a library may begin a transaction for a statement that begins for writes alone: it asks the first word.

    >>> may_begin({"INSERT"}), may_begin(()), may_begin({"WITH"}), may_begin({"CREATE"})
    (True, True, False, False)
    """
    return not words or "" in words or not _CHANGING.isdisjoint(words)


def surely_writes(words: Collection[str]) -> bool:
    """Whether a statement is shown to change rows."""
    return bool(words) and _CHANGING.issuperset(words)


def only_reads(words: Collection[str]) -> bool:
    """Whether a statement is shown to change nothing."""
    return bool(words) and _READING.issuperset(words)


def locks_what_it_reads(call: str) -> bool:
    """Whether a statement locks the rows that it reads, as far as the source of the call shows it.

    >>> locks_what_it_reads('cur.execute("SELECT 1 FROM a FOR UPDATE")'), locks_what_it_reads('cur.execute("SELECT 1")')
    (True, False)
    """
    return _FOR_UPDATE.search(call) is not None


def is_repeatable(call: str, words: Collection[str]) -> bool:
    """Whether a statement leaves what it finds done: who tries again later has all, whatever came of the first time.

    >>> is_repeatable('c.execute("INSERT OR IGNORE INTO t VALUES (1)")', ["INSERT"])
    True
    >>> is_repeatable('c.execute("INSERT INTO t VALUES (1)")', ["INSERT"]), is_repeatable('c.execute(sql)', ["DELETE"])
    (False, True)
    """
    return _REPEATABLE.search(call) is not None or (bool(words) and {"DELETE", "REPLACE"}.issuperset(words))


def is_text(call: str, words: Collection[str]) -> bool:
    """Whether what is executed is shown to be text, and no object that stands for a statement."""
    return (bool(words) and "" not in words) or _JOINED.search(call) is not None


def runs_text_alone(
    calls: Iterable[ir.Call],
    names: Collection[str],
    effect_of: Callable[[ir.Call], Effect | None],
    texts: Collection[int],
) -> bool:
    """Whether all that is done with a session of these names is to run text, so that it knows no objects.

    `texts` are the operations that are shown to execute text.
    """
    for op in calls:
        if op.receiver in names:
            effect = effect_of(op)
            if effect is None or effect.defers or (effect.derives and not effect.executes):
                return False
            if effect.executes and op.at not in texts:
                return False
        elif any(given.value in names for given in op.arguments):
            return False
    return True


@lru_cache(maxsize=4096)
def words(call: str, function: str = "") -> frozenset[str]:
    """The words that a statement may begin with, "" for one that is not shown; none where the text is from elsewhere.

    A statement in a variable is looked for in the text of the `function` around the call.
    """
    word = first_word(call)
    variable = _VARIABLE.search(call) if not word else None
    if variable is not None:
        return _assigned(variable[1], function)
    return frozenset({word}) if word else frozenset()


def _assigned(name: str, function: str) -> frozenset[str]:
    r"""The words that the texts begin with which a variable is bound to; "" for one that is not shown.

    >>> sorted(_assigned("sql", "sql = 'select 1'\nif a:\n    sql = f'insert into {a}'\nsql += more()"))
    ['INSERT', 'SELECT']
    """
    if re.search(rf"\b(def|for|as|lambda|import|global|nonlocal)\b[^\n]*\b{name}\b", function):
        return frozenset({""})
    found = re.finditer(rf"(?<![\w.]){name}\s*(?::[^=\n]*)?=(?!=)", function)
    literals = (_LITERAL.match(function, each.end()) for each in found)
    return frozenset(literal[1].upper() if literal is not None else "" for literal in literals)
