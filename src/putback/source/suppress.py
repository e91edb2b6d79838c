"""Comments that hide findings: `# putback: ignore[PB102] why`, `disable`/`enable`, `ignore-file`, `# noqa: PB102`.

What says `putback:` and means none of these is kept as well, so that it can be told.
"""

from __future__ import annotations

import re
import tokenize
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from enum import Enum

from putback.source.selection import strength
from putback.source.text import split_lines

MARKERS = ("putback:", "noqa")
OURS = re.compile(
    r"#\s*putback:\s*(?P<verb>ignore-file|ignore|disable-next-line|disable|enable)(?![-\w])\s*"
    r"(?:\[(?P<rules>[^\]]*)\])?(?P<reason>[^#]*)",
    re.IGNORECASE,
)
BARE = re.compile(r"\s*:?\s*(?P<rules>PB[0-9]+\b(?:[\s,]+PB[0-9]+\b)*)", re.IGNORECASE)
"""What stands behind a verb without brackets and names rules: forgotten brackets, and no reason."""
OTHER = re.compile(r"#\s*putback:\s*(?P<word>[a-z][-\w]*)(?P<bracket>\s*\[[^\]]*\])?", re.IGNORECASE)
NOQA = re.compile(
    r"#\s*noqa(?![-\w])(?P<colon>\s*:)?(?P<rules>(?:[\s,]*(?:[a-z]+[0-9]+|[a-z]+(?:-[a-z]+)+)\b)*)(?P<reason>[^#]*)",
    re.IGNORECASE,
)
TO_THE_END = 1 << 30
LAYOUT = frozenset((tokenize.NL, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER))


class Verb(Enum):
    """What a suppression comment does."""

    IGNORE = "ignore"
    IGNORE_FILE = "ignore-file"
    DISABLE = "disable"
    DISABLE_NEXT_LINE = "disable-next-line"
    ENABLE = "enable"
    NOQA = "noqa"
    UNKNOWN = ""
    BARE = "without brackets"


@dataclass(frozen=True, slots=True)
class Suppression:
    """One comment. `rules` are its selectors (none: every rule); it acts on rows `first` to `last`.

    It stands in `row` from `column` to `end`; of an unknown verb, and of one whose rules stand without brackets, the
    `reason` is the word. Neither hides anything.
    """

    verb: Verb
    row: int
    column: int
    rules: tuple[str, ...]
    reason: str
    first: int
    last: int
    end: int = 0

    def names(self, code: str, name: str) -> bool:
        """Whether the comment is about this rule."""
        return not self.rules or any(strength(each, code, name) for each in self.rules)


@dataclass(frozen=True, slots=True)
class Suppressions:
    """The suppression comments of one file."""

    comments: tuple[Suppression, ...] = ()

    @staticmethod
    def parse(text: str) -> Suppressions:
        """Read the comments of `text`; strings are left alone. Never fails: broken code is read by rows."""
        small = text.lower()
        if not any(marker in small for marker in MARKERS) or not _may_be_ours(text):
            return NONE
        found = [each for comment in comments_in(split_lines(text)) for each in read(comment)]
        return Suppressions(tuple(ended(found)))

    def by(self, code: str, name: str, row: int, end_row: int) -> Suppression | None:
        """The comment that hides a finding of this rule on these rows, if any."""
        return next(self.all_by(code, name, row, end_row), None)

    def all_by(self, code: str, name: str, row: int, end_row: int) -> Iterator[Suppression]:
        """The comments that hide a finding of this rule on these rows."""
        for each in self.comments:
            if each.first <= end_row and row <= each.last and each.names(code, name):
                yield each

    def hides(self, code: str, name: str, row: int, end_row: int) -> bool:
        """Whether a comment hides a finding of this rule that spans `row` to `end_row`."""
        return self.by(code, name, row, end_row) is not None


NONE = Suppressions()


def _may_be_ours(text: str) -> bool:
    """Whether a text has something that may be a comment for us, and not only what others are told not to say."""
    others = (match["rules"].strip(" ,") for match in NOQA.finditer(text))
    return OTHER.search(text) is not None or any(not r or "PB" in r.upper() or "-" in r for r in others)


@dataclass(frozen=True, slots=True)
class Comment:
    """One comment and the rows it speaks for: its statement, its row, or what follows when it stands `alone`."""

    text: str
    row: int
    column: int
    alone: bool
    first: int
    last: int


def comments_in(rows: Sequence[str]) -> Iterator[Comment]:
    """The comments of a file. Where it cannot be tokenized, each `#` behind the last good row begins one."""
    reader = CommentReader()
    try:
        for token in tokenize.generate_tokens(iter([row + "\n" for row in rows]).__next__):
            yield from reader.take(token)
    except (tokenize.TokenError, SyntaxError):
        yield from reader.rest()
        for row in range(reader.row + 1, len(rows) + 1):
            text = rows[row - 1]
            if "#" in text:
                column = text.index("#")
                yield Comment(text[column:], row, column + 1, not text[:column].strip(), row, row + 1)
    else:
        yield from reader.rest()


class CommentReader:
    """Follows tokens and hands out each comment once the statement it belongs to has ended."""

    def __init__(self) -> None:
        self.row = 0  # the last row that a token was seen on
        self.begin = 0  # the first row of the current statement, 0 between statements
        self.code_row = 0  # the last row with code on it
        self.waiting: list[Comment] = []

    def take(self, token: tokenize.TokenInfo) -> Iterator[Comment]:
        """Take the next token; the comments that are complete with it."""
        row, column = token.start
        self.row = token.end[0]
        if token.type == tokenize.COMMENT:
            alone = self.code_row != row
            self.waiting.append(Comment(token.string, row, column + 1, alone, row, row))
        elif token.type == tokenize.NEWLINE:
            yield from (placed(each, self.begin, row) for each in self.waiting)
            self.waiting, self.begin = [], 0
        elif token.type not in LAYOUT:
            self.begin = self.begin or row
            self.code_row = token.end[0]

    def rest(self) -> Iterator[Comment]:
        """The comments behind the last complete statement."""
        yield from (replace(each, last=each.row + each.alone) for each in self.waiting)


def placed(comment: Comment, begin: int, end: int) -> Comment:
    """`comment` with the rows it speaks for, given the statement that it stands in or before."""
    if comment.alone and comment.row >= begin:
        return replace(comment, last=comment.row + 1)
    if comment.row < begin or comment.row in (begin, end):
        return replace(comment, first=begin, last=end)
    return comment


def read(comment: Comment) -> Iterator[Suppression]:
    """What the comment says to us: nothing, or one suppression a selector for `disable` and `enable`."""
    for match in OURS.finditer(comment.text):
        if match["rules"] is None and (bare := BARE.match(match["reason"])):
            column, end = comment.column + match.start("verb"), comment.column + match.start("reason") + bare.end()
            yield _idle(Verb.BARE, comment.row, column, end, match["verb"].lower(), tuple(_selectors(bare["rules"])))
            continue
        verb = Verb(match["verb"].lower())
        rules = tuple(_selectors(match["rules"])) if match["rules"] else ()
        reason = match["reason"].strip(" \t:-")
        column, end = comment.column + match.start(), comment.column + len(match[0].rstrip()) + match.start()
        whole = Suppression(
            verb=verb,
            row=comment.row,
            column=column,
            rules=rules,
            reason=reason,
            first=comment.first,
            last=comment.last,
            end=end,
        )
        if verb is Verb.IGNORE:
            yield whole
        elif verb is Verb.DISABLE_NEXT_LINE:
            yield replace(whole, first=comment.row + 1, last=comment.row + 1)
        elif verb is Verb.IGNORE_FILE:
            yield replace(whole, first=1, last=TO_THE_END)
        else:
            for one in rules or ("",):
                yield replace(whole, rules=(one,) if one else (), first=comment.row, last=TO_THE_END)
    for match in OTHER.finditer(comment.text):
        if not OURS.match(comment.text, match.start()):
            rules = ("",) if match["bracket"] else ()
            column, end = comment.column + match.start("word"), comment.column + match.end("word")
            yield _idle(Verb.UNKNOWN, comment.row, column, end, match["word"], rules)
    for match in NOQA.finditer(comment.text):
        named = tuple(match["rules"].replace(",", " ").split()) if match["colon"] else ()
        if (named or not match["colon"]) and not comment.alone:
            reason = match["reason"].strip(" \t:-")
            column = comment.column + match.start()
            yield Suppression(Verb.NOQA, comment.row, column, named, reason, comment.first, comment.last)


def _selectors(text: str) -> list[str]:
    return re.split(r"[\s,]+", text.strip(" ,"))


def _idle(verb: Verb, row: int, column: int, end: int, word: str, rules: tuple[str, ...]) -> Suppression:
    """A comment that hides nothing."""
    return Suppression(verb=verb, row=row, column=column, rules=rules, reason=word, first=TO_THE_END, last=0, end=end)


def ended(found: Sequence[Suppression]) -> Iterator[Suppression]:
    """`found` with each `disable` ending at the `enable` that takes it back."""
    ends = [each for each in found if each.verb is Verb.ENABLE]
    for each in found:
        if each.verb is Verb.DISABLE:
            rows = [end.row for end in ends if end.row > each.row and end.rules in ((), each.rules)]
            yield replace(each, last=min(rows, default=TO_THE_END))
        elif each.verb is not Verb.ENABLE:
            yield each
