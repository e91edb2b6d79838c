"""Projects whose functions call each other in chains and circles over several files, and the same ones laid out anew.

What a project means does not hang on the order of its functions, nor on which file each of them stands in front of.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

BASE = (
    "from contextlib import contextmanager\n\nfrom psycopg2.pool import ThreadedConnectionPool\n"
    "\npool = ThreadedConnectionPool(1, 10, '')\nkept = []\n"
)
"""The file that all others import."""


@dataclass(frozen=True)
class Definition:
    """A function or class: its name and its text. `uses` are the names of others that it speaks of."""

    name: str
    text: str
    uses: frozenset[str] = frozenset()


@dataclass
class Program:
    """Definitions, each in a home that has a number."""

    chance: random.Random
    homes: int
    found: list[tuple[int, Definition]] = field(default_factory=list)

    def add(self, name: str, text: str, *uses: str) -> str:
        """Add a definition."""
        self.found.append((self.chance.randrange(self.homes), Definition(name, text, frozenset(uses))))
        return name

    def layout(self, chance: random.Random) -> dict[str, str]:
        """The files, with the definitions in any order, and the homes under any names."""
        names = [f"m{number}" for number in range(self.homes)]
        chance.shuffle(names)
        where = {each.name: names[home] for home, each in self.found}
        files = {"base.py": BASE}
        for home, name in enumerate(names):
            here = [each for number, each in self.found if number == home]
            chance.shuffle(here)
            files[f"{name}.py"] = _file(name, here, where)
        return dict(chance.sample(sorted(files.items()), len(files)))


def _file(name: str, here: Sequence[Definition], where: Mapping[str, str]) -> str:
    imported = sorted({(where[used], used) for each in here for used in each.uses if where[used] != name})
    imports = "".join(f"from {home} import {used}\n" for home, used in imported if home != name)
    text = "".join(each.text for each in here)
    outside = [each for each in ("kept", "pool") if f"{each}." in text]
    head = "from contextlib import contextmanager\n\n" if "@contextmanager" in text else ""
    head += f"from base import {', '.join(outside)}\n" if outside else ""
    return head + imports + "".join(f"\n\n{each.text}" for each in here) if here else "# nothing\n"


def program(seed: int) -> Program:
    """A program: recursion, helpers, context managers, methods and wrappers, and functions that use them."""
    chance = random.Random(seed)
    made = Program(chance, chance.choice((1, 2, 3, 4, 12)))
    parts = (_circle, _chain, _wrappers, _managers, _methods, _quiet, _taking_circle, _ending, _lending)
    for number in range(chance.randint(1, 3)):
        chance.choice(parts)(made, f"{number}")
    return made


def _user(made: Program, name: str, take: str, give: str, *uses: str) -> None:
    """A function that takes a connection, uses it and gives it back in one of several ways."""
    shape = made.chance.choice(
        (
            "    conn = {take}\n    try:\n        conn.cursor().execute('x')\n    finally:\n        {give}\n",
            "    conn = {take}\n    conn.cursor().execute('x')\n    {give}\n",
            "    conn = {take}\n    {give}\n    conn.cursor().execute('x')\n",
            "    conn = {take}\n    try:\n        conn.cursor().execute('x')\n    except Exception:\n        {give}\n"
            "        raise\n    return 1\n",
            "    conn = {take}\n    {give}\n    {give}\n",
        )
    )
    made.add(name, f"def {name}():\n" + shape.format(take=take, give=give), *uses)


def _giving(chance: random.Random) -> str:
    """What the end of a chain does with `conn`."""
    ends = ("conn.close()", "conn.commit()", "print(conn)", "kept.append(conn)")
    return chance.choice(("pool.putconn(conn)", "pool.putconn(conn)", *ends))


def _circle(made: Program, mark: str) -> None:
    """Two to four functions that hand a connection on to each other."""
    chance, count = made.chance, made.chance.randint(2, 4)
    names = [f"round{mark}_{n}" for n in range(count)]
    for n, name in enumerate(names):
        others = [names[(n + 1) % count], *([chance.choice(names)] if chance.random() < 0.4 else [])]
        end = _giving(chance) if chance.random() < 0.7 else "pass"
        calls = "".join(
            f"    elif n == {at}:\n        {chance.choice(('', 'return '))}{other}(conn, n - 1)\n"
            for at, other in enumerate(others, 1)
        )
        middle = chance.choice(("", "    conn.cursor().execute('x')\n"))
        made.add(name, f"def {name}(conn, n):\n{middle}    if n == 0:\n        {end}\n{calls}", *others)
    for n, name in enumerate(names):
        _user(made, f"use_round{mark}_{n}", "pool.getconn()", f"{name}(conn, 2)", name)


def _chain(made: Program, mark: str) -> None:
    """A release behind up to 40 helpers."""
    chance, count = made.chance, made.chance.choice((3, 7, 8, 9, 10, 15, 25, 40))
    names = [f"help{mark}_{n}" for n in range(count)]
    made.add(names[0], f"def {names[0]}(conn):\n    {_giving(chance)}\n")
    for below, name in pairwise(names):
        body = chance.choice(
            (
                "    {0}(conn)\n",
                "    {0}(conn)\n",
                "    try:\n        {0}(conn)\n    except ValueError:\n        pass\n",
                "    return {0}(conn)\n",
            )
        )
        made.add(name, f"def {name}(conn):\n" + body.format(below), below)
    for n in {0, count - 1, chance.randrange(count), chance.randrange(count)}:
        _user(made, f"use_help{mark}_{n}", "pool.getconn()", f"{names[n]}(conn)", names[n])


def _wrappers(made: Program, mark: str) -> None:
    """A connection that comes through up to 40 functions."""
    chance, count = made.chance, made.chance.choice((2, 5, 7, 9, 12, 20, 40))
    names = [f"take{mark}_{n}" for n in range(count)]
    made.add(names[0], f"def {names[0]}():\n    return pool.getconn()\n")
    for below, name in pairwise(names):
        body = chance.choice(("    return {0}()\n", "    conn = {0}()\n    return conn\n"))
        made.add(name, f"def {name}():\n" + body.format(below), below)
    for n in {0, count - 1, chance.randrange(count)}:
        give = chance.choice(("pool.putconn(conn)", "pass"))
        _user(made, f"use_take{mark}_{n}", f"{names[n]}()", give, names[n])


def _taking_circle(made: Program, mark: str) -> None:
    """Functions that hand a connection out, their own or each other's."""
    chance, count = made.chance, made.chance.randint(2, 4)
    names = [f"get{mark}_{n}" for n in range(count)]
    for n, name in enumerate(names):
        other = names[(n + 1) % count]
        own = "    if n == 0:\n        return pool.getconn()\n" if chance.random() < 0.6 else ""
        tail = f"    return {other}(n - 1)\n"
        last = f"    return {chance.choice(names)}(n - 2)\n" if chance.random() < 0.3 else ""
        body = own + (f"    if n == 3:\n    {tail}{last}" if last else tail)
        made.add(name, f"def {name}(n):\n{body}", other, *(each for each in names if f"{each}(" in last))
    for n, name in enumerate(names):
        give = chance.choice(("pool.putconn(conn)", "pass"))
        _user(made, f"use_get{mark}_{n}", f"{name}(2)", give, name)


def _managers(made: Program, mark: str) -> None:
    """Context managers around each other."""
    chance, count = made.chance, made.chance.choice((1, 3, 5, 9, 12))
    names = [f"lend{mark}_{n}" for n in range(count)]
    inner = chance.choice(
        (
            "    conn = pool.getconn()\n    try:\n        yield conn\n    finally:\n        pool.putconn(conn)\n",
            "    conn = pool.getconn()\n    yield conn\n    pool.putconn(conn)\n",
            "    yield pool.getconn()\n",
        )
    )
    made.add(names[0], f"@contextmanager\ndef {names[0]}():\n{inner}")
    for below, name in pairwise(names):
        made.add(name, f"@contextmanager\ndef {name}():\n    with {below}() as conn:\n        yield conn\n", below)
    last = names[-1]
    made.add(
        f"use_lend{mark}",
        f"def use_lend{mark}():\n    with {last}() as conn:\n        conn.cursor().execute('x')\n    conn.commit()\n",
        last,
    )
    made.add(
        f"hold_lend{mark}",
        f"def hold_lend{mark}():\n    held = {last}()\n    conn = held.__enter__()\n    conn.cursor().execute('x')\n",
        last,
    )


def _lending(made: Program, mark: str) -> None:
    """Context managers that are given the connection, and call each other."""
    chance = made.chance
    one, two = f"giving{mark}_0", f"giving{mark}_1"
    end = _giving(chance)
    made.add(
        one,
        f"@contextmanager\ndef {one}(conn, n):\n    try:\n        yield conn\n    finally:\n        {end}\n",
    )
    made.add(
        two,
        f"@contextmanager\ndef {two}(conn, n):\n    if n:\n        with {two}(conn, n - 1):\n            yield conn\n"
        f"    else:\n        with {one}(conn, n):\n            yield conn\n",
        one,
        two,
    )
    for n, name in enumerate((one, two)):
        made.add(
            f"use_giving{mark}_{n}",
            f"def use_giving{mark}_{n}():\n    conn = pool.getconn()\n    with {name}(conn, 2):\n"
            "        conn.cursor().execute('x')\n",
            name,
        )


def _methods(made: Program, mark: str) -> None:
    """An object that keeps a connection; its methods call each other, and those of the class below."""
    chance = made.chance
    base, below = f"Base{mark}", f"Store{mark}"
    deep = chance.choice((1, 4, 9, 14))
    steps = "".join(f"    def end{n}(self):\n        self.end{n - 1}()\n\n" for n in range(1, deep + 1))
    end = chance.choice(("pool.putconn(self.conn)", "self.conn.close()", "self.conn.commit()"))
    made.add(
        base,
        f"class {base}:\n    def __init__(self):\n        self.conn = pool.getconn()\n\n"
        f"    def end0(self):\n        {end}\n\n{steps}"
        "    def run(self, n):\n        if n:\n            self.again(n)\n"
        f"        self.conn.cursor().execute('x')\n\n    def again(self, n):\n        self.run(n - 1)\n"
        f"        {chance.choice(('self.end0()', 'pass'))}\n",
    )
    made.add(below, f"class {below}({base}):\n    def close(self):\n        self.end{deep}()\n", base)
    ending = chance.choice((f"it.end{deep}()", "it.close()", "it.run(1)", "it.again(1)"))
    made.add(
        f"use_store{mark}",
        f"def use_store{mark}():\n    it = {below}()\n    it.run(2)\n    {ending}\n",
        below,
    )
    made.add(
        f"safe_store{mark}",
        f"def safe_store{mark}():\n    it = {below}()\n    try:\n        it.run(2)\n    finally:\n        {ending}\n",
        below,
    )


def _quiet(made: Program, mark: str) -> None:
    """Functions that cannot raise, or hardly, in a chain or circle, between the acquire and the release."""
    chance, count = made.chance, made.chance.choice((2, 4, 9, 12))
    names = [f"calm{mark}_{n}" for n in range(count)]
    first = chance.choice(("    return 1\n", f"    return {names[-1]}()\n", "    raise ValueError\n"))
    made.add(names[0], f"def {names[0]}():\n{first}", *([names[-1]] if names[-1] in first else []))
    for below, name in pairwise(names):
        made.add(name, f"def {name}():\n    {chance.choice(('', 'return '))}{below}()\n", below)
    for n in {0, count - 1, chance.randrange(count)}:
        name = f"use_calm{mark}_{n}"
        made.add(
            name,
            f"def {name}():\n    conn = pool.getconn()\n    {names[n]}()\n    pool.putconn(conn)\n",
            names[n],
        )


def _ending(made: Program, mark: str) -> None:
    """Functions that never return, through others."""
    chance, count = made.chance, made.chance.choice((2, 5, 9))
    names = [f"fail{mark}_{n}" for n in range(count)]
    first = chance.choice(("    raise SystemExit(1)\n", f"    {names[-1]}(x - 1)\n", "    print(x)\n"))
    made.add(names[0], f"def {names[0]}(x):\n{first}", *([names[-1]] if names[-1] in first else []))
    for below, name in pairwise(names):
        made.add(name, f"def {name}(x):\n    {below}(x)\n", below)
    for n in {0, count - 1}:
        name = f"use_fail{mark}_{n}"
        made.add(
            name,
            f"def {name}(x):\n    conn = pool.getconn()\n    if x:\n        {names[n]}(x)\n    pool.putconn(conn)\n",
            names[n],
        )
