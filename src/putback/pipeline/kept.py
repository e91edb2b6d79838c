"""What a scan found, kept on the disk: what each file says, and what was made of that, with what it rests on.

`Past` is an earlier scan, compared with the files as they are now. A file is the same when its times, size and number
are, or else its content.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from time import time_ns

from msgspec import MsgspecError, Struct
from msgspec import field as struct_field
from msgspec.msgpack import Decoder, Encoder

from putback.model.config import Config
from putback.model.finding import Finding
from putback.ownership.index.module import Outline
from putback.pipeline.indexing import Broken
from putback.pipeline.offers import Offer
from putback.source import cache
from putback.source.packaging import Packaging
from putback.source.snapshot import is_settled, state_of
from putback.source.survey import Survey, content_digest, words_for

_SHARE = 200
"""What is kept is written anew when more than one file of so many differs from it."""
_MANY = 200
"""How many files may have to be read to see that they do not."""
_OFFERS = 20
"""How many offers, or findings of files, may have to be worked out because of files that do."""


class KeptModule(Struct, array_like=True):
    """A file that was looked at closely: from which round on the others know it, and what is known of it.

    `seen` is the number of the footprint of its outline; a file that cannot be parsed has no outline.
    """

    since: int
    module: bytes
    outline: Outline | None
    seen: int
    broken: list[Broken]


class KeptSearch(Struct, array_like=True):
    """A search through the files that are not indexed: for which names, by module or package, and what was found."""

    names: dict[str, list[bytes]]
    found: list[str]


class KeptRound(Struct, array_like=True):
    """What modules offered in one round, each with the number of its footprint; and the searches."""

    offers: dict[int, tuple[Offer, int]]
    importing: KeptSearch
    using: KeptSearch


class KeptFile(Struct, array_like=True):
    """What was found in a file: which functions were looked at for their names and which beside them, what the rules
    said, and the number of the footprint of that."""

    named: tuple[str, ...]
    beside: tuple[str, ...]
    findings: tuple[Finding, ...]
    seen: int


class KeptFindings(Struct, array_like=True):
    """What was found in all files with some `settings`, where `names` could mean a connection.

    `compared` are answers about the whole project, by question; `packages` is a digest of what names packages;
    `saying` has the files that have some text in them, by each text that was looked for.
    """

    settings: bytes = b""
    names: list[str] = []
    files: dict[int, KeptFile] = {}
    compared: dict[str, str] = {}
    packages: bytes = b""
    saying: dict[str, list[int]] = {}


class KeptScan(Struct, array_like=True):
    """One scan. Files are numbers: their places in `paths`; those that are no more have no content.

    `helpers` are files that are no candidates, indexed because a name led there; `texts` has the files with one of some
    words, by the words.
    """

    paths: list[str] = []
    states: list[bytes] = []
    contents: list[bytes] = []
    candidates: list[int] = []
    commented: list[int] = []
    importers: dict[bytes, list[int]] = {}
    modules: dict[int, KeptModule] = {}
    rounds: list[KeptRound] = []
    members: dict[int, tuple[tuple[str, ...], int]] = {}
    helpers: dict[int, bytes] = {}
    texts: dict[bytes, list[int]] = {}
    footprints: list[bytes] = []
    found: KeptFindings = struct_field(default_factory=KeptFindings)


@dataclass(slots=True)
class Past:
    """An earlier scan, beside the files as they are now.

    `numbers` has the files of both; `states` and `contents` are those of now, `changed` the files that are new or not
    as they were, `gone` those that are no more. `read` counts those that had to be read to tell.
    """

    folder: str
    name: str
    scan: KeptScan
    numbers: dict[str, int]
    moment: int
    states: dict[str, bytes] = field(default_factory=dict)
    contents: dict[str, bytes] = field(default_factory=dict)
    changed: set[str] = field(default_factory=set)
    gone: set[str] = field(default_factory=set)
    read: int = 0

    @property
    def is_empty(self) -> bool:
        """Whether nothing was kept."""
        return not self.scan.paths

    @property
    def come(self) -> set[str]:
        """The files that were not there."""
        return {path for path in self.changed if self.numbers[path] >= len(self.scan.paths) or self._was_gone(path)}

    @property
    def has_same_files(self) -> bool:
        """Whether no file has come or gone."""
        return not self.come and not self.gone

    def _was_gone(self, path: str) -> bool:
        return not self.scan.contents[self.numbers[path]]

    def module(self, path: str) -> KeptModule | None:
        """What was known of a file."""
        number = self.numbers.get(path)
        return self.scan.modules.get(number) if number is not None else None

    def helper(self, path: str) -> bytes | None:
        """A file that was indexed although it was no candidate, if it has not changed."""
        number = self.numbers.get(path)
        return self.scan.helpers.get(number) if number is not None and path not in self.changed else None

    def texts(self) -> dict[bytes, Collection[str]]:
        """The files that had one of some words, by the words."""
        return {words: {self.scan.paths[n] for n in files} for words, files in self.scan.texts.items()}

    def footprint(self, number: int) -> int:
        """One of the footprints."""
        return int.from_bytes(self.scan.footprints[number], "little")

    # -- the survey

    def to_look_at(self, paths: Sequence[str]) -> list[int]:
        """The numbers, in `paths`, of the files that have to be surveyed."""
        if self.is_empty:
            return list(range(len(paths)))
        if (come := self.come) and not words_for(come) <= words_for(self._there()):
            return list(range(len(paths)))
        return [number for number, path in enumerate(paths) if path in self.changed]

    def _there(self) -> list[str]:
        return [path for path, content in zip(self.scan.paths, self.scan.contents, strict=True) if content]

    def add_to(self, found: Survey, paths: Sequence[str], asked: Collection[str]) -> None:
        """Add what an earlier survey has seen of the files that are the same; those in `asked` were asked for."""
        place = {path: number for number, path in enumerate(paths) if path not in self.changed}
        places = [place.get(path, -1) for path in self.scan.paths]
        other = Survey(candidates=self._placed(self.scan.candidates, places))
        known = frozenset(other.candidates)
        other.asked = [n for p, n in place.items() if p in asked and n not in known and not p.endswith(".pyi")]
        other.commented = self._placed(self.scan.commented, places)
        for word, files in self.scan.importers.items():
            other.importers[word] = self._placed(files, places)
        found.add(other)

    @staticmethod
    def _placed(numbers: Sequence[int], places: Sequence[int]) -> list[int]:
        return [place for number in numbers if (place := places[number]) >= 0]

    # -- writing

    def is_worth_writing(self, worked_out: int) -> bool:
        """Whether a later run would be much quicker, of which so many offers and files had to be worked out."""
        others = len(self.changed) + len(self.gone)
        is_dear = bool(others) and worked_out > _OFFERS
        return self.is_empty or others * _SHARE > len(self.states) or is_dear or self.read > _MANY

    def write(self, scan: KeptScan) -> None:
        """Keep a scan of the files as they are now, if they still are."""
        if any(state_of(path.encode("utf-8", "surrogateescape")) != state for path, state in self.states.items()):
            return
        try:
            data = Encoder().encode(scan)
        except (UnicodeEncodeError, MsgspecError):  # a name of a file that is no text
            return
        if cache.write(self.folder, self.name, data):
            cache.tidy(self.folder)


def past(folder: str, config: Config, paths: Sequence[str], data: Callable[[str], bytes], packaging: Packaging) -> Past:
    """What is kept in a folder of a scan with these settings, beside the files `paths` as they are now."""
    settings = repr((config.gates, sorted(config.drivers.items()))).encode("utf-8", "replace")
    name = cache.name_of("scan", [settings, packaging.digest])
    scan = _read(folder, name)
    if len(scan.paths) > 2 * len(paths) + _MANY:
        scan = KeptScan()  # most of it is gone
    numbers = {path: number for number, path in enumerate(scan.paths)}
    for path in sorted(paths):
        numbers.setdefault(path, len(numbers))
    found = Past(folder, name, scan, numbers, time_ns())
    for path in paths:
        _compare(found, path, data)
    here = frozenset(paths)
    found.gone = {path for path, content in zip(scan.paths, scan.contents, strict=True) if content and path not in here}
    return found


def _read(folder: str, name: str) -> KeptScan:
    data = cache.read(folder, name)
    try:
        return Decoder(KeptScan).decode(data) if data is not None else KeptScan()
    except MsgspecError:
        return KeptScan()


def _compare(found: Past, path: str, data: Callable[[str], bytes]) -> None:
    state = state_of(path.encode("utf-8", "surrogateescape"))
    found.states[path] = state
    number = found.numbers[path]
    content = found.scan.contents[number] if number < len(found.scan.paths) else b""
    if not content:
        found.changed.add(path)
    elif state != found.scan.states[number]:
        found.read += 1
        try:
            now = content_digest(data(path))
        except OSError:
            now = b""
        if now != content:
            found.changed.add(path)
            return
    if content:
        found.contents[path] = content


def settled(past: Past, path: str) -> bytes:
    """The state of a file for later; nothing where what is written now may not show in it."""
    state = past.states[path]
    return state if is_settled(state, past.moment) else b""


def found_in(names: Mapping[str, Sequence[bytes]]) -> dict[str, list[bytes]]:
    """The names of a search in one order."""
    return {key: sorted(each) for key, each in sorted(names.items())}
