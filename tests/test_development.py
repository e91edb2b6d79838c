"""What `docs/development.md` shows of its example is what is printed, and the paths that it names are there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from putback.cli.main import run

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "development.md").read_text(encoding="utf-8")
CODE = re.compile(r"`([\w./*-]+)`")
PLACES = (ROOT, ROOT / "src" / "putback")


def block(language: str) -> str:
    """The first code block in a language."""
    found = re.search(rf"^```{language}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    assert found is not None
    return found[1]


def test_the_example_is_printed_as_the_page_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "orders.py").write_text(block("python"))
    monkeypatch.chdir(tmp_path)
    assert run(["check", "--debug", "orders.py"]) == 0
    assert block("text").strip() in capsys.readouterr().out


@pytest.mark.parametrize("name", sorted({n for n in CODE.findall(PAGE) if "/" in n or n.endswith(".toml")}))
def test_what_the_page_names_is_there(name: str) -> None:
    assert any(next(place.glob(name.rstrip("/")), None) is not None for place in PLACES), name
