"""Which of several applications of one repository a file belongs to, as far as its imports tell.

`current_app.pool` is what the application has whose views stand there, and not what another one of the repository
has under this name. A file belongs to the applications whose makers import it, or that it imports.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain

from putback.flow.names import Expr, Invoke, last_name
from putback.ownership.index.module import ModuleInfo
from putback.ownership.index.places import is_test_code
from putback.ownership.resolve.evaluation import Evaluation
from putback.ownership.resolve.recursion import Answers
from putback.ownership.resolve.types import Scope, Symbol


class Applications:
    """Answers by the calls that make an object of a framework's class; these are evaluated by `values`."""

    def __init__(self, values: Evaluation) -> None:
        self._values = values

    def differ(self, name: str, one: str, other: str) -> bool:
        """Whether two files belong to different objects of class `name`: each to some, and no one to both."""
        if one == other:
            return False
        ones, others = self._of(name, one), self._of(name, other)
        return bool(ones) and bool(others) and ones.isdisjoint(others)

    def _of(self, name: str, path: str) -> frozenset[str]:
        """The files, but for tests, that make an object of the class, or one that has it as an attribute: the file
        itself, and those that import it or that it imports."""
        answers: Answers = self._values.answers
        around = {path, *self._values.project.importers(path), *self._imported(path)}
        classes = frozenset({name, *self._values.frameworks.having(name)})

        def makes(each: str) -> bool:
            return answers.ask(("makes", name, each), lambda: self._makes(classes, each), False)

        return frozenset(each for each in sorted(around) if not is_test_code(each) and makes(each))

    def _imported(self, path: str) -> Iterator[str]:
        project = self._values.project
        module = project.module(path)
        for each in module.all_imports() if module is not None else ():
            found = project.resolve_import(each, path)
            if found is not None:
                yield found

    def _makes(self, classes: frozenset[str], path: str) -> bool:
        module = self._values.project.module(path)
        lasts = {name.rpartition(".")[2] for name in classes}
        made = ((i.func, here) for i, here in _made(module) if last_name(i.func) in lasts) if module is not None else ()
        return any(t == Symbol(name) for func, here in made for t in self._values.types(func, here) for name in classes)


def _made(module: ModuleInfo) -> Iterator[tuple[Invoke, Scope]]:
    """The calls whose results a file binds to a name or returns."""
    values: list[tuple[str, Expr]] = [*chain.from_iterable(module.globals.values())]
    for key, function in module.functions.items():
        bound = chain.from_iterable(function.bindings.values())
        values += [(key, value) for value in (*bound, *function.returns)]
    return ((value, Scope(module.path, key)) for key, value in values if isinstance(value, Invoke))
