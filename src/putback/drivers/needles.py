"""The needles of all built-in drivers as a flat file: what the hook's fast path reads instead of the tables.

One line a driver: name, top-level imports, needles, parted by tabs; the lists by commas. A file can acquire from a
driver if one of the imports occurs in it as a word and one of the needles occurs. `python -m putback.drivers.needles`
writes it anew; a test fails when it is out of date.
"""

from __future__ import annotations

from pathlib import Path

PATH = Path(__file__).with_name("needles.txt")


def current() -> str:
    """The text that `needles.txt` must have, from the tables."""
    from putback.drivers.catalog import load_catalog

    drivers = [driver for driver in load_catalog().drivers.values() if driver.needles]
    return "".join(f"{each.name}\t{','.join(each.imports)}\t{','.join(each.needles)}\n" for each in drivers)


if __name__ == "__main__":
    PATH.write_text(current(), encoding="utf-8")
