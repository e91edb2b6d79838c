"""The program as a process: the quick answer, what it loads, pipes, encodings."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from putback.cli import quick
from putback.cli.quick import quick_answer
from putback.source import cache

pytestmark = pytest.mark.slow

SOURCES = str(Path(quick.__file__).parents[2])
POOL = "import psycopg2.pool\n\npool = psycopg2.pool.ThreadedConnectionPool(1, 9)\n"
POOL += "\n\ndef take():\n    return pool.getconn()\n"
WRAPPED = "from shop.db import take\n\n\ndef view():\n    conn = take()\n    conn.cursor().execute('x')\n"


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A small project as the working directory; what a test writes beside it is its own as well."""
    folder = tmp_path / "shop"
    folder.mkdir()
    monkeypatch.chdir(folder)
    for name in [name for name in os.environ if name.startswith("PUTBACK_")]:
        monkeypatch.delenv(name)
    for name, text in {
        "pyproject.toml": "[project]\nname = 'shop'\n",
        "shop/__init__.py": "",
        "shop/db.py": POOL,
        "shop/plain.py": "import os\n",
        "shop/views.py": WRAPPED,
    }.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text)
    return folder


def putback(
    *arguments: str, encoding: str = "utf-8", options: tuple[str, ...] = ()
) -> subprocess.CompletedProcess[bytes]:
    """Run the program as a process of its own."""
    environment = {**os.environ, "PYTHONPATH": SOURCES, "PYTHONIOENCODING": encoding}
    command = [sys.executable, *options, "-m", "putback", *arguments]
    return subprocess.run(command, env=environment, capture_output=True, check=False)


def test_a_hook_call_on_files_that_cannot_matter_loads_next_to_nothing() -> None:
    done = putback("check", "--force-exclude", "shop/plain.py", options=("-X", "importtime"))
    assert (done.returncode, done.stdout) == (0, b"No connection leaks found in 1 file.\n")
    loaded = {line.rpartition(b"|")[2].strip().decode() for line in done.stderr.splitlines()}
    assert loaded.isdisjoint({"click", "rich", "libcst", "dataclasses", "tomllib", "putback.pipeline.check"})


@pytest.mark.parametrize(
    "arguments", [["shop/plain.py"], ["-q", "shop/plain.py"], ["shop/plain.py", "shop/__init__.py"]]
)
def test_the_quick_answer_is_the_long_one(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    from putback.cli.main import run

    for command in (["check"], ["check", "--fix"], ["fix"]):
        assert run([*command, *arguments]) == 0
        assert quick_answer([*command, *arguments]) == capsys.readouterr().out


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["check"],
        ["check", "."],
        ["check", "shop"],
        ["check", "shop/db.py"],
        ["check", "shop/views.py"],
        ["check", "shop/plain.py", "shop/views.py"],
        ["check", "shop/plain.py", "--output-format", "json"],
        ["check", "shop/plain.py", "--select", "PB9"],
        ["check", "gone.py"],
        ["check", "-"],
        ["rule", "shop/plain.py"],
        ["fix", "shop/db.py"],
        ["fix", "--diff", "shop/plain.py"],
        ["check", "../elsewhere.py"],
        ["check", "build/plain.py"],
    ],
)
def test_no_quick_answer_to_other_questions(project: Path, arguments: list[str]) -> None:
    for name in ("../elsewhere.py", "build/plain.py"):
        (project / name).parent.mkdir(exist_ok=True)
        (project / name).write_text("x = 1\n")
    assert quick_answer(arguments) is None


def test_a_folder_with_many_others_has_a_quick_answer(project: Path) -> None:
    for number in range(600):
        (project / f"addons/part{number}").mkdir(parents=True)
    (project / "addons/part7/prices.py").write_text("import os\n")
    (project / "addons/part9/store.py").write_text(POOL)
    work = project / "addons/part5/work.py"
    work.write_text("from prices import total\n\n\ndef view():\n    return total()\n")
    assert quick_answer(["check", str(work)]) is not None
    work.write_text("from store import take\n\n\ndef view():\n    return take()\n")
    assert quick_answer(["check", str(work)]) is None


@pytest.mark.parametrize(
    "content", [b"def f(:\n", b"x = '\xff'\n", b"x = '\0'\n", b"print 'x'\n", b"(" * 500 + b")" * 500]
)
def test_no_quick_answer_for_a_file_that_does_not_parse(project: Path, content: bytes) -> None:
    (project / "shop/plain.py").write_bytes(content)
    assert quick_answer(["check", "shop/plain.py"]) is None


CONFIGURED = """
select = ["PB1", "missing-rollback", "ALL"]
ignore = ["PB302"]
extend-exclude = ["migrations", "*_pb2.py", "legacy/**/old.py"]
min-confidence = "high"
fail-on = "error"
show-info = true
jobs = 2
baseline = "known.json"
required-version = ">=0.1"
per-file-ignores = { "tests/*" = ["PB1"] }
severity = { PB102 = "warning" }
"""


@pytest.mark.parametrize("name", ["putback.toml", ".putback.toml", "shop/putback.toml", "pyproject.toml"])
def test_the_quick_answer_reads_the_configuration(project: Path, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    from putback.cli.main import run

    (project / name).write_text("[tool.putback]" * (name == "pyproject.toml") + CONFIGURED)
    assert run(["check", "shop/plain.py"]) == 0
    said = capsys.readouterr().out
    assert said == "No connection leaks found in 1 file.\n"
    assert [quick_answer(["check", "shop/plain.py"]) for _ in range(2)] == [said, said]


@pytest.mark.parametrize(
    "row",
    [
        "typo = 1",
        "select = []",
        'select = ["PB999"]',
        'severity = { PB102 = "terrible" }',
        'exclude = ["[z-a]"]',
        'exclude = ["plain.py"]',
        'exclude = ["sh*/**"]',
        "jobs = true",
        'required-version = ">=99"',
        'extend = "other.toml"',
        'wrappers.acquire = ["shop.plain.take"]',
        "drivers.acme = {}",
        "x = [",
    ],
)
def test_no_quick_answer_where_the_configuration_is_wrong_or_says_more(project: Path, row: str) -> None:
    (project / "putback.toml").write_text(row)
    assert quick_answer(["check", "shop/plain.py"]) is None


@pytest.mark.parametrize(
    "text",
    [
        "[tool.putback]\nextend-exclude = ['migrations']\n",
        "[dependency-groups]\ndev = ['putback']\n",
        "[dependency-groups]\ndev = [\n  'putback==0.1',\n]\n",
    ],
)
def test_the_second_quick_answer_parses_no_toml(project: Path, text: str) -> None:
    (project / "pyproject.toml").write_text(text)
    command = ("check", "--force-exclude", "--output-format", "concise", "--ignore", "PB302", "shop/plain.py")
    for expected in (1, 2):
        done = putback(*command, options=("-X", "importtime"))
        assert (done.returncode, done.stdout) == (0, b"No connection leaks found in 1 file.\n"), expected
    loaded = {line.rpartition(b"|")[2].strip().decode() for line in done.stderr.splitlines()}
    assert loaded.isdisjoint({"tomllib", "re", "click", "msgspec", "dataclasses", "hashlib", "putback.pipeline.check"})


@pytest.mark.parametrize("spoil", [b"", b"present", b"present\n" * 3, b"\xff" * 300])
def test_a_spoilt_cache_is_written_anew(project: Path, spoil: bytes) -> None:
    (project / "pyproject.toml").write_text("[tool.putback]\nexclude = ['shop']\n")
    assert quick_answer(["check", "shop/plain.py"]) is None
    (entry,) = (project / ".putback_cache").glob("config-*")
    kept = entry.read_bytes()
    entry.write_bytes(spoil)
    assert quick_answer(["check", "shop/plain.py"]) is None
    assert entry.read_bytes() == kept


def test_a_cache_from_elsewhere_counts_for_nothing(project: Path, tmp_path: Path) -> None:
    cache.prepare(str(tmp_path / "one"))
    cache.prepare(str(tmp_path / "two"))
    assert cache.write(str(tmp_path / "one"), "config-1", b"present")
    assert cache.read(str(tmp_path / "one"), "config-1") == b"present"
    shutil.copy(tmp_path / "one/config-1", tmp_path / "two/config-1")
    shutil.copy(tmp_path / "one/config-1", tmp_path / "one/config-2")
    assert cache.read(str(tmp_path / "two"), "config-1") is None
    assert cache.read(str(tmp_path / "one"), "config-2") is None


def test_a_cache_of_another_version_counts_for_nothing(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert cache.write(str(project / "one"), "config-1", b"present")
    monkeypatch.setattr(cache, "_stamp", [b"another"])
    assert cache.read(str(project / "one"), "config-1") is None


def test_the_cache_folder_is_marked(project: Path) -> None:
    (project / "putback.toml").write_text("jobs = 1\n")
    assert quick_answer(["check", "shop/plain.py"])
    folder = project / ".putback_cache"
    assert (folder / ".gitignore").read_text() == "*\n"
    assert (folder / "CACHEDIR.TAG").read_text().startswith("Signature: 8a477f597d28d172789f06886806bc55\n")


def test_a_linked_cache_leads_nowhere(project: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    (project / "putback.toml").write_text("jobs = 1\n")
    (project / ".putback_cache").symlink_to(elsewhere)
    assert quick_answer(["check", "shop/plain.py"])
    (project / ".putback_cache").unlink()
    (project / ".putback_cache").mkdir()
    (project / ".putback_cache/.gitignore").symlink_to(elsewhere / "made")
    assert quick_answer(["check", "shop/plain.py"])
    assert list(elsewhere.iterdir()) == []


def test_without_a_cache_nothing_is_written(project: Path) -> None:
    (project / "putback.toml").write_text("jobs = 1\n")
    assert quick_answer(["check", "--no-cache", "shop/plain.py"])
    assert not (project / ".putback_cache").exists()


@pytest.mark.parametrize(
    "options",
    [
        ["--output-format", "concise"],
        ["--output-format=full", "--color", "never"],
        ["--ignore", "PB302"],
        ["--select=PB1,missing-rollback"],
        ["--min-confidence", "high", "--fail-on=info"],
        ["-j2", "--exit-zero", "--unsafe-fixes"],
        ["-j", "2", "--fixable", "ALL"],
        ["--no-force-exclude", "--show-info"],
    ],
)
def test_common_options_have_a_quick_answer(options: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    from putback.cli.main import run

    assert run(["check", *options, "shop/plain.py"]) == 0
    assert quick_answer(["check", *options, "shop/plain.py"]) == capsys.readouterr().out


@pytest.mark.parametrize(
    "options",
    [
        ["--output-format", "full", "--output-format", "concise"],
        ["--output", "sarif:report.sarif"],
        ["--output-format", "xml"],
        ["--jobs", "-1"],
        ["--jobs", "x"],
        ["--color", "always"],
        ["--ignore", ""],
    ],
)
def test_no_quick_answer_for_values_that_are_wrong_or_say_more(options: list[str]) -> None:
    assert quick_answer(["check", "shop/plain.py", *options]) is None


def test_the_environment_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PUTBACK_OUTPUT_FORMAT", "json")
    assert quick_answer(["check", "shop/plain.py"]) is None
    assert putback("check", "shop/plain.py").stdout == b"[]\n"


def test_warnings_of_the_checked_code_are_not_ours(project: Path) -> None:
    (project / "shop/plain.py").write_text("x = '\\d'\nassert (x, 'always')\nif x is 'y': pass\n")
    done = putback("check", "shop/plain.py")
    assert (done.returncode, done.stderr) == (0, b"")


def test_a_leak_through_a_wrapper_of_another_module() -> None:
    done = putback("check", "--force-exclude", "--output-format", "concise", "shop/views.py")
    assert done.returncode == 1
    assert done.stdout.startswith(b"shop/views.py:5:12: PB101 ")


def test_a_terminal_that_knows_ascii_only(project: Path) -> None:
    (project / "shop/db.py").write_text(
        "# " + "ż" * 3 + "\n" + POOL.replace("return pool.getconn()", "ż = pool.getconn()")
    )
    done = putback("check", "shop/db.py", encoding="ascii")
    assert done.returncode == 1
    assert b"\\u017c = pool.getconn()" in done.stdout


def test_a_reader_that_stops_reading(project: Path) -> None:
    (project / "shop/views.py").write_text(
        POOL + "".join(f"def f{n}():\n    c = take()\n    c.x()\n" for n in range(300))
    )
    environment = {**os.environ, "PYTHONPATH": SOURCES}
    command = [sys.executable, "-m", "putback", "check", "shop/views.py"]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None and process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        assert b"Traceback" not in process.stderr.read()


@pytest.mark.parametrize("name", ["shop/plain.py", "shop/views.py"])
def test_a_full_disk_is_no_bug_of_putback(name: str) -> None:
    for arguments in (["check", name], ["check", name, "--show-files"], ["check", name, "--output-format=sarif"]):
        with open("/dev/full", "w") as full:
            done = subprocess.run(
                [sys.executable, "-m", "putback", *arguments],
                env={**os.environ, "PYTHONPATH": SOURCES},
                stdout=full,
                stderr=subprocess.PIPE,
                text=True,
                check=False,
            )
        assert (done.returncode, done.stderr) == (
            2,
            "putback: error: cannot write to standard output: No space left on device\n",
        )


@pytest.mark.parametrize(("name", "code"), [("shop/plain.py", 0), ("shop/views.py", 1)])
def test_no_standard_output_at_all(name: str, code: int) -> None:
    command = f"exec {sys.executable} -m putback check {name} >&- 2>&-"
    environment = {**os.environ, "PYTHONPATH": SOURCES}
    assert subprocess.run(["sh", "-c", command], env=environment, check=False).returncode == code


def test_nothing_is_imported_from_the_directory_that_is_checked(project: Path) -> None:
    for name in ("click", "libcst", "msgspec", "pathspec", "rich", "tomllib", "bisect", "zlib"):
        (project / f"{name}.py").write_text("open('spied', 'w').close()\n")
    done = putback("check", "shop", "--output-format=json")
    assert done.returncode == 1
    assert not (project / "spied").exists()


def test_a_pipe_is_told_and_does_not_wait(project: Path) -> None:
    os.mkfifo(project / "pipe.py")
    done = putback("check", "pipe.py", "shop/views.py", "--output-format=concise")
    assert done.returncode == 1
    assert b"PB001" in done.stdout
    assert b"is a pipe or a device, not a file" in done.stdout
    assert b"shop/views.py" in done.stdout
