"""Which file an import means."""

from __future__ import annotations

import pytest

from putback.ownership.index.module import Import
from putback.ownership.index.project import Project
from putback.source.packaging import Packaging


def project(*paths: str) -> Project:
    """A project of empty files."""
    return Project(paths, lambda path: None)


SRC = project(
    "/r/src/shop/__init__.py",
    "/r/src/shop/db.py",
    "/r/src/shop/web/__init__.py",
    "/r/src/shop/web/views.py",
    "/r/tests/test_views.py",
)


@pytest.mark.parametrize(
    ("name", "importer", "expected"),
    [
        pytest.param("shop", "/r/src/shop/db.py", "/r/src/shop/__init__.py", id="a package is its __init__"),
        pytest.param("shop.db", "/r/tests/test_views.py", "/r/src/shop/db.py", id="src layout from the tests"),
        pytest.param("shop.db", "/r/src/shop/web/views.py", "/r/src/shop/db.py", id="absolute from inside"),
        pytest.param("shop.web", "/r/src/shop/db.py", "/r/src/shop/web/__init__.py", id="a package inside"),
        pytest.param("shop.gone", "/r/src/shop/db.py", None, id="no such module"),
        pytest.param("psycopg2.pool", "/r/src/shop/db.py", None, id="outside of the project"),
        pytest.param("views", "/r/src/shop/db.py", None, id="a submodule is not a top-level name"),
    ],
)
def test_src_layout(name: str, importer: str, expected: str | None) -> None:
    assert SRC.find(name, importer) == expected


@pytest.mark.parametrize(
    ("found", "importer", "expected"),
    [
        pytest.param(Import("db", "take", 1), "/r/src/shop/app.py", "/r/src/shop/db.py", id="from .db import take"),
        pytest.param(Import("", "db", 1), "/r/src/shop/app.py", "/r/src/shop/__init__.py", id="from . import db"),
        pytest.param(
            Import("db", "take", 2), "/r/src/shop/web/views.py", "/r/src/shop/db.py", id="from ..db import take"
        ),
        pytest.param(
            Import("views", "x", 1), "/r/src/shop/web/__init__.py", "/r/src/shop/web/views.py", id="from an __init__"
        ),
        pytest.param(Import("gone", "x", 1), "/r/src/shop/app.py", None, id="no such module"),
        pytest.param(Import("db", "x", 9), "/r/src/shop/app.py", None, id="more dots than directories"),
    ],
)
def test_relative_imports(found: Import, importer: str, expected: str | None) -> None:
    assert SRC.resolve_import(found, importer) == expected


def test_a_script_finds_its_neighbour() -> None:
    found = project("/r/tools/run.py", "/r/tools/helpers.py")
    assert found.find("helpers", "/r/tools/run.py") == "/r/tools/helpers.py"


def test_a_neighbour_is_not_found_from_elsewhere() -> None:
    found = project("/r/tools/helpers.py", "/r/shop/app.py")
    assert found.find("helpers", "/r/shop/app.py") is None


def test_a_module_at_the_root_is_found_from_below() -> None:
    found = project("/r/db.py", "/r/shop/web/views.py")
    assert found.find("db", "/r/shop/web/views.py") == "/r/db.py"


@pytest.mark.parametrize(
    ("path", "name"),
    [("/r/shop/queue.py", "queue"), ("/r/shop/types.py", "types"), ("/r/lib/email/message.py", "email.message")],
)
def test_a_module_named_like_one_of_the_standard_library_stays_in_its_directory(path: str, name: str) -> None:
    found = project(path, "/r/app/views.py")
    assert found.find(name, "/r/app/views.py") is None


def test_a_file_beside_a_script_shadows_the_standard_library() -> None:
    found = project("/r/shop/queue.py", "/r/shop/run.py")
    assert found.find("queue", "/r/shop/run.py") == "/r/shop/queue.py"


@pytest.mark.parametrize("order", [1, -1])
def test_a_module_of_the_same_name_as_what_it_imports_changes_nothing_for_others(order: int) -> None:
    files = project("/r/app/jobs.py", "/r/app/repo.py")
    asked = [("/r/app/jobs.py", None), ("/r/app/repo.py", "/r/app/jobs.py")][::order]
    assert [files.find("jobs", importer) for importer, _ in asked] == [path for _, path in asked]


def test_a_package_does_not_import_itself() -> None:
    """As files of Python 2 import what lies beside them."""
    files = project("/r/core/model/__init__.py", "/r/core/model/model.py", "/r/core/model/bills.py")
    assert files.find("model", "/r/core/model/__init__.py") == "/r/core/model/model.py"
    assert files.find("model", "/r/core/model/bills.py") is None


def test_the_nearest_of_two_copies_is_meant() -> None:
    found = project("/r/a/shop/db.py", "/r/b/shop/db.py", "/r/b/shop/app.py")
    assert found.find("shop.db", "/r/b/shop/app.py") == "/r/b/shop/db.py"


TWO = ("/r/a/app/main.py", "/r/b/app/core/db.py", "/r/b/app/db.py", "/r/b/app/main.py", "/r/c/run.py")


@pytest.mark.parametrize(
    ("found", "importer", "expected"),
    [
        pytest.param(Import("app.db", "take"), "/r/a/app/main.py", None, id="the package beside has no such module"),
        pytest.param(Import("app.core.db", "take"), "/r/a/app/main.py", None, id="nor a longer one"),
        pytest.param(Import("app.db", "take"), "/r/b/app/main.py", "/r/b/app/db.py", id="in its own package"),
        pytest.param(Import("app.db", "take"), "/r/c/run.py", "/r/b/app/db.py", id="only one from a third place"),
        pytest.param(Import("app.main", "start"), "/r/c/run.py", None, id="two from a third place"),
    ],
)
def test_a_package_of_another_part_of_the_project_is_not_meant(
    found: Import, importer: str, expected: str | None
) -> None:
    for paths in (TWO, TWO[::-1]):
        defining = Project(paths, lambda path: None, text=lambda path: b"def take(): ...\n")
        assert defining.resolve_import(found, importer) == expected


def test_a_package_in_a_folder_of_its_own_name_is_found_from_beside() -> None:
    found = project("/r/shop/shop/db.py", "/r/shop/manage.py", "/r/tests/test_db.py")
    assert found.find("shop.db", "/r/tests/test_db.py") == "/r/shop/shop/db.py"


def test_a_folder_around_the_project_is_no_package_of_it() -> None:
    found = project("/app/src/app/db.py", "/app/src/app/main.py", "/app/tests/test_db.py")
    assert found.find("app.db", "/app/tests/test_db.py") == "/app/src/app/db.py"


def test_a_source_file_goes_before_its_stub() -> None:
    for paths in (("/r/db.py", "/r/db.pyi"), ("/r/db.pyi", "/r/db.py")):
        assert project(*paths, "/r/app.py").find("db", "/r/app.py") == "/r/db.py"


def test_a_module_is_loaded_once() -> None:
    asked: list[str] = []
    found = Project(["/r/db.py"], lambda path: asked.append(path))
    assert (found.module("/r/db.py"), found.module("/r/db.py"), asked) == (None, None, ["/r/db.py"])


def test_the_package_itself_is_found_from_outside_of_a_root() -> None:
    paths = ("/r/src/shop/__init__.py", "/r/tools/queue.py", "/r/tools/helpers.py", "/r/tests/test_views.py")
    found = Project(paths, lambda path: None, packaging=Packaging(roots=frozenset({"/r/src"})))
    assert found.find("shop", "/r/tests/test_views.py") == "/r/src/shop/__init__.py"
    assert found.find("helpers", "/r/tests/test_views.py") is None


def test_a_package_is_imported_by_the_name_that_packaging_gives_it() -> None:
    paths = ("/r/core/__init__.py", "/r/core/db.py", "/r/other/app.py")
    found = Project(paths, lambda path: None, packaging=Packaging(named=(("shopcore", "/r/core"),)))
    names = ("shopcore", "shopcore.db", "shopcore.gone", "shopcored.db", "core.db")
    assert [found.find(name, "/r/other/app.py") for name in names] == [
        "/r/core/__init__.py",
        "/r/core/db.py",
        None,
        None,
        "/r/core/db.py",
    ]


DEPLOYED = {
    "/r/shared/db.py": b"import pool\n\ndef take():\n    return pool.getconn()\n",
    "/r/job/main.py": b"",
    "/r/a/twice/db.py": b"def take(): ...",
    "/r/b/twice/db.py": b"def take(): ...",
}


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        pytest.param(Import("__app__.shared.db", "take"), "/r/shared/db.py", id="the only one that defines it"),
        pytest.param(Import("__app__.shared.db", "pool"), None, id="what it only imports is not defined there"),
        pytest.param(Import("__app__.shared.db"), None, id="nothing tells what it has to define"),
        pytest.param(Import("__app__.db", "take"), None, id="the name of a file alone tells nothing"),
        pytest.param(Import("__app__.twice.db", "take"), None, id="two of them"),
        pytest.param(Import("email.shared.db", "take"), None, id="of the standard library"),
    ],
)
def test_a_project_that_is_called_otherwise_where_it_runs(found: Import, expected: str | None) -> None:
    assert (
        Project(DEPLOYED, lambda path: None, text=DEPLOYED.__getitem__).resolve_import(found, "/r/job/main.py")
        == expected
    )
