"""Generated modules that hold connections: acquire, use, branch, loop, try, with, return, raise, release, at random.

Every call carries a label of its own, so that what two versions of a function do can be compared call by call.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from dialects import DIALECTS, Dialect
from hypothesis import strategies as st

T = TypeVar("T")
Numbers = Callable[[int, int], int]
"""Where choices come from: a number from the first to the second."""
Row = tuple[int, str]
"""A depth in levels, and the text; a depth below 0 means: as it stands, inside a string."""

HEADER = """\
import asyncio
import logging
from shop.tools import flag, lock, work, awork
{imports}
logger = logging.getLogger(__name__)


def untouched( x,y = 'odd' ):
      # this formatting is nobody's business
      return {{ 'x':x , "y":y }}

"""


@dataclass(frozen=True, slots=True)
class Module:
    """A generated module: its text, and the names of the functions that hold connections, with what is between them.

    `fixed_parts` are the stretches of text outside of these functions, in order.
    """

    text: str
    functions: tuple[str, ...]
    fixed_parts: tuple[str, ...]
    is_async: bool


class Writer:
    """Writes the body of one function.

    `is_given`: somewhere above, the connection has been given back on a path that goes on. `unsure`: the name may be
    None here, so releases ask.
    """

    def __init__(self, number: Numbers, dialect: Dialect) -> None:
        self.number = number
        self.dialect = dialect
        self.count = 0
        self.has_cursor = False
        self.is_given = False
        self.unsure = False

    # -- choices

    def pick(self, options: tuple[T, ...]) -> T:
        """One of the options; the first is the simplest."""
        return options[self.number(0, len(options) - 1)]

    def chance(self, one_in: int) -> bool:
        """True once in so many times."""
        return self.number(0, one_in - 1) == one_in - 1

    def label(self) -> str:
        """A new label."""
        self.count += 1
        return f"s{self.count}"

    # -- simple statements

    def work(self, depth: int) -> list[Row]:
        """A call that has nothing to do with the connection."""
        call = f'await awork("{self.label()}")' if self.dialect.is_async else f'work("{self.label()}")'
        return [(depth, self.pick((call, f"value = {call}", f"value = {call}  # remark {self.label()}")))]

    def use(self, depth: int) -> list[Row]:
        """One call on the connection."""
        label = self.label()
        query = self.pick((f'"{label}"', f'"""{label}\n  select 1  # no comment\n"""', f"(\n'{label}'\n)"))
        forms = [self.dialect.execute, f"rows = {self.dialect.fetch}", f"rows = [row for row in {self.dialect.fetch}]"]
        if self.dialect.has_cursor:
            forms.append("cur = {name}.cursor()")
        if self.has_cursor:
            forms += ["cur.execute({query})", "rows = cur.fetchall({query})", "cur.close()"]
        if self.dialect.commit:
            forms += [self.dialect.commit]
        form = self.pick(tuple(forms))
        self.has_cursor |= form.startswith("cur =")
        return self.lines(depth, form.format(name=self.dialect.name, query=query))

    def lines(self, depth: int, text: str) -> list[Row]:
        """A statement of several rows: strings go on at the margin, brackets one level deeper."""
        first, *rest = text.split("\n")
        inside = '"""' in text
        last = len(rest) - 1
        return [(depth, first)] + [(-1 if inside else depth + (i != last), r) for i, r in enumerate(rest)]

    def log(self, depth: int) -> list[Row]:
        """Something that cannot raise."""
        return [(depth, self.pick(('logger.info("here")', 'print("here")', "kept = 1")))]

    def comment(self, depth: int) -> list[Row]:
        """A comment on a row of its own."""
        return [(depth, f"# comment {self.label()}")]

    def release(self, depth: int) -> list[Row]:
        """The connection is given back, in one of the usual dresses."""
        name, release = self.dialect.name, self.dialect.release
        self.is_given = True
        forms = ("guard", "is") if self.unsure else ("plain", "plain", "plain", "remark", "guard", "swallow", "wrong")
        match self.pick(forms):
            case "remark":
                return [(depth, f"{release}  # remark {self.label()}")]
            case "guard":
                return [(depth, f"if {name}:"), (depth + 1, release)]
            case "is":
                return [(depth, f"if {name} is not None:"), (depth + 1, release)]
            case "swallow":
                return [(depth, "try:"), (depth + 1, release), (depth, "except Exception:"), (depth + 1, "pass")]
            case "wrong" if self.dialect.wrong:
                return [(depth, self.dialect.wrong)]
        return [(depth, release)]

    def leave(self, depth: int, loop: bool, ends: bool = False) -> list[Row]:
        """A statement that ends the block; with `ends` the loop around it too."""
        call = "value" if self.dialect.is_async else f'work("{self.label()}")'
        forms = ["return 1", "return", f"return {call}", 'raise ValueError("bad")', "return rows"]
        if loop:
            forms += ["break"] if ends else ["break", "continue"]
        return [(depth, self.pick(tuple(forms)))]

    # -- blocks

    def block(self, depth: int, size: int, held: bool, loop: bool = False) -> list[Row]:
        """Up to `size` statements, at least one. `held`: the connection may be used and released."""
        rows: list[Row] = []
        for _ in range(self.number(1, max(size, 1))):
            rows += self.statement(depth, size - 1, held, loop)
            if self.chance(9):
                rows.append((0, ""))
            if self.chance(7):
                rows += self.leave(depth, loop)
                break
            if held and self.chance(7):
                rows += self.release(depth)
                if loop or self.chance(2):
                    rows += self.leave(depth, loop, ends=True)
                    self.is_given = False
                    break
            held = held and (not self.is_given or self.chance(12))
        if not any(text and not text.startswith("#") for at, text in rows if at == depth):
            rows.append((depth, "pass"))
        while rows[-1] == (0, ""):
            rows.pop()
        return rows

    def statement(self, depth: int, size: int, held: bool, loop: bool) -> list[Row]:
        """One statement."""
        simple: list[Callable[[int], list[Row]]] = [self.work, self.log, self.comment]
        if held:
            simple += [self.use, self.use, self.use]
        if size <= 0 or depth > 5 or not self.chance(3):
            return self.pick(tuple(simple))(depth)
        return self.pick((self.branch, self.attempt, self.loop, self.managed, self.short))(depth, size, held, loop)

    def branch(self, depth: int, size: int, held: bool, loop: bool) -> list[Row]:
        """if, elif, else."""
        rows = [(depth, f"if {self.pick(('a', 'b', 'not a', 'a and b'))}:"), *self.block(depth + 1, size, held, loop)]
        if self.chance(4):
            rows += [(depth, "elif b:"), *self.block(depth + 1, size, held, loop)]
        if self.chance(3):
            rows += [(depth, "else:"), *self.block(depth + 1, size, held, loop)]
        return rows

    def loop(self, depth: int, size: int, held: bool, loop: bool) -> list[Row]:
        """for, with an else now and then."""
        rows = [(depth, "for item in items:"), *self.block(depth + 1, size, held, True)]
        if self.chance(6):
            rows += [(depth, "else:"), *self.block(depth + 1, size, held, loop)]
        return rows

    def managed(self, depth: int, size: int, held: bool, loop: bool) -> list[Row]:
        """A with statement that has nothing to do with the connection, or that holds a cursor or a transaction."""
        forms = ["with lock:"]
        if held and self.dialect.has_cursor:
            forms += [f"with {self.dialect.name}:"]
        return [(depth, self.pick(tuple(forms))), *self.block(depth + 1, size, held, loop)]

    def short(self, depth: int, size: int, held: bool, loop: bool) -> list[Row]:
        """A branch on one row."""
        return [(depth, f"if a: {self.leave(0, loop)[0][1]}")]

    def attempt(self, depth: int, size: int, held: bool, loop: bool) -> list[Row]:
        """try with handlers, else, finally."""
        return self.guarded(depth, self.block(depth + 1, size, held, loop), size, held, loop)

    def guarded(self, depth: int, body: list[Row], size: int, held: bool, loop: bool) -> list[Row]:
        """A try around `body`."""
        rows = [(depth, "try:"), *body]
        shape = self.pick(("except", "except", "both", "finally", "two"))
        if shape != "finally":
            for kind in self.caught(shape == "two"):
                rows += [(depth, f"except {kind}:".replace(" :", ":")), *self.handler(depth + 1, size, held, loop)]
            if self.chance(5):
                rows += [(depth, "else:"), *self.block(depth + 1, size, held, loop)]
        if shape in ("both", "finally"):
            rows += [(depth, "finally:"), *self.cleanup(depth + 1, held)]
        return rows

    def caught(self, two: bool) -> tuple[str, ...]:
        """What the handlers catch."""
        error = self.dialect.error
        if two:
            return (error, "Exception as e")
        return (self.pick(("Exception", "Exception as e", error, f"{error} as e", "(ValueError, KeyError)", "")),)

    def handler(self, depth: int, size: int, held: bool, loop: bool) -> list[Row]:
        """The body of an except."""
        rows = self.log(depth)
        given, self.is_given = self.is_given, False
        if held and self.dialect.commit and self.chance(3):
            rollback = self.dialect.commit.replace("commit", "rollback").format(name=self.dialect.name)
            guard = [(depth, f"if {self.dialect.name}:")] if self.unsure else []
            rows += [*guard, (depth + len(guard), rollback)]
        if held and self.chance(3):
            rows += self.release(depth)
        ends = ("raise", "return") if self.is_given else ("raise", "return", "nothing", "block")
        self.is_given = given
        match self.pick(ends):
            case "raise":
                rows.append((depth, "raise"))
            case "return":
                rows += self.leave(depth, loop, ends=True)
            case "block":
                rows += self.block(depth, size, False, loop)
        return rows

    def cleanup(self, depth: int, held: bool) -> list[Row]:
        """The body of a finally."""
        rows: list[Row] = []
        if self.has_cursor and self.chance(3):
            rows.append((depth, "cur.close()"))
        if held and not self.is_given and self.chance(2):
            rows += self.release(depth)
        if not rows or self.chance(4):
            rows += self.pick((self.log, self.work, self.comment, self.log))(depth)
        if all(text.startswith("#") for _, text in rows):
            rows.append((depth, "pass"))
        return rows

    # -- the function

    def body(self, depth: int) -> list[Row]:
        """Acquire, use, perhaps release."""
        shape = self.pick(("straight", "try", "inside", "none", "loop", "branch"))
        rows = [(depth, '"""Say what it does.\n    In two rows."""')] if self.chance(4) else []
        rows = [row for at, text in rows for row in self.lines(at, text)]
        rows.append((depth, "value = rows = None"))
        if self.chance(3):
            rows += self.work(depth)
        rows += getattr(self, f"_{shape}")(depth)
        if self.chance(3):
            rows += self.block(depth, 2, False)
        return rows

    def acquire(self, depth: int) -> list[Row]:
        """The connection is taken."""
        remark = f"  # remark {self.label()}" if self.chance(6) else ""
        return [(depth, f"{self.dialect.name} = {self.dialect.acquire}{remark}")]

    def held(self, depth: int, loop: bool = False) -> list[Row]:
        """Uses, and a release at the end most of the time."""
        rows = self.block(depth, 4, True, loop)
        ends = rows[-1][1].startswith(("return", "raise", "break", "continue"))
        return rows if ends or self.is_given or self.chance(3) else rows + self.release(depth)

    def _straight(self, depth: int) -> list[Row]:
        return [*self.acquire(depth), *self.held(depth)]

    def _try(self, depth: int) -> list[Row]:
        between = self.use(depth) if self.chance(2) else []
        return [*self.acquire(depth), *between, *self.guarded(depth, self.held(depth + 1), 3, True, False)]

    def _inside(self, depth: int) -> list[Row]:
        body = [*self.acquire(depth + 1), *self.held(depth + 1)]
        return self.guarded(depth, body, 3, False, False)

    def _none(self, depth: int) -> list[Row]:
        body = [*self.acquire(depth + 1), *self.held(depth + 1)]
        self.unsure = True
        return [(depth, f"{self.dialect.name} = None"), *self.guarded(depth, body, 3, True, False)]

    def _loop(self, depth: int) -> list[Row]:
        return [(depth, "for item in items:"), *self.acquire(depth + 1), *self.held(depth + 1, True)]

    def _branch(self, depth: int) -> list[Row]:
        return [(depth, "if a:"), *self.acquire(depth + 1), *self.held(depth + 1)]


def rendered(rows: list[Row], unit: str) -> str:
    """The text of rows, indented by `unit`."""
    return "".join(f"{unit * max(depth, 0) if text else ''}{text}\n" for depth, text in rows)


@st.composite
def modules(draw: st.DrawFn, dialect: Dialect | None = None) -> Module:
    """Modules with one or two functions that hold a connection, in any indentation, with any line ends.

    `dialect` is the library; without one, any.
    """
    dialect = dialect or draw(st.sampled_from(DIALECTS))
    unit = draw(st.sampled_from(("    ", "  ", "\t")))
    newline = draw(st.sampled_from(("\n", "\n", "\r\n")))
    outer = 1 if draw(st.integers(0, 4)) == 4 else 0
    names = ("first", "second")[: 1 + (draw(st.integers(0, 4)) == 4)]
    header = HEADER.format(imports=dialect.imports).replace("    ", unit)
    parts = [header + ("class Shop:\n" if outer else "")]
    texts = []
    for name in names:
        writer = Writer(lambda low, high: draw(st.integers(low, high)), dialect)
        word = "async def" if dialect.is_async else "def"
        own = "self, " if outer else ""
        head = [(outer, f"{word} {name}({own}a, b, items):")]
        texts.append(rendered([*head, *writer.body(outer + 1)], unit))
        parts.append(f"\n\n# --- behind {name}   \n")
    if draw(st.booleans()):
        parts[-1] = parts[-1].rstrip("\n")
    text = parts[0] + "".join(text + part for text, part in zip(texts, parts[1:], strict=True))
    if newline != "\n":
        text, parts = text.replace("\n", newline), [part.replace("\n", newline) for part in parts]
    paths = tuple(f"Shop.{name}" if outer else name for name in names)
    return Module(text, paths, tuple(parts), dialect.is_async)
