"""What the README and the pages beside it say is true: commands run, tables are current, settings load.

PUTBACK_UPDATE=1 rewrites the rule table and the output of the examples.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

from putback.cli.main import run
from putback.drivers.catalog import load_catalog
from putback.rules import ALL
from putback.source import settings

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"
RULES = ROOT / "docs" / "rules.md"
GUIDES = ROOT / "docs" / "pages" / "guides"
INDEX = GUIDES.parent / "index.md"
TEXT = README.read_text(encoding="utf-8")
FENCED = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
TABLE = re.compile(r"(?<=<!-- rules -->\n).*?(?=<!-- /rules -->)", re.DOTALL)


def blocks(language: str, page: Path = README) -> list[str]:
    """The contents of the code blocks of a language."""
    return [content for found, content in FENCED.findall(page.read_text(encoding="utf-8")) if found == language]


def rewrite(page: Path, old: str, new: str) -> None:
    """Put `new` where `old` stands in a page."""
    text = page.read_text(encoding="utf-8")
    assert text.count(old) == 1
    page.write_text(text.replace(old, new), encoding="utf-8")


def test_the_readme_is_read_in_one_sitting() -> None:
    assert len(TEXT.splitlines()) <= 220


def test_its_links_lead_somewhere() -> None:
    links = re.findall(r"\]\((?!https?:|#)([^)#]+)", TEXT)
    assert len(links) >= 15
    assert [link for link in links if not (ROOT / link).exists()] == []
    guides = {path.name for path in GUIDES.iterdir()}
    assert guides <= {Path(link).name for link in links}, "every guide can be found from here"


@pytest.fixture(autouse=True)
def at_the_root(monkeypatch: pytest.MonkeyPatch) -> None:
    """Commands are typed in the checkout."""
    monkeypatch.chdir(ROOT)
    for name in ("FORCE_COLOR", *(name for name in os.environ if name.startswith("PUTBACK_"))):
        if name != "PUTBACK_UPDATE":
            monkeypatch.delenv(name, raising=False)


def rule_table() -> str:
    """The rules as a table in Markdown."""
    opt_in = {True: ", opt-in", False: ""}
    rows = [f"| {r.code} | {r.name} | {r.category} | {r.severity.value}{opt_in[r.opt_in]} | {r.summary} |" for r in ALL]
    return "\n".join(["| code | name | category | severity | finds |", "|---|---|---|---|---|", *rows]) + "\n"


def test_the_rule_table_is_current() -> None:
    found = TABLE.search(RULES.read_text(encoding="utf-8"))
    assert found is not None
    if os.environ.get("PUTBACK_UPDATE"):
        rewrite(RULES, f"<!-- rules -->\n{found[0]}<!-- /rules -->", f"<!-- rules -->\n{rule_table()}<!-- /rules -->")
    else:
        assert found[0] == rule_table()


def test_the_example_prints_what_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    for example in [block for block in blocks("console") if block.startswith("$ ")]:
        command, _, shown = example.partition("\n")
        run(shlex.split(command)[2:])
        printed = capsys.readouterr().out.rstrip("\n") + "\n"
        if os.environ.get("PUTBACK_UPDATE"):
            rewrite(README, example, f"{command}\n{printed}")
        else:
            assert without_times(shown) == without_times(printed)


def test_the_page_of_an_index_and_the_site_begin_with_the_same_finding() -> None:
    finding, fix = (
        next(block for block in blocks("console") if block.startswith(f"$ putback {name}")) for name in ("check", "fix")
    )
    assert finding in blocks("console", ROOT / "docs" / "pypi.md")
    assert blocks("console", INDEX)[:2] == [finding, fix]


def without_times(text: str) -> str:
    """A report without what is different in every run."""
    return re.sub(r" +ms$| +\d+$|[\d.]+ s\)| ─+$", "", text, flags=re.MULTILINE)


def test_the_lines_to_try_it() -> None:
    install, test = (line for block in blocks("sh") for line in block.splitlines())
    assert "pip install . " in install
    assert ". .venv/bin/activate && " in install  # what is shown below it can be typed as it stands
    assert "pip install 'pip>=25.1' && " in test  # the one of a new environment may know no groups
    assert "pip install . --group test " in test
    assert "-m pytest -q -n auto" in test


def test_the_demo_finds_leaks_and_exits_with_zero(capsys: pytest.CaptureFixture[str]) -> None:
    command = blocks("sh")[0].splitlines()[0].rpartition(" && ")[2]
    assert run(shlex.split(command)[1:]) == 0
    printed = capsys.readouterr().out
    assert len(re.findall(r"^fixtures/projects/shop/shop/\w+\.py:\d+:\d+: PB\d+ ", printed, re.MULTILINE)) >= 7


def test_the_commands_of_the_usage_exist(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(shutil.copytree(ROOT / "fixtures" / "projects" / "shop", tmp_path / "shop"))
    (block,) = [block for block in blocks("console") if not block.startswith("$ ")]
    more = blocks("console", GUIDES / "output.md")
    for line in [line for each in (block, *more) for line in each.splitlines()]:
        name, *arguments = shlex.split(line.replace("src/shop", "shop"), comments=True)
        assert name == "putback"
        assert run(arguments) in (0, 1), line
        said = capsys.readouterr().err.splitlines()
        assert all(each.startswith(("Would fix ", "putback: executing ")) for each in said), line


def settings_shown() -> list[str]:
    """The configuration of the pages that explain it."""
    return [block for name in ("settings.md", "drivers-and-wrappers.md") for block in blocks("toml", GUIDES / name)]


def test_the_settings_load(tmp_path: Path) -> None:
    (tmp_path / "common.toml").write_text("")
    for block in settings_shown():
        (tmp_path / "pyproject.toml").write_text(block, encoding="utf-8")
        config = settings.load([str(tmp_path)])
        assert config.file
        load_catalog(config.drivers)


def test_every_key_is_described() -> None:
    keys: set[str] = set()
    for block in settings_shown():
        keys |= tomllib.loads(block)["tool"]["putback"].keys()
    assert keys == settings.KEYS.keys()


def test_the_suppressions_hide(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (block,) = (each for each in blocks("python", GUIDES / "settings.md") if "putback: ignore" in each)
    pool = "from psycopg2.pool import SimpleConnectionPool\n\npool = SimpleConnectionPool(1, 2)\n\n"
    functions = [f"def f{n}():\n{indented(part)}\n" for n, part in enumerate(examples(block))]
    (tmp_path / "a.py").write_text(pool + "\n".join(functions), encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    assert run(["check", "--isolated", "a.py"]) == 0
    (tmp_path / "a.py").write_text(re.sub(r"#.*", "", pool + "\n".join(functions)), encoding="utf-8")
    assert run(["check", "--isolated", "a.py"]) == 1


def test_the_reference_pool_takes_the_place_of_another() -> None:
    (block,) = (each for each in blocks("python") if "putback import pool" in each)
    names: dict[str, Any] = {}
    exec(block, names)
    connection = names["connections"].getconn()
    names["connections"].putconn(connection)
    assert names["connections"].stats().in_use == 0


def examples(block: str) -> list[str]:
    """Each of the first lines on its own, then the rest together."""
    first, _, rest = block.partition("\n\n")
    return [*first.splitlines(), rest]


def indented(text: str) -> str:
    """The lines of a function's body."""
    return "\n".join(f"    {line}" for line in text.splitlines())


def test_the_exit_codes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "clean.py").write_text("x = 1\n")
    (tmp_path / "broken.py").write_text("def f(:\n")
    assert run(["check", "clean.py"]) == 0
    assert run(["check", "broken.py"]) == 1
    assert run(["check", "--exit-zero", "broken.py"]) == 0
    assert run(["check", "gone.py"]) == 2
    assert run(["check", "--no-such-option"]) == 2


def test_the_hooks_are_those_of_the_manifest() -> None:
    manifest = (ROOT / ".pre-commit-hooks.yaml").read_text(encoding="utf-8")
    guide = (ROOT / "docs" / "pages" / "guides" / "pre-commit.md").read_text(encoding="utf-8")
    keys = re.compile(r"(?:id|name|entry|types_or|pass_filenames|stages): .*?(?= +#|$)", re.MULTILINE)
    of_manifest = keys.findall(re.sub(r"^  description.*$", "", manifest, flags=re.MULTILINE))
    assert sorted(of_manifest) == sorted(keys.findall(FENCED.findall(guide)[0][1]))
    assert FENCED.findall(guide)[0][1].startswith(blocks("yaml")[0])


def test_nothing_has_to_be_filled_in_before_it_can_be_typed() -> None:
    for path in [README, *(ROOT / "docs").rglob("*.md"), *(ROOT / "docs" / "ci").iterdir()]:
        for _, block in FENCED.findall(path.read_text(encoding="utf-8")):
            assert re.findall(r"<(?:owner|tag|group|version)>", block) == [], path
    assert "<owner>" not in TEXT


def test_the_workflow_is_valid(tmp_path: Path) -> None:
    pytest.importorskip("check_jsonschema", reason="check-jsonschema is not installed")
    (workflow,) = [block for block in blocks("yaml") if "runs-on:" in block]
    (tmp_path / "putback.yml").write_text(workflow, encoding="utf-8")
    command = ["--builtin-schema", "vendor.github-workflows", str(tmp_path / "putback.yml")]
    done = subprocess.run(
        [sys.executable, "-m", "check_jsonschema", *command], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout


def test_the_files_it_names_exist() -> None:
    found = re.findall(r"`((?:src|fixtures)/\w[\w/]*)", TEXT)
    assert found
    for name in found:
        assert (ROOT / name).exists(), name
