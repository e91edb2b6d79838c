"""Several reports at once, each where it is wanted; and all of them the same wherever the command is started."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest
from cli_project import Project, new_project, stdin
from strict import STRICT

from putback.report import FORMATS

SHOP = Path(__file__).parents[2] / "fixtures" / "projects" / "shop"
FROM_ROOT = [each for each in FORMATS if each not in ("full", "concise", "grouped", "pylint", "rdjson")]


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Project:
    """A copy of the shop as the working directory."""
    shutil.copytree(SHOP, tmp_path / "work")
    return new_project(tmp_path / "work", monkeypatch, capsys)


def test_several_at_once(project: Project) -> None:
    wanted = [f"--output={name}:out.{name}" for name in FORMATS]
    assert project.putback("check", "--show-info", *wanted) == 1
    assert project.out == ""
    for name in FORMATS:
        STRICT[name](Path(f"out.{name}").read_text(encoding="utf-8"))


def test_the_name_of_a_file_tells_its_format(project: Project) -> None:
    project.putback("check", "--output", "out.sarif", "--output-file", "out.html")
    STRICT["sarif"](Path("out.sarif").read_text(encoding="utf-8"))
    STRICT["html"](Path("out.html").read_text(encoding="utf-8"))


def test_lines_of_several_formats_follow_each_other(project: Project) -> None:
    project.putback("check", "--output-format", "concise", "--output-format", "github", "--output", "json:out.json")
    assert "PB103 [*] connection-leaked-on-early-exit" in project.out
    assert "::error title=putback (PB103),file=shop/orders.py" in project.out
    assert json.loads(Path("out.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--output-format", "json", "--output-format", "sarif"], "standard output cannot hold json and sarif"),
        (
            ["--output-format", "full", "--output-format", "json"],
            "json is one document; give it a file: --output json:",
        ),
        (["--output", "json:x", "--output", "sarif:x"], "x cannot hold several reports"),
        (["--output-format", "json", "--output-format", "full", "--output-file", "x"], "x cannot hold several"),
        (["--output", "sarfi:x"], "did you mean sarif?"),
        (["--output", "out.unknown"], "is neither FORMAT[:FILE] nor a file known by its name"),
    ],
)
def test_reports_in_each_other_s_way(project: Project, arguments: list[str], said: str) -> None:
    assert project.putback("check", *arguments) == 2
    assert said in project.err
    assert project.out == ""
    assert not Path("x").exists()


def test_the_fixed_source_stays_alone_on_standard_output(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    stdin(monkeypatch, "x = 1\n")
    assert project.putback("fix", "-", "--output", "concise", "--output", "json:out.json") == 0
    assert (project.out, json.loads(Path("out.json").read_text(encoding="utf-8"))) == ("x = 1\n", [])
    assert project.err == "No connection leaks found in 1 file.\n"


@pytest.mark.parametrize("marked_by", ["pyproject.toml", ".git"])
def test_machines_get_the_same_from_every_directory(
    project: Project, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, marked_by: str
) -> None:
    if marked_by == ".git":
        (project.root / ".git").mkdir()
    files = {name: tmp_path / f"out.{name}" for name in FROM_ROOT}
    texts: dict[str, set[str]] = {name: set() for name in FROM_ROOT}
    for folder, paths in ((".", "."), ("shop", ".."), ("..", "work"), ("/", str(project.root))):
        monkeypatch.chdir(project.root / folder)
        project.putback("check", paths, "--show-info", *(f"--output={name}:{file}" for name, file in files.items()))
        for name, file in files.items():
            texts[name].add(file.read_text(encoding="utf-8"))
    assert [name for name, different in texts.items() if len(different) > 1] == []
    assert all("orders.py" in text for different in texts.values() for text in different)


def test_a_package_in_a_folder_does_not_shorten_the_paths_of_what_is_around_it(project: Project) -> None:
    (project.root / "backend").mkdir()
    (project.root / "shop").rename(project.root / "backend" / "shop")
    project.write("backend/pyproject.toml", "[project]\nname = 'shop'\n")
    (project.root / "pyproject.toml").unlink(missing_ok=True)
    project.putback("check", ".", "--show-info", "--output-format", "json")
    paths = {each["path"] for each in json.loads(project.out)}
    assert paths
    assert all(path.startswith("backend/shop/") for path in paths)


def test_files_outside_of_the_project_are_named_in_full(project: Project, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    shutil.copy(project.root / "shop" / "stock.py", tmp_path / "other")
    project.write("putback.toml", "")
    project.putback("check", "../other/stock.py", "--config", "putback.toml", "--output-format", "sarif")
    uris = set(re.findall(r'"uri": "(.*)"', project.out))
    assert uris <= {"stock.py"}


def test_fingerprints_stay_when_rows_move(project: Project) -> None:
    def marks() -> list[tuple[str, str]]:
        project.putback("check", "--show-info", "--output-format", "json")
        return [(each["path"], each["fingerprint"]) for each in json.loads(project.out)]

    before = marks()
    assert len({mark for _, mark in before}) == len(before) > 5
    for path in project.root.rglob("*.py"):
        path.write_text("\n" * 50 + path.read_text(encoding="utf-8"), encoding="utf-8")
    assert marks() == before


def test_sarif_tells_of_the_wrapper(project: Project) -> None:
    project.putback("check", "--select", "PB103", "--output-format", "sarif")
    [run] = json.loads(project.out)["runs"]
    driver = run["tool"]["driver"]
    assert driver["informationUri"].startswith(("https:", "pkg:"))
    rule = next(each for each in driver["rules"] if each["id"] == "PB103")
    assert rule["fullDescription"]["text"].startswith("A connection that some path gives back, while an early exit")
    [result] = run["results"]
    steps = result["codeFlows"][0]["threadFlows"][0]["locations"]
    files = [each["location"]["physicalLocation"]["artifactLocation"]["uri"] for each in steps]
    assert files == ["shop/orders.py", "shop/db.py", "shop/orders.py"]
    inner = steps[1]["location"]
    assert (steps[1]["nestingLevel"], inner["message"]["text"]) == (1, "taken from the pool in get_db_connection")
    row = inner["physicalLocation"]["region"]["startLine"]
    assert "getconn" in (project.root / "shop" / "db.py").read_text().splitlines()[row - 1]
    marks = result["partialFingerprints"]
    assert re.fullmatch(r"[0-9a-f]{24}", marks["putback/v1"])
    assert re.fullmatch(r"[0-9a-f]+:\d+", marks["primaryLocationLineHash"])


def test_no_link_leads_to_a_page_that_does_not_exist(project: Project) -> None:
    project.putback("check", "--color", "always", *(f"--output={name}:out.{name}" for name in FORMATS))
    for name in FORMATS:
        assert "readthedocs" not in Path(f"out.{name}").read_text(encoding="utf-8")
