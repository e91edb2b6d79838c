"""From a scoped session that nobody removes to the finding, for jobs and threads alike."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from putback.frameworks.schema import Role
from putback.model.finding import Confidence, Finding, SiteKey, Step
from putback.model.fix import Fix
from putback.model.span import Position, Span
from putback.model.weighing import Likelihood, Loss, Worth, weigh
from putback.ownership.facts.engines import Engines, engines_of_global
from putback.ownership.facts.facts import FunctionFacts
from putback.ownership.facts.surroundings import Surroundings
from putback.ownership.sessions.local_names import LocalNames
from putback.ownership.sessions.registries import Registry
from putback.ownership.sessions.scoped import Neglect, Way, sessions_of
from putback.rules import mending
from putback.rules.rule import Rule


def neglected(rule: Rule, facts: FunctionFacts, role: Role, noun: str) -> Iterator[Finding]:
    """One finding for what this `role` leaves behind, about the session it comes to first; `noun`: as users call it."""
    if facts.duties.neglects and facts.duties.neglects[0].entry.role is role:
        nearest, *others = facts.duties.neglects
        yield mending.mended(_finding(rule, facts, nearest, noun, len(others)), partial(_fix, facts, nearest))


def _finding(rule: Rule, facts: FunctionFacts, neglect: Neglect, noun: str, others: int) -> Finding:
    registry = neglect.registry
    ends = "close" if registry.is_standing else "remove"
    name = f"a {registry.kind.title}" if registry.is_standing else f"`{registry.spelled(registry.name)}`"
    removal = registry.removal(registry.name)
    if others:
        name += f" and {others} other scoped session{'s' if others > 1 else ''}"
    if registry.is_managed:
        message = (
            f"this {noun} uses {name} outside of an application context: Flask-SQLAlchemy 3 raises RuntimeError, "
            "version 2 never removes the session, and what is not committed keeps its connection"
        )
        help = f"do the work in `with {_application(facts)}.app_context():`{_in_turns(neglect)}"
    else:
        message = (
            f"this {noun} uses {name} and nothing {ends}s {'them' if others else 'it'} afterwards: "
            f"{_consequence(facts, neglect, others)}{shown_as(facts, registry)}"
        )
        which, shown = ("each", ", such as") if others else ("it", ":")
        help = f"{ends} {which} in a `finally`{_in_turns(neglect)}{shown} {removal}"
    return Finding(
        code=rule.code,
        name=rule.name,
        message=message,
        severity=weigh(_worth(facts, neglect)),
        confidence=_confidence(neglect),
        path=facts.path,
        filename=facts.unit.path,
        span=row_of(facts, facts.unit.path, _defrow_of(facts)),
        function=facts.name,
        driver=registry.type.partition(".")[0],
        trace=tuple(_trace(facts, neglect)),
        help=help,
        url=rule.url,
        place=facts.place,
        site=SiteKey(facts.unit.key),
    )


def engines_of(facts: Surroundings, registry: Registry) -> Engines:
    """The engines that the sessions of a registry work on, as far as they are seen."""
    known = not registry.is_standing and not registry.is_managed
    return engines_of_global(facts.analyzer, registry.meant) if known else Engines(facts.analyzer, ())


def shown_as(facts: Surroundings, registry: Registry) -> str:
    """The error in brackets that users see when all slots are kept; "" where no pool has any."""
    engines = engines_of(facts, registry)
    error = "" if engines.keep_none else engines.exhausted(registry.kind.exhausted)
    return f' ("{error}")' if error else ""


def loss_of(facts: Surroundings, registry: Registry, pooled: Loss) -> Loss:
    """What is lost with a connection that a thread keeps: `pooled` of a pool; without one it is a connection, of which
    nobody is deprived as long as it has no transaction."""
    engines = engines_of(facts, registry)
    if not engines.keep_none:
        return pooled
    return Loss.ADVICE if engines.autocommit(registry.kind) else Loss.CONNECTION


def _consequence(facts: Surroundings, neglect: Neglect, others: int) -> str:
    """What comes of a session that is not removed, and of `others` with it."""
    if not others and loss_of(facts, neglect.registry, Loss.SLOT) is Loss.ADVICE:
        return "the thread keeps its connection open, which is in no pool and has no transaction"
    if neglect.thread_ends:
        returned = "the connections go back" if others else "the connection goes back"
        return f"{returned} only when the thread has ended and the garbage collector has run"
    if neglect.ended:
        return "what is not committed or rolled back, as after an exception, keeps its connection"
    return f"the thread keeps {'their connections' if others else 'its connection'}"


def _application(facts: FunctionFacts) -> str:
    """What the file calls its application; `app` when it has none."""
    module = facts.analyzer.project.module(facts.unit.path)
    if module is None or facts.unit.info is None:
        return "app"
    here = LocalNames(facts.analyzer, module, facts.unit.info)
    return here.local_application or here.application or "app"


def _in_turns(neglect: Neglect) -> str:
    return ", in each turn of the loop" if neglect.repeats else ""


def _defrow_of(facts: FunctionFacts) -> int:
    return facts.unit.info.def_row if facts.unit.info is not None else 1


def _worth(facts: FunctionFacts, neglect: Neglect) -> Worth:
    """The connection stays out; where transactions are ended it does so only after an exception.

    What a library keeps for a thread is one connection for as long as the thread lives.
    """
    if neglect.registry.is_standing:
        return Worth(Likelihood.EACH_TIME, Loss.CONNECTION, facts.frequency)
    registry = neglect.registry
    lasting = registry.is_managed or not (neglect.ended or neglect.thread_ends)
    if lasting:
        return Worth(Likelihood.EACH_TIME, loss_of(facts, registry, Loss.SLOT), facts.frequency)
    return Worth(Likelihood.EXPECTED, loss_of(facts, registry, Loss.LATE), facts.frequency)


def _confidence(neglect: Neglect) -> Confidence:
    if neglect.capped:
        return Confidence.LOW
    return Confidence.HIGH if not neglect.way.steps and not neglect.registry.is_managed else Confidence.MEDIUM


def _trace(facts: FunctionFacts, neglect: Neglect) -> Iterator[Step]:
    if not neglect.registry.is_standing:
        yield made(facts, neglect.registry)
    for start in neglect.entry.starts:
        yield step(facts, start.path, start.row, f"set to run here, by {start.by}")
    yield from way(facts, neglect.way, _used(neglect.registry))


def _used(registry: Registry) -> str:
    used, ends = ("connection", "closes") if registry.is_standing else ("session", "removes")
    return f"uses the {used} here, and no path {ends} it"


def way(facts: FunctionFacts, found: Way, end: str) -> Iterator[Step]:
    """The calls that lead to a use, and the use, of which `end` is said."""
    for each in found.steps:
        yield step(facts, each.path, each.row, f"calls {each.name} ...")
    yield step(facts, found.path, found.row, end)


def made(facts: FunctionFacts, registry: Registry) -> Step:
    """The first step: where the registry is made."""
    row, _ = sessions_of(facts.analyzer).registries.made_at(registry)
    return step(facts, registry.path, row, "the scoped session is made here")


def step(facts: Surroundings, path: str, row: int, text: str) -> Step:
    """A station of a path, which takes a whole row."""
    return Step(facts.display(path), row_of(facts, path, row), text)


def row_of(facts: Surroundings, path: str, row: int) -> Span:
    """A whole row, without its indentation and its comment."""
    rows = facts.analyzer.reader.rows(path)
    text = rows[row - 1] if 0 < row <= len(rows) else ""
    bare = text.strip()
    start = len(text) - len(text.lstrip()) + 1
    return Span(Position(row, start), Position(row, start + len(bare)))


def _fix(facts: FunctionFacts, neglect: Neglect) -> Fix:
    from putback.rules.attending import attended

    return attended(facts, neglect)
