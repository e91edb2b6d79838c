"""Programs that hold connections, whole and damaged, each with a known leak at its end."""

from __future__ import annotations

import random
from collections.abc import Iterator

from dialects import DIALECTS
from grammar import Writer, rendered

LEAK = "\n\nimport psycopg2\n\ndef known_leak():\n    known = psycopg2.connect()\n    known.cursor()\n"


def generated(count: int, seed: int) -> Iterator[str]:
    """Programs of the grammar, every second one damaged."""
    chance = random.Random(seed)
    for number in range(count):
        text = from_grammar(chance)
        yield f"import psycopg2\n{damaged(text, chance) if number % 2 else text}{LEAK}"


def from_grammar(chance: random.Random) -> str:
    """A function that holds a connection, as the tests of the fixes generate them."""
    dialect = chance.choice(list(DIALECTS))
    writer = Writer(chance.randint, dialect)
    head = f"{'async def' if dialect.is_async else 'def'} work(a, b, items):"
    return f"{dialect.imports}\n{rendered([(0, head), *writer.body(1)], '    ')}"


def damaged(text: str, chance: random.Random) -> str:
    """The text with a few characters or rows lost, doubled, or put elsewhere."""
    for _ in range(chance.randint(1, 4)):
        parts: list[str] = text.splitlines(keepends=True) if chance.random() < 0.5 else list(text)
        if len(parts) < 3:
            break
        at, to = sorted(chance.sample(range(len(parts)), 2))
        size = chance.randint(1, 3)
        match chance.randint(0, 3):
            case 0:
                del parts[at : at + size]
            case 1:
                parts[at:at] = parts[to : to + size]
            case 2:
                parts[at], parts[to] = parts[to], parts[at]
            case _:
                parts[at:at] = [chance.choice("()[]{}:;\\\"'\t\f\r\n#@*é\u2028\x00")]
        text = "".join(parts)
    return text
