"""The baseline: the findings that were there when putback was taken into use, and which of today's are among them.

An entry has no line numbers: the file, the rule, the function, a digest of the expression, and which of equal ones it
is. A file that is gone may have been renamed: then its entries stand for the same findings in another file.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from putback.model.errors import ConfigError
from putback.model.finding import Finding
from putback.model.fingerprint import expression_at, plain
from putback.model.spelling import relative_to

PLACE = ".putback/baseline.json"
VERSION = 1
KEYS = ("path", "rule", "function", "expression", "index")


@dataclass(frozen=True, slots=True, order=True)
class Entry:
    """One known finding; `path` is relative to the folder of the configuration, with `/`."""

    path: str
    rule: str
    function: str
    expression: str
    index: int

    @property
    def elsewhere(self) -> tuple[str, str, str, int]:
        """What is left of it when its file has another name."""
        return self.rule, self.function, self.expression, self.index


@dataclass(frozen=True, slots=True)
class Compared:
    """Today's findings against a baseline: the `new` ones, the `known` ones, and the entries that are `gone`.

    `entries` are those of today's findings that are known, as they would be written now.
    """

    new: tuple[Finding, ...]
    known: tuple[Finding, ...]
    gone: tuple[Entry, ...]
    entries: tuple[Entry, ...]


def identified(findings: Iterable[Finding], root: str, rows: Callable[[str], Sequence[str]]) -> dict[Finding, Entry]:
    """Each finding as an entry; `rows` gives the text of a file, as the finding spells it."""
    seen: Counter[tuple[str, ...]] = Counter()
    found = {}
    for each in sorted(findings, key=lambda finding: (finding.path, finding.span, finding.code)):
        path = relative_to(each.filename, root)
        text = plain(expression_at(rows(each.path), each.span))
        digest = hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()
        key = (path, each.code, each.function, digest)
        found[each] = Entry(*key, seen[key])
        seen[key] += 1
    return found


def compared(findings: Mapping[Finding, Entry], baseline: Iterable[Entry], root: str) -> Compared:
    """What is new, what is known, and what is gone."""
    left = dict.fromkeys(baseline)
    by_place: dict[tuple[str, str, str, int], list[Entry]] = defaultdict(list)
    for entry in left:
        if not os.path.exists(os.path.join(root, entry.path)):
            by_place[entry.elsewhere].append(entry)
    new, known = [], []
    for finding, entry in findings.items():
        moved = by_place[entry.elsewhere] if entry not in left else [entry]
        if moved:
            left.pop(moved.pop(), None)
            known.append(finding)
        else:
            new.append(finding)
    return Compared(tuple(new), tuple(known), tuple(left), tuple(findings[each] for each in known))


def read(path: str) -> tuple[Entry, ...] | None:
    """The entries of a baseline; None when there is none. Raises ConfigError when it cannot be read."""
    text = ""
    try:
        with open(path, encoding="utf-8", errors="surrogatepass") as file:
            text = file.read()
        content: Any = json.loads(text)
    except FileNotFoundError:
        return None
    except (OSError, ValueError, RecursionError) as error:
        merging = "; git left the marks of a merge in it: leave the rows of both sides" if is_merging(text) else ""
        raise ConfigError(f"{path}: the baseline cannot be read: {error}{merging}") from error
    version = content.get("version") if isinstance(content, dict) else None
    if version != VERSION:
        raise ConfigError(f"{path}: is no baseline of this putback: its version is {version!r}, not {VERSION}")
    entries = content.get("findings")
    if not isinstance(entries, list) or not all(map(is_entry, entries)):
        raise ConfigError(f"{path}: the baseline is damaged: each of its findings must have {', '.join(KEYS)}")
    return tuple(Entry(**each) for each in entries)


def is_merging(text: str) -> bool:
    """Whether git has marked in a text what two branches have made of it."""
    return all(f"\n{mark}" in f"\n{text}" for mark in ("<<<<<<< ", "=======", ">>>>>>> "))


def is_entry(value: Any) -> bool:
    """Whether a value is an entry as `written` writes it."""
    is_table = isinstance(value, dict) and tuple(sorted(value)) == tuple(sorted(KEYS))
    return is_table and isinstance(value["index"], int) and all(isinstance(value[key], str) for key in KEYS[:-1])


def written(path: str, entries: Iterable[Entry]) -> None:
    """Write a baseline, an entry a line, so that two branches seldom touch the same one. Raises ConfigError."""
    rows = [json.dumps({key: getattr(each, key) for key in KEYS}, ensure_ascii=False) for each in sorted(entries)]
    listed = "[\n    " + ",\n    ".join(rows) + "\n  ]" if rows else "[]"
    place = f"{path}.{os.getpid()}"
    try:
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(place, "x", encoding="utf-8", errors="surrogatepass") as file:
            file.write(f'{{\n  "version": {VERSION},\n  "findings": {listed}\n}}\n')
        os.replace(place, path)
    except OSError as error:
        raise ConfigError(f"{path}: the baseline cannot be written: {error.strerror or error}") from error
