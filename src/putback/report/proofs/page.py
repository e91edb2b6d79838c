"""Proofs as one page of HTML: it loads nothing, holds no script, and follows the reader's dark or light."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from itertools import zip_longest

from putback.model.finding import Finding
from putback.model.verified import Example, ProofReport, Proven
from putback.report.diff import diff_lines
from putback.report.paper import drawn, page, prose, text
from putback.report.proofs import words
from putback.report.proofs.chart import svg

_DEFINITION = re.compile(r"\s*(async\s+)?def\s")


def render(report: ProofReport) -> str:
    """The whole page."""
    body = [*_head(report), *(_article(n, each, report.bounds) for n, each in enumerate(report.proven))]
    return page("putback verify", "".join(body))


def _head(report: ProofReport) -> Iterator[str]:
    yield f'<header><h1>putback verify</h1><p class="soft">{text(words.summary(report.proven))}</p>\n'
    about = (report.project, report.state, report.date)
    yield f'<p class="soft">{text(" · ".join(filter(None, about)))}</p>\n' if any(about) else ""
    yield (
        '<p class="soft">Each function was taken out of its file and run in a sandbox, as it is and as its fixes leave '
        f"it, on stand-ins for its connections. Bounds: {text(report.bounds)}. A proof holds within these bounds."
    )
    yield f" putback {text(report.version)}.</p></header>\n" if report.version else "</p></header>\n"
    if not report.proven:
        return
    meanings = (f"<dt>{text(word)}</dt><dd>{text(meaning)}</dd>" for word, meaning in words.glossary(report))
    yield f'<dl class="soft">{"".join(meanings)}</dl>\n'
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
    place = f'<a href="#f{number}">{text(each.place)} {text(each.function)}</a>'
    rules = text(", ".join(each.codes))
    return f'<tr><td>{_badge(each)}</td><td class="name">{place}</td><td>{rules}</td>{cells}</tr>\n'


def _badge(each: Proven) -> str:
    return f'<span class="badge {words.tone(each)}">{text(each.verdict)}</span>'


def _article(number: int, each: Proven, bounds: str) -> str:
    parts = [
        f'<article id="f{number}">\n<header class="top">{_badge(each)}<h2>{text(each.function or each.path)}</h2>'
        f'<span class="soft">{text(each.place)}</span></header>\n',
        *map(_finding, each.findings),
        f'<p class="{words.tone(each)}">{text(words.meaning(each, bounds))}</p>\n<div class="columns">',
    ]
    if each.leak is not None:
        again = f"<pre>{text(words.replayed(each, each.leak.schedule))}</pre>"
        parts.append(f"<div>{_story(f'as it is: {each.leak.broken}', each.leak, each.row, each.before)}<details>")
        parts.append(f"<summary>run it again</summary>{again}</details></div>\n")
    if each.counterexample is not None:
        parts.append(f"<div>{_story('as the fix leaves it', each.counterexample, each.row, each.after)}</div>\n")
    if each.occupancy is not None and words.is_picture_worth(each):
        key = '<p class="soft"><span class="key bad">before</span> &emsp; <span class="key good">after</span></p>'
        parts.append(f"<div><h3>{text(words.pool(each.occupancy))}</h3>{svg(each.occupancy)}{key}</div>\n")
    parts.append("</div>\n")
    if each.after and each.after != each.before:
        parts.append(f"<h3>what the fix changes</h3>{_diff(each)}")
    return "".join([*parts, "</article>\n"])


def _finding(found: Finding) -> str:
    rule = f"{text(found.code)} {text(found.name)}"
    return f'<p><b>{rule}</b> <span class="soft">line {found.span.start.row}</span>: {prose(found.message)}</p>\n'


def _story(title: str, example: Example, row: int, code: str) -> str:
    """A run step by step, each with its row and what stands there; `code` is a function whose `def` is in `row`."""
    lines = code.splitlines()
    first = row - next((at for at, line in enumerate(lines) if _DEFINITION.match(line)), row)
    steps = []
    for sentence, at in zip_longest(example.story, example.rows[: len(example.story)], fillvalue=0):
        told = re.sub(r"^\d+\. ", "", str(sentence))
        source = lines[int(at) - first].strip() if at and 0 <= int(at) - first < len(lines) else ""
        place = f'<br/><span class="soft">line {at}: <code>{text(source)}</code></span>' if source else ""
        steps.append(f"<li>{text(told)}{place}</li>")
    return f"<h3>{text(title)}</h3><ol>{''.join(steps)}</ol>"


def _diff(each: Proven) -> str:
    """The rows that change, without the names of files in front."""
    return drawn(list(diff_lines(each.path, each.before, each.after, harmless=True))[3:])
