"""What each of the incident reports wants to have written, by one command for each: `fixtures/seeds/`.

`before` is the code of a report that was wrong, in a small project that makes it whole; `after` holds the files that
become another, statement by statement as the report has them. What a report asks for and does not get, because running
the libraries has shown something else:

- 000: the query by hand becomes no call of `execute_query_one`: a fix keeps the statements, PB410 names the helper.
  That `putconn` rolls back anyhow, and what the rollback costs, is said by the fix, the proof and the guide.
- 001: the teardown removes the session in a `finally`, and not only where nothing was raised: the report's own leaves a
  stale one registered. The job and the thread get the application context alone: leaving it removes `db.session`, and
  a `remove()` behind it would work outside of any. `pool_reset_on_return` is "rollback" unless somebody says otherwise.
- 002: the pool is made on the first call without a lock as before (PB408 speaks where several threads can do that).
- 003: the `@contextmanager` gets no `except` that rolls back and raises again: `close()` rolls back, and a rollback
  that fails would take the place of the error. The connection per request stays one; PB401 names it in a route.
- 004: the pool stays as large as it was: `putback budget` counts. No import goes that is needed no more.
"""

from __future__ import annotations

import ast
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from putback.cli.main import run
from putback.model.config import Config, FixStyle
from putback.pipeline.fix import checked_for_fixes, fixed
from putback.pipeline.verify import Prover, subjects
from putback.verify.roles import Bounds
from putback.verify.sandbox import Sandbox

FIXTURES = Path(__file__).parents[2] / "fixtures" / "seeds"
EXPLICIT = ("--style", "explicit")
COMMANDS: Mapping[str, Sequence[str]] = {
    "000": EXPLICIT,
    "001": ("--show-info",),
    "002": EXPLICIT,
    "003": EXPLICIT,
    "004": ("--unsafe-fixes", "--show-info"),
    "004_without_try": (),
}
CONFIGS: Mapping[str, Config] = {
    "000": Config(fix_style=FixStyle.EXPLICIT),
    "001": Config(),
    "002": Config(fix_style=FixStyle.EXPLICIT),
    "003": Config(fix_style=FixStyle.EXPLICIT),
    "004": Config(unsafe_fixes=True),
    "004_without_try": Config(),
}
PLAIN = "where the connection is lost, the rollback raises in place of the handler's answer, as the style has it"
"""Why it is no more than bounded what the first report wants."""
INJECTED = "the dependency is taken to lend the session and close it, no more"
PROVED = ("proved", "")
PROOFS: Mapping[str, Mapping[str, tuple[str, str]]] = {
    "000": {"mark_as_read": ("bounded(all)", PLAIN), "user_by_id": PROVED},
    "001": {
        "create_app.shutdown_session": PROVED,
        "retry_failed_notifications": PROVED,
        "_handle_driver_disconnect_async": PROVED,
    },
    "002": {"execute_query": PROVED},
    "003": {"db_session": PROVED, "get_user_bad_practice": PROVED},
    "004": {"get_db": PROVED, "init_db": PROVED, "get_users": ("bounded(all)", INJECTED)},
    "004_without_try": {"get_db": PROVED},
}


def texts(folder: Path) -> dict[str, str]:
    """The code of a project."""
    return {path.name: path.read_text(encoding="utf-8") for path in sorted(folder.glob("*.py"))}


def statements(text: str) -> list[str]:
    """The code of a file without its comments and layout."""
    return ast.unparse(ast.parse(text)).split("\n")


@pytest.fixture(params=sorted(COMMANDS))
def report(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A report, the wrong code of which is in the working directory."""
    shutil.copytree(FIXTURES / request.param / "before", tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    return str(request.param)


@pytest.mark.parametrize("verified", [(), pytest.param(("--verify",), marks=pytest.mark.slow)], ids=["alone", "proved"])
def test_the_command_writes_what_the_report_has(report: str, verified: tuple[str, ...], tmp_path: Path) -> None:
    run(["fix", *COMMANDS[report], *verified, "."])
    wanted = texts(FIXTURES / report / "before") | texts(FIXTURES / report / "after")
    found = texts(tmp_path)
    assert found.keys() == wanted.keys()
    for name, text in wanted.items():
        assert statements(found[name]) == statements(text), name
    assert run(["fix", *COMMANDS[report], "--diff", "."]) == 0, "a second run finds something to fix"


def test_the_setting_writes_the_same_as_the_option(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copytree(FIXTURES / "000" / "before", tmp_path, dirs_exist_ok=True)
    with (tmp_path / "pyproject.toml").open("a", encoding="utf-8") as file:
        file.write('\n[tool.putback]\nfix-style = "explicit"\n')
    monkeypatch.chdir(tmp_path)
    run(["fix", "."])
    wanted = texts(FIXTURES / "000" / "after")
    assert {n: statements(t) for n, t in texts(tmp_path).items() if n in wanted} == {
        n: statements(t) for n, t in wanted.items()
    }


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    """One helper process for all."""
    with Sandbox() as started:
        yield started


@pytest.mark.slow
def test_the_proof_says_what_it_rests_on(report: str, tmp_path: Path, sandbox: Sandbox) -> None:
    config = replace(CONFIGS[report], root=str(tmp_path))
    project = checked_for_fixes([str(tmp_path)], config)
    wanted = [s for s in subjects(project, fixed(project, config)) if s.case.after is not None]
    proofs = Prover(sandbox, Bounds(seconds=60.0), lambda done, total: None).prove(wanted)
    assert {proof.case.before.function: (proof.title, reservation(proof.reason)) for proof in proofs} == PROOFS[report]


def reservation(reason: str) -> str:
    """What a reason says behind the count of runs and their bounds."""
    return reason.partition("one thread")[2].removeprefix("; ")


def test_as_many_are_fixed_as_were_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(FIXTURES / "000" / "before", tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    run(["check", *EXPLICIT, "."])
    assert "\n5 fixable with `putback fix`.\n" in capsys.readouterr().out
    run(["fix", *EXPLICIT, "."])
    assert capsys.readouterr().out.endswith("Fixed 6 problems in 2 files.\n")
