"""The program's entry: the quick answer where it can be given, else the command line."""

from __future__ import annotations

import gc
import os
import sys

NEEDED = ("click", "libcst", "msgspec", "pathspec", "rich")
"""What the commands need and `putback.pool` does not."""


def main() -> None:
    """Run `putback` with the arguments of the process and end the process with its exit code."""
    without_working_directory()
    try:
        answer()
    except ModuleNotFoundError as error:
        if error.name not in NEEDED:
            raise
        print(f"putback: {error.name} is not installed: the commands need it, putback.pool does not", file=sys.stderr)
        print("  python -m pip install putback", file=sys.stderr)
        sys.exit(2)


def answer() -> None:
    """The answer of a command, and the end of the process."""
    from putback.cli import streams
    from putback.cli.quick import quick_answer
    from putback.source import cache

    streams.provided()
    cache.placed(sys.argv[1:])
    quick = quick_answer(sys.argv[1:])
    known = (quick, 0) if quick is not None else earlier_answer(sys.argv[1:])
    if known is not None:
        text, code = known
        try:
            streams.forgiving()
            sys.stdout.write(text)
            sys.stdout.flush()
        except OSError as error:
            sys.exit(streams.given_up(error))
        os._exit(code)

    gc.disable()  # the process ends with its answer; commands that go on for longer switch it on
    from putback.cli.main import run

    code = run(sys.argv[1:])
    streams.flush()
    os._exit(code)  # to take the project's index apart, object by object, takes a while


def earlier_answer(arguments: list[str]) -> tuple[str, int] | None:
    """What the same call printed before, and its exit code, if nothing has changed since."""
    from putback.cli.remembered import same_again

    return same_again(arguments)


def without_working_directory() -> None:
    """Import nothing from the directory that `python -m` was started in: it may be the repository to be checked."""
    here = sys.path[0] if sys.path else ""
    if here in ("", os.getcwd()) and not os.path.abspath(__file__).startswith(os.path.join(here or os.getcwd(), "")):
        del sys.path[:1]


if __name__ == "__main__":
    main()
