"""Which database servers a project talks to, as far as its files say, and what a failed statement does there."""

from __future__ import annotations

import re
from collections.abc import Collection
from functools import cached_property

from putback.drivers.catalog import Catalog
from putback.source.slices import Reader

_LARGE = 1_000_000  # bytes: nobody writes an address there


class Servers:
    """Reads the files of a project when it is first asked."""

    def __init__(self, paths: Collection[str], reader: Reader, catalog: Catalog) -> None:
        self._paths = paths
        self._reader = reader
        tables = catalog.drivers.values()
        self._aborting = {word.lower().encode() for table in tables for word in table.aborting_servers}
        self._keeping = _address({word for table in tables for word in table.keeping_servers})

    @cached_property
    def only_keep(self) -> bool:
        """Whether the addresses are of servers that undo the failed statement alone, and nothing names another one."""
        keeps = False
        for path in self._paths:
            try:
                content = self._reader.data(path)
            except OSError:
                continue
            if len(content) < _LARGE:
                folded = content.lower()
                if any(word in folded for word in self._aborting):
                    return False
                keeps = keeps or (b"://" in content and self._keeping.search(content) is not None)
        return keeps


def _address(words: Collection[str]) -> re.Pattern[bytes]:
    """A pattern for an address that begins with one of some words; without one it never matches."""
    found = b"|".join(re.escape(word.encode()) for word in sorted(words)) or rb"(?!)"
    return re.compile(rb"\b(?:" + found + rb")(?:\+\w+)?://", re.IGNORECASE)
