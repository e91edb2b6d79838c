"""What an answer rests on: the files that it was looked up in, and the questions that were asked of the whole project.

A *footprint* is a set of bits, each a file or (several to a bit) a question by name. It is noted at the doors of
`Project`, and answers that are remembered keep theirs: whoever is given one rests on the same. An answer holds as long
as nothing in its footprint has changed.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Generic, TypeVar
from zlib import crc32

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")

NAMES = 1 << 15
"""How many bits there are for questions by name, so that few share one; files come behind them."""


def hashed(question: str) -> int:
    """The bit of a question by name, or of a file without a number."""
    return 1 << crc32(question.encode("utf-8", "surrogatepass")) % NAMES


class Footprint:
    """What has been asked so far: `seen`. Files have the bits that `numbers` gives them; None: nobody wants to know.

    `saying` has the files that were found to have some text in them, by the text.
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
        if is_there and self._numbers is not None:
            self.saying.setdefault(text, set()).add(path)

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


class Memo(Generic[K, V]):
    """Answers that are worked out once, with their footprints.

    A question that is asked again while it is being worked out is answered with `meanwhile`: what rests on that has
    the footprint of the whole question in the end, and is asked anew if it came to `meanwhile` and the whole did not.
    So nothing depends on which question of a circle was asked first.
    """

    def __init__(self, footprint: Footprint) -> None:
        self._footprint = footprint
        self._known: dict[K, V] = {}
        self._seen: dict[K, int] = {}
        self._open: dict[K, int] = {}
        self._waiting: list[K] = []
        self._rests = 0  # the lowest open place that what is being worked out rests on

    def __contains__(self, key: K) -> bool:
        return key in self._known

    def ask(self, key: K, find: Callable[[], V], meanwhile: V) -> V:
        """The answer to `key`, which `find` works out."""
        if key in self._open:
            self._rests = min(self._rests, self._open[key])
            return self._known[key]
        if key in self._known:
            self._footprint.seen |= self._seen[key]
            if self._waiting and key in self._waiting:
                self._rests = 0
            return self._known[key]
        place = self._open[key] = len(self._open)
        self._known[key] = meanwhile
        outside, self._rests = self._rests, place
        waiting, before = len(self._waiting), self._footprint.begin()
        try:
            self._known[key] = find()
        except BaseException:
            del self._known[key]
            raise
        finally:
            del self._open[key]
            self._seen[key] = mine = self._footprint.end(before)
            if self._rests < place:
                self._waiting.append(key)
            else:
                for each in self._waiting[waiting:]:
                    self._seen[each] |= mine
                    if self._known.get(each) == meanwhile != self._known.get(key):
                        del self._known[each]
                del self._waiting[waiting:]
            self._rests = min(outside, self._rests)
        return self._known[key]
