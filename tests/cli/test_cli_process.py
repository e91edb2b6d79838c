"""The program as a process: the quick answer, what it loads, pipes, encodings."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from putback.cli import quick
from putback.cli.quick import quick_answer

SOURCES = str(Path(quick.__file__).parents[2])
POOL = "import psycopg2.pool\n\npool = psycopg2.pool.ThreadedConnectionPool(1, 9)\n"
POOL += "\n\ndef take():\n    return pool.getconn()\n"
WRAPPED = "from shop.db import take\n\n\ndef view():\n    conn = take()\n    conn.cursor().execute('x')\n"


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A small project as the working directory."""
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("PUTBACK_")]:
        monkeypatch.delenv(name)
    for name, text in {
        "pyproject.toml": "[project]\nname = 'shop'\n",
        "shop/__init__.py": "",
        "shop/db.py": POOL,
        "shop/plain.py": "import os\n",
        "shop/views.py": WRAPPED,
    }.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


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


@pytest.mark.parametrize(
    "content", [b"def f(:\n", b"x = '\xff'\n", b"x = '\0'\n", b"print 'x'\n", b"(" * 500 + b")" * 500]
)
def test_no_quick_answer_for_a_file_that_does_not_parse(project: Path, content: bytes) -> None:
    (project / "shop/plain.py").write_bytes(content)
    assert quick_answer(["check", "shop/plain.py"]) is None


@pytest.mark.parametrize("name", ["putback.toml", ".putback.toml", "shop/putback.toml", "pyproject.toml"])
def test_no_quick_answer_where_there_is_a_configuration(project: Path, name: str) -> None:
    (project / name).write_text("[tool.putback]\n" if name == "pyproject.toml" else "")
    assert quick_answer(["check", "shop/plain.py"]) is None


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
