"""`putback version`."""

from __future__ import annotations

import click


def version() -> str:
    """The installed version; "unknown" in a checkout that was never installed."""
    from importlib import metadata

    try:
        return metadata.version("putback")
    except metadata.PackageNotFoundError:
        return "unknown"


@click.command("version")
def command() -> None:
    """Print the version."""
    click.echo(f"putback {version()}")
