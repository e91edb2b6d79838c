"""The documentation is built without a network, every link in it leads somewhere, and what it says can be typed."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
import tomllib
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urldefrag, urlsplit

import click
import pytest

from putback.cli.main import group
from putback.drivers.catalog import load_catalog
from putback.model import site
from putback.rules import ALL
from putback.source import settings

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[1]
PAGES = ROOT / "docs" / "pages"
FENCED = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
ERRORS = tomllib.loads((ROOT / "docs" / "errors.toml").read_text(encoding="utf-8"))["error"]
GUIDES = {
    *("first-run", "large-code-base", "pre-commit", "ci", "how-it-decides", "drivers-and-wrappers", "verify", "pool"),
    *("editors", "agents", "fixes", "settings", "output", "many-repositories"),
}


class Page(HTMLParser):
    """What a page links to, what it loads, and the names of its places."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.links: list[str] = []
        self.loads: list[str] = []
        self.places: set[str] = set()
        self.words: list[str] = []
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self.places |= {given[name] for name in ("id", "name") if name in given}
        if tag == "a" and "href" in given:
            self.links.append(given["href"])
        loaded = given.get("src") or (given.get("href") if tag == "link" else "")
        if loaded:
            self.loads.append(loaded)

    def handle_data(self, data: str) -> None:
        self.words.append(data)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> dict[Path, Page]:
    """The pages of the site."""
    pytest.importorskip("material", reason="mkdocs-material is not installed")
    folder = tmp_path_factory.mktemp("site")
    nowhere = {f"{name}_proxy": "http://127.0.0.1:9" for name in ("http", "https", "HTTP", "HTTPS")}
    variables = {**os.environ, **nowhere, "NO_MKDOCS_2_WARNING": "1", "PYTHONPATH": str(ROOT / "src")}
    given = ["--strict", "-f", str(ROOT / "docs" / "mkdocs.yml"), "-d", str(folder)]
    command = [sys.executable, "-m", "mkdocs", "build", *given]
    done = subprocess.run(command, env=variables, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return {path: Page(path) for path in folder.rglob("*.html")}


@pytest.mark.slow
def test_every_link_leads_somewhere(built: dict[Path, Page]) -> None:
    wrong = []
    for path, page in built.items():
        for link in page.links:
            parts = urlsplit(link)
            if parts.scheme in ("http", "https", "mailto"):
                continue
            file, place = urldefrag(link)
            target = (path.parent / unquote(file)).resolve() if file and not file.startswith("/") else path
            target = target / "index.html" if target.is_dir() else target
            known = built.get(target)
            if path.name != "404.html" and (known is None or (place and unquote(place) not in known.places)):
                wrong.append(f"{path.name}: {link}")
    assert wrong == []


@pytest.mark.slow
def test_nothing_is_loaded_from_elsewhere(built: dict[Path, Page]) -> None:
    loaded = {each for page in built.values() for each in page.loads}
    assert [each for each in loaded if urlsplit(each).netloc] == []


@pytest.mark.slow
def test_every_piece_of_code_is_shown_as_one(built: dict[Path, Page]) -> None:
    assert [str(path) for path, page in built.items() if "```" in "".join(page.words)] == []


def test_every_rule_and_every_guide_has_its_page(built: dict[Path, Page]) -> None:
    names = {path.stem for path in built}
    assert {rule.name for rule in ALL} | GUIDES | {"exhausted", "errors", "development"} <= names


def test_error_texts_lead_to_rules_that_exist() -> None:
    named = {code for each in ERRORS for code in each["rules"]}
    assert named <= {rule.code for rule in ALL}
    assert {rule.code for rule in ALL if "PB101" <= rule.code <= "PB113"} <= named


def test_what_drivers_say_of_an_empty_pool_is_among_the_error_texts() -> None:
    said = " ".join(each["text"] for each in ERRORS)
    kinds = [kind for driver in load_catalog({}).drivers.values() for kind in driver.kinds.values()]
    common = ("QueuePool", "connection pool exhausted", "couldn't get a connection", "Too many", "Failed getting")
    for text in {kind.exhausted for kind in kinds if kind.exhausted.startswith(common)}:
        assert text in said


def commands() -> list[str]:
    """The commands that the guides tell to type."""
    found = []
    for path in [*PAGES.rglob("*.md")]:
        for language, block in FENCED.findall(path.read_text(encoding="utf-8")):
            if language == "console":
                found += [line for line in block.splitlines() if line.startswith("putback ")]
    return found


@pytest.mark.parametrize("line", commands())
def test_the_commands_can_be_typed(line: str) -> None:
    name, *arguments = shlex.split(line.partition(" > ")[0], comments=True)[1:]
    around = click.Context(group, **group.context_settings)  # as the command line has it: commands keep it
    command = group.get_command(around, name)
    assert command is not None
    command.make_context(name, arguments, parent=around)


def test_the_settings_load(tmp_path: Path) -> None:
    (tmp_path / "common.toml").write_text("")
    for path in PAGES.rglob("*.md"):
        for language, block in FENCED.findall(path.read_text(encoding="utf-8")):
            if language == "toml" and "[tool.putback" in block:
                (tmp_path / "pyproject.toml").write_text(block, encoding="utf-8")
                config = settings.load([str(tmp_path)])
                assert Path(config.file).name == "pyproject.toml"
                assert load_catalog(config.drivers).kinds


def test_one_setting_is_the_address_of_all_links(monkeypatch: pytest.MonkeyPatch) -> None:
    assert {rule.url for rule in ALL} == {site.rule_page(ALL[0].name)} or site.ADDRESS
    monkeypatch.setattr(site, "ADDRESS", "https://putback.example/")
    rule = next(each for each in ALL if each.code == "PB102")
    assert rule.url == "https://putback.example/rules/connection-leaked-on-exception/"
    assert site.information() == "https://putback.example/"
