"""What the pages of HTML have in common: they load nothing, hold no script, and follow the reader's dark or light."""

from __future__ import annotations

import re
from collections.abc import Iterable
from html import escape

from putback.model.printable import harmless_lines
from putback.report.paint import Line

_QUOTED = re.compile(r"`([^`]+)`")
_STYLE = """
:root { color-scheme: light dark; --ground: #fbfbfa; --card: #fff; --ink: #1d2126; --soft: #5c6570; --line: #dfe2e6;
  --good: #1a7f4b; --bad: #c02f2f; --open: #946200; --goodbg: #e3f4ea; --badbg: #fbe6e4; --openbg: #fbf0d5; }
@media (prefers-color-scheme: dark) {
  :root { --ground: #15181c; --card: #1d2126; --ink: #e6e8eb; --soft: #9aa4b0; --line: #333a42;
  --good: #57c88a; --bad: #ff7b72; --open: #e3b341; --goodbg: #16301f; --badbg: #3a1d1c; --openbg: #352a10; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 76rem; padding: 2rem 1.25rem 4rem; background: var(--ground); color: var(--ink);
  font: 16px/1.5 system-ui, sans-serif; }
h1 { font-size: 1.6rem; margin: 0; } h2 { font-size: 1.1rem; margin: 0; overflow-wrap: anywhere; }
h3 { font-size: .85rem; margin: 1rem 0 .3rem; color: var(--soft); }
p { margin: .4rem 0; } .soft { color: var(--soft); } a { color: inherit; }
code, pre, ol, td.name { font-family: ui-monospace, monospace; font-size: .85rem; }
pre { overflow-x: auto; margin: .4rem 0; padding: .7rem .9rem; background: var(--ground); border: 1px solid var(--line);
  border-radius: 6px; line-height: 1.4; }
ol { margin: 0; padding-left: 1.8rem; } li { overflow-wrap: anywhere; } li:last-child { color: var(--bad); }
ul.tiles { display: flex; flex-wrap: wrap; gap: .75rem; list-style: none; padding: 0; margin: 1.25rem 0; }
ul.tiles li { border: 1px solid var(--line); background: var(--card); border-radius: 8px; padding: .5rem 1rem;
  color: inherit; }
ul.tiles b { display: block; font-size: 1.5rem; line-height: 1.2; }
.scroll { overflow-x: auto; } table { border-collapse: collapse; width: 100%; }
th { text-align: left; color: var(--soft); font-weight: 500; font-size: .85rem; }
th, td { padding: .35rem .8rem .35rem 0; border-bottom: 1px solid var(--line); }
td.number, th.number { text-align: right; font-variant-numeric: tabular-nums; }
.badge { border-radius: 99px; padding: .1rem .65rem; font-size: .85rem; font-weight: 600; white-space: nowrap; }
.good { color: var(--good); } .bad { color: var(--bad); } .open { color: var(--open); }
.badge.good { background: var(--goodbg); } .badge.bad { background: var(--badbg); }
.badge.open { background: var(--openbg); }
article { background: var(--card); border: 1px solid var(--line); border-radius: 10px; padding: 1rem 1.25rem;
  margin-top: 1.25rem; }
header.top { display: flex; gap: .75rem; align-items: baseline; flex-wrap: wrap; }
.columns { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 26rem), 1fr)); gap: 0 2rem; }
.columns > div { min-width: 0; }
svg { width: 100%; height: auto; display: block; } svg text { fill: var(--soft); font: 12px system-ui, sans-serif; }
svg text.alarm { fill: var(--bad); } svg path { fill: none; stroke-width: 2.5; }
svg path.before { stroke: var(--bad); } svg path.after { stroke: var(--good); }
svg .grid { stroke: var(--line); } svg .limit { stroke: var(--bad); stroke-dasharray: 4 4; }
svg .refused { fill: var(--badbg); opacity: .6; }
.key::before { content: ""; display: inline-block; width: 1rem; height: .2rem; margin-right: .4rem;
  vertical-align: middle; background: currentColor; }
.added { color: var(--good); } .removed { color: var(--bad); } .place, .gutter { color: var(--soft); }
.primary { color: var(--bad); } .step { color: var(--open); } .path { font-weight: 600; }
dl { font-size: .9rem; margin: .75rem 0; } dt { font-weight: 600; float: left; clear: left; margin-right: .5rem; }
dd { margin: 0 0 .25rem; }
details { margin-top: .75rem; } summary { cursor: pointer; color: var(--soft); }
"""


def page(title: str, body: str) -> str:
    """The document around a body."""
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{text(title)}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n{body}</body>\n</html>\n"
    )


def text(words: str) -> str:
    """A text that shows what it holds and does nothing."""
    return escape(harmless_lines(words))


def prose(words: str) -> str:
    """A sentence in which back ticks quote code."""
    return _QUOTED.sub(r"<code>\1</code>", text(words))


def drawn(lines: Iterable[Line]) -> str:
    """Lines of styled segments as preformatted text."""
    rows = ("".join(f'<span class="{s.style}">{text(s.text)}</span>' for s in line) for line in lines)
    return "<pre>" + "\n".join(rows) + "</pre>\n"
