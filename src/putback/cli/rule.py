"""`putback rule`: the page of a rule, the same text as in the documentation."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import click

from putback.cli.cards import card, cards
from putback.model.errors import UsageError
from putback.model.report import RuleCard


@click.command("rule")
@click.argument("rules", nargs=-1, metavar="[NAME|CODE]...")
@click.option("--all", "every", is_flag=True, help="Explain every rule.")
@click.option("--output-format", type=click.Choice(["text", "json"]), default="text", show_default=True)
def command(rules: tuple[str, ...], every: bool, output_format: str) -> None:
    """Explain what a rule finds, why it matters and how to mend it; without a name, list the rules."""
    if every and rules:
        raise UsageError("name a rule (putback rule PB101) or ask for all of them (putback rule --all)")
    chosen = [card(each) for each in rules] or cards()
    if output_format == "json":
        click.echo(as_json(chosen), nl=False)
    elif not every and not rules:
        click.echo("\n".join(listed(chosen)))
    else:
        show("\n\n".join(page(each) for each in chosen))


def listed(rules: Sequence[RuleCard]) -> Iterator[str]:
    """A line for each rule, then how to learn more."""
    width = max(len(each.name) for each in rules)
    for each in rules:
        yield f"{each.code}  {each.name:<{width}}  {each.severity.value:<7}  {each.summary}"
    yield "\nputback rule PB101 explains one, putback rule --all every one."


def page(rule: RuleCard) -> str:
    """The rule's page in Markdown, code and name as its title."""
    facts = f"Category: {rule.category}. Default severity: {rule.severity.value}."
    read = f"\n\n{rule.read}" if rule.read else ""
    return f"# {rule.name} ({rule.code})\n\n{facts}{read}\n\n{rule.page}\n"


def show(markdown: str) -> None:
    """Print a page: laid out on a terminal, as it is elsewhere."""
    from putback.cli.terminal import colour_wanted

    if colour_wanted("auto"):
        from rich.console import Console
        from rich.markdown import Markdown

        Console().print(Markdown(markdown))
    else:
        click.echo(markdown, nl=False)


def as_json(rules: Sequence[RuleCard]) -> str:
    """The rules as a JSON array."""
    import json

    return json.dumps([as_dict(each) for each in rules], indent=2) + "\n"


def as_dict(rule: RuleCard) -> dict[str, str]:
    """One rule in the documented keys."""
    return {
        "code": rule.code,
        "name": rule.name,
        "category": rule.category,
        "severity": rule.severity.value,
        "summary": rule.summary,
        "explanation": rule.page,
        "url": rule.url,
    }
