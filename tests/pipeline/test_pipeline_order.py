"""What is found hangs on what the project says: not on the order of its functions and files, nor on who asks first.

Projects are generated, with circles and long chains of functions that hand connections on. Each is laid out in several
ways, and each layout is looked at cold and with what was kept, by one process and by two, whole and file by file.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path

import pytest
from layouts import BASE, program

from putback.model.config import Config
from putback.model.finding import Confidence, Finding
from putback.pipeline.check import check
from putback.pipeline.debug import debug
from putback.pipeline.workers import cores

_IN_ALL = 300
_AT_ONCE = 20


def written(root: Path, files: Mapping[str, str]) -> None:
    """Write the files of a project, and nothing else."""
    for old in root.glob("*.py"):
        old.unlink()
    root.mkdir(exist_ok=True)
    (root / "pyproject.toml").write_text("")
    for name, text in files.items():
        (root / name).write_text(text)


def said(findings: Iterable[Finding]) -> list[str]:
    """All that is told of findings, to the letter."""
    return [repr(finding) for finding in findings]


def found(config: Config, *paths: str, jobs: int = 1, cache: str = "") -> list[str]:
    """What a check of some paths says."""
    return said(check(list(paths) or [config.root or ""], replace(config, jobs=jobs, cache=cache)).findings)


def by_definition(config: Config, files: Mapping[str, str]) -> list[object]:
    """The findings as they are in each layout: by the function, and the row inside of it."""
    result = []
    for each in check([config.root or ""], config).findings:
        rows = files[Path(each.path).name].splitlines()
        name = (each.function or "").partition(".")[0]
        first = next((n for n, row in enumerate(rows, 1) if row.startswith((f"def {name}(", f"class {name}"))), 0)
        safe = each.fix.applicability if each.fix is not None else None
        result.append((each.function, each.code, each.span.start.row - first, each.confidence, each.severity, safe))
    return sorted(result, key=repr)


def looked_at(seed: int, root: Path, cache: Path) -> int:
    """Look at one project in all ways; how much there was to find."""
    made = program(seed)
    config = Config(root=str(root), cache="")
    layouts = [made.layout(random.Random(seed * 10 + number)) for number in range(3)]
    same = []
    for files in layouts:
        written(root, files)
        same.append(by_definition(config, files))
    assert same[1] == same[0], (seed, "another layout")
    cold = found(config)
    if cores(2) > 1:
        assert found(config, jobs=2) == cold, (seed, "two processes")
    for path in random.Random(seed).sample(sorted(root.glob("*.py")), 2):
        here = [each for each in cold if f"filename={str(path)!r}" in each]
        assert found(config, str(path)) == here, (seed, f"{path.name} by itself")
    assert found(config, cache=str(cache)) == cold, (seed, "nothing kept")
    assert found(config, cache=str(cache)) == cold, (seed, "all kept")
    edited = root / random.Random(seed).choice(sorted(layouts[-1]))
    edited.write_text(edited.read_text().replace("\n", "  # a comment\n", 1))
    assert found(config, cache=str(cache)) == cold, (seed, f"a comment in {edited.name}")
    return len(cold)


def using(name: str, give: str, take: str = "pool.getconn()") -> str:
    """A function that gives its connection back in a `finally`."""
    return (
        f"def {name}():\n    conn = {take}\n    try:\n        conn.cursor().execute('x')\n    finally:\n"
        f"        {give}\n"
    )


EVEN = "def even(conn, n):\n    if n == 0:\n        pool.putconn(conn)\n    else:\n        odd(conn, n - 1)\n"
ODD = "def odd(conn, n):\n    even(conn, n - 1)\n"
CIRCLE = (EVEN, ODD, using("a", "even(conn, 2)"), using("b", "odd(conn, 3)"))


def chain(length: int) -> list[str]:
    """A release behind as many helpers."""
    steps = (f"def give{n}(conn):\n    give{n - 1}(conn)\n" for n in range(1, length))
    return ["def give0(conn):\n    pool.putconn(conn)\n", *steps]


def codes(root: Path, files: Mapping[str, str]) -> list[tuple[str, str, Confidence, bool]]:
    """What is found in a project: codes, functions, how sure that is, and whether it can be mended."""
    written(root, files)
    findings = check([str(root)], Config(root=str(root), cache="", min_confidence=Confidence.LOW)).findings
    return [(each.code, each.function or "", each.confidence, each.fix is not None) for each in findings]


def one_file(*texts: str) -> dict[str, str]:
    """A project of one file."""
    return {"base.py": "\n\n".join((BASE, *texts))}


@pytest.mark.parametrize("order", ["abcd", "dcba", "dbca", "abdc", "cadb"])
def test_a_circle_gives_back_whichever_function_is_asked_first(order: str, tmp_path: Path) -> None:
    assert codes(tmp_path, one_file(*(CIRCLE["abcd".index(each)] for each in order))) == []


def test_a_circle_that_never_gives_back_is_told_of_both(tmp_path: Path) -> None:
    kept = EVEN.replace("pool.putconn(conn)", "conn.commit()")
    found = codes(tmp_path, one_file(kept, *CIRCLE[1:]))
    assert [each[:2] for each in found] == [("PB101", "a"), ("PB101", "b")]


@pytest.mark.parametrize("length", [7, 8, 9, 40, 150])
def test_a_release_is_found_behind_any_number_of_helpers(length: int, tmp_path: Path) -> None:
    last, middle = using("last", f"give{length - 1}(conn)"), using("middle", f"give{length // 2}(conn)")
    assert codes(tmp_path, one_file(*chain(length), last, middle)) == []
    assert codes(tmp_path, one_file(last, *reversed(chain(length)), middle)) == []


def test_what_is_behind_forty_helpers_and_no_release_is_told(tmp_path: Path) -> None:
    helpers = chain(40)
    helpers[0] = helpers[0].replace("pool.putconn(conn)", "print(conn)")
    assert codes(tmp_path, one_file(*helpers, using("last", "give39(conn)")))[0][:2] == ("PB101", "last")


def test_a_comment_in_one_of_three_files_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root, cache = tmp_path / "project", str(tmp_path / "cache")
    root.mkdir()
    monkeypatch.chdir(root)
    users = {
        name: f"from base import pool, {used}\n\n\n{text}"
        for name, used, text in (("a.py", "even", CIRCLE[2]), ("b.py", "odd", CIRCLE[3]))
    }
    written(root, {**one_file(EVEN, ODD), **users})
    config = Config(root=str(root), cache="")
    assert found(config, cache=cache) == found(config) == found(config, str(root / "b.py")) == []
    assert found(config, cache=cache) == []
    (root / "b.py").write_text(users["b.py"] + "# a comment\n")
    assert found(config, cache=cache) == []


def test_a_connection_is_followed_through_a_dozen_files(tmp_path: Path) -> None:
    step = "from m{0} import take{0}\n\n\ndef take{1}():\n    return take{0}()\n"
    files = {f"m{n}.py": step.format(n - 1, n) for n in range(1, 12)}
    files |= {"base.py": BASE, "m0.py": "from base import pool\n\n\ndef take0():\n    return pool.getconn()\n"}
    files["z.py"] = "from m11 import take11\n\n\n" + using("last", "print(conn)", "take11()")
    assert [each[:2] for each in codes(tmp_path, files)] == [("PB101", "last")]
    files["z.py"] = "from base import pool\n" + files["z.py"].replace("print(conn)", "pool.putconn(conn)")
    assert codes(tmp_path, files) == []


CLIENTS = {
    "redis": ("from redis import Redis\n\nclient = Redis()\n", "client.pubsub()\n    it.subscribe('a')"),
    "redis.from_url": (
        "import redis\n\nclient = redis.StrictRedis.from_url(URL)\n",
        "client.pubsub()\n    it.subscribe('a')",
    ),
    "pymongo": ("from pymongo import MongoClient\n\nclient = MongoClient()\n", "client.start_session()"),
}


@pytest.mark.parametrize("library", CLIENTS)
def test_a_client_of_another_module_is_known_whichever_files_are_named(library: str, tmp_path: Path) -> None:
    """The module that makes it does nothing with it, and says no word by which a connection is taken."""
    made, taken = CLIENTS[library]
    use = f"from clients import client\n\n\ndef use(x):\n    it = {taken}\n    x.work()\n    it.close()\n"
    written(tmp_path, {"clients.py": made, "uses.py": use, "other.py": "import os\n"})
    config = Config(root=str(tmp_path))
    alone, beside, all_named, project = (
        found(config, *paths)
        for paths in (
            [str(tmp_path / "uses.py")],
            [str(tmp_path / "uses.py"), str(tmp_path / "other.py")],
            [str(tmp_path / name) for name in ("clients.py", "uses.py", "other.py")],
            [str(tmp_path)],
        )
    )
    assert alone == beside == all_named == project
    assert len(alone) == 1


def test_what_a_function_does_is_told_by_what_it_is_given(tmp_path: Path) -> None:
    """One caller has switched the transactions off, the other has not: each gets the answer that is its own."""
    work = "def work(conn):\n    try:\n        conn.cursor().execute('x')\n    except Exception:\n        print(conn)\n"
    off = "    conn.autocommit = True\n"
    users = [
        f"def {name}():\n    conn = pool.getconn()\n{row}    try:\n        work(conn)\n        conn.commit()\n"
        "    finally:\n        pool.putconn(conn)\n"
        for name, row in (("one", ""), ("two", off))
    ]
    assert sorted(codes(tmp_path, one_file(work, *users))) == sorted(codes(tmp_path, one_file(*reversed(users), work)))


def test_a_circle_that_is_too_long_is_said_and_nothing_is_mended_for_it(tmp_path: Path) -> None:
    ring = [f"def give{n}(conn):\n    give{(n + 1) % 400}(conn)\n" for n in range(400)]
    assert codes(tmp_path, one_file(using("last", "give7(conn)"), *ring)) == [("PB101", "last", Confidence.LOW, False)]
    assert "too large a circle" in debug(str(tmp_path / "base.py"), Config(root=str(tmp_path), cache=""))
    ring[99] = "def give99(conn):\n    print(conn)\n"
    assert codes(tmp_path, one_file(using("last", "give7(conn)"), *ring)) == [("PB101", "last", Confidence.HIGH, True)]
    ring[99] = "def give99(conn):\n    pool.putconn(conn)\n"
    assert codes(tmp_path, one_file(using("last", "give7(conn)"), *ring)) == []


@pytest.mark.parametrize(
    "first", [0, *(pytest.param(first, marks=pytest.mark.slow) for first in range(_AT_ONCE, _IN_ALL, _AT_ONCE))]
)
def test_findings_hang_on_the_text_alone(first: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = tmp_path / "project"
    root.mkdir()
    monkeypatch.chdir(root)
    total = 0
    for seed in range(first, first + _AT_ONCE):
        total += looked_at(seed, root, tmp_path / f"cache{seed}")
    assert total > _AT_ONCE
