"""What a change of some files leaves as it was: which functions have to be looked at again, and which not.

A function is looked at again when its text has changed, when it mentions something that has (and so on, by name: a name
too many costs time, one too few an answer), when it is called otherwise than before, and when what was found in it
tells of rows that have moved.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from putback.flow.ir import MODULE
from putback.model.finding import Finding
from putback.ownership.index.module import ClassInfo, FunctionInfo, ModuleInfo
from putback.ownership.resolve.callers import by_name, invocations
from putback.source.discover import shown
from putback.source.slices import Reader, with_comments, without_prose, words

Spot = tuple[str, str]
"""A file and the key of an outermost function in it, or MODULE."""


@dataclass(frozen=True, slots=True)
class Part:
    """An outermost function of a file, or its top level: its text, and the names by which others speak of it."""

    key: str
    row: int
    text: bytes
    names: frozenset[bytes]


def parts_of(module: ModuleInfo, reader: Reader) -> Iterator[Part]:
    """The outermost functions of a module, then its top level without them."""
    texts = reader.rows(module.path)
    rows = [row.encode("utf-8", "replace") for row in texts]
    outermost = [info for info in module.functions.values() if not info.outer]
    ends = [with_comments(texts, info.row, info.end_row) for info in outermost]
    for info, end in zip(outermost, ends, strict=True):
        yield Part(info.key, info.row, b"\n".join(rows[info.row - 1 : end]), _names(info, module))
    for info, end in zip(outermost, ends, strict=True):
        rows[info.row - 1 : end] = [b""] * (end - info.row + 1)
    yield Part(MODULE, 1, b"\n".join(rows), frozenset())


def _names(info: FunctionInfo, module: ModuleInfo) -> frozenset[bytes]:
    nested = (each.name for each in module.functions.values() if each.key.startswith(f"{info.key}."))
    return frozenset(name.encode() for name in (info.name, *nested, info.owner.rpartition(".")[2]) if name)


@dataclass(slots=True)
class Changes:
    """What is different in some files: the functions, and the names, by file, by which others speak of them.

    `called` are names that are called otherwise or that changed code has begun or ceased to speak of; `moved` are the
    places whose rows have moved. `everything` is set when nothing can be told.
    """

    places: set[Spot] = field(default_factory=set)
    names: dict[str, set[bytes]] = field(default_factory=dict)
    called: set[bytes] = field(default_factory=set)
    moved: set[Spot] = field(default_factory=set)
    everything: bool = False

    def note(self, before: ModuleInfo | None, after: ModuleInfo | None, old: Reader, new: Reader) -> None:
        """Compare two versions of a file."""
        if before is None or after is None or before.incomplete or after.incomplete:
            self.everything = True
            return
        names = self.names.setdefault(after.path, set())
        self._note_top(before, after, names)
        was = {part.key: part for part in parts_of(before, old)}
        now = {part.key: part for part in parts_of(after, new)}
        for key in was.keys() | now.keys():
            one, other = was.get(key), now.get(key)
            if one is None or other is None or _bare(one) != _bare(other):
                self.places.add((after.path, key))
                names.update(name for part in (one, other) if part is not None for name in part.names)
                self.called |= _said(one) ^ _said(other)
            elif one.row != other.row or (key == MODULE and one.text != other.text):
                self.moved.add((after.path, key))

    def _note_top(self, before: ModuleInfo, after: ModuleInfo, names: set[bytes]) -> None:
        self.everything |= before.star_imports != after.star_imports
        tables = (before.imports, after.imports), (before.fallbacks, after.fallbacks), (before.globals, after.globals)
        for old, new in tables:
            names |= {name.encode() for name in _different(old, new)}
        classes = {k: _shape(c) for k, c in before.classes.items()}, {k: _shape(c) for k, c in after.classes.items()}
        names |= {key.rpartition(".")[2].encode() for key in _different(*classes)}
        calls = by_name(invocations(before)), by_name(invocations(after))
        self.called |= {name.encode() for name in _different(*calls)}


def _shape(cls: ClassInfo) -> object:
    return cls.bases, cls.methods, cls.attributes


def _different(before: Mapping[str, object], after: Mapping[str, object]) -> Iterator[str]:
    return (name for name in before.keys() | after.keys() if before.get(name) != after.get(name))


def _said(part: Part | None) -> frozenset[bytes]:
    return words(part.text) if part is not None else frozenset()


def _bare(part: Part) -> object:
    """The text, that of a top level without empty rows: they stand for functions."""
    return [row for row in part.text.split(b"\n") if row.strip()] if part.key == MODULE else part.text


def stale(
    changes: Changes,
    modules: Iterable[ModuleInfo],
    reader: Reader,
    found: Mapping[Spot, Sequence[Finding]],
    importers: Callable[[str], Collection[str]],
) -> set[Spot]:
    """The functions in some modules, as they are now, to look at again.

    `found` is what was found in them before; `importers` gives the files that can mean what a file defines.
    """
    parts = {(module.path, part.key): part for module in modules for part in parts_of(module, reader)}
    if changes.everything:
        return set(parts)
    spoken = {p for p, part in parts.items() if p in changes.places or not part.names.isdisjoint(changes.called)}
    rest = {p: words(without_prose(part.text)) | part.names for p, part in parts.items() if p not in spoken}
    names: dict[str, set[bytes]] = {}
    fresh = [*changes.names.items(), *((place[0], parts[place].names) for place in spoken)]
    while fresh:
        for path, each in fresh:
            for user in (path, *importers(path)):
                names.setdefault(user, set()).update(each)
        reached = {place for place, said in rest.items() if not said.isdisjoint(names.get(place[0], ()))}
        spoken |= reached
        fresh = [(place[0], parts[place].names) for place in reached]
        rest = {place: said for place, said in rest.items() if place not in reached}
    return spoken | {p for p in rest if found.get(p) and _is_told_anew(p, parts[p], found[p], changes)}


def _is_told_anew(place: Spot, part: Part, findings: Iterable[Finding], changes: Changes) -> bool:
    """Whether what was found in a function that stays as it is has to be told, or mended, in other words."""
    has_new_top = (place[0], MODULE) in changes.places
    files = {shown(path) for path, _ in (*changes.places, *changes.moved)}
    return has_new_top or place in changes.moved or any(_rests_on(f, files, part) for f in findings)


def _rests_on(finding: Finding, files: Collection[str], part: Part) -> bool:
    """Whether what a finding says tells of other rows of changed files, or of what functions owe to all others."""
    if finding.site is None or (finding.site.operation is None and not finding.site.parameter):
        return True
    end = part.row + part.text.count(b"\n")
    elsewhere = (s for s in finding.trace if s.path in files)
    if any(s.path != finding.path or not part.row <= s.span.start.row <= end for s in elsewhere):
        return True
    told = f"{finding.message} {finding.help} {finding.no_fix_reason} {' '.join(s.text for s in finding.trace)}"
    return any(f"{path}:" in told for path in files)
