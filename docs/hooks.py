"""The pages that are made when the site is built: rules, error texts, and what stands elsewhere in the repository."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

from putback.cli.cards import cards
from putback.cli.rule import page
from putback.model.report import RuleCard
from putback.model.site import ADDRESS
from putback.rules import ALL

DOCS = Path(__file__).parent
ROOT = DOCS.parent
ELSEWHERE = {
    "exhausted.md": DOCS / "exhausted.md",
    "development.md": DOCS / "development.md",
    "guides/pool.md": ROOT / "src" / "putback" / "pool" / "README.md",
}
NAMED = re.compile(r"^(```\w+) .+$", re.MULTILINE)
LINK = re.compile(r"\[([^\]]+)\]\((?!https?:|#)([^)]+)\)")


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """The address of the site is the one setting of the package."""
    config.site_url = ADDRESS or None
    config.use_directory_urls = bool(ADDRESS)  # the pages are to be read from a disk as well
    rules = ["rules/index.md", *(f"rules/{each.name}.md" for each in cards())]
    config.nav = [{"Rules": rules} if "Rules" in each else each for each in config.nav or []]
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages that are written nowhere."""
    made = {name: adopted(path.read_text(encoding="utf-8")) for name, path in ELSEWHERE.items()}
    errors = tomllib.loads((DOCS / "errors.toml").read_text(encoding="utf-8"))["error"]
    rules = cards()
    made["errors.md"] = error_page(errors, rules)
    made["rules/index.md"] = index(rules)
    made |= {f"rules/{each.name}.md": rule_page(each, errors) for each in rules}
    for name, content in made.items():
        files.append(File.generated(config, name, content=content))
    return files


def adopted(text: str) -> str:
    """A page of the repository, without the links that lead into it and the names by which tests know its snippets."""
    return NAMED.sub(r"\1", LINK.sub(r"\1 (`\2`)", text))


def index(rules: list[RuleCard]) -> str:
    """All rules."""
    severity = {rule.code: rule.severity.value + (", opt-in" if rule.opt_in else "") for rule in ALL}
    rows = [f"| {r.code} | [{r.name}]({r.name}.md) | {r.category} | {severity[r.code]} | {r.summary} |" for r in rules]
    head = ["| code | name | category | severity | finds |", "|---|---|---|---|---|"]
    text = "`putback rule NAME` prints the same pages. Codes, prefixes (`PB1`) and names work wherever a rule is named."
    text += " One that is opt-in runs only where it is selected."
    return "\n".join(["# Rules", "", text, "", *head, *rows, ""])


def rule_page(rule: RuleCard, errors: list[dict[str, Any]]) -> str:
    """What `putback rule` prints, and the error texts that lead here."""
    return "\n".join([page(rule), *searched_for(rule, errors)]) + "\n"


def searched_for(rule: RuleCard, errors: list[dict[str, Any]]) -> Iterator[str]:
    """The section with the texts of a rule; nothing without any."""
    texts = [each for each in errors if rule.code in each["rules"]]
    if texts:
        yield "## What the log says\n\nThis is one of the causes of:\n\n```text"
        yield from (each["text"] for each in texts)
        yield "```\n\n[All error texts](../errors.md)"


def error_page(errors: list[dict[str, Any]], rules: list[RuleCard]) -> str:
    """Each text with the rules that find its causes."""
    known = {each.code: each for each in rules}
    parts = ["# Error texts\n\nWhat a log says when connections were not given back, and which rules find the place.\n"]
    for each in errors:
        parts.append(f"## {each['text']}\n\nSaid by {each['whose']}. Found by:\n")
        parts += [f"- [{c} {known[c].name}](rules/{known[c].name}.md): {known[c].summary}" for c in each["rules"]]
        parts.append("\nRunning out right now? [Ten minutes from the error to the line](exhausted.md).\n")
    return "\n".join(parts)
