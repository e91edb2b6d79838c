"""Which errors an `except` clause is for: those of a database, those of the code itself, or of something else."""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum, auto

from putback.drivers.schema import Kind
from putback.flow.names import chain
from putback.frameworks.idioms import idioms
from putback.ownership.analysis import handlers
from putback.ownership.analysis.unit import Unit
from putback.ownership.resolve.recursion import Beside
from putback.ownership.resolve.resolver import Resolver
from putback.ownership.resolve.types import ClassRef, Scope, Symbol, Type


class About(Enum):
    """CODE: what Python code itself raises, or a statement that has worked; DATABASE: every error of a failed one;
    OTHERS: none of these.
    """

    CODE = auto()
    DATABASE = auto()
    OTHERS = auto()
    ANYTHING = auto()


class Errors:
    """Answers about exception classes, by what their names resolve to."""

    def __init__(self, resolver: Resolver) -> None:
        self._resolver = resolver
        self._known: dict[tuple[str, str, tuple[str, ...], str], About] = {}
        self._caught: Beside[tuple[str, str, tuple[str, ...], str], bool | None] = Beside(
            resolver.answers, resolver.project.footprint
        )

    def about(self, unit: Unit, types: Sequence[str], kind: Kind) -> About:
        """What a clause for `types` is for, seen from a connection of this kind."""
        key = (unit.path, unit.key, tuple(types), kind.id)
        if key not in self._known:
            self._known[key] = self._find(unit.scope, types, kind)
        return self._known[key]

    def names_some(self, unit: Unit, types: Sequence[str], kind: Kind) -> bool:
        """Whether a clause names errors of the library of this kind: whoever writes that expects them."""
        driver = self._resolver.catalog.drivers.get(kind.driver)
        if driver is None:
            return False
        named = (t for each in types for t in self._resolver.types(chain(each), unit.scope) if isinstance(t, Symbol))
        return any(t.name.partition(".")[0] in driver.imports and t.name not in driver.answers for t in named)

    def _find(self, scope: Scope, types: Sequence[str], kind: Kind) -> About:
        if handlers.is_about_code(types):
            return About.CODE
        types = [each for each in types if not handlers.is_about_code([each])]
        resolved = [self._resolver.types(chain(each), scope) for each in types]
        driver = self._resolver.catalog.drivers.get(kind.driver)
        named = {t.name for each in resolved for t in each if isinstance(t, Symbol)}
        if driver is not None and named and named.issubset(driver.answers):
            return About.CODE
        if driver is not None and kind.own_errors and not named.isdisjoint(driver.errors):
            return About.DATABASE
        is_foreign = bool(resolved) and all(each and all(map(self._is_foreign, each)) for each in resolved)
        return About.OTHERS if is_foreign else About.ANYTHING

    def catches(self, unit: Unit, types: Sequence[str], exception: str) -> bool | None:
        """Whether a clause for `types` catches `exception`, as `handlers.catches` says; the project's classes are known
        by what they derive from."""
        told = handlers.catches(types, exception)
        if told is not None or not handlers.is_class(exception):
            return told
        key = (unit.path, unit.key, tuple(types), exception)
        return self._caught.ask(key, lambda: self._catches(unit.scope, types, exception))

    def _catches(self, scope: Scope, types: Sequence[str], exception: str) -> bool | None:
        raised = self._resolver.types(chain(exception), scope)
        cls = next(iter(raised)) if len(raised) == 1 else None
        if not isinstance(cls, ClassRef) or not self._resolver.classes.is_known(cls.path, cls.key):
            return None
        answers = {self._is_below(cls, each, scope) for each in types}
        return True if True in answers else None if None in answers else False

    def _is_below(self, cls: ClassRef, type_: str, scope: Scope) -> bool | None:
        """Whether objects of a project class are of the class that a clause names; None where that is not known, or may
        be so of those of a class derived from it."""
        bases, outside = self._line(cls), self._resolver.classes.outside_bases(cls.path, cls.key)
        ancestors = [handlers.builtin_exception(name) for name in outside]
        builtin = handlers.builtin_exception(type_)
        if builtin is not None:
            if any(each is not None and issubclass(each, builtin) for each in ancestors):
                return True
            return None if None in ancestors else False
        caught = self._resolver.types(chain(type_), scope)
        named = next(iter(caught)) if len(caught) == 1 else None
        match named:
            case ClassRef():
                if (named.path, named.key) in bases:
                    return True
                return None if (cls.path, cls.key) in self._line(named) else False
            case Symbol(name=name):
                return True if name in outside else None if None in ancestors else False
            case _:
                return None

    def _line(self, cls: ClassRef) -> set[tuple[str, str]]:
        """A class and what it derives from in the project."""
        return {(module.path, each.key) for module, each in self._resolver.classes.lineage(cls.path, cls.key)}

    def _is_foreign(self, cls: Type) -> bool:
        """Whether no database raises it: a framework's, or one of the project that is derived from nothing else."""
        match cls:
            case Symbol(name=name):
                return self._is_foreign_name(name)
            case ClassRef(path=path, key=key):
                outside = self._resolver.classes.outside_bases(path, key)
                return bool(outside) and all(
                    handlers.builtin_exception(name) is not None or self._is_foreign_name(name) for name in outside
                )
            case _:
                return False

    def _is_foreign_name(self, name: str) -> bool:
        parts = name.split(".")
        others = idioms().errors.of_others
        if any(".".join(parts[:count]) in others for count in range(1, len(parts) + 1)):
            return True
        return any(parts[0] in each.imports for each in self._resolver.frameworks.frameworks.values())
