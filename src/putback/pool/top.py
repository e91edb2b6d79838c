"""A live table of who holds the connections of a program that runs.

    python -m putback.pool.top 4711                                  # a process that called watching.on_signal()
    python -m putback.pool.top http://localhost:8000/health/db       # one that shows what is watched
    python -m putback.pool.top --once PID|URL

By place: how many, for how long, by whom. Ends with Ctrl-C.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from putback.pool.errors import PoolError, SettingsError
from putback.pool.watching.spool import ask

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Seen:
    """One pool at one moment."""

    title: str
    held: Sequence[Json]


def main(arguments: Sequence[str] | None = None) -> int:
    """Show the table until somebody stops it."""
    parser = argparse.ArgumentParser(prog="python -m putback.pool.top", description="Who holds which connection.")
    parser.add_argument("target", metavar="PID|URL")
    parser.add_argument("--once", action="store_true", help="print the table once and end, as in a pipe")
    parser.add_argument("--every", type=float, default=2.0, metavar="SECONDS")
    chosen = parser.parse_args(arguments)
    if chosen.every <= 0:
        parser.error("--every must be more than 0")
    try:
        look = looking_at(chosen.target)
        if chosen.once or not sys.stdout.isatty():
            print(_table(look()))
        else:
            _live(look, chosen.every)
    except PoolError as error:
        print(f"putback.pool.top: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        pass
    return 0


def looking_at(target: str) -> Callable[[], list[Seen]]:
    """What looks once."""
    if target.isdigit():
        return lambda: [_of_watch(pool) for pool in ask(int(target))]
    if target.startswith(("http://", "https://")):
        return lambda: [_of_health(target, _fetched(target))]
    raise SettingsError(f"{target!r} is neither the number of a process nor an address that begins with http")


def _fetched(url: str) -> Json:
    try:
        try:
            with urllib.request.urlopen(url, timeout=10) as answer:
                text = answer.read()
        except urllib.error.HTTPError as error:
            if error.code != 503:
                raise
            text = error.read()  # a critical pool is what one came for
        found = json.loads(text)
    except (OSError, ValueError) as error:
        raise SettingsError(f"{url} gives no state of a pool: {error}") from error
    if not isinstance(found, dict) or "pool_stats" not in found:
        raise SettingsError(f"{url} gives no state of a pool: the health of a pool (.../health/db) is meant")
    return found


def _of_watch(pool: Json) -> Seen:
    of = f" of {pool['capacity']}" if pool["capacity"] else ""
    return Seen(f"pool {pool['pool']}: {pool['in_use']}{of} connections are out, {pool['taken']} taken", pool["held"])


def _of_health(url: str, health: Json) -> Seen:
    numbers = health["pool_stats"]
    waiting = f", {health['waiters']} waiting" if health.get("waiters") else ""
    of = f" of {numbers['max_connections']}" if numbers.get("max_connections") else ""
    free = "" if numbers.get("available") is None else f", {numbers['available']} available"
    out = f"{numbers['in_use']}{of} connections are out{free}"
    return Seen(f"{url} {health.get('status', '')}: {out}{waiting}", health.get("held", ()))


_COLUMNS = ("out", "oldest", "taken at", "by")


def _table(found: Sequence[Seen]) -> str:
    """The pools, one below the other, each with a row for each place."""
    return "\n\n".join(_rows(seen) for seen in found) or "nothing is watched there"


def _rows(seen: Seen) -> str:
    cells = [_COLUMNS]
    for each in seen.held:
        place = each["place"] or "(not noted, in a rush)"
        cells.append((str(each["count"]), f"{each['oldest']:.1f} s", place, each["who"]))
        cells += [("", "", f"  through {frame}", "") for frame in each["through"]]
    count, age, place, _ = (max(map(len, column)) for column in zip(*cells, strict=True))
    rows = [f"  {out:>{count}}  {oldest:>{age}}  {at:<{place}}  {by}".rstrip() for out, oldest, at, by in cells]
    return "\n".join([_printable(seen.title), *map(_printable, rows)])


def _printable(text: str) -> str:
    """Without what a terminal would obey: the text comes from another process, or from the net."""
    return "".join(each if each.isprintable() else "?" for each in text)


def _live(look: Callable[[], list[Seen]], seconds: float) -> None:
    while True:
        print(f"{_CLEAR}{_table(look())}", flush=True)
        time.sleep(seconds)


_CLEAR = "\033[H\033[2J"
"""To the upper left corner, and everything away."""


if __name__ == "__main__":
    sys.exit(main())
