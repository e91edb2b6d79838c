"""One file indexed: what it defines and what others look up in it, or why that cannot be had."""

from __future__ import annotations

from dataclasses import dataclass

from putback.flow.names import last_name
from putback.model.errors import SourceError
from putback.ownership.index.indexer import index_module
from putback.ownership.index.module import ClassOutline, ModuleInfo, Outline, packed, packed_stores
from putback.ownership.index.newer import index_by_statement
from putback.ownership.index.project import Project
from putback.ownership.index.subclasses import plain
from putback.ownership.index.vocabulary import Receivers
from putback.ownership.resolve.callers import by_name, invocations
from putback.pipeline.offers import files_of, traced
from putback.source.slices import Reader

_LARGE = 50_000  # characters


@dataclass(frozen=True, slots=True)
class Broken:
    """A candidate that cannot be decoded or parsed, as a whole or in `part`."""

    path: str
    message: str
    row: int
    column: int
    part: bool = False


@dataclass(frozen=True, slots=True)
class Indexed:
    """A candidate that was indexed: the module, maybe packed, and what others look up in it, which rests on `seen`.

    Between processes a module travels packed.
    """

    path: str
    module: ModuleInfo | bytes
    outline: Outline
    seen: int

    def __reduce__(self) -> tuple[type[Indexed], tuple[object, ...]]:
        module = packed(self.module) if isinstance(self.module, ModuleInfo) else self.module
        return Indexed, (self.path, module, self.outline, self.seen)


def index_file(path: str, reader: Reader, names: Receivers) -> ModuleInfo | Broken:
    """Index one file, statement by statement where the running Python cannot parse it but libcst can."""
    try:
        text = reader.text(path)
        if len(text) > _LARGE or "\f" in text:
            text = "\n".join(reader.code(path))
        try:
            return index_module(path, text, names)
        except SourceError as error:
            nested = "nested" in str(error)  # too deep for the running Python is too deep for libcst
            found = None if nested else index_by_statement(path, text, names)
            return found if found is not None else Broken(path, str(error), error.row, error.column)
    except SourceError as error:
        return Broken(path, str(error), error.row, error.column)
    except RecursionError:
        return Broken(path, "is nested too deeply to be checked", 1, 1)


def outline_of(module: ModuleInfo, project: Project) -> tuple[Outline, int]:
    """What others look up in a module by name, and the footprint of that."""
    return traced(project, lambda: _outline_of(module, project))


def _outline_of(module: ModuleInfo, project: Project) -> Outline:
    path = module.path
    every = {project.resolve_import(each, path) for found in module.all_imports() for each in files_of(found)}
    imports = sorted(each for each in every if each is not None)
    classes = tuple(
        ClassOutline(cls.key, tuple(last_name(plain(base)) for base in cls.bases), tuple(cls.methods))
        for cls in module.classes.values()
    )
    return Outline(tuple(imports), by_name(invocations(module)), packed_stores(module), classes)
