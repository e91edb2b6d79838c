"""`putback server`: the language server, for editors."""

from __future__ import annotations

import gc

import click

from putback.model.errors import UsageError


@click.command("server")
def command() -> None:
    """Serve an editor over standard input and output, by the language server protocol.

    Shows what `putback check` finds while you type, with its fixes. Needs the extra: pip install "putback[server]".
    """
    try:
        from putback.server.app import server
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in ("pygls", "lsprotocol"):
            raise
        raise UsageError('the language server needs pygls: pip install "putback[server]"') from None
    from putback.cli.version import version

    gc.enable()
    server(version()).start_io()
