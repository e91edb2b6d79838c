"""Whether a file can reach a connection through modules of its own project.

`from shop.db import get_conn` names no driver, yet the function may hand out a connection. Imports are
followed by path: first whole files, from bytes; where that ends at a driver, once more by name, so that
importing a constant from a module full of SQL does not count. On any doubt the answer is yes.
Like `prefilter`, this runs before anything else is imported.
"""

from __future__ import annotations

from putback.source.definitions import Definitions, TooHard, imports_in, whole, words_of
from putback.source.modules import Modules
from putback.source.prefilter import Prefilter, read_bytes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from putback.source.definitions import Import

# What the quick answer may cost, about 30 ms in all; a project that needs more gets the full analysis.
READ = 70  # files
PARSED = 70_000  # bytes
SEARCHED = 200_000  # bytes


class Reach:
    """Answers for the files of one run; remembers what it has read."""

    def __init__(self, prefilter: Prefilter, root: str) -> None:
        self.prefilter = prefilter
        self.modules = Modules(root)
        self.contents: dict[str, bytes] = {}
        self.definitions: dict[str, Definitions] = {}
        self.to_parse = PARSED
        self.to_search = SEARCHED

    def matters(self, path: str, data: bytes) -> bool:
        """Whether the file at `path`, with the content `data`, or something it imports can take a connection."""
        if self.prefilter.candidate(data):
            return True
        try:
            return self.reaches_file(path, data) and self.reaches_name(path, data)
        except (TooHard, OSError):
            return True

    def reaches_file(self, path: str, data: bytes) -> bool:
        """Whether a candidate is among the modules imported, however indirectly; near ones are tried first."""
        seen: set[str] = set()
        level = [(path, data)]
        while level:
            following: list[tuple[str, bytes]] = []
            for importer, content in level:
                for each in imports_in(content):
                    for module in self.modules.of_import(*each, importer):
                        if module not in seen:
                            seen.add(module)
                            following.append((module, self.content(module)))
                            if self.prefilter.candidate(self.content(module)):
                                return True
            level = following
        return False

    def reaches_name(self, path: str, data: bytes) -> bool:
        """Whether a definition that the file uses, or one that it uses in turn, has a driver's needle in it."""
        seen: set[tuple[str, str]] = set()
        waiting = self.used(path, data, imports_in(data))
        while waiting:
            place = waiting.pop()
            if place in seen:
                continue
            seen.add(place)
            module, name = place
            known = self.definitions_of(module)
            needles = self.needles_of(module)
            for text in known.texts(name):
                self.to_search -= len(text)
                if self.to_search < 0:
                    raise TooHard
                if any(needle in text for needle in needles):
                    return True
                words = words_of(text)
                waiting.extend((module, word) for word in words & known.names.keys())
                inside = [each for word in words for each in known.imports.get(word, ())]
                waiting.extend(self.used(module, text, [*inside, *imports_in(text)]))
            direct = [*known.imports.get(name, ()), *((module, name) for module in known.stars)]
            waiting.extend(self.used(module, b"", direct))
        return False

    def used(self, path: str, text: bytes, imports: list[Import]) -> list[tuple[str, str]]:
        """The names, each with its module, that `text` in the file at `path` can mean by `imports`."""
        found: list[tuple[str, str]] = []
        for source, name in imports:
            found.extend((module, name) for module in self.modules.named(source, path) if name)
            for module in self.modules.named(whole(source, name), path):  # `text` may use its attributes
                words = words_of(text)
                known = self.definitions_of(module)
                found.extend((module, word) for word in words if word in known.names or word in known.imports)
        return found

    def content(self, path: str) -> bytes:
        """The bytes of a module, read once; raises TooHard when too many were read."""
        if path not in self.contents:
            if len(self.contents) >= READ:
                raise TooHard
            self.contents[path] = read_bytes(path)
        return self.contents[path]

    def definitions_of(self, path: str) -> Definitions:
        """What a module defines, parsed once; raises TooHard when too many were parsed."""
        if path not in self.definitions:
            self.to_parse -= len(self.content(path))
            if self.to_parse < 0:
                raise TooHard
            self.definitions[path] = Definitions(self.content(path))
        return self.definitions[path]

    def needles_of(self, path: str) -> tuple[bytes, ...]:
        """The needles of the drivers that a module imports."""
        drivers = self.prefilter.drivers_in(self.content(path))
        return tuple(needle for driver in drivers for needle in self.prefilter.needles[driver])
