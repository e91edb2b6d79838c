"""The quick no: a hook call over files that cannot matter ends here, before click, re or libcst are imported.

Whatever is unusual (other options, a configuration with drivers of its own, a file that does not parse or
cannot be read) gives no answer, and the whole program runs.
"""

from __future__ import annotations

import os

from putback.model.defaults import CONFIG_FILES, DEFAULT_EXCLUDE, PROJECT_FILE
from putback.source.definitions import TooHard, parsed
from putback.source.prefilter import Prefilter, read_bytes, read_table
from putback.source.reach import Reach

TYPE_CHECKING = False  # importing typing takes longer than all of this
if TYPE_CHECKING:
    from collections.abc import Sequence

QUIET = frozenset(("-q", "--quiet"))
SIMPLE = QUIET | {"--fix", "--force-exclude", "--no-cache", "--exit-zero", "--isolated", "--output-format=concise"}
NEEDLES = os.path.join(os.path.dirname(os.path.dirname(__file__)), "drivers", "needles.txt")


def quick_answer(arguments: Sequence[str]) -> str | None:
    """What `putback` prints for these arguments when nothing can be found, without looking closer; else None."""
    files = plain_files(arguments)
    if not files or any(name.startswith("PUTBACK_") for name in os.environ):
        return None
    try:
        root = project_root(files)
        if root is None:
            return None
        with open(NEEDLES, encoding="utf-8") as table:
            prefilter = Prefilter(read_table(table.read()))
        reach = Reach(prefilter, root)
        if not all(cannot_matter(path, reach) for path in files):
            return None
    except OSError:
        return None
    count = "1 file" if len(files) == 1 else f"{len(files)} files"
    return "" if QUIET.intersection(arguments) else f"No connection leaks found in {count}.\n"


def plain_files(arguments: Sequence[str]) -> list[str]:
    """The absolute paths in `check [simple options] FILES...`, or `fix`; none when the call is of another sort."""
    if not arguments or arguments[0] not in ("check", "fix"):
        return []
    names = [each for each in arguments[1:] if each not in SIMPLE]
    if any(name.startswith("-") or not name.endswith((".py", ".pyi")) for name in names):
        return []
    here = os.getcwd()
    paths = dict.fromkeys(os.path.normpath(os.path.join(here, name)) for name in names)
    return [] if any(not set(DEFAULT_EXCLUDE).isdisjoint(path.split("/")) for path in paths) else list(paths)


def project_root(files: Sequence[str]) -> str | None:
    """The directory that the project's imports are looked for in: the working one.

    None when a configuration has a say, a file lies outside, or the directory is itself a package.
    """
    here = os.getcwd()
    directory = os.path.commonpath([here, *(os.path.dirname(path) for path in files)])
    if directory != here or os.path.exists(os.path.join(here, "__init__.py")):
        return None
    directory = os.path.commonpath([os.path.dirname(path) for path in files])
    while True:
        names = set(os.listdir(directory))
        if not names.isdisjoint(CONFIG_FILES):
            return None
        if PROJECT_FILE in names and b"putback" in read_bytes(os.path.join(directory, PROJECT_FILE)):
            return None
        above = os.path.dirname(directory)
        if above == directory:
            return here
        directory = above


def cannot_matter(path: str, reach: Reach) -> bool:
    """Whether the file parses and neither it nor what it uses of the project can take a connection.

    What does not parse is for the whole program: it knows why, and newer syntax than the running Python's.
    """
    data = read_bytes(path)
    if reach.matters(path, data):
        return False
    try:
        parsed(data)
    except TooHard:
        return False
    return True
