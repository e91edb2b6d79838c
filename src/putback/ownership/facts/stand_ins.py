"""What tests put in the place of a function that hands out connections.

`patch.object(orders, "get_connection", return_value=self.conn)`, `monkeypatch.setattr(orders, "get_connection", fake)`:
what `orders` takes for a connection of its own is then one that the test goes on with, or something that cannot be
closed at all.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from itertools import chain

from putback.flow import ir
from putback.flow.names import Expr, Invoke, Lambda, Literal, Member, Name
from putback.frameworks.idioms import idioms
from putback.model.finding import Place
from putback.model.spelling import inside
from putback.ownership.analysis.analyzer import Analyzer
from putback.ownership.facts.surroundings import Surroundings
from putback.ownership.index.module import FunctionInfo, ModuleInfo
from putback.ownership.index.places import is_test_code
from putback.ownership.resolve.types import ClassRef, FunctionRef, Instance, ModuleRef, Object, Scope, Symbol, Type

_CLOSE = "close"


def is_replaced(facts: Surroundings, at: int, through: Sequence[FunctionRef]) -> bool:
    """Whether a test of the project puts in the place of what hands out a connection what may not be closed.

    It comes from the call at operation `at`, by way of some functions of the project.
    """
    if facts.file_place is Place.TEST:
        return False
    stand_ins = facts.analyzer.known(StandIns)
    return any(stand_ins.cannot_close(name, paths) for name, paths in names_read(facts, at, through))


def names_read(facts: Surroundings, at: int, through: Sequence[FunctionRef]) -> Iterator[tuple[str, Collection[str]]]:
    """The names by which the functions on the way are read, each with the files in which another can be put there."""
    unit, project = facts.unit, facts.analyzer.project
    if not through:
        called = (op for op in unit.ops() if isinstance(op, ir.Call) and op.at == at)
        yield from ((op.name, (unit.path,)) for op in called)
    reader = unit.path
    for ref in through:
        name, module = ref.key.rpartition(".")[2], project.module(reader)
        is_imported = module is not None and name in module.imports
        yield name, (reader,) if is_imported else (reader, ref.path)
        reader = ref.path


class StandIns:
    """What is put there by all tests of a project."""

    def __init__(self, analyzer: Analyzer) -> None:
        self._analyzer = analyzer

    def cannot_close(self, name: str, paths: Collection[str]) -> bool:
        """Whether a test puts something in the place of `name`, in one of these files, that may not be closed.

        A mock may be, and so may a connection that each call makes anew, or an object that has such a method.
        """
        there = frozenset(paths)

        def find() -> bool:
            return any(self._puts(path, name, there) for path in self.tests(name))

        found: bool = self._analyzer.answers.ask(("stands in", name, tuple(sorted(there))), find, False)
        return found

    def tests(self, name: str) -> list[str]:
        """The files of tests in which the name ends a text in quotes."""
        analyzer, footprint = self._analyzer, self._analyzer.project.footprint
        words = [f"{name}{quote}" for quote in "\"'"]
        having = footprint.aside(lambda: analyzer.texts.having([word.encode() for word in words]))
        for word in words:
            footprint.text(word, "", False)  # which files have it from now on is to be known, also where none has
        saying = {path for word in words for path in having if analyzer.says(path, word)}
        return [path for path in sorted(saying) if is_test_code(inside(path, analyzer.root))]

    def _puts(self, path: str, name: str, paths: frozenset[str]) -> bool:
        module = self._analyzer.project.module(path)
        if module is None:
            return False
        rows = self._analyzer.reader.rows(path)
        for key, function in module.functions.items():
            text = "\n".join(rows[function.row - 1 : function.end_row])
            if f'{name}"' in text or f"{name}'" in text:
                reading = _Reading(self._analyzer, module, key, function)
                if any(reading.puts(call, name, paths) for call in reading.calls()):
                    return True
        return False


class _Reading:
    """One function of a test."""

    def __init__(self, analyzer: Analyzer, module: ModuleInfo, key: str, function: FunctionInfo) -> None:
        self._analyzer = analyzer
        self._resolver = analyzer.resolver
        self._module = module
        self._function = function
        self._scope = Scope(module.path, key)
        unit = analyzer.unit(module.path, key)
        self._ops = list(unit.ops()) if unit is not None else []

    def calls(self) -> Iterator[Invoke]:
        """The calls in it and in its decorators."""
        yield from (each for each in self._function.decorators if isinstance(each, Invoke))
        yield from (op.expr for op in self._ops if isinstance(op, ir.Call))

    def puts(self, call: Invoke, name: str, paths: frozenset[str]) -> bool:
        """Whether a call puts something in the place of `name` that may not be closed."""
        answers = idioms().functions.mocking_answers
        for at, given in enumerate(call.args):
            if isinstance(given, Literal) and isinstance(given.value, str) and self._means(call, at, name, paths):
                behind = [(each, False) for each in call.args[at + 1 :]]
                named = [(each, keyword in answers) for keyword, each in call.keywords]
                put = [(each, is_answer) for each, is_answer in (*behind, *named) if not isinstance(each, Literal)]
                if not put:
                    return self._answers_later()
                return not all(self._may_close(e, is_answer) for e, is_answer in put)
        return False

    def _means(self, call: Invoke, at: int, name: str, paths: frozenset[str]) -> bool:
        """Whether text `at` among the arguments names the function in one of the files, or does so beside its owner."""
        given = call.args[at]
        assert isinstance(given, Literal)
        owner, _, last = str(given.value).rpartition(".")
        if last != name:
            return False
        if owner:
            parts = owner.split(".")
            dotted = (".".join(parts[:end]) for end in range(len(parts), 0, -1))
            found = (self._analyzer.project.find(each, self._module.path) for each in dotted)
            return next((path for path in found if path is not None), None) in paths
        owners = self._resolver.types(call.args[at - 1], self._scope) if at else frozenset()
        return any(isinstance(each, ModuleRef | ClassRef) and each.path in paths for each in owners)

    def _answers_later(self) -> bool:
        """Whether what a mock answers with is said in the function, and is a connection that others have."""
        answers = idioms().functions.mocking_answers
        put = [op.source for op in self._ops if isinstance(op, ir.StoreAttr) and op.name in answers]
        bound = chain.from_iterable(self._function.bindings.get(source, ()) for source in put)
        read = {op.target: Member(Name(op.base), op.name) for op in self._ops if isinstance(op, ir.Attr)}
        made = {op.target: op.expr for op in self._ops if isinstance(op, ir.Call)}
        values = (*bound, *(each[source] for source in put for each in (read, made) if source in each))
        types = chain.from_iterable(self._resolver.types(each, self._scope) for each in values)
        return any(
            self._is_connection(each) or (isinstance(each, Object) and not self._has_close(each)) for each in types
        )

    def _may_close(self, put: Expr, is_answer: bool) -> bool:
        """Whether what is put there may be closed; `is_answer`: it is what calling it gives."""
        if self._is_mock(put):
            return True
        if is_answer:
            return self._result_may_close(put, self._scope, is_made_here=False)
        if isinstance(put, Lambda):
            return self._result_may_close(put.value, self._scope, is_made_here=isinstance(put.value, Invoke))
        functions = [each for each in self._resolver.types(put, self._scope) if isinstance(each, FunctionRef)]
        return bool(functions) and all(self._answers_well(each) for each in functions)

    def _answers_well(self, function: FunctionRef) -> bool:
        module = self._analyzer.project.module(function.path)
        info = module.functions.get(function.key) if module is not None else None
        if info is None:
            return False
        scope = Scope(function.path, function.key)
        values = [each for expr in (*info.returns, *info.yields) for each in _bound(info, expr)]
        return all(self._result_may_close(each, scope, isinstance(each, Invoke)) for each in values)

    def _result_may_close(self, value: Expr, scope: Scope, is_made_here: bool) -> bool:
        types = self._resolver.types(value, scope)
        if not types:
            return False
        return all(
            (isinstance(each, Object) and self._has_close(each))
            or _is_of_mocks(each)
            or (is_made_here and self._is_connection(each))
            for each in types
        )

    def _is_connection(self, found: Type) -> bool:
        return isinstance(found, Instance) and self._analyzer.catalog.kind_of(found.name) is not None

    def _has_close(self, found: Object) -> bool:
        return bool(self._resolver.member(found, _CLOSE))

    def _is_mock(self, put: Expr) -> bool:
        """Whether something is a mock: made by a library for that, or by such a parameter of a test."""
        types = self._resolver.types(put, self._scope)
        if types:
            return all(map(_is_of_mocks, types))
        return all(_root(each) in idioms().functions.mocking_fixtures for each in _bound(self._function, put))


def _bound(function: FunctionInfo, value: Expr) -> Collection[Expr]:
    """What a local name is bound to, or the value itself."""
    return function.bindings.get(value.id, (value,)) if isinstance(value, Name) else (value,)


def _root(value: Expr) -> str:
    while isinstance(value, Invoke | Member):
        value = value.func if isinstance(value, Invoke) else value.base
    return value.id if isinstance(value, Name) else ""


def _is_of_mocks(found: Type) -> bool:
    modules = idioms().functions.mocking_modules
    return isinstance(found, Symbol | Instance) and any(found.name.startswith(f"{module}.") for module in modules)
