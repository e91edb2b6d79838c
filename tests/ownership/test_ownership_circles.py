"""Values that depend on each other in circles are worked out in reasonable time, and to the end.

What is counted are evaluations. Before each question was worked out once, n assignments `self.q = self.q.filter(x)`
took about n! of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from test_ownership_types import CATALOG, CONNECTION, FRAMEWORKS, POOL, Sources

from putback.ownership.resolve.carriers import Carriers
from putback.ownership.resolve.identity import global_identity
from putback.ownership.resolve.resolver import Resolver
from putback.ownership.resolve.types import NOTHING, Instance
from putback.pipeline.check import at_full_speed


@pytest.fixture(autouse=True)
def as_in_a_run() -> Iterator[None]:
    """Questions may be as deep inside of each other as in a run."""
    with at_full_speed():
        yield


QUERY = "sqlalchemy.orm.Query"


def an_attribute(count: int) -> str:
    methods = "".join(f"    def m{n}(self, x):\n        self.q = self.q.filter(x)\n" for n in range(count))
    return (
        "from sqlalchemy.orm import Session\n\nclass Query:\n"
        f"    def __init__(self, engine):\n        self.q = Session(engine).query(1)\n{methods}\nit = Query(1).q\n"
    )


def many_methods(count: int) -> str:
    methods = "".join(f"    def m{n}(self, x):\n        self.q = self.q.m{n}(x)\n" for n in range(count))
    return an_attribute(0).replace("\nit =", f"{methods}\nit =")


def a_global(count: int) -> str:
    functions = "".join(f"def m{n}(x):\n    global it\n    it = it.filter(x)\n" for n in range(count))
    return f"from sqlalchemy.orm import Session\n\nit = Session(1).query(1)\n{functions}"


def a_local(count: int) -> str:
    rows = "".join(f"    if x == {n}: q = q.m{n}(x)\n" for n in range(count))
    body = f"    q = Session(1).query(1)\n{rows}    return q\n"
    return f"from sqlalchemy.orm import Session\n\ndef f(x):\n{body}\nit = f(1)\n"


def functions(count: int) -> str:
    calls = ["".join(f"    if x == {m}: return m{m}(x)\n" for m in range(count) if m != n) for n in range(count)]
    defined = "".join(f"def m{n}(x):\n{calls[n]}    return Session(1).query(1)\n" for n in range(count))
    return f"from sqlalchemy.orm import Session\n\n{defined}\nit = m0(1)\n"


def attributes(count: int) -> str:
    rows = (
        " or ".join(f"self.a{m}.filter()" for m in range(count) if m != n) + " or Session(1).query(1)"
        for n in range(count)
    )
    methods = "".join(f"    def m{n}(self, x):\n        self.a{n} = {row}\n" for n, row in enumerate(rows))
    return f"from sqlalchemy.orm import Session\n\nclass All:\n{methods}\nit = All().a0\n"


@pytest.mark.parametrize("made", [an_attribute, many_methods, a_global, a_local, functions, attributes])
def test_values_in_circles(made: Callable[[int], str], monkeypatch: pytest.MonkeyPatch) -> None:
    count = 0
    evaluate = Resolver._evaluate

    def counted(self: Resolver, *given: object) -> object:
        nonlocal count
        count += 1
        assert count < 60_000, "as if every order were tried"
        return evaluate(self, *given)  # type: ignore[arg-type]

    monkeypatch.setattr(Resolver, "_evaluate", counted)
    found = Sources(made(30)).types("it")
    assert Instance(QUERY) in found


def test_whether_a_class_carries_one_is_asked_in_one_round(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each of 200 assignments that rest on each other once was gone round for by itself: 120,000 evaluations."""
    asked: list[object] = []
    evaluate = Resolver._evaluate

    def counted(self: Resolver, *given: object) -> object:
        asked.append(given)
        return evaluate(self, *given)  # type: ignore[arg-type]

    monkeypatch.setattr(Resolver, "_evaluate", counted)
    project = Sources(an_attribute(200)).resolver.project
    module = project.module("/r/app.py")
    assert module is not None
    assert not Carriers(Resolver(project, CATALOG, FRAMEWORKS)).by_class(module.path, "Query")
    assert len(asked) < 10_000, len(asked)


def test_what_a_circle_adds_is_found() -> None:
    project = Sources("""
        from psycopg2.pool import ThreadedConnectionPool

        class Handle:
            def __init__(self):
                self.it = ThreadedConnectionPool(1, 2)

            def take(self):
                self.it = self.it.getconn()
    """)
    found = project.types("Handle().it")
    assert {Instance(POOL), Instance(CONNECTION)} <= found


def test_a_circle_answers_the_same_from_wherever_it_is_entered() -> None:
    text = """
        from psycopg2.pool import ThreadedConnectionPool

        def first(x):
            return second(x) if x else ThreadedConnectionPool(1, 2)

        def second(x):
            return first(x)
    """
    assert Sources(text).name("first(1)") == POOL
    assert Sources(text).name("second(1)") == POOL
    both = Sources(text)
    assert both.name("second(1)") == both.name("first(1)") == POOL


def test_packages_that_take_each_other_over() -> None:
    every = [f"m{n}" for n in range(30)]
    texts = {name: "\n".join(f"from {other} import *" for other in every if other != name) for name in every}
    texts["m17"] += "\nimport psycopg2\n\ndef get():\n    return psycopg2.connect()\n"
    project = Sources("from m0 import *\n", **texts)
    assert project.types("missing()") != NOTHING  # a name of no module may be a builtin
    assert project.name("get()") == CONNECTION
    carriers = Carriers(Resolver(project.resolver.project, CATALOG, FRAMEWORKS))
    module = project.resolver.project.module("/r/m3.py")
    assert module is not None
    assert carriers.names([module]) == {"get": {"/r/m3.py"}}
    assert global_identity(project.resolver.project, module, "missing") is None
