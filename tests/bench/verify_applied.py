"""The mutation run on the product's own fixes: each accepted fix of a project, made wrong and rewritten well.

    python tests/bench/verify_applied.py [--every N] DIRECTORY...

Every wrong fix that is accepted and every good one that is not is printed: they are to be read. A mutation may happen
to be right, where what it takes away is never needed.
"""

from __future__ import annotations

import ast
import copy
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from spoiling import spoilt

from putback.model.config import Config
from putback.model.lifecycle import After, Close, Twice
from putback.pipeline.gather import gather
from putback.verify import Bounds, verify_here
from putback.verify.extract import Definition, find
from putback.verify.roles import Case, Does, Version
from putback.verify.verdict import Proof

_BOUNDS = Bounds(schedules=1_000, seconds=2.0)
_RENAMED = "renamed_by_test"


@dataclass
class Place:
    """Where a fix gives back: the `try`, the position of the release in its `finally`, and the connection's name."""

    function: Definition
    attempt: ast.Try
    at: int
    release: ast.Expr
    name: str

    @property
    def guard(self) -> ast.If | None:
        """The `if` around the release."""
        found = self.attempt.finalbody[self.at]
        return found if isinstance(found, ast.If) else None


def parsed(version: Version) -> ast.Module:
    """The source of a version, whatever its indentation."""
    indented = version.source.lstrip("\n")[:1].isspace()
    return ast.parse(f"if True:\n{version.source}" if indented else version.source)


class Fixed:
    """A fixed function and what can be made of it."""

    def __init__(self, version: Version) -> None:
        self.version = version
        self.tree = parsed(version)
        self.releasing = {p.callee for p in version.roles.passes if p.does is Does.RELEASES}
        self.acquiring = {a.callee for a in version.roles.acquires}
        self.base = ast.unparse(self.tree)

    def place(self, tree: ast.Module) -> Place | None:
        """The only `finally` that releases; None when there is none, or more than one."""
        function = find(tree, self.version.function)
        found = [] if function is None else [p for n in ast.walk(function) for p in self._places(function, n)]
        return found[0] if len(found) == 1 else None

    def _places(self, function: Definition, node: ast.AST) -> Iterator[Place]:
        for at, statement in enumerate(node.finalbody if isinstance(node, ast.Try) else ()):
            inner = statement.body[0] if isinstance(statement, ast.If) and len(statement.body) == 1 else statement
            name = self._released(inner)
            if name and isinstance(node, ast.Try) and isinstance(inner, ast.Expr) and self._is_acquired(function, name):
                yield Place(function, node, at, inner, name)

    def _released(self, statement: ast.stmt) -> str:
        value = statement.value if isinstance(statement, ast.Expr) else None
        value = value.value if isinstance(value, ast.Await) else value
        if not isinstance(value, ast.Call):
            return ""
        if ast.unparse(value.func) in self.releasing and value.args and isinstance(value.args[0], ast.Name):
            return value.args[0].id
        func = value.func
        closes = isinstance(func, ast.Attribute) and func.attr == "close" and isinstance(func.value, ast.Name)
        return func.value.id if closes else ""  # type: ignore[attr-defined]

    def _is_acquired(self, function: Definition, name: str) -> bool:
        for node in ast.walk(function):
            if isinstance(node, ast.Assign) and any(isinstance(t, ast.Name) and t.id == name for t in node.targets):
                value = node.value.value if isinstance(node.value, ast.Await) else node.value
                if isinstance(value, ast.Call) and ast.unparse(value.func) in self.acquiring:
                    return True
        return False

    def changed(self, change: Callable[[Place], bool]) -> Version | None:
        """The version after a change of a copy; None where the change says that it does not apply."""
        tree = copy.deepcopy(self.tree)
        place = self.place(tree)
        if place is None or not change(place):
            return None
        text = ast.unparse(ast.fix_missing_locations(tree))
        try:
            compile(text, "changed", "exec")
        except SyntaxError:
            return None
        return None if text == self.base else self.version._replace(source=text, first_row=1)


def _parsed(text: str) -> ast.stmt:
    return ast.parse(text).body[0]


def _executing(place: Place) -> list[tuple[list[ast.stmt], int]]:
    """The statements of the `try` itself that send SQL."""
    body = place.attempt.body
    return [
        (body, n) for n, s in enumerate(body) if isinstance(s, (ast.Expr, ast.Assign)) and "execute" in ast.unparse(s)
    ]


def _awaits(place: Place) -> str:
    return "await " if isinstance(place.release.value, ast.Await) else ""


def _without_release(place: Place) -> bool:
    place.attempt.finalbody[place.at] = ast.Pass()
    return True


def _return_in_finally(place: Place) -> bool:
    place.attempt.finalbody.append(ast.Return(ast.Constant("lost")))
    return True


def _twice(place: Place) -> bool:
    place.attempt.finalbody.insert(place.at, copy.deepcopy(place.attempt.finalbody[place.at]))
    return True


def _except_only(place: Place) -> bool:
    if place.attempt.handlers:
        return False
    release = place.attempt.finalbody
    place.attempt.handlers = [ast.ExceptHandler(ast.Name("Exception"), None, [*release, ast.Raise()])]
    place.attempt.finalbody = []
    return True


def _in_else(place: Place) -> bool:
    if any(isinstance(n, ast.Return) for s in place.attempt.body for n in ast.walk(s)) or place.attempt.orelse:
        return False
    handlers = place.attempt.handlers or [ast.ExceptHandler(ast.Name("TypeError"), None, [ast.Raise()])]
    place.attempt.handlers, place.attempt.orelse, place.attempt.finalbody = handlers, place.attempt.finalbody, []
    return True


def _released_first(place: Place) -> bool:
    body = place.attempt.body
    at = next((n + 1 for n, s in enumerate(body) if _binds(s, place.name)), 0)
    if not any(place.name in ast.unparse(s) for s in body[at:]):
        return False
    body.insert(at, copy.deepcopy(place.release))
    return True


def _binds(statement: ast.stmt, name: str) -> bool:
    return isinstance(statement, ast.Assign) and any(
        isinstance(t, ast.Name) and t.id == name for t in statement.targets
    )


def _swallowed(place: Place) -> bool:
    if place.attempt.handlers:
        return False
    place.attempt.handlers = [ast.ExceptHandler(ast.Name("Exception"), None, [ast.Pass()])]
    return True


def _other_error(place: Place) -> bool:
    if place.attempt.handlers:
        return False
    raising = _parsed("raise RuntimeError('failed') from error")
    place.attempt.handlers = [ast.ExceptHandler(ast.Name("Exception"), "error", [raising])]
    return True


def _handler_dropped(place: Place) -> bool:
    had = bool(place.attempt.handlers)
    place.attempt.handlers = []
    return had


def _statement_dropped(place: Place) -> bool:
    found = _executing(place)
    if found:
        body, at = found[-1]
        dropped = body[at]
        bound = isinstance(dropped, ast.Assign)
        body[at] = _parsed(f"{ast.unparse(dropped.targets[0])} = None") if bound else ast.Pass()  # type: ignore[attr-defined]
    return bool(found)


def _statement_twice(place: Place) -> bool:
    found = _executing(place)
    if found:
        body, at = found[0]
        body.insert(at, copy.deepcopy(body[at]))
    return bool(found)


def _commit_added(place: Place) -> bool:
    place.attempt.finalbody.insert(place.at, _parsed_within(place, f"{_awaits(place)}{place.name}.commit()"))
    return True


def _parsed_within(place: Place, text: str) -> ast.stmt:
    if not _awaits(place):
        return _parsed(text)
    return ast.parse(f"async def f():\n    {text}").body[0].body[0]  # type: ignore[attr-defined, no-any-return]


def _commit_dropped(place: Place) -> bool:
    body = place.attempt.body
    commits = [n for n, s in enumerate(body) if ast.unparse(s).endswith(f"{place.name}.commit()")]
    if commits:
        body[commits[0]] = ast.Pass()
    return bool(commits)


def _gap(place: Place) -> bool:
    found = _executing(place)
    owner = _owner(place.function, place.attempt)
    if not found or place.attempt.handlers or owner is None or found[0][1] + 1 >= len(place.attempt.body):
        return False
    cut = found[0][1] + 1
    at = owner.index(place.attempt)
    owner[at:at] = place.attempt.body[:cut]
    place.attempt.body = place.attempt.body[cut:]
    return True


def _half_way(place: Place) -> bool:
    """Only where the statements behind use the connection."""
    found = _executing(place)
    owner = _owner(place.function, place.attempt)
    if len(found) < 2 or place.attempt.handlers or owner is None:
        return False
    cut = found[-1][1]
    at = owner.index(place.attempt) + 1
    owner[at:at] = place.attempt.body[cut:]
    place.attempt.body = place.attempt.body[:cut]
    return True


def _owner(function: Definition, statement: ast.stmt) -> list[ast.stmt] | None:
    for node in ast.walk(function):
        for field in ("body", "orelse", "finalbody"):
            block = getattr(node, field, None)
            if isinstance(block, list) and statement in block:
                return block
    return None


def _closed_instead(place: Place) -> bool:
    closing = _parsed(f"{place.name}.close()")
    place.attempt.finalbody[place.at] = closing
    return True


def _wrong_object(place: Place) -> bool:
    value = place.release.value.value if isinstance(place.release.value, ast.Await) else place.release.value
    assert isinstance(value, ast.Call)
    if value.args:
        value.args[0] = ast.Constant(None)
        return True
    return False


def _only_sometimes(place: Place) -> bool:
    test = ast.parse("flag_of_test").body[0].value  # type: ignore[attr-defined]
    place.attempt.finalbody[place.at] = ast.If(test, [place.attempt.finalbody[place.at]], [])
    return True


def _result_dropped(place: Place) -> bool:
    found = [n for s in place.attempt.body for n in ast.walk(s) if isinstance(n, ast.Return)]
    found = [n for n in found if n.value is not None and not isinstance(n.value, ast.Constant)]
    for each in found:
        each.value = None
    return bool(found)


def _without_await(place: Place) -> bool:
    if isinstance(place.release.value, ast.Await):
        place.release.value = place.release.value.value
        return True
    return False


# -- good ones


def _renamed(place: Place) -> bool:
    for node in ast.walk(place.function):
        if isinstance(node, ast.Name) and node.id == place.name:
            node.id = _RENAMED
        elif isinstance(node, (ast.Nonlocal, ast.Global)) and place.name in node.names:
            return False
    return True


def _nested(place: Place) -> bool:
    place.attempt.body = [ast.Try(place.attempt.body, [], [], [ast.Pass()])]
    return True


def _nested_release(place: Place) -> bool:
    release = place.attempt.finalbody[place.at]
    place.attempt.finalbody[place.at] = ast.Try([ast.Pass()], [], [], [release])
    return True


def _guarded(place: Place) -> bool:
    if place.guard is not None:
        return False
    test = ast.parse(f"{place.name} is not None").body[0].value  # type: ignore[attr-defined]
    place.attempt.finalbody[place.at] = ast.If(test, [place.release], [])
    return True


def _other_guard(place: Place) -> bool:
    guard = place.guard
    if guard is None:
        return False
    text = f"{place.name}" if "is not None" in ast.unparse(guard.test) else f"{place.name} is not None"
    guard.test = ast.parse(text).body[0].value  # type: ignore[attr-defined]
    return True


def _split(place: Place) -> bool:
    """One `try` for the handlers, another one around it for the `finally`."""
    inner = ast.Try(place.attempt.body, place.attempt.handlers, place.attempt.orelse, [])
    place.attempt.body = [inner] if inner.handlers else [_parsed("if True:\n    pass"), *inner.body]
    place.attempt.handlers, place.attempt.orelse = [], []
    return True


def _result_bound(place: Place) -> bool:
    """`return x` becomes `result = x` and `return result`."""

    class Binder(ast.NodeTransformer):
        found = False

        def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
            return node

        def visit_Return(self, node: ast.Return) -> ast.AST | list[ast.stmt]:
            if node.value is None:
                return node
            self.found = True
            bound = ast.Assign([ast.Name(_RENAMED, ast.Store())], node.value)
            return [bound, ast.Return(ast.Name(_RENAMED, ast.Load()))]

    binder = Binder()
    place.attempt.body = [s for each in place.attempt.body for s in _listed(binder.visit(each))]
    return binder.found


def _listed(found: ast.AST | list[ast.stmt]) -> list[ast.stmt]:
    return found if isinstance(found, list) else [found]  # type: ignore[list-item]


def _by_function(place: Place) -> bool:
    """The release in a function of its own."""
    if _awaits(place):
        return False
    owner = _owner(place.function, place.attempt)
    if owner is None:
        return False
    text = ast.unparse(place.release)
    owner.insert(owner.index(place.attempt), _parsed(f"def give_back_by_test():\n    {text}"))
    place.release.value = ast.parse("give_back_by_test()").body[0].value  # type: ignore[attr-defined]
    return True


def _empty_rows(place: Place) -> bool:
    place.attempt.body = [s for each in place.attempt.body for s in (ast.Pass(), each)]
    return True


def _on_stack(place: Place) -> bool:
    """`with ExitStack()` for the `finally`."""
    value = place.release.value
    if (
        isinstance(value, ast.Await)
        or place.guard is not None
        or place.attempt.handlers
        or len(place.attempt.finalbody) > 1
    ):
        return False
    owner = _owner(place.function, place.attempt)
    assert isinstance(value, ast.Call)
    if owner is None or _may_escape_by_return_value(place):
        return False
    arguments = ", ".join([ast.unparse(value.func), *map(ast.unparse, value.args)])
    block = _parsed(f"with ExitStack() as stack_of_test:\n    stack_of_test.callback({arguments})")
    assert isinstance(block, ast.With)
    block.body += place.attempt.body
    owner[owner.index(place.attempt)] = block
    return True


def _may_escape_by_return_value(place: Place) -> bool:
    return bool(place.attempt.orelse)


Change = Callable[[Place], bool]
WRONG: dict[str, Change] = {
    "no release": _without_release,
    "return in finally": _return_in_finally,
    "released twice": _twice,
    "except only": _except_only,
    "released in else": _in_else,
    "released first": _released_first,
    "swallowed": _swallowed,
    "other error": _other_error,
    "handler dropped": _handler_dropped,
    "statement dropped": _statement_dropped,
    "statement twice": _statement_twice,
    "commit added": _commit_added,
    "commit dropped": _commit_dropped,
    "gap": _gap,
    "half way": _half_way,
    "closed instead": _closed_instead,
    "None released": _wrong_object,
    "only sometimes": _only_sometimes,
    "result dropped": _result_dropped,
    "release not awaited": _without_await,
}
GOOD: dict[str, Change] = {
    "renamed": _renamed,
    "nested try": _nested,
    "nested release": _nested_release,
    "guarded": _guarded,
    "other guard": _other_guard,
    "handlers apart": _split,
    "result bound": _result_bound,
    "by a function": _by_function,
    "empty rows": _empty_rows,
    "on a stack": _on_stack,
}


def _is_wrong(name: str, case: Case) -> bool:
    """Whether a mutation is a mistake for this kind of connection."""
    assert case.after is not None
    role = next(a for a in case.after.roles.acquires)
    profile = case.after.roles.profiles[role.profile]
    match name:
        case "released twice":
            return not profile.lazy and profile.twice is not Twice.HARMLESS
        case "closed instead":
            return profile.close is Close.LEAKS and "close" not in role.methods
        case "released first":
            return profile.late is not After.REOPENS
        case "except only" | "commit added" | "commit dropped" | "gap":
            return not profile.lazy
        case _:
            return True


def variants(case: Case) -> Iterator[tuple[str, str, Case]]:
    """Sort, name and case of everything that is made of one fix."""
    assert case.after is not None
    roles = case.after.roles
    if any(a.row for a in roles.acquires) or any(p.row for p in roles.passes) or len(roles.acquires) != 1:
        return
    fixed = Fixed(case.after)
    place = fixed.place(copy.deepcopy(fixed.tree))
    for kind, text in spoilt(fixed.base, case.after.function, place.name if place is not None else ""):
        yield "wrong", kind, replace(case, after=case.after._replace(source=text, first_row=1))
    for sort, changes in (("good", GOOD), ("wrong", WRONG)):
        for name, change in changes.items():
            if sort == "wrong" and not _is_wrong(name, case):
                continue
            after = fixed.changed(change)
            if after is not None:
                yield sort, name, replace(case, after=after)


class Tally:
    """The figures, and what is to be read."""

    def __init__(self) -> None:
        self.counts: Counter[tuple[str, str]] = Counter()
        self.accepted: Counter[tuple[str, str, bool]] = Counter()
        self.bases = 0
        self.taken: list[float] = []

    def add(self, case: Case) -> None:
        """Verify everything that is made of one fix, if the fix itself is accepted."""
        if case.after is None or not self._proof(case).verdict.is_accepted:
            return
        made = list(variants(case))
        self.bases += bool(made)
        for sort, name, variant in made:
            proof = self._proof(variant)
            self.counts[sort, proof.verdict.value] += 1
            self.accepted[sort, name, proof.verdict.is_accepted] += 1
            if proof.verdict.is_accepted != (sort == "good"):
                print(
                    f"{case.path}: {case.before.function}: {sort}: {name}: {proof.title}: {proof.reason[:200]}",
                    flush=True,
                )

    def _proof(self, case: Case) -> Proof:
        started = time.process_time()
        proof = verify_here(case, _BOUNDS, time.process_time)
        self.taken.append(time.process_time() - started)
        return proof

    def show(self) -> None:
        """Print the sums."""
        print(f"{self.bases} fixes")
        for wanted in ("good", "wrong"):
            found = {v: n for (sort, v), n in sorted(self.counts.items()) if sort == wanted}
            accepted = found.get("proved", 0) + found.get("bounded", 0)
            print(f"{wanted}: {sum(found.values())}, {accepted} accepted: {found}")
        for (sort, name, is_accepted), n in sorted(self.accepted.items()):
            print(f"  {sort} {name}: {n} {'accepted' if is_accepted else 'not accepted'}")
        taken = sorted(self.taken)
        if taken:
            print(f"median {taken[len(taken) // 2] * 1e3:.1f} ms, p95 {taken[int(len(taken) * 0.95)] * 1e3:.0f} ms")


def main() -> None:
    """Print the figures and what is to be read."""
    arguments = sys.argv[1:]
    every = int(arguments[1]) if arguments[:1] == ["--every"] else 1
    tally = Tally()
    number = 0
    for directory in arguments[2:] if every > 1 else arguments:
        found = gather([directory], Config(root=directory), lambda done, total: None).subjects
        for subject in found:
            if subject.case.after is not None:
                number += 1
                if number % every == 0:
                    tally.add(subject.case)
    tally.show()


if __name__ == "__main__":
    main()
