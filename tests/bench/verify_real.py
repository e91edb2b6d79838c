"""The mutation run on real code: each leaking function of a project gets a right fix and plausible wrong ones.

    python tests/bench/verify_real.py DIRECTORY...

A simple rewrite stands in for the fixes of the product: acquire, `try`, `finally: give_back(conn)`. Every wrong fix
that is accepted, and every right one that is not, is printed: they are to be read.
"""

from __future__ import annotations

import ast
import copy
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

from verify_project import functions

from putback.model.lifecycle import Close, On, Twice
from putback.ownership.facts.site_facts import SiteFacts
from putback.pipeline.cases import case_of, version_of
from putback.pipeline.verify import about_rule
from putback.verify import Bounds, verify_here
from putback.verify.extract import find
from putback.verify.roles import Case, Does, Fails, Pass, Version

_BOUNDS = Bounds(schedules=2_000, seconds=1.0)
_BODIES = ("body", "orelse", "finalbody")
_GIVE_BACK = "give_back"


class Rewriter:
    """The fixes of one leaking function, right and wrong; `usable` says whether the simple rewrite fits it."""

    def __init__(self, version: Version, callee: str, is_async: bool) -> None:
        self.version = version
        self.callee = callee
        self.is_async = is_async
        self.released = {p.callee for p in version.roles.passes if p.does is Does.RELEASES}
        indented = version.source[:1].isspace()
        self.tree = ast.parse(f"if True:\n{version.source}" if indented else version.source)
        self.found = self._acquire(self.tree)

    @property
    def usable(self) -> bool:
        """One acquire, bound to a name that is used only after it and never leaves the function."""
        if self.found is None:
            return False
        _, _, index, name, block = self.found
        inside = {id(n) for s in block[index:] for n in ast.walk(s)}
        uses = [n for n in ast.walk(self.tree) if isinstance(n, ast.Name) and n.id == name]
        outside = any(id(n) not in inside for n in uses)
        stores = sum(isinstance(n.ctx, ast.Store) for n in uses)
        return len(block) > index + 1 and not outside and stores == 1 and not any(_hands_on(s, name) for s in block)

    def _acquire(self, tree: ast.AST) -> tuple[ast.AST, str, int, str, list[ast.stmt]] | None:
        function = find(tree, self.version.function)
        for parent in ast.walk(function) if function is not None else ():
            for field in _BODIES:
                block: list[ast.stmt] = getattr(parent, field, None) or []
                for index, statement in enumerate(block if isinstance(block, list) else ()):
                    if not isinstance(statement, ast.Assign) or not isinstance(statement.targets[0], ast.Name):
                        continue
                    value = statement.value.value if isinstance(statement.value, ast.Await) else statement.value
                    if isinstance(value, ast.Call) and ast.unparse(value.func) == self.callee:
                        return parent, field, index, statement.targets[0].id, block
        return None

    def fixed(self, mutation: str = "") -> str | None:
        """The source after a fix; None where the mutation makes no difference."""
        tree = copy.deepcopy(self.tree)
        self.tree, kept = tree, self.tree
        try:
            found = self._acquire(tree)
            assert found is not None
            parent, field, index, name, block = found
            rest = block[index + 1 :] if mutation == "old kept" else self._without_releases(block[index + 1 :], name)
            changed = self._changed(mutation, block[index], rest, name)
        finally:
            self.tree = kept
        if changed is None:
            return None
        setattr(parent, field, [*block[:index], *changed])
        return ast.unparse(ast.fix_missing_locations(tree))

    def _changed(self, mutation: str, acquire: ast.stmt, rest: list[ast.stmt], name: str) -> list[ast.stmt] | None:
        release = _parsed(f"{'await ' if self.is_async else ''}{_GIVE_BACK}({name})", self.is_async)
        fails = [n for n, s in enumerate(rest) if "execute" in ast.unparse(s)]
        match mutation:
            case "" | "old kept":
                return [acquire, ast.Try(rest, [], [], release)]
            case "guarded":
                guard = ast.If(ast.parse(f"{name} is not None").body[0].value, release, [])  # type: ignore[attr-defined]
                return [acquire, ast.Try(rest, [], [], [guard])]
            case "no release":
                return [acquire, ast.Try(rest, [], [], [ast.Pass()])]
            case "except only":
                handler = ast.ExceptHandler(ast.Name("Exception"), None, [*release, ast.Raise()])
                return [acquire, ast.Try(rest, [handler], [], [])]
            case "return in finally":
                return [acquire, ast.Try(rest, [], [], [*release, ast.Return(ast.Constant("lost"))])]
            case "gap" if fails and fails[0] + 1 < len(rest):
                cut = fails[0] + 1
                return [acquire, *rest[:cut], ast.Try(rest[cut:], [], [], release)]
            case "half way" if len(fails) > 1:
                cut = fails[-1]
                return [acquire, ast.Try(rest[:cut], [], [], release), *rest[cut:]]
            case "released first" if fails:
                return [acquire, *release, *rest]
            case "acquired inside":
                return [ast.Try([acquire, *rest], [], [], release)]
            case "closed instead":
                return [acquire, ast.Try(rest, [], [], ast.parse(f"{name}.close()").body)]
            case "swallowed":
                handler = ast.ExceptHandler(ast.Name("Exception"), None, [ast.Pass()])
                return [acquire, ast.Try(rest, [handler], [], release)]
            case "statement dropped" if fails:
                return [acquire, ast.Try([*rest[: fails[-1]], ast.Pass(), *rest[fails[-1] + 1 :]], [], [], release)]
            case "commit added":
                text = f"{'await ' if self.is_async else ''}{name}.commit()"
                return [acquire, ast.Try(rest, [], [], [*_parsed(text, self.is_async), *release])]
        return None

    def _without_releases(self, statements: list[ast.stmt], name: str) -> list[ast.stmt]:
        kept = []
        for statement in statements:
            if self._is_release(statement, name):
                continue
            for node in [statement, *ast.walk(statement)]:
                for field in _BODIES:
                    block = getattr(node, field, None)
                    if isinstance(block, list) and block and isinstance(block[0], ast.stmt):
                        left = [s for s in block if not self._is_release(s, name)]
                        needed = field == "body" or (field == "finalbody" and not getattr(node, "handlers", None))
                        setattr(node, field, left or ([ast.Pass()] if needed else []))
            kept.append(statement)
        return kept or [ast.Pass()]

    def _is_release(self, statement: ast.stmt, name: str) -> bool:
        if not isinstance(statement, ast.Expr):
            return False
        value = statement.value.value if isinstance(statement.value, ast.Await) else statement.value
        if not isinstance(value, ast.Call):
            return False
        text = ast.unparse(value.func)
        given = any(isinstance(a, ast.Name) and a.id == name for a in value.args)
        return text == f"{name}.close" or (text in self.released and given)


MUTATIONS = (
    "no release", "except only", "return in finally", "gap", "half way", "released first", "acquired inside",
    "closed instead", "swallowed", "statement dropped", "commit added", "old kept",
)  # fmt: skip


def _parsed(text: str, is_async: bool) -> list[ast.stmt]:
    if not is_async:
        return ast.parse(text).body
    body: list[ast.stmt] = ast.parse(f"async def f():\n    {text}\n").body[0].body  # type: ignore[attr-defined]
    return body


def _hands_on(statement: ast.stmt, name: str) -> bool:
    for node in ast.walk(statement):
        if isinstance(node, (ast.Return, ast.Yield)) and node.value is not None:
            plain = node.value.elts if isinstance(node.value, ast.Tuple) else [node.value]
            if any(isinstance(v, ast.Name) and v.id == name for v in plain):
                return True
        value = node.value if isinstance(node, ast.Assign) and not isinstance(node.targets[0], ast.Name) else None
        if isinstance(value, ast.Name) and value.id == name:
            return True
    return False


def _makes_sense(mutation: str, site: SiteFacts, source: str) -> bool:
    """Whether the mutation is wrong for this kind of connection."""
    kind = site.kind
    match mutation:
        case "closed instead":
            return kind.close.value in (Close.LEAKS.value,)
        case "old kept":
            return (
                kind.release_twice.value == Twice.RAISES.value and site.is_released_somewhere and not site.wrong_closes
            )
        case "acquired inside":
            return not kind.lazy and not site.acquisition.maybe_none
        case "":
            return not site.acquisition.maybe_none
        case "except only":
            return not kind.lazy
        case _:
            return True


def fixes(site: SiteFacts) -> Iterator[tuple[str, Version, Version, str]]:
    """Name, before, after and acquiring callee of every fix of a site."""
    facts = site.function
    before = version_of(facts.analyzer, facts.unit)
    case = case_of(facts, site.site)
    if before is None or case is None or not case.about[0].acquire:
        return
    is_async = site.kind.release.startswith("await")
    rewriter = Rewriter(before, case.about[0].acquire, is_async)
    if not rewriter.usable:
        return
    give_back = Pass(_GIVE_BACK, Does.RELEASES, fails=Fails.NEVER, awaited=is_async)
    roles = replace(
        before.roles,
        passes=tuple(replace(p, row=0) for p in (*before.roles.passes, give_back)),
        acquires=tuple(replace(a, row=0) for a in before.roles.acquires),
    )
    for mutation in ("", "guarded", *MUTATIONS):
        if _makes_sense(mutation, site, before.source):
            text = rewriter.fixed(mutation)
            if text is not None:
                after = Version(text, before.function, roles)
                yield mutation or "right", before._replace(roles=replace(before.roles)), after, case.about[0].acquire


def main() -> None:
    """Print the figures and what is to be read."""
    counts: Counter[tuple[str, str]] = Counter()
    taken: list[float] = []
    for directory in sys.argv[1:]:
        for facts in functions(directory):
            sites = [s for s in facts.sites if any(not leak.cancelled for leak in s.leaks) or s.wrong_closes]
            plain = (On.CALL,), (On.AWAIT,), (On.AWAIT, On.ENTER)
            if len(facts.sites) != 1 or not sites or sites[0].acquisition.on not in plain:
                continue
            for name, before, after, callee in fixes(sites[0]):
                case = Case(before, after, about=(about_rule("PB102")._replace(acquire=callee),))
                started = time.process_time()
                proof = verify_here(case, _BOUNDS, time.process_time)
                taken.append(time.process_time() - started)
                sort = "good" if name in ("right", "guarded") else "wrong"
                counts[sort, proof.verdict.value] += 1
                if proof.verdict.is_accepted != (sort == "good"):
                    where = f"{facts.unit.path}:{sites[0].span.start.row}: {facts.name}"
                    print(f"{where}: {name}: {proof.title}: {proof.reason}")
                    sys.stdout.flush()
        print({f"{sort}: {verdict}": count for (sort, verdict), count in sorted(counts.items())}, flush=True)
    taken.sort()
    if taken:
        print(f"median {taken[len(taken) // 2] * 1e3:.1f} ms, p95 {taken[int(len(taken) * 0.95)] * 1e3:.0f} ms")


if __name__ == "__main__":
    main()
