"""Is anything wrong with the check of a file: a crash, or a function that was left out in silence?

    python tests/bench/watching.py FILE...

Prints one row of JSON for each file, with the seconds of processor time that it has taken.
"""

from __future__ import annotations

import ast
import json
import sys
import time
import warnings
from collections.abc import Iterator
from pathlib import Path

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[2] / "src"))

from putback.flow.ir import MODULE
from putback.flow.older import parse_newer
from putback.model.config import Config
from putback.model.errors import SourceError
from putback.pipeline.check import Checked, at_full_speed, checked
from putback.source.text import decode

EVERYTHING = Config(gates=False, jobs=1)


def watched(path: Path) -> tuple[float, str]:
    """Seconds of processor time, and what is wrong ("": nothing)."""
    begin, path = time.process_time(), path.absolute()
    try:
        found = checked([str(path)], EVERYTHING)
        seconds = time.process_time() - begin
        with at_full_speed():
            return seconds, "; ".join(list(dict.fromkeys(_wrong(found, path)))[:3])
    except Exception as error:
        return time.process_time() - begin, f"{type(error).__name__}: {error}"[:300]


def _wrong(found: Checked, path: Path) -> Iterator[str]:
    findings = found.result.findings
    yield from (f"PB009: {each.message}" for each in findings if each.code == "PB009")
    told = {each.span.start.row for each in findings if each.code == "PB001"}
    yield from _told_wrongly([each.message for each in findings if each.code == "PB001"], path)
    if not any(each.function == "known_leak" for each in findings) and not told:
        yield "left out in silence"
    yield from _unseen(found, path, told)


def _told_wrongly(told: list[str], path: Path) -> Iterator[str]:
    """PB001 for a whole file has to come exactly where neither Python nor the other parser can read it."""
    whole = [each for each in told if "nothing in this file was" in each]
    reason = refusal(path)
    if whole and not reason:
        yield f"PB001 is wrong: {whole[0]}"
    if reason and not told and not _is_newer(path):
        yield f"PB001 is missing: {reason}"


def refusal(path: Path) -> str:
    """Why the running Python cannot read a file; "" where it can."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            ast.parse(path.read_bytes())
    except (SyntaxError, ValueError, LookupError, RecursionError, MemoryError) as error:
        return str(error) or type(error).__name__
    return ""


def _is_newer(path: Path) -> bool:
    """Whether the other parser can read a file that Python refuses."""
    try:
        parse_newer(decode(path.read_bytes()).text)
    except SourceError:
        return False
    return True


def _unseen(found: Checked, path: Path, told: set[int]) -> Iterator[str]:
    """The functions of a file that are neither analysed nor named, by their rows, as left out."""
    analyzer = found.analysis.analyzer
    module = found.analysis.scan.project.module(str(path))
    if module is None:
        if not told:
            yield "the file is left out in silence"
        return
    rows = {info.def_row for info in module.functions.values()}
    for row in _defined(path):
        if row not in rows and not told:
            yield f"the function of row {row} is not known"
    for key in (MODULE, *module.functions):
        outermost = analyzer.outermost(str(path), key)
        if key not in analyzer.nested(str(path), outermost):
            first = module.functions[outermost].row if outermost != MODULE else 1
            last = module.functions[outermost].end_row if outermost != MODULE else 10**9
            if not any(first <= row <= last for row in told):
                yield f"{key} is not analysed"


def _defined(path: Path) -> Iterator[int]:
    """The rows of all functions, if the running Python can parse the file."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(path.read_bytes())
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return
    yield from (n.lineno for n in ast.walk(tree) if isinstance(n, (ast.FunctionDef, ast.AsyncFunctionDef)))


def main() -> None:
    """One row for each file."""
    for name in sys.argv[1:]:
        seconds, wrong = watched(Path(name))
        print(json.dumps({"seconds": seconds, "wrong": wrong}), flush=True)


if __name__ == "__main__":
    main()
