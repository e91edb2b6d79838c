"""What project classes have: their bases, and what an attribute of the class or of an object of it is."""

from __future__ import annotations

from collections.abc import Iterator

from putback.flow.names import Expr, Invoke
from putback.frameworks.idioms import idioms
from putback.ownership.index.module import ClassInfo, ModuleInfo
from putback.ownership.index.subclasses import ABSTRACT_BASES, Subclasses, plain
from putback.ownership.resolve.evaluation import Evaluation
from putback.ownership.resolve.recursion import Beside
from putback.ownership.resolve.types import (
    NOTHING,
    ClassRef,
    FunctionRef,
    Instance,
    Method,
    Scope,
    Symbol,
    Types,
    union,
)

_MAKING = frozenset({"__init__", "__new__", "__post_init__"})


class Classes:
    """Answers about classes; the values of their attributes are evaluated by `values`."""

    def __init__(self, values: Evaluation) -> None:
        self._values = values
        self._subclasses = Subclasses(values.project)
        self._lineages: Beside[tuple[str, str], list[tuple[str, str]]] = Beside(
            values.answers, values.project.footprint
        )

    def member(self, path: str, key: str, attr: str, bound: bool) -> Types:
        """An attribute of a class, `bound` of an object of it: its own, a base's, or what all subclasses agree on."""
        question = ("member", path, key, attr, bound)
        return self._values.answers.ask(question, lambda: self._member(path, key, attr, bound), NOTHING)

    def _member(self, path: str, key: str, attr: str, bound: bool) -> Types:
        defined, placeholder = self._inherited_member(path, key, attr, bound)
        if defined is not None:
            return defined
        bases = self.outside_bases(path, key)
        if ABSTRACT_BASES.issuperset(bases) and (found := self._member_of_subclasses(path, key, attr, bound)):
            return found
        return placeholder or union(self.of_instance(Instance(base), attr) for base in bases if bound)

    def _inherited_member(self, path: str, key: str, attr: str, bound: bool) -> tuple[Types | None, Types]:
        """A member as a class and its bases define it (None: nowhere), and as they only announce it."""
        placeholder = NOTHING
        for module, cls in self.homes(path, key):
            found = self._own_member(module, cls, attr, bound)
            if found is not None and not self._is_announced(module, cls, attr):
                return found, placeholder
            placeholder = placeholder or found or NOTHING
        return None, placeholder

    def _own_member(self, module: ModuleInfo, cls: ClassInfo, attr: str, bound: bool) -> Types | None:
        """A member that the class itself defines; None when it does not."""
        nested = f"{cls.key}.{attr}"
        self._values.project.footprint.part(module.path, cls.methods.get(attr, nested))
        if attr in cls.methods:
            function = module.functions[cls.methods[attr]]
            if bound and self._values.has_decorator(function, module.path, idioms().functions.properties):
                return self._values.returned(FunctionRef(module.path, function.key, True))
            return frozenset({FunctionRef(module.path, function.key, bound)})
        if attr in cls.attributes:
            found = ((v, Scope(module.path, s)) for s, v in cls.attributes[attr])
            return union(self._of_objects(*each) if bound else self._values.types(*each) for each in found)
        return frozenset({ClassRef(module.path, nested)}) if nested in module.classes else None

    def _of_objects(self, value: Expr, scope: Scope) -> Types:
        """An attribute of objects: its value, or the classes among which the configuration chooses."""
        choices = list(self._choices(value, scope)) if isinstance(value, Invoke) else []
        if not choices:
            return self._values.types(value, scope)
        named = union(self._values.types(each, scope) for each in choices)
        return named.union(*(self._below(each) for each in named if isinstance(each, ClassRef)))

    def _choices(self, call: Invoke, scope: Scope) -> Iterator[Expr]:
        """The arguments of a setting that name a class, or what the chosen one derives from."""
        for made in self._values.types(call.func, scope):
            for index, keyword in self._values.frameworks.choosing(made.name) if isinstance(made, Symbol) else ():
                given = call.args[index] if index < len(call.args) else call.keyword(keyword)
                if given is not None:
                    yield given

    def _below(self, cls: ClassRef) -> Types:
        """The project classes that derive from one, as far as they stand beside it or in a file that can matter."""
        module = self._values.project.module(cls.path)
        beside = [(cls.path, key) for key in module.classes] if module is not None else []
        subclasses = (
            each for each in (*beside, *self._subclasses.of(cls.key)) if self._derives(each, cls.path, cls.key)
        )
        return frozenset(ClassRef(*each) for each in subclasses)

    def _derives(self, subclass: tuple[str, str], path: str, key: str) -> bool:
        return any((m.path, c.key) == (path, key) for m, c in self.homes(*subclass))

    @staticmethod
    def _is_announced(module: ModuleInfo, cls: ClassInfo, attr: str) -> bool:
        """Whether the class only says that subclasses have this method."""
        return attr in cls.methods and module.functions[cls.methods[attr]].is_placeholder

    def _member_of_subclasses(self, path: str, key: str, attr: str, bound: bool) -> Types:
        """What `self.attr` is in the project classes that derive from a class, if they agree."""
        answers = set()
        for subclass in self._subclasses.of(key):
            found, _ = self._inherited_member(*subclass, attr, bound)
            if found and self._derives(subclass, path, key):
                answers.add(found)
        return answers.pop() if len(answers) == 1 else NOTHING

    def lineage(self, path: str, key: str) -> list[tuple[ModuleInfo, ClassInfo]]:
        """A project class and its project bases, nearest first."""
        found = self.homes(path, key)
        for module, _ in found:
            self._values.project.footprint.file(module.path)
        return found

    def homes(self, path: str, key: str) -> list[tuple[ModuleInfo, ClassInfo]]:
        """The same for somebody who looks at nothing in the files but the classes."""
        found = []
        for home, name in self._lineages.ask((path, key), lambda: self._find_lineage(path, key)):
            module = self._values.project.part(home, name)
            if module is not None:
                found.append((module, module.classes[name]))
        return found

    def hands_out_others(self, path: str, key: str) -> bool:
        """Whether calling the class may give an object that is there already: `__new__`, or a metaclass, decides."""
        return any("__new__" in cls.methods or self._is_called_by_metaclass(m, cls) for m, cls in self.homes(path, key))

    def _is_called_by_metaclass(self, module: ModuleInfo, cls: ClassInfo) -> bool:
        kinds = self._values.types(cls.metaclass, Scope(module.path, ""))
        made = (self.homes(kind.path, kind.key) for kind in kinds if isinstance(kind, ClassRef))
        return any("__call__" in each.methods for found in made for _, each in found)

    def _find_lineage(self, path: str, key: str) -> list[tuple[str, str]]:
        found: list[tuple[str, str]] = []
        todo = [(path, key)]
        while todo:
            here = todo.pop(0)
            module = self._values.project.part(*here)
            cls = module.classes.get(here[1]) if module is not None else None
            if cls is None or here in found:
                continue
            found.append(here)
            for base in cls.bases:
                for t in self._values.types(plain(base), Scope(here[0])):
                    if isinstance(t, ClassRef):
                        todo.append((t.path, t.key))
        return found

    def outside_bases(self, path: str, key: str) -> list[str]:
        """The qualified names of the outside classes among the ancestors of a project class."""
        bases = ((module, base) for module, cls in self.homes(path, key) for base in cls.bases)
        types = (t for module, base in bases for t in self._values.types(plain(base), Scope(module.path)))
        return [t.name for t in types if isinstance(t, Symbol)]

    def is_known(self, path: str, key: str) -> bool:
        """Whether all that a project class derives from is known by its name."""
        bases = [self._values.types(plain(b), Scope(m.path)) for m, cls in self.homes(path, key) for b in cls.bases]
        return bool(bases) and all(found and all(isinstance(t, ClassRef | Symbol) for t in found) for found in bases)

    def has_constructor(self, path: str, key: str) -> bool:
        """Whether making an object of a project class runs a method of the project's."""
        return any(not _MAKING.isdisjoint(cls.methods) for _, cls in self.lineage(path, key))

    def of_instance(self, owner: Instance, attr: str) -> Types:
        """An attribute of an object of an outside class."""
        found = self._values.catalog.attribute(owner.name, attr)
        if found is not None and found.type:
            return frozenset({Instance(found.type, owner.flags)})
        return frozenset({Method(owner, attr)})
