"""`putback config`: what can be set, what it means, and what holds here."""

from __future__ import annotations

from collections.abc import Iterator

import click

from putback.cli.schema import MEANINGS, as_text, default_of
from putback.cli.show import inline
from putback.model.config import Config
from putback.model.errors import UsageError
from putback.source import settings
from putback.source.selection import did_you_mean


@click.command("config")
@click.argument("key", required=False)
@click.option("--schema", is_flag=True, help="Print the JSON Schema of the settings.")
def command(key: str | None, schema: bool) -> None:
    """List the settings, or explain the one called KEY: what it means, its default, and what holds here."""
    if schema:
        click.echo(as_text(), nl=False)
    elif key is None:
        width = max(map(len, settings.KEYS))
        for name in settings.KEYS:
            click.echo(f"{name:<{width}}  {MEANINGS[name]}")
        click.echo("\nputback config KEY explains one, putback check --show-settings prints what holds here.")
    else:
        if key not in settings.KEYS:
            raise UsageError(f"no such setting: {key}{did_you_mean(key, settings.KEYS)}")
        click.echo("\n".join(explained(key, settings.load(["."]))))


def explained(key: str, config: Config) -> Iterator[str]:
    """The lines about one setting."""
    default = default_of(key)
    yield f"{key}: {MEANINGS[key]}"
    yield ""
    yield f"value:       {settings.KEYS[key].expected}"
    if default is not None:
        yield f"default:     {inline(default)}"
    held = getattr(config, key.replace("-", "_"), None)
    if held is not None:
        yield f"here:        {inline(held)}  ({config.file or 'no configuration file'})"
    if settings.KEYS[key].read({}) is None:  # a table is written in a file
        yield f"environment: PUTBACK_{key.upper().replace('-', '_')}"
