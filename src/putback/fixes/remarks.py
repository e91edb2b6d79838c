"""What a comment above a release speaks of: then it goes where the release goes, or stays with the code around it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

import libcst as cst

from putback.fixes.code import all_below

_WORD = re.compile(r"[^\W\d_]+")
_STEM = 4  # letters: `closing` is of `close()`, `connection` of `conn`


def _words(texts: Iterable[str]) -> Sequence[str]:
    return [word for text in texts for word in _WORD.findall(text.lower())]


_GIVING = frozenset(
    _words(
        [
            "back clean cleanup close connection cursor database db disconnect dispose free give leak pool put release",
            "resource return session shut",
        ]
    )
)
_FILLERS = frozenset(
    _words(
        [
            "a all always an and also are be closed done down ensure explicitly finally finished first it its make",
            "must no not now of open or our properly safely so still sure the them then this to too up via we with",
        ]
    )
)


def is_of(remarks: Sequence[str], release: cst.CSTNode) -> bool:
    """Whether comments say that something is given back, and nothing else."""
    naming = _naming(release)
    said = _words(remarks)
    is_named = [any(_is_akin(word, other) for other in naming) for word in said]
    return any(is_named) and all(named or word in _FILLERS for word, named in zip(said, is_named, strict=True))


def mentions(remarks: Sequence[str], release: cst.CSTNode) -> bool:
    """Whether comments say that something is given back, among other things."""
    naming = _naming(release)
    return any(_is_akin(word, other) for word in _words(remarks) for other in naming)


def _naming(release: cst.CSTNode) -> frozenset[str]:
    """The words of a release, and of giving back."""
    return _GIVING.union(_words([n.value for n in all_below(release) if isinstance(n, cst.Name)]))


def _is_akin(one: str, other: str) -> bool:
    return one == other or (min(len(one), len(other)) >= _STEM and one[:_STEM] == other[:_STEM])
