"""What is to be said of the comments that hide findings: those that hide nothing, mean nothing, or give no reason."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from putback.model.finding import Confidence, Finding
from putback.model.fix import Applicability, Edit, Fix
from putback.model.span import Position, Span
from putback.rules import ALL
from putback.source.discover import shown
from putback.source.selection import codes_of, near
from putback.source.suppress import Suppression, Suppressions, Verb

VERBS = ("ignore", "ignore-file", "disable-next-line", "disable", "enable")
IDLE = (Verb.UNKNOWN, Verb.BARE)
"""What is meant for putback and hides nothing."""
REMARKS = frozenset(("PB002", "PB003", "PB004"))
UNCHECKED = frozenset(("PB001", "PB009"))
"""What says that something was not checked, which a `noqa` meant for other tools does not know."""
_RULE = {rule.code: rule for rule in ALL}
_NAMES = [word for rule in ALL for word in (rule.code, rule.name)]


@dataclass(slots=True)
class Comments:
    """The comments of one file, with the selectors of each that have hidden something."""

    path: str
    rows: Sequence[str]
    parsed: Suppressions
    used: set[tuple[int, int, str]] = field(default_factory=set)

    def hides(self, finding: Finding) -> bool:
        """Whether a comment hides `finding`, which counts as its use.

        Of a remark only one that names it; of what was not checked every one but a `noqa` without a rule.
        """
        found = list(self.parsed.all_by(finding.code, finding.name, finding.span.start.row, finding.span.end.row))
        if finding.code in REMARKS:
            found = [each for each in found if each.rules]
        if finding.code in UNCHECKED:
            found = [each for each in found if each.rules or each.verb is not Verb.NOQA]
        for each in found:
            named = [rule for rule in each.rules if codes_of([_RULE[finding.code]], [rule])]
            self.used.update((each.row, each.column, rule) for rule in named or [""])
        return bool(found)

    def remarks(self, codes: Collection[str]) -> Iterator[Finding]:
        """What the rules `codes`, the only ones that ran, say of the comments."""
        found = [*self._unused(codes), *self._unknown(), *self._without_reason()]
        return (each for each in found if each.code in codes)

    def _ours(self) -> Iterator[tuple[Suppression, list[str]]]:
        """The comments that are written for putback, with their selectors."""
        grouped: dict[tuple[int, int], tuple[Suppression, list[str]]] = {}
        for each in self.parsed.comments:
            if each.verb is not Verb.NOQA and each.verb not in IDLE:
                grouped.setdefault((each.row, each.column), (each, []))[1].extend(each.rules)
        yield from grouped.values()

    def _unused(self, codes: Collection[str]) -> Iterator[Finding]:
        for each, selectors in self._ours():
            judged = selectors or [""]
            ran = [rule for rule in judged if not rule or (codes_of(ALL, [rule]) - REMARKS) & set(codes)]
            unused = [rule for rule in ran if (each.row, each.column, rule) not in self.used]
            if unused:
                kept = [rule for rule in judged if rule not in unused]
                what = f"[{', '.join(filter(None, unused))}]" if unused != [""] else ""
                message = f"`{each.verb.value}{what}` hides nothing: no such finding is there"
                help = f"keep {', '.join(kept)}" if kept else "remove it"
                yield self._remark("PB002", each, message, help, self._lessened(each, kept))

    def _lessened(self, comment: Suppression, kept: Sequence[str]) -> Fix:
        """What leaves of a comment only the selectors `kept`: without any, nothing, and no empty row."""
        row = self.rows[comment.row - 1]
        before, behind = row[: comment.column - 1], row[comment.end - 1 :]
        if kept:
            text = row[comment.column - 1 : comment.end - 1]
            less = re.sub(r"\[[^\]]*\]", lambda found: f"[{', '.join(kept)}]", text, count=1)
            edit = Edit(_span(comment.row, comment.column, comment.end), less)
            return Fix(Applicability.SAFE, "keep what hides something", (edit,))
        span = _span(comment.row, len(before.rstrip()) + 1 if before.strip() else comment.column, comment.end)
        if not before.strip() and not behind.strip() and comment.row < len(self.rows):
            span = Span(Position(comment.row, 1), Position(comment.row + 1, 1))
        return Fix(Applicability.SAFE, "remove the comment", (Edit(span, ""),))

    def _unknown(self) -> Iterator[Finding]:
        for each in self.parsed.comments:
            meant = near(each.reason, VERBS) if each.verb is Verb.UNKNOWN else []
            if meant or (each.verb is Verb.UNKNOWN and each.rules):
                hint = f"; did you mean {' or '.join(meant)}?" if meant else f"; there are {', '.join(VERBS)}"
                fix = self._guess(each, each.column, each.end, meant)
                yield self._remark("PB003", each, f"`putback: {each.reason}` means nothing{hint}", "", fix)
            if each.verb is Verb.BARE:
                yield self._bracketless(each)
        for each, selectors in self._ours():
            for rule in selectors:
                if rule != "ALL" and not codes_of(ALL, [rule]):
                    meant = near(rule, _NAMES)
                    hint = f"; did you mean {' or '.join(meant)}?" if meant else ""
                    begin = self.rows[each.row - 1].find(rule, each.column - 1) + 1
                    fix = self._guess(each, begin, begin + len(rule), meant)
                    yield self._remark("PB003", each, f"there is no rule `{rule}`{hint}", "", fix)

    def _bracketless(self, comment: Suppression) -> Finding:
        """Rules that are named without brackets: they would be taken for the reason."""
        meant = f"{comment.reason}[{', '.join(rule.upper() for rule in comment.rules)}]"
        said = f"{comment.reason} {' '.join(comment.rules)}"
        fix = Fix(Applicability.SAFE, f"say {meant}", (Edit(_span(comment.row, comment.column, comment.end), meant),))
        return self._remark("PB003", comment, f"`{said}` hides nothing without brackets", f"say {meant}", fix)

    @staticmethod
    def _guess(comment: Suppression, begin: int, end: int, meant: Sequence[str]) -> Fix | None:
        if len(meant) != 1:
            return None
        return Fix(Applicability.UNSAFE, f"say {meant[0]}", (Edit(_span(comment.row, begin, end), meant[0]),))

    def _without_reason(self) -> Iterator[Finding]:
        for each, _ in self._ours():
            if not each.reason:
                yield self._remark("PB004", each, f"`{each.verb.value}` gives no reason", "say why behind it", None)

    def _remark(self, code: str, comment: Suppression, message: str, help: str, fix: Fix | None) -> Finding:
        rule = _RULE[code]
        span = _span(comment.row, comment.column, comment.end)
        return Finding(
            *(code, rule.name, message, rule.severity, Confidence.HIGH, shown(self.path), self.path, span),
            help=help,
            fix=fix,
            url=rule.url,
        )


def comments_of(path: str, rows: Sequence[str]) -> Comments:
    """The comments in the rows of a file."""
    return Comments(path, rows, Suppressions.parse("\n".join(rows)))


def in_order(comments: Iterable[Comments], codes: Collection[str]) -> Iterator[Finding]:
    """The remarks on the comments of some files."""
    for each in comments:
        yield from each.remarks(codes)


def _span(row: int, column: int, end: int) -> Span:
    return Span(Position(row, column), Position(row, end))
