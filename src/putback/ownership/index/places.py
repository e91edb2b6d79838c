"""What kind of code a file holds: tests, examples and migrations, a script that runs once, or a service."""

from __future__ import annotations

import re
from collections.abc import Sequence

from putback.frameworks.idioms import idioms
from putback.model.finding import Place
from putback.ownership.index.module import ModuleInfo
from putback.source.notebook import ENDING

_STARTED = re.compile(r"if\s+__name__\s*==\s*['\"]__main__['\"]")


def is_test_code(path: str) -> bool:
    """Whether a file is test code by its path."""
    parts = path.split("/")
    name = parts[-1]
    return (
        name.startswith("test_")
        or name.endswith("_test.py")
        or name == "conftest.py"
        or not idioms().places.tests.isdisjoint(parts[:-1])
    )


def place_by_path(path: str) -> Place:
    """What the directories of a file say, of scripts only the one that it stands in; a notebook is run by hand.

    What stands in a hidden folder are tools of who works on the project: no import leads there.
    """
    places = idioms().places
    folders = path.split("/")[:-1]
    if is_test_code(path):
        return Place.TEST
    if not places.examples.isdisjoint(folders):
        return Place.EXAMPLE
    is_hidden = any(each.startswith(".") for each in folders)
    is_run_by_hand = path.endswith(ENDING) or is_hidden or not places.scripts.isdisjoint(folders[-1:])
    return Place.SCRIPT if is_run_by_hand else Place.SERVICE


def is_put_aside(path: str) -> bool:
    """Whether a file stands where a project keeps what it no longer uses."""
    return not idioms().places.retired.isdisjoint(path.lower().split("/")[:-1])


def runs_once(module: ModuleInfo, rows: Sequence[str], is_alone: bool, serving: frozenset[str]) -> bool:
    """Whether a file is only ever started by hand: no other imports it, and it serves nobody.

    `serving` are the packages of frameworks that call functions of the file again and again.
    """
    if not is_alone or not any(_STARTED.match(row) for row in rows):
        return False
    places = idioms().places
    imported = {name for each in module.all_imports() for name in (each.module, each.module.partition(".")[0])}
    if not imported.isdisjoint(places.serving | serving):
        return False
    return not any(word in row for row in rows for word in places.serving_for_ever)
