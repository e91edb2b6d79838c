"""`putback completion`: what a shell needs to complete commands, options and their values."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class


@click.command("completion")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def command(shell: str) -> None:
    """Print the completion script for SHELL.

    For bash it belongs into ~/.local/share/bash-completion/completions/putback, for zsh into a file called _putback in
    a folder of $fpath, for fish into ~/.config/fish/completions/putback.fish.
    """
    kind = get_completion_class(shell)
    assert kind is not None, "one of those that click knows"
    click.echo(kind(click.get_current_context().find_root().command, {}, "putback", "_PUTBACK_COMPLETE").source())
