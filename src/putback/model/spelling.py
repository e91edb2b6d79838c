"""How findings spell files: relative to a directory, with `/`."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from dataclasses import replace

from putback.model.finding import Finding, Step


def inside(path: str, directory: str) -> str:
    """The absolute `path` relative to `directory`, with `/`; whole when it lies outside."""
    if directory and path.startswith(top := os.path.join(directory, "")):
        return path[len(top) :].replace(os.sep, "/")
    relative = relative_to(path, directory)
    return path.replace(os.sep, "/") if relative.startswith("../") else relative


def relative_to(path: str, directory: str = "") -> str:
    """The absolute `path` relative to `directory` (the working one), with `/`; whole on another drive of Windows."""
    try:
        return os.path.relpath(path, directory or None).replace(os.sep, "/")
    except ValueError:
        return path.replace(os.sep, "/")


def seen_from(finding: Finding, directory: str) -> Finding:
    """`finding`, as the analysis spells it for the working directory, spelled for `directory`."""

    def step(each: Step) -> Step:
        path = inside(os.path.abspath(each.path), directory)
        return replace(each, path=path, text=told(each.text), via=tuple(map(step, each.via)))

    told = _retold(finding, directory)
    return replace(
        finding,
        path=inside(finding.filename, directory),
        message=told(finding.message),
        help=told(finding.help),
        no_fix_reason=told(finding.no_fix_reason),
        trace=tuple(map(step, finding.trace)),
    )


def _retold(finding: Finding, directory: str) -> Callable[[str], str]:
    """What spells the files that a text names, "shop/db.py:18", for `directory`."""
    names = {relative_to(path): inside(path, directory) for path in finding.mentions}
    if all(name == other for name, other in names.items()):
        return lambda text: text
    known = "|".join(map(re.escape, sorted(names, key=len, reverse=True)))
    pattern = re.compile(rf"(?<![\w./-])({known})(?=:\d)")
    return lambda text: pattern.sub(lambda found: names[found[1]], text)
