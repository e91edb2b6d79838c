"""`putback budget`: whether the database takes all connections that the pools may open."""

from __future__ import annotations

import click

from putback.source import settings

FLAGS = ("workers", "replicas", "max-connections", "reserved")


@click.command("budget")
@click.argument("paths", nargs=-1, metavar="[PATHS]...")
@click.option("--workers", type=click.IntRange(min=1), metavar="N", help="Processes of one replica.")
@click.option("--replicas", type=click.IntRange(min=1), metavar="N", help="How often the whole is deployed.")
@click.option("--max-connections", type=click.IntRange(min=1), metavar="N", help="What the database takes.")
@click.option("--reserved", type=click.IntRange(min=0), metavar="N", help="How many of those are for others.")
@click.option("--config", multiple=True, metavar="FILE|KEY=VALUE", help="A configuration file, or one setting.")
@click.option("--isolated", is_flag=True, help="Read no configuration file.")
@click.option("--output-format", type=click.Choice(["text", "json"]), default="text", show_default=True)
@click.option("--color", type=click.Choice(["auto", "always", "never"]), default="auto", show_default=True)
def command(
    paths: tuple[str, ...],
    config: tuple[str, ...],
    isolated: bool,
    output_format: str,
    color: str,
    **given: int | None,
) -> None:
    """Add up the connections that all pools of all processes may open, against what the database takes.

    The pools are found in the code; workers and replicas are read from command lines in Procfiles, Dockerfiles, compose
    files and manifests, unless [tool.putback.deployment] or an option says otherwise. Exits with 1 when they do not
    fit.
    """
    from putback.cli.terminal import colour_wanted, terminal_width
    from putback.pipeline.budget import budget
    from putback.report.budget import as_json, text

    paths = paths or (".",)
    flags = {name: number for name in FLAGS if (number := given[name.replace("-", "_")]) is not None}
    found = budget(paths, settings.load(paths, config, isolated), flags)
    if output_format == "json":
        click.echo(as_json(found), nl=False)
    else:
        colour = colour_wanted(color)
        click.echo(text(found, terminal_width() or 120, colour=colour), nl=False, color=colour)
    click.get_current_context().exit(0 if found.fits else 1)
