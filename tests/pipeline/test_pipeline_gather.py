"""What there is to run is gathered in portions: the same as at once, and of what is done only the packed is kept."""

from __future__ import annotations

import gc
from pathlib import Path

import pytest

from putback.model.config import Config
from putback.pipeline.gather import gather
from putback.pipeline.verify import Prover
from putback.verify.roles import Bounds
from putback.verify.sandbox import Sandbox

HEAD = "from psycopg2.pool import SimpleConnectionPool\n\npool = SimpleConnectionPool(1, 5)\n"
SAFE = """

def rename{n}(name):
    conn = pool.getconn()
    conn.cursor().execute("UPDATE users SET name = %s", (name,))
    conn.commit()
    pool.putconn(conn)
"""
UNFIXED = """

def look{n}(numbers):
    for number in numbers:
        conn = pool.getconn()
        conn.cursor().execute("SELECT 1")
    pool.putconn(conn)
"""
TAKEN = "\n\ndef take():\n    return pool.getconn()\n\n\ndef give(conn):\n    pool.putconn(conn)\n"
TAKER = """from given import give, take


def rename(name):
    conn = take()
    conn.cursor().execute("UPDATE users SET name = %s", (name,))
    give(conn)
"""


def silent(done: int, total: int) -> None:
    """No progress is told."""


def write(files: int, functions: int) -> None:
    for number in range(files):
        text = HEAD + "".join(SAFE.format(n=n) + UNFIXED.format(n=n) for n in range(functions))
        Path(f"m{number}.py").write_text(text)


@pytest.fixture(autouse=True)
def directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty folder as the working directory."""
    monkeypatch.chdir(tmp_path)


def test_portions_give_what_all_at_once_gives() -> None:
    write(4, 2)
    Path("given.py").write_text(HEAD + TAKEN + SAFE.format(n=0))
    Path("taker.py").write_text(TAKER)
    Path("broken.py").write_text("from psycopg2 import connect\n\ndef f(:\n    connect()\n")
    config = Config(root=str(Path.cwd()))
    at_once, one_by_one = gather(["."], config, silent), gather(["."], config, silent, enough=1)
    assert list(one_by_one.subjects) == list(at_once.subjects)
    assert [s.case.path for s in at_once.subjects] == ["given.py", *(f"m{n // 4}.py" for n in range(16)), "taker.py"]
    assert one_by_one.is_broken and at_once.is_broken
    assert one_by_one.files == at_once.files == 7


def kept(files: int) -> tuple[int, int]:
    """How many objects are left when everything is proved, and how many subjects there were."""
    write(files, 3)
    gc.collect()
    before = len(gc.get_objects())
    found = gather(["."], Config(root=str(Path.cwd())), silent, enough=1)
    with Sandbox() as sandbox:
        proofs = Prover(sandbox, Bounds(schedules=20), silent).prove(found.subjects)
    assert len(proofs) == len(found.subjects)
    gc.collect()
    return len(gc.get_objects()) - before, len(proofs)


def test_of_what_is_done_only_a_few_bytes_are_kept() -> None:
    kept(1)
    few, of_few = kept(2)
    many, of_many = kept(6)
    assert of_many == 3 * of_few
    assert many - few < of_many - of_few
