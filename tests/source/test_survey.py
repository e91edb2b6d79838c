"""The first look at all files: candidates, and who imports what."""

from __future__ import annotations

import pytest

from putback.source.prefilter import Prefilter, read_table
from putback.source.survey import Survey, imported_as, survey

PREFILTER = Prefilter(read_table("psycopg2\tpsycopg2\tgetconn,connect(\n"))


def surveyed(contents: dict[str, str], always: tuple[str, ...] = ()) -> tuple[Survey, list[str]]:
    """The survey of some files, and their paths."""
    paths = list(contents)

    def data(path: str) -> bytes:
        if contents[path] == "unreadable":
            raise PermissionError(13, "Permission denied")
        return contents[path].encode()

    return survey(paths, range(len(paths)), data, PREFILTER, always), paths


def importers(contents: dict[str, str], name: str) -> list[str]:
    """The files that import a module of this bare name."""
    found, paths = surveyed(contents)
    return [paths[number] for number in found.importers.get(name.encode(), ())]


def test_candidates_name_a_driver_and_a_needle() -> None:
    found, _ = surveyed({"/r/a.py": "import psycopg2\npsycopg2.connect()\n", "/r/b.py": "import os\n"})
    assert found.candidates == [0]


def test_files_that_were_asked_for_are_noted_beside_the_candidates() -> None:
    candidate = "import psycopg2\npsycopg2.connect()\n"
    found, _ = surveyed({"/r/a.py": "", "/r/b.py": "", "/r/c.py": candidate}, always=("/r/b.py", "/r/c.py"))
    assert (found.candidates, found.asked) == ([2], [1])


def test_files_that_cannot_be_read_are_told() -> None:
    found, _ = surveyed({"/r/a.py": "unreadable", "/r/b.py": ""})
    assert found.unreadable == [(0, "Permission denied")]


@pytest.mark.parametrize(
    "text",
    [
        "import shop.db",
        "from shop import db as database",
        "from shop.db import get_conn",
        "from .db import *",
        "from . import (\n    cache,  # kept\n    db,\n)",
        "from shop import \\\n    db",
        "def f():\r\n    from shop.db import get_conn\r\n",
    ],
)
def test_who_imports_a_module(text: str) -> None:
    assert importers({"/r/shop/db.py": "", "/r/shop/app.py": text}, "db") == ["/r/shop/app.py"]


@pytest.mark.parametrize("text", ["db = 1", "import os\ndb()", "# no import of anything\nimport shop\ndb()"])
def test_who_does_not(text: str) -> None:
    assert importers({"/r/shop/db.py": "", "/r/shop/app.py": text}, "db") == []


def test_packages_are_imported_by_dots_alone() -> None:
    contents = {
        "/r/shop/__init__.py": "",
        "/r/shop/web/__init__.py": "",
        "/r/shop/web/a.py": "from . import connect",
        "/r/shop/web/b.py": "from .. import connect",
    }
    assert importers(contents, "web") == ["/r/shop/web/a.py"]
    assert importers(contents, "shop") == ["/r/shop/web/b.py"]


def test_words_that_are_no_module_of_the_project_are_not_kept() -> None:
    found, _ = surveyed({"/r/a.py": "import os, a"})
    assert list(found.importers) == [b"a"]


def test_parts_are_added_up() -> None:
    contents = {"/r/db.py": "import psycopg2; connect()", "/r/a.py": "import db", "/r/b.py": "import db"}
    paths = list(contents)
    whole = Survey()
    for number in (2, 0, 1):
        whole.add(survey(paths, [number], lambda path: contents[path].encode(), PREFILTER, ()))
    assert whole.candidates == [0]
    assert sorted(whole.importers[b"db"]) == [1, 2]


@pytest.mark.parametrize(
    ("path", "home", "name"),
    [
        ("/r/shop/db.py", "/r/shop", b"db"),
        ("/r/shop/__init__.py", "/r", b"shop"),
        ("/a.pyi", "", b"a"),
        ("__init__.py", "", b"__init__"),
    ],
)
def test_what_a_file_is_imported_as(path: str, home: str, name: bytes) -> None:
    assert imported_as(path) == (home, name)


def test_who_may_mean_a_file_by_an_import() -> None:
    contents = {
        "/r/shop/db/core.py": "",
        "/r/shop/db/pool.py": "from .core import connect",
        "/r/shop/db/deep/er.py": "import core",
        "/r/shop/app.py": "from shop.db.core import connect",
        "/r/shop/other.py": "from framework.core import Thing",
        "/r/shop/more.py": "from shop import db\ncore()",
    }
    found, paths = surveyed(contents)
    assert [paths[number] for number in found.may_import("/r/shop/db/core.py", paths)] == [
        "/r/shop/db/pool.py",
        "/r/shop/db/deep/er.py",
        "/r/shop/app.py",
    ]


def test_who_may_mean_a_package() -> None:
    contents = {
        "/r/lib/shop/__init__.py": "",
        "/r/lib/shop/db.py": "from . import connect",
        "/r/lib/app.py": "import shop",
        "/r/tests/test_app.py": "import lib.shop",
        "/r/tests/test_shop.py": "import shop",
    }
    found, paths = surveyed(contents)
    assert [paths[number] for number in found.may_import("/r/lib/shop/__init__.py", paths)] == [
        "/r/lib/shop/db.py",
        "/r/lib/app.py",
        "/r/tests/test_app.py",
    ]


def test_who_may_mean_a_file_is_in_the_order_of_the_paths_whoever_looked_first() -> None:
    contents = {"/r/a.py": "import db\n", "/r/b.py": "import db\n", "/r/c.py": "import db\n", "/r/db.py": ""}
    paths = list(contents)
    whole = Survey()
    for share in ([1, 3], [2], [0]):
        whole.add(survey(paths, share, lambda path: contents[path].encode(), PREFILTER, ()))
    assert whole.importing(paths, "/r/db.py") == paths[:3]
