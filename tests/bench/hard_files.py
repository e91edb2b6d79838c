"""Seconds and memory that `putback check` takes for files that are hard on it, each run on its own.

    python tests/bench/hard_files.py [--limit SECONDS] [NAME...]

Each file is of a shape that some walk over it could make quadratic, exponential or endless work of. What a run costs
without any file to look at is printed first, so that it can be taken off.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path

SOURCES = Path(__file__).parents[2] / "src"
HEAD = "import psycopg2\n\n"
TAKEN = "    conn = psycopg2.connect()\n"
USED = "    conn.cursor().execute('select 1')\n    conn.close()\n"


def rows(lines: Iterable[str]) -> str:
    """Lines of text, each with its end."""
    return "".join(f"{line}\n" for line in lines)


def function(body: str, name: str = "f") -> str:
    """A function that takes a connection, does something, and leaks the connection if that fails."""
    return f"def {name}(x):\n{TAKEN}{body}{USED}"


def self_assignments(count: int = 200) -> str:
    methods = rows(f"    def m{n}(self, x):\n        self.q = self.q.filter(x)" for n in range(count))
    return f"{HEAD}class R:\n    def __init__(self):\n        self.q = psycopg2.connect()\n{methods}"


def functions_in_a_circle(count: int = 40) -> str:
    calls = [rows(f"    if x == {m}: return m{m}(x)" for m in range(count) if m != n) for n in range(count)]
    return HEAD + rows(f"def m{n}(x):\n{calls[n]}    return psycopg2.connect()" for n in range(count))


def leaky_functions(count: int = 2000) -> str:
    return HEAD + "".join(function("", f"f{n}") for n in range(count))


def a_leak_in_five_megabytes() -> str:
    plain = rows(
        f"def g{n}(x):\n    y = x + {n}\n    return [y, y + 1, 'some text in a list', x]" for n in range(50_000)
    )
    return HEAD + "".join(function("", f"f{n}") for n in range(2000)) + plain


def nested_finally(count: int = 18) -> str:
    body = TAKEN
    for n in range(count):
        body = "    try:\n" + rows("    " + row for row in body.splitlines()) + f"    finally:\n        done({n})\n"
    return f"{HEAD}def f(x):\n{body}"


def finally_in_finally(count: int = 18) -> str:
    body = "    done(0)\n"
    for n in range(count):
        body = f"    try:\n        use({n})\n    finally:\n" + rows("    " + row for row in body.splitlines())
    return f"{HEAD}def f(x):\n{TAKEN}{body}"


def loops_with_break(count: int = 300) -> str:
    return HEAD + function(rows(f"    for y in x:\n        if y > {n}:\n            break" for n in range(count)))


def loops_in_try(count: int = 60) -> str:
    loops = rows(
        f"        for y in x:\n            if y > {n}: break\n            if y: continue" for n in range(count)
    )
    return HEAD + function(f"    try:\n{loops}    finally:\n        conn.rollback()\n")


def branches(count: int = 400) -> str:
    return HEAD + function(rows(f"    if x == {n}:\n        y = {n}" for n in range(count)))


def a_literal(count: int = 100_000) -> str:
    table = rows(f"        ({n}, 'name {n}', None, {n}.5)," for n in range(count))
    return HEAD + function(f"    data = [\n{table}    ]\n")


def a_literal_at_the_top(count: int = 100_000) -> str:
    table = rows(f"    'name {n}': [{n}, 'text', None, {n}.5]," for n in range(count))
    return f"{HEAD}conn = psycopg2.connect()\nDATA = {{\n{table}}}\n"


def many_findings(count: int = 16_400) -> str:
    return HEAD + rows(f"def f{n}():\n    psycopg2.connect().execute('select {n}')" for n in range(count))


ROUTES = """from fastapi import Depends, FastAPI
from sqlalchemy import create_engine, text
from sqlalchemy.orm import Session, sessionmaker

SessionLocal = sessionmaker(bind=create_engine("postgresql://x"))
app = FastAPI()

def get_db():
    db = SessionLocal()
    try:
        yield db
    finally:
        db.close()

@app.get("/")
def first(db: Session = Depends(get_db)):
    return db.execute(text("SELECT 1")).all()
"""


def routes(count: int = 1000) -> str:
    """Routes that open their own sessions, beside one that shows how a session is asked for."""
    route = "@app.get('/{n}')\ndef r{n}(a: int, b: str):\n    db = SessionLocal()\n    try:\n        return [a, b]\n"
    return ROUTES + rows(f"{route.format(n=n)}    finally:\n        db.close()" for n in range(count))


def operands(count: int = 1000) -> str:
    return HEAD + function(f"    y = {' + '.join(['x'] * count)}\n")


def texts(count: int = 1000) -> str:
    return HEAD + function("    y = (" + " + \n        ".join(["'text'"] * count) + ")\n")


def calls_in_a_row(count: int = 700) -> str:
    return HEAD + function(f"    y = x{'.add(1)' * count}\n")


def subscripts(count: int = 700) -> str:
    return HEAD + function(f"    y = x{'[1]' * count}\n")


def conditions(count: int = 500) -> str:
    return HEAD + function(f"    if {' and '.join(f'x.a{n}' for n in range(count))}:\n        return\n")


def elifs(count: int = 1000) -> str:
    return HEAD + function(
        "    if x == 0:\n        y = 0\n" + rows(f"    elif x == {n}:\n        y = {n}" for n in range(1, count))
    )


def nested_calls(count: int = 90) -> str:
    return HEAD + function(f"    y = {'g(' * count}x{')' * count}\n")


def nested_blocks(count: int = 19) -> str:
    heads = rows("    " * (n + 1) + ("for y in x:" if n % 2 else "while x:") for n in range(count))
    return HEAD + function(f"{heads}{'    ' * (count + 1)}break\n")


def nested_functions(count: int = 60) -> str:
    heads = rows("    " * n + f"def f{n}(x):\n" + "    " * (n + 1) + "conn = psycopg2.connect()" for n in range(count))
    return HEAD + heads


CASES: dict[str, Callable[[], str]] = {
    each.__name__: each
    for each in (
        self_assignments,
        functions_in_a_circle,
        leaky_functions,
        a_leak_in_five_megabytes,
        nested_finally,
        finally_in_finally,
        loops_with_break,
        loops_in_try,
        branches,
        a_literal,
        a_literal_at_the_top,
        many_findings,
        operands,
        texts,
        calls_in_a_row,
        subscripts,
        conditions,
        elifs,
        nested_calls,
        nested_blocks,
        nested_functions,
    )
}


def run(folder: Path, text: str, limit: float) -> str:
    """Check one file, alone in its folder, and say what that cost."""
    folder.mkdir()
    (folder / "it.py").write_text(text)
    command = [sys.executable, "-m", "putback", "check", "--isolated", "--output-format=json", "it.py"]
    environment = {**os.environ, "PYTHONPATH": str(SOURCES)}
    begin = time.perf_counter()
    with open(os.devnull, "w") as nothing, open(folder / "out", "w") as out:
        process = subprocess.Popen(
            ["timeout", str(limit), *command], cwd=folder, env=environment, stdout=out, stderr=nothing
        )
        _, status, used = os.wait4(process.pid, 0)
    code = process.returncode = os.waitstatus_to_exitcode(status)
    text = (folder / "out").read_text()
    found = {rule: text.count(f'"code": "{rule}"') for rule in ("PB001", "PB009")}
    told = "".join(f"  {rule} x {count}" for rule, count in found.items() if count)
    wall, cpu = time.perf_counter() - begin, used.ru_utime + used.ru_stime
    return f"exit {code:3}  wall {wall:7.2f} s  cpu {cpu:7.2f} s  {used.ru_maxrss / 1024:6.0f} MB{told}"


def main() -> None:
    """Run the cases that are named, or all."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", choices=[[], *CASES], metavar="NAME")
    parser.add_argument("--limit", type=float, default=60.0, help="seconds after which a run is ended")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as made:
        empty = f"{HEAD}psycopg2.connect().close()\n"
        print(f"{'(next to nothing)':28}{run(Path(made, 'empty'), empty, given.limit)}")
        for name in given.names or CASES:
            print(f"{name:28}{run(Path(made, name), CASES[name](), given.limit)}", flush=True)


if __name__ == "__main__":
    main()
