"""Where the documentation stands on the web: the one setting that all links come from."""

from __future__ import annotations

ADDRESS = ""
"""The address of the site, with a slash at its end; "" as long as there is none: the pages are then those that
`putback rule` prints."""


def rule_page(name: str) -> str:
    """The address of a rule's page, "" while there is no site."""
    return f"{ADDRESS}rules/{name}/" if ADDRESS else ""


def information() -> str:
    """An address of putback itself: that of the site, or its name among the packages of Python."""
    return ADDRESS or "pkg:pypi/putback"
