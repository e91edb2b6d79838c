"""Lines of styled segments to text: plain, or with terminal colours from rich."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

STYLES = {
    "": "",
    "path": "bold",
    "error": "bold red",
    "warning": "bold yellow",
    "info": "bold cyan",
    "name": "bold",
    "gutter": "blue",
    "source": "",
    "primary": "bold red",
    "step": "yellow",
    "help": "bold green",
    "note": "bold cyan",
    "good": "green",
    "added": "green",
    "removed": "red",
    "place": "cyan",
}


class Segment(NamedTuple):
    """A piece of a line: its text, a style of `STYLES`, and where it links to."""

    text: str
    style: str = ""
    link: str = ""


Line = list[Segment]


def plain(lines: Iterable[Line]) -> str:
    """The text alone."""
    return "".join("".join(segment.text for segment in line) + "\n" for line in lines)


def coloured(lines: Iterable[Line], links: bool) -> str:
    """The same text with terminal colours and, if wanted, links; nothing in the text is read as markup."""
    from io import StringIO

    from rich.console import Console
    from rich.style import Style
    from rich.text import Text

    out = StringIO()
    console = Console(file=out, force_terminal=True, color_system="standard", no_color=False, soft_wrap=True)
    for line in lines:
        text = Text(end="")
        for segment in line:
            style = Style.parse(STYLES[segment.style])
            text.append(segment.text, style + Style(link=segment.link) if links and segment.link else style)
        console.print(text, markup=False, highlight=False, soft_wrap=True)
    return out.getvalue()
