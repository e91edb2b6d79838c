"""Light types: each test is a small project and a question about a name in it."""

from __future__ import annotations

import ast
from textwrap import dedent

import pytest

from putback.drivers.catalog import load_catalog
from putback.frameworks.catalog import load_frameworks
from putback.ownership.index.astnames import to_expr
from putback.ownership.index.indexer import index_module
from putback.ownership.index.module import ModuleInfo
from putback.ownership.index.project import Project
from putback.ownership.resolve.resolver import Resolver
from putback.ownership.resolve.types import (
    NOTHING,
    ClassRef,
    FunctionRef,
    Instance,
    Managed,
    ModuleRef,
    Object,
    Scope,
    Symbol,
    Types,
)

CATALOG, FRAMEWORKS = load_catalog({}), load_frameworks()
POOL = "psycopg2.pool.ThreadedConnectionPool"
CONNECTION = "psycopg2.extensions.connection"


class Sources:
    """A project in memory; `app.py` is the file that questions are about."""

    def __init__(self, app: str, **others: str) -> None:
        named = {f"/r/{name.replace('__', '/')}.py": dedent(text) for name, text in others.items()}
        self.texts = {
            "/r/app.py": dedent(app),
            **{path.replace("/init.py", "/__init__.py"): t for path, t in named.items()},
        }
        self.resolver = Resolver(Project(self.texts, self.load), CATALOG, FRAMEWORKS)

    def load(self, path: str) -> ModuleInfo | None:
        """Index one file."""
        text = self.texts.get(path)
        return index_module(path, text, {}) if text is not None else None

    def types(self, expression: str, function: str = "") -> Types:
        """The types of an expression, seen from a function of `app.py` or its top level."""
        return self.resolver.types(to_expr(ast.parse(expression, mode="eval").body), Scope("/r/app.py", function))

    def name(self, expression: str, function: str = "") -> str:
        """The name of the one outside class that an expression is an instance of."""
        (found,) = self.types(expression, function)
        assert isinstance(found, Instance)
        return found.name


def test_constructor() -> None:
    found = Sources("import psycopg2.pool\npool = psycopg2.pool.ThreadedConnectionPool(1, 9)\nconn = pool.getconn()")
    assert found.name("pool") == POOL
    assert found.name("conn") == CONNECTION


@pytest.mark.parametrize(
    "statement",
    [
        "import psycopg2.pool as p\nP = p.ThreadedConnectionPool",
        "from psycopg2 import pool as p\nP = p.ThreadedConnectionPool",
        "from psycopg2.pool import ThreadedConnectionPool as P",
        pytest.param(
            "from psycopg2.pool import *\nP = ThreadedConnectionPool",
            marks=pytest.mark.xfail(reason="FN: a star import of an outside module names nothing", strict=True),
        ),
    ],
)
def test_ways_to_import(statement: str) -> None:
    found = Sources(f"{statement}\npool = P(1, 9)")
    assert found.name("pool") == POOL


def test_annotation_of_a_parameter() -> None:
    found = Sources("from psycopg2.pool import ThreadedConnectionPool\ndef f(pool: ThreadedConnectionPool): pass")
    assert found.name("pool", "f") == POOL


@pytest.mark.parametrize(
    "annotation", ["'Pool'", "Pool | None", "Optional[Pool]", "typing.Annotated[Pool, 1]", "'Pool | None'"]
)
def test_annotations_that_wrap(annotation: str) -> None:
    found = Sources(
        f"""
        import typing
        from typing import Optional
        from psycopg2.pool import ThreadedConnectionPool as Pool
        def f(pool: {annotation}): pass
        """
    )
    assert Instance(POOL) in found.types("pool", "f")


def test_default_of_a_parameter() -> None:
    found = Sources("import psycopg2\nconn = psycopg2.connect()\ndef f(c=conn): pass")
    assert found.name("c", "f") == CONNECTION


def test_annotated_assignment() -> None:
    assert (
        Sources("from psycopg2.pool import ThreadedConnectionPool\npool: ThreadedConnectionPool").name("pool") == POOL
    )


REPOSITORY = """
    from psycopg2.pool import ThreadedConnectionPool

    class Repository:
        shared = ThreadedConnectionPool(1, 9)

        def __init__(self):
            self.pool = ThreadedConnectionPool(1, 9)

        def take(self):
            return self.pool.getconn()

        @property
        def connection(self):
            return self.pool.getconn()

        @classmethod
        def make(cls):
            return cls()

        @staticmethod
        def plain():
            return ThreadedConnectionPool(1, 9)
"""


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("Repository().pool", POOL),
        ("Repository().shared", POOL),
        ("Repository.shared", POOL),
        ("Repository().take()", CONNECTION),
        ("Repository().connection", CONNECTION),
        ("Repository.make().pool", POOL),
        ("Repository.plain()", POOL),
        ("Repository().plain()", POOL),
    ],
)
def test_attributes_and_methods(expression: str, expected: str) -> None:
    assert Sources(REPOSITORY).name(expression) == expected


def test_self_in_a_method() -> None:
    found = Sources(REPOSITORY)
    assert found.types("self", "Repository.take") == {Object("/r/app.py", "Repository")}
    assert found.types("cls", "Repository.make") == {ClassRef("/r/app.py", "Repository")}
    assert found.name("self.pool", "Repository.take") == POOL


def test_inheritance_across_modules() -> None:
    found = Sources("from base import Repository\nclass Orders(Repository): pass", base=REPOSITORY)
    assert found.name("Orders().take()") == CONNECTION


def test_a_class_derived_from_an_outside_class() -> None:
    found = Sources("from psycopg2.pool import ThreadedConnectionPool\nclass Pool(ThreadedConnectionPool): pass")
    assert found.name("Pool().getconn()") == CONNECTION
    assert found.resolver.classes.outside_bases("/r/app.py", "Pool") == [POOL]


def test_a_class_that_derives_from_itself() -> None:
    assert Sources("class A(A): pass\nx = A().y").types("x") == NOTHING


DATABASE = (
    "import psycopg2.pool\npool = psycopg2.pool.ThreadedConnectionPool(1, 9)\ndef take(): return pool.getconn()\n"
)


@pytest.mark.parametrize(
    ("app", "expression"),
    [
        pytest.param("from db import take", "take()", id="from import"),
        pytest.param("from db import take as borrow", "borrow()", id="import as"),
        pytest.param("import db", "db.take()", id="module"),
        pytest.param("import db as d", "d.pool.getconn()", id="module as"),
        pytest.param("from db import *", "take()", id="star"),
        pytest.param("from package import take", "take()", id="re-export"),
        pytest.param("from package import borrow", "borrow()", id="re-export as"),
        pytest.param("import package", "package.take()", id="re-export through the module"),
        pytest.param("from package.star import take", "take()", id="star re-export"),
        pytest.param("import package.star as s", "s.take()", id="submodule as"),
    ],
)
def test_imports_of_the_project(app: str, expression: str) -> None:
    found = Sources(
        app,
        db=DATABASE,
        package__init="from db import take\nfrom db import take as borrow",
        package__star="from db import *",
    )
    assert found.name(expression) == CONNECTION


def test_import_inside_a_function() -> None:
    found = Sources("def f():\n    from db import take\n    return take()", db=DATABASE)
    assert found.name("f()") == CONNECTION
    assert found.types("take") == {Symbol("take")}


def test_modules_that_import_each_other() -> None:
    found = Sources("from other import *\nfrom other import x", other="from app import *\nfrom app import x")
    assert found.types("x") == NOTHING


def test_a_submodule() -> None:
    assert Sources("from package import star", package__init="", package__star="").types("star") == {
        ModuleRef("/r/package/star.py")
    }


def test_partial() -> None:
    found = Sources("from functools import partial\nimport psycopg2\nopen_it = partial(psycopg2.connect, 'dsn')")
    assert found.name("open_it()") == CONNECTION


def test_a_generator_function_runs_nothing_when_called() -> None:
    found = Sources("from db import take\ndef get():\n    yield take()", db=DATABASE)
    assert found.types("get()") == {Managed(FunctionRef("/r/app.py", "get"))}
    assert found.types("get().cursor") == NOTHING


def test_contextmanager() -> None:
    found = Sources(
        """
        from contextlib import contextmanager
        from db import take
        @contextmanager
        def borrowed():
            yield take()
        def f():
            with borrowed() as conn: pass
        """,
        db=DATABASE,
    )
    assert found.name("conn", "f") == CONNECTION
    info = found.resolver.project.module("/r/app.py")
    assert info is not None
    assert found.resolver.is_manager(info.functions["borrowed"], "/r/app.py")


def test_a_context_manager_class() -> None:
    found = Sources(
        """
        from db import take
        class Borrowed:
            def __enter__(self): return take()
            def __exit__(self, *args): pass
        def f():
            with Borrowed() as conn: pass
        """,
        db=DATABASE,
    )
    assert found.name("conn", "f") == CONNECTION


def test_a_choice_has_both_types() -> None:
    found = Sources("import psycopg2, sqlite3\nconn = psycopg2.connect() if X else sqlite3.connect('')")
    assert {t.name for t in found.types("conn") if isinstance(t, Instance)} == {CONNECTION, "sqlite3.Connection"}


@pytest.mark.parametrize(
    "expression", ["gone", "gone()", "gone.pool.getconn()", "lock.acquire()", "requests.Session()"]
)
def test_what_is_not_known_has_no_type_of_a_driver(expression: str) -> None:
    found = Sources("import requests, threading\nlock = threading.Lock()").types(expression)
    assert not any(isinstance(t, Instance) and CATALOG.type(t.name) for t in found)
