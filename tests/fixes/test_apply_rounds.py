"""Rounds: what holds is kept, what does not is taken back alone and with its reason.

The findings come from a checker for a toy language: each row `leak_...()` is a finding, and its name says what its fix
makes of it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

import pytest

from putback.fixes.rounds import Rounds
from putback.model.finding import Confidence, Finding, Severity
from putback.model.fingerprint import expression_at, fingerprinted
from putback.model.fix import Applicability, Edit, Fix
from putback.model.fixing import Answer, Proposal
from putback.model.span import Position, Span
from putback.rules import MENDINGS

FIXES = {
    "leak_good()": "ok()",
    "leak_unsafe()": "ok()",
    "leak_stays()": "leak_stays( )",
    "leak_more()": "ok(); leak_other()",
    "leak_twice()": "leak_good(); leak_good()",
    "leak_broken()": "ok(",
    "leak_async()": "await ok()",
    "leak_chain()": "leak_good()",
    "leak_outside()": None,
    "leak_idle()": "leak_idle()",
}
CALL = re.compile(r"leak_\w+\( ?\)")


class Toy:
    """The checker, and how often it was asked for which files."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, ...]] = []

    def look(self, texts: Mapping[str, bytes], changed: Mapping[str, bytes]) -> dict[str, tuple[Finding, ...]]:
        """The findings in some files."""
        self.asked.append(tuple(sorted(texts)))
        return {path: findings(path, data.decode()) for path, data in texts.items()}


def findings(path: str, text: str) -> tuple[Finding, ...]:
    """What the toy finds in a text. The function of a row is the last `def` above it."""
    found, function, rows = [], "", text.splitlines()
    for number, row in enumerate(rows, 1):
        if row.startswith("def "):
            function = row[4:].partition("(")[0]
        for call in CALL.finditer(row):
            place = Span(Position(number, call.start() + 1), Position(number, call.end() + 1))
            name = call[0].replace(" ", "")
            found.append(
                Finding(
                    *("PB301", "toy", "", Severity.ERROR, Confidence.HIGH, path[1:], path, place, function),
                    fix=fix(name, place),
                )
            )
    return fingerprinted(found, lambda finding: expression_at(rows, finding.span))


def fix(name: str, place: Span) -> Fix | None:
    """What the toy proposes for a call."""
    if name not in FIXES:
        return None
    content = FIXES[name]
    if content is None:
        place, content = Span(Position(999, 1), Position(999, 1)), "x"
    safety = Applicability.UNSAFE if "unsafe" in name else Applicability.SAFE
    return Fix(safety, "Mend it", (Edit(place, content),))


def functions(*calls: str) -> str:
    """One function for each call."""
    return "".join(f"def f{number}():\n    {call}\n" for number, call in enumerate(calls))


def mended(**files: str) -> Rounds:
    """The outcome for some files."""
    return rounds(Toy(), None, **files)


def rounds(toy: Toy, approve: Callable[[Proposal], Answer] | None, **files: str) -> Rounds:
    """The outcome for some files, by a given checker, with somebody to ask."""
    texts = {f"/{name}": text.encode() for name, text in files.items()}
    run = Rounds(
        texts,
        toy.look(texts, {}),
        texts.__getitem__,
        toy.look,
        lambda finding: "unsafe" not in str(finding.fix),
        MENDINGS,
        approve,
    )
    run.run()
    return run


def now(run: Rounds) -> dict[str, str]:
    """The new contents of the changed files."""
    return {change.shown: change.after.decode() for change in run.changes()}


def reasons(run: Rounds) -> list[str]:
    """Why fixes were taken back."""
    return [each.reason for each in run.declined()]


def test_what_holds_is_applied() -> None:
    run = mended(a=functions("leak_good()", "x()", "leak_good()"), b="pass\n")
    assert now(run) == {"a": functions("ok()", "x()", "ok()")}
    assert [each.finding.span.start.row for each in run.applied] == [2, 6]
    assert (reasons(run), run.findings) == ([], {"/a": (), "/b": ()})


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        ("leak_stays()", "the finding would still be there"),
        ("leak_idle()", "the finding would still be there"),
        ("leak_more()", "it would bring PB301 toy in line"),
        ("leak_twice()", "it would bring PB301 toy in line"),
        ("leak_broken()", "the file would not parse any more: '(' was never closed in line"),
        ("leak_async()", "the file would not parse any more: 'await' outside async function in line"),
        ("leak_outside()", "the edits do not fit the file"),
    ],
)
def test_what_does_not_hold_is_taken_back_alone(bad: str, reason: str) -> None:
    calls = ["leak_good()"] * 9
    calls[4] = bad
    run = mended(a=functions(*calls), b=functions("leak_good()", bad), c=functions(bad))
    assert now(run) == {
        "a": functions(*(call.replace("leak_good", "ok") for call in calls)),
        "b": functions("ok()", bad),
    }
    assert len(reasons(run)) == 3
    assert all(each.startswith(reason) for each in reasons(run))
    assert len(run.applied) == 9
    assert sum(map(len, run.findings.values())) == 3


def test_only_what_changes_is_looked_at_again() -> None:
    toy = Toy()
    rounds(toy, None, a=functions("leak_good()", "leak_good()"), b=functions("leak_good()"))
    assert toy.asked == [("/a", "/b"), ("/a", "/b")]


def test_what_a_fix_leaves_behind_is_fixed_in_the_next_round() -> None:
    run = mended(a="def f():\n    leak_good(); leak_good()\n    leak_good()\n")
    assert now(run) == {"a": "def f():\n    ok(); ok()\n    ok()\n"}
    assert sorted((each.finding.span.start.row, each.finding.span.start.column) for each in run.applied) == [
        (2, 5),
        (2, 18),
        (3, 5),
    ]


def test_a_fix_that_brings_another_finding_is_no_step_on_the_way() -> None:
    run = mended(a=functions("leak_chain()"))
    assert now(run) == {}
    assert reasons(run) == ["it would bring PB301 toy in line 2 of a"]


def test_what_is_not_wanted_is_left_alone() -> None:
    run = mended(a=functions("leak_other()", "leak_good()"))
    assert now(run) == {"a": functions("leak_other()", "ok()")}
    assert reasons(run) == []


def test_a_finding_that_comes_in_another_file_counts() -> None:
    class Importing(Toy):
        """File `b` has a finding as soon as `a` is mended."""

        def look(self, texts: Mapping[str, bytes], changed: Mapping[str, bytes]) -> dict[str, tuple[Finding, ...]]:
            found = super().look(texts, changed)
            if "/a" in texts:
                found["/b"] = findings("/b", "leak_good()\n" if b"ok" in texts["/a"] else "fine()\n")
            return found

    texts = {"/a": functions("leak_good()").encode()}
    toy = Importing()
    run = Rounds(
        texts, toy.look(texts, {}), {"/b": b"leak_good()\n"}.__getitem__, toy.look, lambda finding: True, MENDINGS
    )
    run.run()
    assert run.changes() == ()
    assert reasons(run) == ["it would bring PB301 toy in line 1 of b"]


def test_what_is_tried_alone_is_judged_beside_what_the_others_have_become() -> None:
    class Importing(Toy):
        """File `b` imports from `a`, so it is looked at whenever `a` changes, with the content that it has by then."""

        def look(self, texts: Mapping[str, bytes], changed: Mapping[str, bytes]) -> dict[str, tuple[Finding, ...]]:
            now = {"/b": functions("leak_good()").encode(), **changed, **texts}
            found = super().look(texts, changed)
            return {**found, "/b": findings("/b", now["/b"].decode())}

    texts = {"/a": functions("leak_stays()", "leak_good()").encode(), "/b": functions("leak_good()").encode()}
    toy = Importing()
    run = Rounds(texts, toy.look(texts, {}), texts.__getitem__, toy.look, lambda finding: True, MENDINGS)
    run.run()
    assert now(run) == {"a": functions("leak_stays()", "ok()"), "b": functions("ok()")}
    assert reasons(run) == ["the finding would still be there"]


def test_line_ends_and_other_rows_stay() -> None:
    run = mended(a="x = 1\r\ndef f():\r    leak_good()\n# end")
    assert now(run) == {"a": "x = 1\r\ndef f():\r    ok()\n# end"}


def test_what_does_not_parse_is_left_alone() -> None:
    run = mended(a="print 'x'\n" + functions("leak_good()"), b=functions("leak_good()"))
    assert now(run) == {"b": functions("ok()")}
    assert [reason.partition(":")[0] for reason in reasons(run)] == ["the file does not parse"]


TWO_ALIKE = "def f():\n    a = take()\n    b = take()\n"


def acquires(mark: Callable[[int, Span], Edit]) -> Callable[..., Mapping[str, tuple[Finding, ...]]]:
    """A checker that finds every `take()` on a row without `# ok`; the fix of one in a row is what `mark` says."""

    def look(texts: Mapping[str, bytes], changed: Mapping[str, bytes]) -> dict[str, tuple[Finding, ...]]:
        found = []
        for path, data in texts.items():
            rows = data.decode().splitlines()
            for number, row in enumerate(rows, 1):
                if "take()" in row and "# ok" not in row:
                    place = Span(Position(number, 9), Position(number, 15))
                    named = ("PB102", "toy", "", Severity.ERROR, Confidence.HIGH, path[1:], path, place, "f")
                    fix = Fix(Applicability.SAFE, "toy", (mark(number, place),))
                    found.append(Finding(*named, fix=fix))
        alike = fingerprinted(found, lambda each: "take()")
        return {path: tuple(each for each in alike if each.filename == path) for path in texts}

    return look


def wrong(mark: Callable[[int, Span], Edit]) -> Rounds:
    """A run over two equal acquires with a fix for one of them at a time."""
    texts = {"/a": TWO_ALIKE.encode()}
    look = acquires(mark)
    run = Rounds(texts, look(texts, {}), texts.__getitem__, look, lambda finding: finding.span.start.row == 2, MENDINGS)
    run.run()
    return run


def behind(row: int) -> Edit:
    """Mark a row as mended."""
    return Edit(Span(Position(row, 15), Position(row, 15)), "  # ok")


def test_of_equal_acquires_the_one_in_question_has_to_be_mended() -> None:
    assert now(wrong(lambda row, place: behind(row))) == {"a": TWO_ALIKE.replace("take()", "take()  # ok", 1)}
    run = wrong(lambda row, place: behind(row + 1))
    assert now(run) == {}
    assert reasons(run) == ["the finding would still be there"]


def test_an_acquire_that_is_gone_is_not_mended() -> None:
    run = wrong(lambda row, place: Edit(place, "None"))
    assert now(run) == {}
    assert reasons(run) == ["the acquire would be gone"]


class Answers:
    """Gives its answers one by one, and keeps what it was asked."""

    def __init__(self, *answers: Answer) -> None:
        self.answers = list(answers)
        self.asked: list[str] = []

    def __call__(self, proposal: Proposal) -> Answer:
        change = proposal.change
        gone = set(change.before.decode().splitlines()) - set(change.after.decode().splitlines())
        self.asked += sorted(each.strip() for each in gone)
        return self.answers.pop(0)


def test_somebody_is_asked_about_what_holds_and_about_nothing_twice() -> None:
    answers = Answers(Answer.NO, Answer.YES, Answer.STOP)
    text = "def f():\n    leak_good()\n" + functions("leak_stays()", "leak_good() or 1", "leak_good() or 2")
    run = rounds(Toy(), answers, a=text, b=functions("leak_good()"))
    assert answers.asked == ["leak_good()", "leak_good() or 1", "leak_good() or 2"]
    assert now(run) == {"a": text.replace("leak_good() or 1", "ok() or 1")}
    assert reasons(run) == ["the finding would still be there"]
    assert len(run.applied) == 1


def test_of_findings_that_are_alike_the_mended_one_is_named() -> None:
    def only_the_second(proposal: Proposal) -> Answer:
        return Answer.YES if proposal.findings[0].span.start.row == 3 else Answer.NO

    run = rounds(Toy(), only_the_second, a="def f():\n    leak_good()\n    leak_good()\n    leak_good()\n")
    assert [each.finding.span.start.row for each in run.applied] == [3]
