"""Proofs as one page of HTML: it loads nothing, holds no script, and follows the reader's dark or light."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from html import escape

from putback.model.finding import Finding
from putback.model.printable import harmless_lines
from putback.model.verified import Example, ProofReport, Proven
from putback.report.diff import diff_lines
from putback.report.proofs import words
from putback.report.proofs.chart import svg

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
h3 { font-size: .8rem; margin: 1rem 0 .3rem; color: var(--soft); text-transform: uppercase; letter-spacing: .05em; }
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
.added { color: var(--good); } .removed { color: var(--bad); } .place { color: var(--soft); }
details { margin-top: .75rem; } summary { cursor: pointer; color: var(--soft); }
"""


def render(report: ProofReport) -> str:
    """The whole page."""
    body = "".join([*_head(report), *(_article(n, each, report.bounds) for n, each in enumerate(report.proven))])
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>putback verify</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n{body}</body>\n</html>\n"
    )


def _text(text: str) -> str:
    """A text that shows what it holds and does nothing."""
    return escape(harmless_lines(text))


def _head(report: ProofReport) -> Iterator[str]:
    yield f'<header><h1>putback verify</h1><p class="soft">{_text(words.summary(report.proven))}</p>\n'
    yield (
        '<p class="soft">Each function was taken out of its file and run in a sandbox, as it is and as its fixes leave '
        f"it, on stand-ins for its connections. Bounds: {_text(report.bounds)}. A proof holds within these bounds."
    )
    yield f" putback {_text(report.version)}.</p></header>\n" if report.version else "</p></header>\n"
    if not report.proven:
        return
    kinds = Counter((each.verdict.partition("(")[0], words.tone(each)) for each in report.proven)
    tiles = "".join(f'<li><b class="{tone}">{count}</b>{kind}</li>' for (kind, tone), count in kinds.most_common())
    yield f'<ul class="tiles">{tiles}</ul>\n'
    yield '<div class="scroll"><table>\n<tr><th>verdict</th><th>function</th><th>rules</th>'
    yield "".join(f'<th class="number">{n}</th>' for n in ("schedules", "leaked before", "after", "ms")) + "</tr>\n"
    yield from (_row(number, each) for number, each in enumerate(report.proven))
    yield "</table></div>\n"


def _row(number: int, each: Proven) -> str:
    counts = (each.schedules, each.leaked_before, each.leaked_after if each.after else None, round(each.seconds * 1e3))
    cells = "".join(f'<td class="number">{"–" if c is None else f"{c:,}"}</td>' for c in counts)
    place = f'<a href="#f{number}">{_text(each.path)}:{each.row} {_text(each.function)}</a>'
    rules = _text(", ".join(each.codes))
    return f'<tr><td>{_badge(each)}</td><td class="name">{place}</td><td>{rules}</td>{cells}</tr>\n'


def _badge(each: Proven) -> str:
    return f'<span class="badge {words.tone(each)}">{_text(each.verdict)}</span>'


def _article(number: int, each: Proven, bounds: str) -> str:
    parts = [
        f'<article id="f{number}">\n<header class="top">{_badge(each)}<h2>{_text(each.function or each.path)}</h2>'
        f'<span class="soft">{_text(each.path)}:{each.row}</span></header>\n',
        *map(_finding, each.findings),
        f'<p class="{words.tone(each)}">{_text(words.meaning(each, bounds))}</p>\n<div class="columns">',
    ]
    if each.leak is not None:
        again = f"<pre>{_text(words.replayed(each, each.leak.schedule))}</pre>"
        parts.append(f"<div>{_story(f'as it is: {each.leak.broken}', each.leak)}<details>")
        parts.append(f"<summary>run it again</summary>{again}</details></div>\n")
    if each.counterexample is not None:
        parts.append(f"<div>{_story('as the fix leaves it', each.counterexample)}</div>\n")
    if each.occupancy is not None and words.is_picture_worth(each):
        key = '<p class="soft"><span class="key bad">before</span> &emsp; <span class="key good">after</span></p>'
        parts.append(f"<div><h3>{_text(words.pool(each.occupancy))}</h3>{svg(each.occupancy)}{key}</div>\n")
    parts.append("</div>\n")
    if each.after and each.after != each.before:
        parts.append(f"<details><summary>what the fix changes</summary><pre>{_diff(each)}</pre></details>\n")
    return "".join([*parts, "</article>\n"])


def _finding(found: Finding) -> str:
    rule = f"{_text(found.code)} {_text(found.name)}"
    return f'<p><b>{rule}</b> <span class="soft">line {found.span.start.row}</span>: {_text(found.message)}</p>\n'


def _story(title: str, example: Example) -> str:
    sentences = (sentence.partition(". ")[2] if sentence[:1].isdigit() else sentence for sentence in example.story)
    steps = "".join(f"<li>{_text(sentence)}</li>" for sentence in sentences)
    return f"<h3>{_text(title)}</h3><ol>{steps}</ol>"


def _diff(each: Proven) -> str:
    """The rows that change, without the names of files in front."""
    rows = list(diff_lines(each.path, each.before, each.after, harmless=True))[3:]
    return "".join(f'<span class="{row[0].style}">{escape(row[0].text)}</span>\n' for row in rows)
