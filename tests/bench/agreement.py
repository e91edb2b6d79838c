"""The check against the explorer on generated functions: `python tests/bench/agreement.py [FUNCTIONS] [SEED]`.

Works in as many processes as there are processors; which functions there are depends on the seed alone. Prints how many
agree, and every function of which they say different things, with the story; exits with 1 when fewer than 99.5 % agree.
"""

from __future__ import annotations

import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from itertools import islice
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "generated"))
sys.path.insert(0, str(Path(__file__).parents[1] / "verify"))

from agreeing import Compared, compared
from holders import SHOPS, Holder, holder

_AT_ONCE = 250
_ENOUGH = 0.995


def main(wanted: int, seed: int) -> int:
    """Run and print; the exit code."""
    counts: Counter[str] = Counter()
    begin = time.monotonic()
    different = islice(generated(random.Random(seed)), wanted)
    portions = iter(lambda: list(islice(different, _AT_ONCE)), [])
    with ProcessPoolExecutor() as workers:
        for portion in workers.map(compare, portions):
            for each in portion:
                _count(each, counts)
            progress = f"{counts['agreed']} of {counts['functions']} agree, {counts['not explored']} not explored"
            print(progress, file=sys.stderr, flush=True)
    for name, count in sorted(counts.items()):
        print(f"{count:8} {name}")
    print(f"{time.monotonic() - begin:8.0f} seconds")
    explored = counts["functions"] - counts["not explored"]
    print(f"{counts['agreed'] / explored:.4%} of {explored} agree")
    return 0 if counts["agreed"] >= _ENOUGH * explored else 1


def compare(holders: list[Holder]) -> list[Compared]:
    """What both sides say of each function."""
    with tempfile.TemporaryDirectory() as folder:
        return list(compared(holders, Path(folder)))


def generated(choices: random.Random) -> Iterator[Holder]:
    """Functions without end, each only once."""
    texts: set[str] = set()
    while True:
        made = holder(choices.randint, choices.choice(SHOPS))
        if made.text not in texts:
            texts.add(made.text)
            yield made


def _count(each: Compared, counts: Counter[str]) -> None:
    counts["functions"] += 1
    counts["schedules"] += each.schedules
    counts[f"{each.holder.shop.dialect.title}"] += 1
    if each.obstacle:
        counts["not explored"] += 1
        counts[f"not explored: {each.obstacle}"] += 1
        return
    counts["with something wrong"] += bool(each.claims)
    counts["agreed"] += not each.disagreements
    counts[f"agreed with {each.faults} faults"] += not each.disagreements
    for claim in {sort for sort, _ in each.claims}:
        counts[f"wrong: {claim}"] += 1
    for found in each.disagreements:
        counts[f"{'check' if found.by_check else 'explorer'} alone: {found.claim[0]}"] += 1
    if each.disagreements:
        print(each.holder.shop.dialect.title)
        print(each.holder.text)
        for found in each.disagreements:
            print(f"{'check' if found.by_check else 'explorer'} alone: {' of '.join(found.claim)}")
            print(*(f"    {row}" for row in found.story), sep="\n")
        print("=" * 80, flush=True)


if __name__ == "__main__":
    given_numbers = [int(argument) for argument in sys.argv[1:]]
    sys.exit(main(*given_numbers, *(20_000, 1)[len(given_numbers) :]))
