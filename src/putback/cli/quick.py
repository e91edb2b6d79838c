"""The quick no: a hook call over files that cannot matter ends here, before click, re or libcst are imported.

Whatever is unusual (options that ask for something else, a configuration with drivers of its own, a file that does not
parse or cannot be read) gives no answer, and the whole program runs.
"""

from __future__ import annotations

import os

from putback.cli.quick_config import Plain, Unusual, configuration
from putback.cli.quick_options import QUIET, Options, options_of
from putback.model.defaults import DEFAULT_EXCLUDE
from putback.source.definitions import TooHard, parsed
from putback.source.prefilter import Prefilter, is_commented, read_bytes, read_table
from putback.source.reach import Reach

TYPE_CHECKING = False  # importing typing takes longer than all of this
if TYPE_CHECKING:
    from collections.abc import Sequence

NEEDLES = os.path.join(os.path.dirname(os.path.dirname(__file__)), "drivers", "needles.txt")
HARMLESS = frozenset(("PUTBACK_CACHE_DIR",))
"""Settings by the environment that leave the answer as it is."""


def quick_answer(arguments: Sequence[str]) -> str | None:
    """What `putback` prints for these arguments when nothing can be found, without looking closer; else None."""
    options = options_of(arguments)
    if options is None or not options.files or any(is_setting(name) for name in os.environ):
        return None
    here = os.getcwd()
    files = list(dict.fromkeys(os.path.normpath(os.path.join(here, name)) for name in options.files))
    try:
        root = project_root(files, options)
        if root is None:
            return None
        with open(NEEDLES, encoding="utf-8") as table:
            prefilter = Prefilter(read_table(table.read()))
        reach = Reach(prefilter, root)
        if not all(cannot_matter(path, reach) for path in files):
            return None
    except (OSError, Unusual):
        return None
    count = "1 file" if len(files) == 1 else f"{len(files)} files"
    return "" if QUIET.intersection(options.flags) else f"No connection leaks found in {count}.\n"


def is_setting(name: str) -> bool:
    """Whether an environment variable is one of ours that may change the answer."""
    return name.startswith("PUTBACK_") and name not in HARMLESS


def project_root(files: Sequence[str], options: Options) -> str | None:
    """The directory that the project's imports are looked for in: the working one, or that of the configuration above.

    None when a file lies outside or may be excluded, or when the directory is itself a package. Raises Unusual.
    """
    here = os.getcwd()
    directory = os.path.commonpath([os.path.dirname(path) for path in files])
    if os.path.commonpath([here, directory]) != here or os.path.exists(os.path.join(here, "__init__.py")):
        return None
    plain = None
    if "--isolated" not in options.flags:
        plain = configuration(directory, "--no-cache" not in options.flags)
    plain = plain or Plain(here, DEFAULT_EXCLUDE)
    if any(map(plain.may_exclude, files)):
        return None
    return os.path.commonpath([here, plain.root])


def cannot_matter(path: str, reach: Reach) -> bool:
    """Whether the file parses and neither it nor what it uses of the project can take a connection.

    What does not parse is for the whole program: it knows why, and newer syntax than the running Python's.
    """
    data = read_bytes(path)
    if is_commented(data) or reach.matters(path, data):
        return False
    try:
        parsed(data)
    except TooHard:
        return False
    return True
