"""What the rules say of a file, function by function.

Where that is kept for later runs, a file is looked at with what each file says by itself, and with nothing that was
worked out for another: so all that its findings rest on is asked for while they are made, and is in their footprint.
Otherwise files share what is worked out.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from putback.flow.ir import MODULE
from putback.model.config import FixStyle
from putback.model.errors import SourceError
from putback.model.finding import Confidence, Finding, Place, Severity
from putback.model.span import Position, Span
from putback.model.spelling import inside
from putback.ownership.analysis.analyzer import Analyzer
from putback.ownership.facts.facts import FunctionFacts
from putback.ownership.index.module import FunctionInfo
from putback.ownership.index.places import place_by_path
from putback.pipeline import workers
from putback.pipeline.offers import traced
from putback.rules import ALL
from putback.rules.rule import Rule
from putback.source.discover import shown

Progress = Callable[[int, int], None]
_WORTH_A_PROCESS = 40
_NEWER = "the file has syntax that this Python cannot parse"
_BY_CODE = {rule.code: rule for rule in ALL}


@dataclass(frozen=True, slots=True)
class Task:
    """One outermost function of a file, or its top level, to analyse. `size` in rows."""

    path: str
    key: str
    size: int


@dataclass(frozen=True, slots=True)
class Agenda:
    """What is to be looked at in a file: of the functions `named` by what stands in them, those that may acquire, and
    those `beside` that are of interest for another reason. `seen` is the footprint of that choice."""

    path: str
    named: tuple[str, ...]
    tasks: tuple[Task, ...]
    beside: tuple[str, ...]
    seen: int

    @property
    def size(self) -> int:
        """About how much there is to do."""
        return sum(task.size for task in self.tasks)


@dataclass(frozen=True, slots=True)
class Told:
    """What the rules say of a file, and the footprint of that.

    `saying` are the files that were found to have some text in them meanwhile, by the text.
    """

    agenda: Agenda
    findings: tuple[Finding, ...]
    seen: int
    saying: Mapping[str, Collection[str]]


def chosen(
    analyzer: Analyzer, path: str, named: Sequence[Task], gates: bool, beside: Sequence[Task], keeps: bool
) -> Agenda:
    """The agenda of a file."""
    own = analyzer.afresh() if keeps else analyzer
    tasks, seen = traced(own.project, lambda: [t for t in named if not gates or own.may_acquire(t.path, t.key)])
    tasks += [task for task in beside if task.key not in {each.key for each in tasks}]
    return Agenda(path, tuple(task.key for task in named), tuple(tasks), tuple(task.key for task in beside), seen)


def told(
    analyzer: Analyzer,
    agendas: Sequence[Agenda],
    codes: frozenset[str],
    style: FixStyle,
    jobs: int,
    progress: Progress | None,
    keeps: bool,
) -> list[Told]:
    """What the rules say of some files, in several processes if there is much to do; `keeps`: that will be kept."""
    total = sum(len(each.tasks) for each in agendas)
    hands = workers.cores(jobs) if total > _WORTH_A_PROCESS else 1
    if hands > 1:
        import putback.flow.lower  # noqa: F401  the children inherit the loaded parser
    dealt = workers.dealt(agendas, lambda agenda: agenda.size, hands)
    shares = [sorted(share, key=lambda agenda: agenda.path) for share in dealt]  # neighbours call the same functions
    done = 0

    def work(share: Sequence[Agenda]) -> list[Told]:
        nonlocal done
        found = []
        for agenda in share:
            own = analyzer.afresh() if keeps else analyzer
            footprint = own.project.footprint
            footprint.saying = {}
            before = footprint.begin()
            findings: list[Finding] = []
            for task in agenda.tasks:
                findings += findings_of(own, task, codes, style)
                own.forget()
                done += 1
                if progress is not None and share is shares[0]:
                    progress(done * hands, total)
            found.append(Told(agenda, tuple(findings), footprint.end(before), footprint.saying))
        return found

    return [each for part in workers.shared_out(work, shares) for each in part]


def findings_of(analyzer: Analyzer, task: Task, codes: frozenset[str], style: FixStyle) -> list[Finding]:
    """The findings of all rules in one slice, their fixes written in `style`.

    A failure becomes the finding PB009 and hides nothing else.
    """
    found: list[Finding] = []
    rule: Rule | None = None
    try:
        keys = analyzer.nested(task.path, task.key)
        if "PB001" in codes and (failure := analyzer.failure(task.path, task.key)) is not None:
            found.append(_left_out(analyzer, task, failure))
        for key in keys:
            unit = analyzer.unit(task.path, key)
            if unit is None:
                continue
            facts = FunctionFacts(analyzer, unit, shown, style)
            for rule in ALL if facts.has_something else ():
                if rule.code in codes:
                    found += [replace(each, mentions=tuple(facts.mentioned)) for each in rule.check(facts)]
            facts.let_go()
        module = analyzer.project.module(task.path)
        if module is not None and module.incomplete:
            found = [replace(each, fix=None, no_fix_reason=_NEWER) if each.fix else each for each in found]
    except Exception as error:
        _end_if_told_to(error)
        found.append(_internal_error(analyzer, task, rule, error))
    return found


def _end_if_told_to(error: BaseException | None) -> None:
    """Raise what ends the process if `error` has come up on its way: clean-up code of the parser fails then."""
    while error is not None:
        if isinstance(error, (KeyboardInterrupt, SystemExit)):
            raise error
        error = error.__context__


def _internal_error(analyzer: Analyzer, task: Task, rule: Rule | None, error: Exception) -> Finding:
    where = traceback.extract_tb(error.__traceback__)[-1]
    row = _row_of(analyzer, task)
    what = f"{rule.code if rule is not None else 'the analysis'}: {type(error).__name__}: {error}"
    return Finding(
        code="PB009",
        name="internal-error",
        message=f"putback failed here, please report it: {what} ({where.name}:{where.lineno})",
        severity=Severity.ERROR,
        confidence=Confidence.HIGH,
        path=shown(task.path),
        filename=task.path,
        span=Span(Position(row, 1), Position(row, 1)),
        function=task.key,
    )


def _row_of(analyzer: Analyzer, task: Task) -> int:
    module = analyzer.project.module(task.path)
    info: FunctionInfo | None = module.functions.get(task.key) if module is not None else None
    return info.def_row if info is not None else 1


def _left_out(analyzer: Analyzer, task: Task, failure: SourceError) -> Finding:
    """PB001 for a function, or the top level of a file, that cannot be parsed by itself."""
    row = failure.row if failure.row > 1 else _row_of(analyzer, task)
    what = "the top level of this file" if task.key == MODULE else f"`{task.key}`"
    by_path = place_by_path(inside(task.path, analyzer.root))
    return Finding(
        code="PB001",
        name="syntax-error",
        message=f"{what} was not checked: {failure}",
        severity=Severity.INFO if by_path in (Place.TEST, Place.EXAMPLE) else Severity.ERROR,
        confidence=Confidence.HIGH,
        path=shown(task.path),
        filename=task.path,
        span=Span(Position(row, 1), Position(row, 1)),
        function=task.key,
        help="mend the syntax, or make the expression simpler",
        url=_BY_CODE["PB001"].url,
        place=by_path,
    )
