"""What is set on an object from outside of its class, and what stands in lists and dictionaries.

`app.state.pool = pool`, `app["pool"] = pool` and `bot.db = db` are looked up by the name that is set, on demand; the
object has to be of the same class, whichever variable it is in. A list or dictionary is known by its place: a name of a
function or a module, or an attribute of the objects of a class.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from msgspec import Struct

from putback.flow.names import (
    Annotation,
    Awaited,
    Choice,
    Element,
    Expr,
    Group,
    Invoke,
    Literal,
    Member,
    Name,
    Record,
    TypeForm,
)
from putback.frameworks.idioms import idioms
from putback.ownership.index.module import ModuleInfo, unpacked_stores
from putback.ownership.index.parts import contents_of
from putback.ownership.resolve.applications import Applications
from putback.ownership.resolve.classes import Classes
from putback.ownership.resolve.evaluation import Evaluation
from putback.ownership.resolve.identity import Defined, identity
from putback.ownership.resolve.types import (
    NOTHING,
    ClassRef,
    Instance,
    Method,
    ModuleRef,
    Object,
    Scope,
    Type,
    Types,
    union,
)

_MOST = 40
_REMEMBERED = 500
_MOST_ITEMS = 12
Key = int | str | bool | None
"""What an item is asked by: its place in a list, its key, or None for any of them."""

Store = tuple[Scope, Expr, Expr]
"""Where something is set, the object and the value."""


class Stores:
    """Answers for objects; the values that are set are evaluated by `values`."""

    def __init__(self, values: Evaluation) -> None:
        self._values = values
        self._applications = Applications(values)
        self._by_name: dict[str, list[Store]] = {}

    def of(self, owner: Type, name: str, path: str) -> Types:
        """What the project sets on objects like `owner` as attribute `name`, or as item `[name]`.

        It is asked from a file, which knows nothing of what another application of the repository has ("": any).
        """
        found: Types = NOTHING
        for here, base, value in self.named(name) if self.can_hold(owner) else ():
            is_alike = any(_alike(owner, t) for t in self._values.types(base, here))
            if is_alike and not self._is_of_another(owner, path, here.path):
                found |= self._values.types(value, here)
        return found

    def _is_of_another(self, owner: Type, path: str, here: str) -> bool:
        made = owner.owner if isinstance(owner, Method) else owner
        return bool(path) and isinstance(made, Instance) and self._applications.differ(made.name, path, here)

    def named(self, name: str) -> list[Store]:
        """All that is set under a name; nothing if that is too much to look at."""
        self._values.project.footprint.name("store", name)
        if name not in self._by_name:
            if len(self._by_name) >= _REMEMBERED:
                self._by_name.clear()
            stores = self._values.project.stores(name)
            every = ((path, store) for path, packed in stores for store in unpacked_stores(packed))
            found = [(Scope(path, scope), base, value) for path, (scope, base, value) in islice(every, _MOST + 1)]
            self._by_name[name] = found if len(found) <= _MOST else []
        return self._by_name[name]

    def can_hold(self, owner: Type) -> bool:
        """Whether the project may set things on this.

        On objects of its own classes and of a framework's, and on what an object of a framework's class has for that.
        What else an outside function makes may be anything, and is not looked through.
        """
        match owner:
            case Instance(name=name) | Method(owner=Instance(name=name)):
                return self._values.frameworks.holds(name)
            case _:
                return True


def _alike(one: Type, other: Type) -> bool:
    """Whether two values are objects of one class, whatever it was made with."""
    match one, other:
        case Instance(name=left), Instance(name=right):
            return left == right
        case Method(owner=Instance(name=left), name=name), Method(owner=Instance(name=right), name=same):
            return left == right and name == same
        case _:
            return one == other


class Place(Struct, frozen=True, gc=False):
    """Where a container is known: `owner` is the key of a function or a class of the file ("" for the top level)."""

    path: str
    owner: str
    name: str


Item = tuple[Key, Expr, Scope]
"""An item of a container: its key (None: any), its value, and where that is written."""

_Done = tuple[list[tuple[str, str, Expr, Expr]], list[tuple[str, Expr, Expr]]]
"""What a file does with a list or dictionary: what it sets under keys, and what it adds by methods."""
_NOTHING_DONE: _Done = ([], [])


class Containers:
    """Answers for items; their values are evaluated by `values`."""

    def __init__(self, values: Evaluation, classes: Classes, stores: Stores) -> None:
        self._values = values
        self._classes = classes
        self._stores = stores
        self._names: dict[str, frozenset[str]] = {}
        self._contents: dict[str, dict[str, _Done]] = {}

    def item(self, container: Expr, key: Key, scope: Scope) -> Types:
        """What a list or dictionary has at a key, or (None) anywhere."""
        known = idioms().containers
        match container:
            case Invoke(func=Member(base=base) as func) if self._is_method(func, known.contents, scope):
                return self.item(base, None, scope)
            case Element(value=Invoke(func=Member(base=base) as func)) if self._is_method(func, known.pairs, scope):
                return self.item(base, None, scope) if key == 1 else NOTHING
        question = ("item of", container, key, scope)
        return self._values.answers.ask(question, lambda: self._item(container, key, scope), NOTHING)

    def taken(self, call: Invoke, scope: Scope) -> Types:
        """What a method of a list or dictionary answers with: `pools.get("main")`."""
        if not isinstance(call.func, Member) or not self._is_method(call.func, idioms().containers.taking, scope):
            return NOTHING
        first = call.args[0].value if call.args and isinstance(call.args[0], Literal) else None
        return self.item(call.func.base, first if isinstance(first, str) else None, scope)

    def _is_method(self, func: Member, names: frozenset[str], scope: Scope) -> bool:
        """Whether a callee is a method by one of these names, and not known to be another's than a container's."""
        if func.attr not in names:
            return False
        made_by, found = idioms().containers.made_by, self._values.types(func, scope)
        return all(isinstance(t, Method) and f"{t.owner.name}.".startswith(made_by) for t in found)

    def in_attribute(self, owner: Object, name: str) -> Types:
        """What is anywhere in a list or dictionary that objects of a class have as an attribute."""
        return self._values.answers.ask(("items of", owner, name), lambda: self._in_attribute(owner, name), NOTHING)

    def _in_attribute(self, owner: Object, name: str) -> Types:
        items = (item for place in self._of_member(owner, name) for item in self._in_place(place, None))
        return union(self._values.types(value, here) for _, value, here in islice(items, _MOST_ITEMS))

    def names(self, module: ModuleInfo) -> frozenset[str]:
        """The last names of what may be a list or dictionary with something in it, as a file tells."""
        if module.path not in self._names:
            self._names[module.path] = frozenset(_container_names(module))
        return self._names[module.path]

    def _item(self, container: Expr, key: Key, scope: Scope) -> Types:
        written = [*_written(container, scope)]
        for place in self._places(container, scope):
            written += self._in_place(place, key)
        fitting = (pair for pair in written if key is None or pair[0] is None or pair[0] == key)
        return union(self._values.types(value, here) for _, value, here in islice(fitting, _MOST_ITEMS))

    def _in_place(self, place: Place, key: Key) -> Iterator[Item]:
        """What is in a container by all that is done with it."""
        for value, scope in self._bound(place):
            yield from _written(value, scope)
        module = self._values.project.part(place.path, contents_of(place.name))
        if module is None:
            return
        stored, kept = self._contents_of(module).get(place.name, _NOTHING_DONE)
        here = ((Scope(place.path, s), n, base, value) for s, n, base, value in stored)
        for scope, name, base, value in (*here, *self._stored_elsewhere(place, key)):
            if place in self._places(base, scope):
                yield name[1:-1] or None, value, scope
        for where, base, value in kept:
            if place in self._places(base, Scope(place.path, where)):
                yield None, value, Scope(place.path, where)

    def _contents_of(self, module: ModuleInfo) -> dict[str, _Done]:
        if module.path not in self._contents:
            self._contents[module.path] = _contents(module)
        return self._contents[module.path]

    def _stored_elsewhere(self, place: Place, key: Key) -> Iterator[tuple[Scope, str, Expr, Expr]]:
        name = f"[{key}]"
        found = self._stores.named(name) if isinstance(key, str) else ()
        others = (each for each in found if each[0].path != place.path and _last(each[1]) == place.name)
        yield from ((scope, name, base, value) for scope, base, value in others)

    def _bound(self, place: Place) -> Iterator[tuple[Expr, Scope]]:
        """What is assigned to the name or attribute of a place."""
        module = self._values.project.part(place.path, place.owner)
        if module is None:
            return
        self._values.project.footprint.part(place.path, place.name)
        if place.owner in module.functions:
            values = module.functions[place.owner].bindings.get(place.name, ())
            yield from ((value, Scope(place.path, place.owner)) for value in values)
            return
        cls = module.classes.get(place.owner)
        pairs = cls.attributes.get(place.name, ()) if cls is not None else module.globals.get(place.name, ())
        yield from ((value, Scope(place.path, scope)) for scope, value in pairs)

    def _places(self, container: Expr, scope: Scope) -> list[Place]:
        """Where a container is known that an expression means."""
        match container:
            case Name(id=name):
                return self._of_name(name, scope)
            case Member(base=base, attr=attr):
                return [place for t in self._values.types(base, scope) for place in self._of_member(t, attr)]
            case _:
                return []

    def _of_name(self, name: str, scope: Scope) -> list[Place]:
        module = self._values.project.part(scope.path, scope.function)
        function = module.functions.get(scope.function) if module is not None else None
        while module is not None and function is not None:
            if name in function.bindings:
                return [Place(scope.path, function.key, name)]
            self._values.project.footprint.part(scope.path, function.outer)
            function = module.functions.get(function.outer)
        found = identity(self._values.project, Name(name), scope)
        return [Place(found.path, "", found.name)] if isinstance(found, Defined) and found.path and found.name else []

    def _of_member(self, owner: object, attr: str) -> list[Place]:
        match owner:
            case Object(path=path, key=key) | ClassRef(path=path, key=key):
                homes = self._classes.homes(path, key)
                return [Place(module.path, cls.key, attr) for module, cls in homes if attr in cls.attributes][:1]
            case ModuleRef(path=path):
                return [Place(path, "", attr)]
            case _:
                return []


def _contents(module: ModuleInfo) -> dict[str, _Done]:
    """What a file does with lists and dictionaries, by their last names."""
    found: dict[str, _Done] = {}
    for store in module.stores:
        if store[1].startswith("["):
            found.setdefault(_last(store[2]), ([], []))[0].append(store)
    for where, call in module.calls:
        match call:
            case Invoke(func=Member(base=base, attr=attr), args=(*_, value)) if attr in idioms().methods.keeping:
                found.setdefault(_last(base), ([], []))[1].append((where, base, value))
    return found


def _container_names(module: ModuleInfo) -> Iterator[str]:
    for _, name, base, _ in module.stores:
        if name.startswith("["):
            yield _last(base)
    for _, call in module.calls:
        if isinstance(call, Invoke) and isinstance(call.func, Member) and call.func.attr in idioms().methods.keeping:
            yield _last(call.func.base)
    bound = (
        pair for table in (module.globals, *(c.attributes for c in module.classes.values())) for pair in table.items()
    )
    for name, values in bound:
        if any(isinstance(each, (Record, Group, Annotation)) for _, each in values):
            yield name


def _written(value: Expr, scope: Scope) -> Iterator[Item]:
    """What stands in a list or dictionary that is written out, or announced by an annotation."""
    match value:
        case Record(pairs=pairs):
            yield from ((key or None, each, scope) for key, each in pairs)
        case Group(items=items):
            yield from ((index, each, scope) for index, each in enumerate(items))
        case Annotation(type=inner) | TypeForm(type=inner) | Awaited(value=inner):
            yield from _written(inner, scope)
        case Choice(options=options):
            for each in options:
                yield from _written(each, scope)


def _last(container: Expr) -> str:
    match container:
        case Name(id=name) | Member(attr=name):
            return name
        case _:
            return ""
