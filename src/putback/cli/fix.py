"""`putback fix`: `putback check --fix` under a name of its own."""

from __future__ import annotations

from typing import Any

import click

from putback.cli.check import execute
from putback.cli.options import CheckOptions, shared_options


@click.command("fix")
@shared_options
def command(**given: Any) -> None:
    """Mend what `putback check` finds, where that is safe.

    PATHS are files and directories; without any, the working directory; `-` prints the fixed standard input. A fix is
    kept only if the file still parses, the finding is gone and no other has come. What is only worth a hint is left
    alone (see --show-info). Exits with 0 when nothing remains, 1 when something does (with --diff: when something would
    be changed), 2 when it cannot be told or written.
    """
    execute(CheckOptions(**{**given, "paths": given["paths"] or (".",), "fix": True}))
