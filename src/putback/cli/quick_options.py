"""The options that leave the answer "nothing was found" as it is, read without click.

What is not listed here is left to the whole program, and so is a value that it might not take.
"""

from __future__ import annotations

from putback.cli.quick_config import are_rules

TYPE_CHECKING = False  # importing typing takes longer than all of this
if TYPE_CHECKING:
    from collections.abc import Sequence

QUIET = frozenset(("-q", "--quiet"))
FLAGS = QUIET | {
    *("--fix", "--fix-only", "--show-fixes", "--unsafe-fixes", "--no-unsafe-fixes", "--exit-non-zero-on-fix"),
    *("--force-exclude", "--no-force-exclude", "--respect-gitignore", "--no-respect-gitignore"),
    *("--show-info", "--no-show-info", "--no-cache", "--exit-zero", "--isolated"),
}
ALIKE = ("full", "concise")
"""The formats that say alike that there is nothing."""
FORMAT = "--output-format"  # given twice it prints twice
CHOICES = {
    FORMAT: ALIKE,
    "--color": ("auto", "never"),
    "--fail-on": ("error", "warning", "info"),
    "--min-severity": ("error", "warning", "info"),
    "--min-confidence": ("high", "medium", "low"),
}
RULES = ("--select", "--extend-select", "--ignore", "--fixable", "--unfixable")


class Options:
    """The command line of a quick call: `files` as they were typed, and the flags given."""

    def __init__(self, files: list[str], flags: set[str]) -> None:
        self.files = files
        self.flags = flags


def options_of(arguments: Sequence[str]) -> Options | None:
    """What stands in `check [options] FILES...`, or `fix`; None when the call is of another sort."""
    if not arguments or arguments[0] not in ("check", "fix"):
        return None
    files: list[str] = []
    flags: set[str] = set()
    rest = list(reversed(arguments[1:]))
    while rest:
        word = rest.pop()
        if word in FLAGS:
            flags.add(word)
        elif word.startswith("-"):
            name, equals, value = word.partition("=")
            if word[:2] == "-j":
                name, equals, value = "-j", word[2:], word[2:]
            if not equals and not rest:
                return None
            if not is_fine(name, value if equals else rest.pop()) or (name == FORMAT and name in flags):
                return None
            flags.add(name)
        elif word.endswith((".py", ".pyi")):
            files.append(word)
        else:
            return None
    return Options(files, flags)


def is_fine(name: str, value: str) -> bool:
    """Whether an option is known to change nothing, and takes this value."""
    if name in ("-j", "--jobs"):
        return value.isascii() and value.isdigit()
    if name == "--cache-dir":
        return bool(value)
    if name in RULES:
        return are_rules(value.split(","))
    return value in CHOICES.get(name, ())
