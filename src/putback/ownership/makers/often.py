"""How often a call in a function makes something new: once a program, or with every request, job or item.

From what becomes of the thing the search goes up: what is returned lives on in the callers, what is an attribute of
`self` lives as long as the object, what nobody keeps is made anew whenever the function runs.
"""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterator
from typing import TypeGuard

from msgspec import Struct
from msgspec.structs import replace

from putback.frameworks.idioms import idioms
from putback.frameworks.schema import Role
from putback.ownership.analysis.analyzer import Analyzer
from putback.ownership.analysis.context import name_of
from putback.ownership.index.astnames import to_expr
from putback.ownership.index.module import FunctionInfo, ParamInfo
from putback.ownership.makers.fates import Fate, Fates
from putback.ownership.makers.given import hangs_on, parameters_of
from putback.ownership.makers.locks import Locked, locks_of
from putback.ownership.makers.parts import Part, Parts
from putback.ownership.makers.users import Use, Users
from putback.ownership.resolve.dependencies import is_injected
from putback.ownership.resolve.types import ClassRef, FunctionRef, Scope

_DEEPEST = 6
_MOST = 80
_AGAIN = (Role.ROUTE, Role.DEPENDENCY, Role.JOB)
_ONCE = (Role.FIXTURE, Role.SCRIPT, Role.TEARDOWN)


class Link(Struct, frozen=True):
    """A call, or mention, on the way from the one who runs often down to the maker."""

    path: str
    row: int
    name: str


class Often(Struct, frozen=True):
    """Why something is made again and again: by the function `name` of this role, or (None) for each round of a loop.

    `row` is where that function, or the loop, begins, `ref` the function that the loop stands in; `links` lead from the
    maker up to it. `differs`: what is asked for decides what is made, so that it cannot be the same for all.
    """

    role: Role | None
    name: str
    path: str
    row: int
    links: tuple[Link, ...] = ()
    differs: bool = False
    ref: FunctionRef | None = None


class Race(Struct, frozen=True):
    """Who may be first at the same time; `early`: somebody else uses the function who is no request.

    `sure`: nothing is entered on the way that may be a lock.
    """

    entry: Often
    early: bool
    sure: bool


class Frequency:
    """Searches upwards from makers; remembers what it has found out about functions."""

    def __init__(self, analyzer: Analyzer) -> None:
        self.analyzer = analyzer
        self.parts = analyzer.once(Parts)
        self.users = analyzer.once(Users)
        self._left = 0

    def fate(self, part: Part, made: ast.expr, ends: Collection[str]) -> Fate:
        """What becomes of what an expression makes, in its own function."""
        return Fates(part, self.analyzer.resolver, self.analyzer.frameworks, ends).of(made)

    def often(self, part: Part, made: ast.Call, ends: Collection[str]) -> Often | None:
        """Who makes it again and again, if anybody is seen to."""
        self._left = _MOST
        return _best(self._made(part, made, ends, frozenset()))

    def everybody(self, part: Part, made: ast.Call, ends: Collection[str]) -> list[Often]:
        """All who are seen to make it again and again, each once."""
        self._left = _MOST
        found = [each for each in self._made(part, made, ends, frozenset()) if not each.differs]
        return list({(each.path, each.row, each.name): each for each in reversed(found)}.values())[::-1]

    def _made(
        self,
        part: Part,
        made: ast.Call,
        ends: Collection[str],
        seen: frozenset[FunctionRef],
        asked: Collection[str] | None = None,
    ) -> Iterator[Often]:
        """The same for a call that makes it or hands it on; of its arguments those that are `asked` for decide what."""
        ref = part.ref_of(made)
        info = self.analyzer.info(ref)
        if info is None or ref in seen or self._left <= 0 or self._is_once(part, made) or self._is_cached(info, ref):
            return
        self._left -= 1
        fate = self.fate(part, made, ends)
        if fate is Fate.KEPT:
            return
        if fate.is_over and (loop := loop_around(part, made)) is not None:
            yield Often(None, info.name, part.path, part.row(loop), ref=ref)
        elif fate.is_over:
            yield from self._runs(ref, info, seen, hangs_on(part, made, info, asked))
        elif fate is Fate.RETURNED:
            given = hangs_on(part, made, info, asked)
            entry = self._entry(ref, info, given)
            yield from [entry] if entry is not None else self._handed_on(ref, info, ends, seen | {ref}, given)
        else:
            yield from self._in_objects(ref, info, ends, seen | {ref})

    def _handed_on(
        self,
        ref: FunctionRef,
        info: FunctionInfo,
        ends: Collection[str],
        seen: frozenset[FunctionRef],
        given: frozenset[str],
    ) -> Iterator[Often]:
        """The callers of a function that returns it, made of what is `given`, who make it again and again."""
        for use in self.users.of(ref):
            if use.call is not None:
                found = self._made(use.part, use.call, ends, seen, parameters_of(use.call, info, given))
                yield from (_linked(each, use, info.name) for each in found)

    def _in_objects(
        self, ref: FunctionRef, info: FunctionInfo, ends: Collection[str], seen: frozenset[FunctionRef]
    ) -> Iterator[Often]:
        """Who makes objects of the class whose attribute it is again and again."""
        for cls in self.with_subclasses(ref.path, info.owner):
            if self.analyzer.resolver.classes.hands_out_others(cls.path, cls.key):
                continue
            for use in self.users.of(cls):
                if use.call is None:
                    role = self.given_role(use)
                    if role is Role.DEPENDENCY:
                        yield Often(role, cls.key, use.part.path, use.part.row(use.node))
                    continue
                name = cls.key.rpartition(".")[2]
                yield from (_linked(each, use, name) for each in self._made(use.part, use.call, ends, seen))

    def with_subclasses(self, path: str, key: str) -> Iterator[ClassRef]:
        """A class and those that derive from it."""
        yield ClassRef(path, key)
        for subclass, name in self.analyzer.resolver.callers.subclasses(key):
            if any(cls.key == key for _, cls in self.analyzer.resolver.classes.lineage(subclass, name)):
                yield ClassRef(subclass, name)

    def _runs(
        self, ref: FunctionRef, info: FunctionInfo, seen: frozenset[FunctionRef], given: frozenset[str]
    ) -> Iterator[Often]:
        """Who runs a function again and again; what it makes hangs on the parameters `given`."""
        found = self._entry(ref, info, given)
        if found is not None:
            yield found
        if found is not None or ref in seen or self._is_once_by_role(ref, info) or self._left <= 0:
            return
        self._left -= 1
        seen = seen | {ref}
        for use in self.users.of(ref) if len(seen) < _DEEPEST else ():
            user = use.part.ref_of(use.node)
            caller = self.analyzer.info(user)
            if caller is None or user in seen or self._is_once(use.part, use.node) or self._is_cached(caller, user):
                continue
            loop = loop_around(use.part, use.call, whatever=True) if use.call is not None and not given else None
            if loop is not None:
                above = iter([Often(None, caller.name, use.part.path, use.part.row(loop), ref=user)])
            else:
                above = self._runs(user, caller, seen, self._given_by(use, caller, info, given))
            yield from (_linked(each, use, info.name) for each in above)

    def _given_by(self, use: Use, caller: FunctionInfo, info: FunctionInfo, given: frozenset[str]) -> frozenset[str]:
        """The caller's parameters that decide what a function is given for its parameters `given`."""
        if use.call is None or not given:
            return frozenset()
        return hangs_on(use.part, use.call, caller, parameters_of(use.call, info, given))

    def _entry(self, ref: FunctionRef, info: FunctionInfo, given: frozenset[str]) -> Often | None:
        roles = self.analyzer.context.roles(ref.path, info)
        role = next((each for each in _AGAIN if each in roles), None)
        if role is None:
            return None
        asked = (p for p in info.params if p.name in given and not self._is_injected(p, ref))
        return Often(role, info.name, ref.path, info.def_row, differs=any(asked))

    def _is_injected(self, param: ParamInfo, ref: FunctionRef) -> bool:
        """Whether the framework gives a parameter what a dependency makes: `settings = Depends(get_settings)`."""
        return is_injected(self.analyzer.resolver, param, Scope(ref.path))

    def given_role(self, use: Use) -> Role | None:
        """What a framework makes of something by the call that it is given to."""
        call = use.part.parents.get(use.node)
        if isinstance(call, ast.keyword):
            call = use.part.parents.get(call)
        if not isinstance(call, ast.Call):
            return None
        names = map(name_of, self.analyzer.resolver.types(to_expr(call.func), use.part.scope_of(call)))
        return next((role for n in names for role, _, _ in self.analyzer.frameworks.argument_role(n)), None)

    def run_by(self, ref: FunctionRef) -> Often | None:
        """Who runs a function again and again, if anybody is seen to."""
        info = self.analyzer.info(ref)
        self._left = _MOST
        return _best(self._runs(ref, info, frozenset(), frozenset())) if info is not None else None

    # -- who is there first

    def raced(self, part: Part, made: ast.Call) -> Race | None:
        """Whether several requests at once may find that something is not there yet, and each make it."""
        ref = part.ref_of(made)
        info = self.analyzer.info(ref)
        if info is None or not self._is_once(part, made) or self._is_cached(info, ref):
            return None
        if info.is_async and not isinstance(part.parents.get(made), ast.Await):
            return None
        self._left = _MOST
        entry = _best(self._runs(ref, info, frozenset(), frozenset()))
        locked = locks_of(self.analyzer).around(part, made)
        if entry is None or entry.role not in (Role.ROUTE, Role.DEPENDENCY) or locked is Locked.YES:
            return None
        return Race(entry, any(self._is_early(use, ref) for use in self.users.of(ref)), locked is Locked.NO)

    def _is_early(self, use: Use, ref: FunctionRef) -> bool:
        """Whether a use stands where nobody is seen to run it for a request: at a start, most likely."""
        user = use.part.ref_of(use.node)
        info = self.analyzer.info(user)
        return user != ref and (
            info is None or next(self._runs(user, info, frozenset({ref}), frozenset()), None) is None
        )

    # -- what is done once

    def _is_once_by_role(self, ref: FunctionRef, info: FunctionInfo) -> bool:
        return not self.analyzer.context.roles(ref.path, info).isdisjoint(_ONCE)

    def _is_cached(self, info: FunctionInfo, ref: FunctionRef) -> bool:
        """Whether a decorator keeps the answers of a function."""
        return self.analyzer.resolver.has_decorator(info, ref.path, idioms().functions.caching)

    def _is_once(self, part: Part, node: ast.expr) -> bool:
        """Whether a place is reached only while something that stays is not there yet: `if _engine is None:`."""
        below: ast.AST = node
        for parent in part.above(node):
            if (
                isinstance(parent, ast.If)
                and below in parent.body
                and _asks_for_absence(parent.test, part.own_names(node))
            ):
                return not self._is_about_request(part, parent.test)
            if isinstance(parent, ast.BoolOp) and isinstance(parent.op, ast.Or) and below is not parent.values[0]:
                return _stays(parent.values[0], part.own_names(node)) and not self._is_about_request(
                    part, parent.values[0]
                )
            below = parent
        return False

    def _is_about_request(self, part: Part, test: ast.expr) -> bool:
        """Whether a test asks an object that lives no longer than a request."""
        names = (to_expr(n) for n in ast.walk(test) if isinstance(n, (ast.Name, ast.Attribute)))
        types = (t for name in names for t in self.analyzer.resolver.types(name, part.scope_of(test)))
        return any(name_of(t) in self.analyzer.frameworks.per_request for t in types)


def loop_around(part: Part, made: ast.Call, *, whatever: bool = False) -> ast.For | ast.AsyncFor | None:
    """The loop that makes the same anew in every round: none that leaves as soon as it has it, or that counts.

    Nor one that gives the call something else each time, unless `whatever` it is given is the same.
    """
    below: ast.AST = made
    for parent in part.above(made):
        if isinstance(parent, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.While, ast.ClassDef)):
            return None
        if isinstance(parent, (ast.For, ast.AsyncFor)) and below in parent.body:
            inside = [node for each in (parent.target, *parent.body) for node in ast.walk(each)]
            leaves = any(isinstance(node, (ast.Break, ast.Return)) for node in inside)
            counts = isinstance(parent.iter, ast.Call) and getattr(parent.iter.func, "id", "") == "range"
            differs = not whatever and not _read(made).isdisjoint(n.id for n in inside if _is_stored(n))
            return None if differs or leaves or counts else parent
        below = parent
    return None


def _read(call: ast.Call) -> set[str]:
    """The names in the arguments of a call."""
    return {n.id for each in (*call.args, *call.keywords) for n in ast.walk(each) if isinstance(n, ast.Name)}


def _is_stored(node: ast.AST) -> TypeGuard[ast.Name]:
    return isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)


def _asks_for_absence(test: ast.expr, own: frozenset[str]) -> bool:
    """Whether a test asks for something that outlives the call and is not there yet; `own` names die with it.

    `_engine is None`, `not self.ready`, `not hasattr(local, "conn")`, `key not in _engines`, alone or with others.
    """
    match test:
        case ast.BoolOp(values=values):
            return any(_asks_for_absence(value, own) for value in values)
        case ast.Compare(left=asked, ops=[ast.Is() | ast.Eq()], comparators=[ast.Constant(value=None)]):
            return _stays(asked, own)
        case ast.Compare(ops=[ast.NotIn()], comparators=[asked]):
            return _stays(asked, own)
        case ast.UnaryOp(op=ast.Not(), operand=ast.Call(func=ast.Name(id="hasattr"))):
            return True
        case ast.UnaryOp(op=ast.Not(), operand=asked):
            return _stays(asked, own)
        case _:
            return False


def _stays(asked: ast.expr, own: frozenset[str]) -> bool:
    """Whether something lives longer than the call: an attribute, also by `getattr`, or a name of somebody else's."""
    if isinstance(asked, ast.Call) and isinstance(asked.func, ast.Name) and asked.func.id == "getattr":
        return True
    return isinstance(asked, ast.Attribute) or (isinstance(asked, ast.Name) and asked.id not in own)


def _best(found: Iterator[Often]) -> Often | None:
    """The first for whom it could be the same each time, else the first."""
    differing: Often | None = None
    for each in found:
        if not each.differs:
            return each
        differing = differing or each
    return differing


def _linked(found: Often, use: Use, name: str) -> Often:
    """The same with the step from a use down to what it uses."""
    link = Link(use.part.path, use.part.row(use.node), name)
    return replace(found, links=(link, *found.links))


def frequency_of(analyzer: Analyzer) -> Frequency:
    """The run's only one."""
    return analyzer.known(Frequency)
