"""The functions of the project, each lowered when somebody asks for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from putback.flow.ir import MODULE
from putback.model.errors import SourceError
from putback.ownership.analysis.attempts import Attempt, attempts
from putback.ownership.analysis.giants import eased
from putback.ownership.analysis.unit import Unit, make_unit
from putback.ownership.index.families import Families
from putback.ownership.index.module import ClassInfo, FunctionInfo, ModuleInfo
from putback.ownership.index.project import Project
from putback.ownership.index.trees import mentioned
from putback.ownership.resolve.types import FunctionRef
from putback.source.slices import Reader, Slice

if TYPE_CHECKING:
    from putback.flow.lower import Lowered

_LOWERED = 200


class Units:
    """One run's functions. `notes` are for `--debug`."""

    def __init__(self, project: Project, reader: Reader) -> None:
        self.project = project
        self.reader = reader
        self.families = Families()
        self._lowered: dict[tuple[str, str], Lowered | None] = {}
        self._failures: dict[tuple[str, str], SourceError] = {}
        self._mentions: dict[tuple[str, str], frozenset[str]] = {}
        self._begin()

    def _begin(self) -> None:
        """Nothing is known but what each file says by itself."""
        self.notes: list[str] = []
        self._units: dict[tuple[str, str], Unit | None] = {}

    def are_many(self) -> bool:
        """Whether so many are held that it is time to let go of them."""
        return len(self._lowered) > _LOWERED

    def drop(self) -> None:
        """Let go of those that were not asked for lately; each is lowered again when somebody asks."""
        for place in list(self._lowered)[: -_LOWERED // 2]:
            del self._lowered[place]
        self._units.clear()

    def says(self, path: str, text: str) -> bool:
        """Whether a file has some text in it."""
        found = self.project.footprint.aside(lambda: self.reader.has(path, text.encode()))
        self.project.footprint.text(text, path, found)
        return found

    def unit(self, path: str, key: str) -> Unit | None:
        """The function `key` of a file, lowered; None when it cannot be."""
        if (path, key) not in self._units:
            self._units[path, key] = self._make_unit(path, key)
        return self._units[path, key]

    def _make_unit(self, path: str, key: str) -> Unit | None:
        module = self.project.module(path)
        info = module.functions.get(key) if module is not None else None
        outermost = self.outermost(path, key)
        lowered = self._slice(path, outermost)
        if lowered is None or key not in lowered.functions:
            return None
        return make_unit(path, key, lowered, info, self.own(path, key))

    def outermost(self, path: str, key: str) -> str:
        """The function around `key` that stands in no other, or the module's top level."""
        module = self.project.module(path)
        if module is None or key.startswith(MODULE):
            return MODULE
        while "<lambda" in key:
            key = key.rpartition(".")[0]
        info = module.functions.get(key)
        while info is not None and info.outer:
            info = module.functions.get(info.outer)
        return info.key if info is not None else MODULE

    def _slice(self, path: str, key: str) -> Lowered | None:
        if (path, key) in self._lowered:
            lowered = self._lowered.pop((path, key))  # what was asked for last comes last
        else:
            try:
                lowered = self._lower(path, key)
            except (SourceError, RecursionError) as error:
                self.notes.append(f"{path}: {key} is not analysed: {error}")
                lowered = None
                told = error if isinstance(error, SourceError) else SourceError("nested too deeply to be checked")
                self._failures[path, key] = told
        self._lowered[path, key] = lowered
        return lowered

    def failure(self, path: str, key: str) -> SourceError | None:
        """Why an outermost function, or the top level of a file, could not be analysed; None if it could be."""
        return self._failures.get((path, key))

    def _lower(self, path: str, key: str) -> Lowered:
        from putback.flow.lower import lower, lower_module

        part = eased(self.part(path, key))
        if key == MODULE:
            return lower_module(part.text)
        try:
            return lower(part.text, part.offset, key, self._keys(path, key))
        except SourceError as error:
            row = error.row + part.offset - (part.text[:1] in (" ", "\t"))
            raise SourceError(str(error), max(row, part.offset + 1)) from None  # the parser may name no row at all

    def _keys(self, path: str, outermost: str) -> dict[int, str]:
        """The keys, by row, of nested functions, if several in one function are called the same."""
        module = self.project.module(path)
        inside = self.families.of(module, outermost) if module is not None else ()
        found = {info.def_row: info.key for info in inside}
        return found if any("@" in key[len(outermost) :] for key in found.values()) else {}

    def part(self, path: str, key: str) -> Slice:
        """The rows of an outermost function, or of a module's top level."""
        module = self.project.module(path)
        assert module is not None
        if key == MODULE:
            return self.reader.top_level(path, [(d.row, d.end_row) for d in top_definitions(module)])
        return self.function_part(path, module.functions[key])

    def function_part(self, path: str, info: FunctionInfo) -> Slice:
        """The rows of a function."""
        return self.reader.function(path, info.row, info.end_row)

    def nested(self, path: str, key: str) -> list[str]:
        """The keys of all functions in the slice of outermost function `key`, itself first."""
        lowered = self._slice(path, key)
        return list(lowered.functions) if lowered is not None else []

    def info(self, ref: FunctionRef) -> FunctionInfo | None:
        """The definition of a project function."""
        module = self.project.module(ref.path)
        return module.functions.get(ref.key) if module is not None else None

    def own(self, path: str, key: str) -> str:
        """The name by which a method, or a function or lambda in one, knows the object; "" for every other function."""
        module = self.project.module(path)
        function = module.functions.get(key.partition(".<")[0]) if module is not None else None
        hidden: set[str] = set()
        while module is not None and function is not None and not function.own:
            hidden |= {p.name for p in function.params}
            function = module.functions.get(function.outer)
        own = function.own if function is not None and not function.is_of_class else ""
        return own if own not in hidden else ""

    def mentions(self, path: str, info: FunctionInfo) -> frozenset[str]:
        """Every name and attribute in a function, those nested in it included."""
        key = (path, info.key)
        self.project.footprint.file(path)
        if key not in self._mentions:
            try:
                self._mentions[key] = mentioned(self.function_part(path, info))
            except SourceError:
                self._mentions[key] = frozenset()
        return self._mentions[key]

    def attempt_at(self, unit: Unit, row: int) -> Attempt | None:
        """The `try` that has a handler beginning in this row; None when the function cannot be parsed."""
        if unit.attempts is None:
            unit.attempts = attempts(self.reader, unit.path, unit.info)
        return unit.attempts.get(row)


def top_definitions(module: ModuleInfo) -> list[FunctionInfo | ClassInfo]:
    """The functions and classes that are no part of a module's top level."""
    functions = [f for f in module.functions.values() if not f.outer and not f.owner]
    definitions: list[FunctionInfo | ClassInfo] = [*functions, *module.classes.values()]
    return [d for d in definitions if d.column == 0]
