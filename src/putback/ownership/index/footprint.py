"""What an answer rests on: the files that it was looked up in, and the questions that were asked of the whole project.

A *footprint* is a set of bits, each a file or (several to a bit) a question by name. It is noted at the doors of
`Project`, and answers that are remembered keep theirs: whoever is given one rests on the same. An answer holds as long
as nothing in its footprint has changed.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar
from zlib import crc32

V = TypeVar("V")

NAMES = 1 << 15
"""How many bits there are for questions by name, so that few share one; files come behind them."""


def hashed(question: str) -> int:
    """The bit of a question by name, or of a file without a number."""
    return 1 << crc32(question.encode("utf-8", "surrogatepass")) % NAMES


class Footprint:
    """What has been asked so far: `seen`. Files have the bits that `numbers` gives them; None: nobody wants to know.

    `saying` has the files that were found to have some text in them, by each text that was asked for.
    """

    def __init__(self, numbers: dict[str, int] | None) -> None:
        self.seen = 0
        self.saying: dict[str, set[str]] = {}
        self._numbers = numbers
        self._bits: dict[str, int] = {}
        self._same: dict[int, int] = {}

    def file(self, path: str) -> None:
        """Somebody looks at a file, or finds that it is not there."""
        self.seen |= self.bit("file", path)

    def part(self, path: str, key: str) -> None:
        """Somebody looks at what a file defines under one name, or at one of its functions or classes."""
        if self._numbers is not None:
            self.seen |= self.bit("part", path) | self.bit("part", f"{path}:{key}")

    def text(self, text: str, path: str, is_there: bool) -> None:
        """Somebody asks whether a file has some text in it."""
        self.name("text", text)
        if self._numbers is not None:
            having = self.saying.setdefault(text, set())
            having.update({path} if is_there else ())

    def name(self, kind: str, name: str) -> None:
        """Somebody asks the whole project for what has this name."""
        self.seen |= self.bit(kind, name)

    def bit(self, kind: str, name: str) -> int:
        """The bit of a file, or of a question."""
        if self._numbers is None:
            return 0
        key = name if kind == "file" else f"{kind} {name}"
        found = self._bits.get(key)
        if found is None:
            number = self._numbers.get(name) if kind == "file" else None
            found = self._bits[key] = hashed(f"{kind} {name}") if number is None else 1 << (NAMES + number)
        return found

    def begin(self) -> int:
        """From now on only what is asked from now on counts; what is given back is for `end`."""
        before, self.seen = self.seen, 0
        return before

    def aside(self, find: Callable[[], V]) -> V:
        """What `find` comes to, for somebody who compares that: what is asked inside counts for nobody."""
        before = self.seen
        found = find()
        self.seen = before
        return found

    def end(self, before: int) -> int:
        """What was asked since `begin`: it counts for whoever asked before, too."""
        mine = self._same.setdefault(self.seen, self.seen)
        self.seen = before | mine
        return mine
