"""How files are spelled on Windows, as far as its own functions for paths say."""

from __future__ import annotations

import ntpath
from types import SimpleNamespace

import pytest

from putback.model import spelling

ROOT = r"C:\code\shop"


@pytest.fixture(autouse=True)
def windows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spelling, "os", SimpleNamespace(path=ntpath, sep="\\"))


@pytest.mark.parametrize(
    ("path", "spelled"),
    [
        (r"C:\code\shop\views\a.py", "views/a.py"),
        (r"c:\Code\shop\views\a.py", "views/a.py"),
        (r"C:\code\other\a.py", "C:/code/other/a.py"),
        (r"D:\other\a.py", "D:/other/a.py"),
        (r"\\server\share\a.py", "//server/share/a.py"),
    ],
)
def test_machines_are_given_paths_inside_of_the_project_with_slashes(path: str, spelled: str) -> None:
    assert spelling.inside(path, ROOT) == spelled


def test_what_lies_beside_is_relative_for_people_unless_it_is_on_another_drive() -> None:
    assert spelling.relative_to(r"C:\code\other\a.py", ROOT) == "../other/a.py"
    assert spelling.relative_to(r"D:\other\a.py", ROOT) == "D:/other/a.py"
