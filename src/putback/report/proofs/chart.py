"""The picture of a pool over the same requests, before and after, as SVG that takes its colours from the page."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape

from putback.model.occupancy import Occupancy
from putback.report.proofs import words

_WIDTH, _HEIGHT = 560, 190
_LEFT, _RIGHT, _TOP, _BOTTOM = 34, 12, 26, 34
_LABEL = 140  # the width of the longest words in the picture
_ACROSS, _DOWN = _WIDTH - _LEFT - _RIGHT, _HEIGHT - _TOP - _BOTTOM


def svg(picture: Occupancy) -> str:
    """Two stepped lines, the limit of the pool, and the time for which requests are refused."""
    before = words.taken(picture.before, picture.refused_before, picture.size)
    after = words.taken(picture.after, picture.refused_after, picture.size)
    label = escape(f"{words.pool(picture)}: before the fix {before}; after it {after}", quote=True)
    body = "".join([*_refused(picture), *_grid(picture), *_lines(picture)])
    return f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="{label}">{body}</svg>'


def _x(request: float, picture: Occupancy) -> float:
    return _LEFT + _ACROSS * request / len(picture.before)


def _y(count: float, picture: Occupancy) -> float:
    return _TOP + _DOWN * (1 - count / picture.size)


def _refused(picture: Occupancy) -> Iterator[str]:
    """The ground behind the requests that find the pool exhausted."""
    if not picture.refused_before:
        return
    start = _x(len(picture.before) - picture.refused_before, picture)
    width = _LEFT + _ACROSS - start
    yield f'<rect class="refused" x="{start:.1f}" y="{_TOP}" width="{width:.1f}" height="{_DOWN}"/>'
    text = f"{picture.refused_before} requests refused"
    x, down, anchor = (start + width / 2, 0.5, "middle") if width > _LABEL else (start - 6, 0.85, "end")
    yield f'<text class="alarm" x="{x:.1f}" y="{_TOP + _DOWN * down:.1f}" text-anchor="{anchor}">{text}</text>'


def _grid(picture: Occupancy) -> Iterator[str]:
    right, requests = _LEFT + _ACROSS, len(picture.before)
    for count in (0, picture.size // 2, picture.size):
        y = _y(count, picture)
        cls = "limit" if count == picture.size else "grid"
        yield f'<line class="{cls}" x1="{_LEFT}" x2="{right}" y1="{y:.1f}" y2="{y:.1f}"/>'
        yield f'<text class="axis" x="{_LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{count}</text>'
    yield f'<text class="axis" x="{_LEFT}" y="{_TOP - 9}">connections taken, of {picture.size}</text>'
    for request in range(0, requests + 1, 10):
        x = _x(request, picture)
        yield f'<text class="axis" x="{x:.1f}" y="{_TOP + _DOWN + 16}" text-anchor="middle">{request}</text>'
    yield f'<text class="axis" x="{right}" y="{_HEIGHT - 4}" text-anchor="end">requests</text>'


def _lines(picture: Occupancy) -> Iterator[str]:
    for cls, counts in (("before", picture.before), ("after", picture.after)):
        yield f'<path class="{cls}" d="{_steps(counts, picture)}"/>'


def _steps(counts: Sequence[int], picture: Occupancy) -> str:
    found = [f"M{_x(0, picture):.1f} {_y(0, picture):.1f}"]
    for request, count in enumerate(counts):
        found.append(f"V{_y(count, picture):.1f}H{_x(request + 1, picture):.1f}")
    return "".join(found)
