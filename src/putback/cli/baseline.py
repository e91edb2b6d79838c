"""`putback baseline`: take note of what is found today, so that from now on only what is new is reported."""

from __future__ import annotations

import os

import click

from putback.cli.narrowed import baseline_file
from putback.cli.output import sources, warn
from putback.cli.terminal import Progress
from putback.model.errors import UsageError
from putback.model.finding import Severity
from putback.report.counts import number
from putback.source import baseline, settings


@click.command("baseline")
@click.argument("paths", nargs=-1, metavar="[PATHS]...")
@click.option("--accept-new", is_flag=True, help="Also take what is found and not listed yet.")
@click.option("--prune", is_flag=True, help="Only take out what is gone.")
@click.option("--baseline", "given", metavar="FILE", help=f"The file [{baseline.PLACE} beside the configuration].")
@click.option("--config", multiple=True, metavar="FILE|KEY=VALUE", help="A configuration file, or one setting.")
def command(paths: tuple[str, ...], accept_new: bool, prune: bool, given: str | None, config: tuple[str, ...]) -> None:
    """Make or renew the baseline: what `putback check` is to be silent about.

    It holds no line numbers and survives edits elsewhere and a renamed file. What is gone is taken out; what is new is
    taken in only with --accept-new, or where there is no baseline yet. PATHS should be those that are checked.
    """
    from putback.pipeline.check import check

    where = paths or (".",)
    configured = settings.load(where, config)
    root = configured.root or os.getcwd()
    path = baseline_file(configured, given)
    known = baseline.read(path)
    if known is None and prune:
        raise UsageError(f"there is no baseline to prune: {os.path.relpath(path)}")
    progress = Progress()
    try:
        result = check(where, configured, progress=progress)
    finally:
        progress.clear()
    for error in result.errors:
        warn(error)
    entries = baseline.identified(result.findings, root, sources(None))
    found = baseline.compared(entries, known or (), root)
    new = [entries[each] for each in found.new]
    serious = [each for each in found.new if each.severity is not Severity.INFO]
    if prune or (known is not None and not accept_new):
        new = []
    kept = (*found.entries, *new)
    baseline.written(path, kept)
    click.echo(f"{os.path.relpath(path)}: {number(len(kept), 'problem')}, {len(new)} new, {len(found.gone)} gone.")
    if serious and not new and not prune:
        click.echo(
            f"{number(len(serious), 'problem')} not in it: putback check shows them, --accept-new takes them in."
        )
        click.get_current_context().exit(1)
    click.get_current_context().exit(2 if result.internal_error else 0)
