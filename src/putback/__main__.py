"""The program's entry: the quick answer where it can be given, else the command line."""

from __future__ import annotations

import os
import sys


def main() -> None:
    """Run `putback` with the arguments of the process and end the process with its exit code."""
    from putback.cli.quick import quick_answer

    answer = quick_answer(sys.argv[1:])
    if answer is not None:
        sys.stdout.write(answer)
        sys.exit(0)

    from putback.cli.main import run

    code = run(sys.argv[1:])
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)  # to take the project's index apart, object by object, takes a while


if __name__ == "__main__":
    main()
