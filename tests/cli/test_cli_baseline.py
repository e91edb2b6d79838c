"""The baseline: what was there is not reported, what is new is, whatever moves around it; and `--diff-base`."""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
from pathlib import Path

import pytest
from cli_project import Project, new_project

HEAD = 'from psycopg2.pool import ThreadedConnectionPool\n\npool = ThreadedConnectionPool(1, 10, "dbname=shop")\n'
LEAK = "\n\ndef {}():\n    conn = pool.getconn()\n    conn.cursor().execute('x')\n"
FILE = ".putback/baseline.json"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Project:
    """A project with two leaks, both in its baseline."""
    monkeypatch.delenv("CI", raising=False)
    found = new_project(tmp_path, monkeypatch, capsys)
    found.write("pyproject.toml", "[tool.putback]\n")
    found.write("shop.py", HEAD + LEAK.format("cancel") + LEAK.format("rename"))
    assert found.putback("check", "shop.py") == 1
    assert found.putback("baseline") == 0
    assert found.out == f"{FILE}: 2 problems, 2 new, 0 gone.\n"
    return found


def entries(project: Project) -> list[dict[str, object]]:
    """What the baseline lists."""
    found = json.loads((project.root / FILE).read_text())["findings"]
    assert isinstance(found, list)
    return found


def test_what_is_known_is_not_reported(project: Project) -> None:
    assert project.putback("check", ".") == 0
    assert project.out.startswith(
        "No new connection leaks found in 1 file.\n2 known problems not shown: --no-baseline.\n"
    )
    assert "PB101 " not in project.out
    assert project.putback("check", ".", "--no-baseline") == 1
    assert project.out.count("PB101 connection") == 2


def test_rows_may_move(project: Project) -> None:
    before = (project.root / FILE).read_text()
    assert '"row"' not in before and "line" not in before
    project.write("shop.py", "\n" * 50 + HEAD + "x = 1\n" + LEAK.format("cancel") + "\n" * 9 + LEAK.format("rename"))
    assert project.putback("check", ".") == 0
    assert (project.root / FILE).read_text() == before


def test_formatting_may_change(project: Project) -> None:
    text = (project.root / "shop.py").read_text()
    project.write("shop.py", text.replace("pool.getconn()", "pool.getconn( )"))
    assert project.putback("check", ".") == 0


def test_a_file_may_be_renamed(project: Project) -> None:
    project.write("store/__init__.py", "")
    (project.root / "shop.py").rename(project.root / "store/orders.py")
    assert (project.putback("check", "."), project.err) == (0, "")
    assert project.putback("check", ".", "--update-baseline") == 0
    assert project.err == "putback: 0 problems less in the baseline: .putback/baseline.json\n"
    assert {each["path"] for each in entries(project)} == {"store/orders.py"}


def test_a_copy_is_new(project: Project) -> None:
    shutil.copy(project.root / "shop.py", project.root / "copy.py")
    assert project.putback("check", ".") == 1
    assert "copy.py" in project.out


def test_a_second_leak_in_the_same_function_is_reported(project: Project) -> None:
    more = "    other = pool.getconn()\n    other.cursor().execute('y')\n"
    project.write("shop.py", HEAD + LEAK.format("cancel") + more + LEAK.format("rename"))
    assert project.putback("check", ".") == 1
    assert project.out.count("PB101 connection") == 1
    assert "shop.py:9:" in project.out


def test_what_is_fixed_leaves_the_baseline(project: Project) -> None:
    project.write("shop.py", HEAD + LEAK.format("cancel"))
    assert project.putback("check", ".", "--update-baseline") == 0
    assert project.err == "putback: 1 problem less in the baseline: .putback/baseline.json\n"
    assert [each["function"] for each in entries(project)] == ["cancel"]
    project.write("shop.py", HEAD + LEAK.format("cancel") + LEAK.format("rename"))
    assert project.putback("check", ".") == 1


@pytest.mark.parametrize("arguments", [[], ["--output-format", "json"], ["--fail-on-stale"], ["--quiet"]])
def test_a_check_does_not_write_the_baseline(project: Project, arguments: list[str]) -> None:
    kept = (project.root / FILE).read_bytes()
    project.write("shop.py", HEAD + LEAK.format("cancel"))
    assert project.putback("check", ".", *arguments) == int("--fail-on-stale" in arguments)
    assert (project.root / FILE).read_bytes() == kept
    told = "the baseline lists 1 problem not found any more" in project.err
    assert told == ("--quiet" not in arguments)


@pytest.mark.parametrize("arguments", [["shop.py"], [".", "--ignore", "PB1"], [".", "--min-confidence", "high"]])
def test_a_run_over_a_part_takes_nothing_out(project: Project, arguments: list[str]) -> None:
    project.write("shop.py", HEAD + LEAK.format("cancel"))
    assert project.putback("check", *arguments) == 0
    assert len(entries(project)) == 2


def test_a_machine_takes_nothing_out(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CI", "true")
    project.write("shop.py", HEAD + LEAK.format("cancel"))
    assert project.putback("check", ".") == 0
    assert len(entries(project)) == 2
    assert project.putback("check", ".", "--fail-on-stale") == 1
    assert "lists 1 problem not found any more" in project.err


def test_new_findings_are_taken_in_only_on_request(project: Project) -> None:
    project.write("more.py", HEAD + LEAK.format("more"))
    assert project.putback("baseline") == 1
    assert "1 problem not in it" in project.out
    assert len(entries(project)) == 2
    assert project.putback("baseline", "--accept-new") == 0
    assert len(entries(project)) == 3


def test_prune_takes_out_and_takes_nothing_in(project: Project) -> None:
    project.write("shop.py", HEAD + LEAK.format("cancel") + LEAK.format("other"))
    assert project.putback("baseline", "--prune") == 0
    assert [each["function"] for each in entries(project)] == ["cancel"]


@pytest.mark.parametrize("content", ["", "{", "[]", '{"version": 9}', '{"version": 1, "findings": [{}]}', "\xff"])
def test_a_baseline_that_cannot_be_read_ends_the_run(project: Project, content: str) -> None:
    project.write(FILE, content.encode("latin-1"))
    assert project.putback("check", ".") == 2
    assert "baseline" in project.err


def test_a_baseline_in_the_middle_of_a_merge(project: Project) -> None:
    rows = (project.root / FILE).read_text().splitlines(keepends=True)
    project.write(
        FILE, "".join([*rows[:3], "<<<<<<< HEAD\n", rows[3], "=======\n", rows[4], ">>>>>>> other\n", *rows[5:]])
    )
    assert project.putback("check", ".") == 2
    assert "git left the marks of a merge in it" in project.err
    project.write(FILE, "".join(rows))
    assert project.putback("check", ".") == 0


@pytest.mark.skipif(os.name == "nt", reason="its names are text")
def test_a_file_whose_name_is_no_text(project: Project) -> None:
    Path(os.fsdecode(b"sh\xffp.py")).write_text(HEAD + LEAK.format("more"))
    assert project.putback("baseline", "--accept-new") == 0
    assert project.putback("check", ".") == 0, project.err


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(12))
def test_a_spoilt_baseline_is_read_as_it_says_or_refused(project: Project, seed: int) -> None:
    """Bytes lost, added, doubled: no command crashes or writes over what it cannot read, and what it writes is read."""
    chosen, good = random.Random(seed), (project.root / FILE).read_bytes()
    for _ in range(4):
        at, end = sorted(chosen.choices(range(len(good)), k=2))
        inserted = chosen.choice(
            [b"", b"", good[at:end], chosen.randbytes(4), b"[" * 200_000, b"\n<<<<<<< HEAD\n", b"\xed"]
        )
        spoilt = good[:at] + inserted + good[chosen.choice([at, end]) :]
        for command in (["check", "."], ["check", ".", "--update-baseline"], ["baseline", "--prune"], ["baseline"]):
            project.write(FILE, spoilt)
            code = project.putback(*command)
            assert "internal error" not in project.err
            if code == 2:
                assert "baseline" in project.err
                assert (project.root / FILE).read_bytes() == spoilt
            else:
                assert project.putback("check", ".") in (0, 1), project.err


def test_a_baseline_that_is_named_must_be_there(project: Project) -> None:
    assert project.putback("check", ".", "--baseline", "gone.json") == 2
    assert project.putback("baseline", "--prune", "--baseline", "gone.json") == 2


def test_the_configuration_says_where(project: Project) -> None:
    project.write("pyproject.toml", '[tool.putback]\nbaseline = "known.json"\n')
    assert project.putback("check", ".") == 1
    assert project.putback("baseline") == 0
    assert (project.root / "known.json").exists()
    assert project.putback("check", ".") == 0


def test_from_a_directory_inside(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    (project.root / "inside").mkdir()
    monkeypatch.chdir(project.root / "inside")
    assert project.putback("check", "../shop.py") == 0


def test_a_remembered_run_knows_the_baseline(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    from putback.cli.remembered import same_again
    from putback.source import snapshot

    monkeypatch.setattr(snapshot, "SETTLED", 0)
    assert project.putback("check", ".") == 0
    assert same_again(["check", "."]) == (project.out, 0)
    (project.root / FILE).unlink()
    assert same_again(["check", "."]) is None


def test_a_second_run_says_again_what_the_baseline_lists_in_vain(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    from putback.cli.remembered import same_again
    from putback.source import snapshot

    monkeypatch.setattr(snapshot, "SETTLED", 0)
    project.write("shop.py", HEAD)
    for _ in range(2):
        assert same_again(["check", "."]) is None
        assert project.putback("check", ".") == 0
        assert "not found any more" in project.err
    assert project.putback("baseline", "--prune") == 0
    assert project.putback("check", ".") == 0
    assert same_again(["check", "."]) == (project.out, 0)


def git(*arguments: str) -> None:
    """Run git in the working directory."""
    identity = ("-c", "user.name=me", "-c", "user.email=me@example.org")
    subprocess.run(["git", *identity, *arguments], check=True, capture_output=True)


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Project:
    """A repository with a leak that is committed."""
    found = new_project(tmp_path, monkeypatch, capsys)
    found.write("shop.py", HEAD + LEAK.format("cancel"))
    git("init", "-q")
    git("add", ".")
    git("commit", "-qm", "one")
    return found


def test_only_new_code_is_reported(repository: Project) -> None:
    assert repository.putback("check", ".", "--diff-base", "HEAD") == 0
    repository.write("shop.py", HEAD + LEAK.format("rename") + LEAK.format("cancel"))
    assert repository.putback("check", ".", "--diff-base", "HEAD") == 1
    assert repository.out.count("PB101 connection") == 1
    assert "shop.py:7:" in repository.out


def test_a_new_file_is_new_code(repository: Project) -> None:
    repository.write("more.py", HEAD + LEAK.format("more"))
    assert repository.putback("check", ".", "--diff-base", "HEAD") == 1
    assert "more.py:7:" in repository.out
    assert "shop.py" not in repository.out


def test_whole_functions_count_on_request(repository: Project) -> None:
    repository.write("shop.py", HEAD + LEAK.format("cancel").replace("():", "():\n    print('begun')"))
    assert repository.putback("check", ".", "--diff-base", "HEAD") == 0
    assert repository.putback("check", ".", "--diff-base", "HEAD", "--whole-function") == 1


def test_the_common_ancestor_counts(repository: Project) -> None:
    git("branch", "main-of-all")
    git("checkout", "-q", "main-of-all")
    repository.write("shop.py", HEAD)
    git("commit", "-qam", "two")
    git("checkout", "-q", "-")
    assert repository.putback("check", ".", "--diff-base", "main-of-all") == 0


@pytest.mark.parametrize("reference", ["gone", "--help", "-x", ""])
def test_a_commit_that_is_not_there(repository: Project, reference: str) -> None:
    assert repository.putback("check", ".", f"--diff-base={reference}") == 2
    assert "--diff-base" in repository.err


def test_without_a_repository(project: Project) -> None:
    assert project.putback("check", ".", "--diff-base", "HEAD") == 2
    assert project.putback("check", ".", "--whole-function") == 2
