"""What a module imports, from its bytes, and what it defines, from its syntax tree, without importing `ast`."""

from __future__ import annotations

from putback.source.prefilter import WORDS, without_continuations

TYPE_CHECKING = False  # importing typing takes longer than all of this
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    Import = tuple[str, str]
    """`from module import name`; the name is "" for `import module`. A relative module begins with dots."""

ONLY_PARSE = 0x400  # ast.PyCF_ONLY_AST
DOTTED = bytes(byte if chr(byte).isalnum() or byte in b"_.*" or byte >= 0x80 else 0x20 for byte in range(256))
BLOCKS = ("body", "orelse", "finalbody", "handlers", "cases")


class TooHard(Exception):
    """The quick answer would take too long, or cannot be given; never leaves the quick path."""


def whole(module: str, name: str) -> str:
    """The module that an import means if `name` is a module itself."""
    return f"{module}{name}" if not name or module.endswith(".") else f"{module}.{name}"


class Definitions:
    """The top level of one module: `names` to rows of text, `imports` by the name they bind, star imports."""

    def __init__(self, data: bytes) -> None:
        self.rows = data.split(b"\n")
        self.names: dict[str, list[tuple[int, int]]] = {}
        self.imports: dict[str, list[Import]] = {}
        self.stars: list[str] = []
        for statement in statements(parsed(data).body):
            self.take(statement)

    def texts(self, name: str) -> Iterator[bytes]:
        """The text of each statement that defines `name`."""
        for first, last in self.names.get(name, ()):
            yield b"\n".join(self.rows[first - 1 : last])

    def take(self, statement: Any) -> None:
        """Note what one statement binds."""
        kind = type(statement).__name__
        if kind in ("FunctionDef", "AsyncFunctionDef", "ClassDef"):
            first = min([statement.lineno, *(each.lineno for each in statement.decorator_list)])
            self.names.setdefault(statement.name, []).append((first, statement.end_lineno))
        elif kind == "Import":
            for each in statement.names:
                self.imports.setdefault(each.asname or each.name.partition(".")[0], []).append((each.name, ""))
        elif kind == "ImportFrom":
            module = "." * statement.level + (statement.module or "")
            for each in statement.names:
                if each.name == "*":
                    self.stars.append(module)
                else:
                    self.imports.setdefault(each.asname or each.name, []).append((module, each.name))
        elif kind != "Expr":  # an assignment, or something rarer: it may bind any word in it
            for name in self.bound(statement):
                self.names.setdefault(name, []).append((statement.lineno, statement.end_lineno))

    def bound(self, statement: Any) -> set[str]:
        """The names that an assignment binds; of any other statement all words."""
        targets = getattr(statement, "targets", None) or [getattr(statement, "target", None)]
        names = {getattr(each, "id", "") for each in targets}
        if "" not in names:
            return names
        return words_of(b"\n".join(self.rows[statement.lineno - 1 : statement.end_lineno]))


def parsed(data: bytes) -> Any:
    """The syntax tree of a module; raises TooHard when the running Python cannot read it."""
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return compile(data, "module", "exec", ONLY_PARSE, dont_inherit=True)
        except (SyntaxError, ValueError, LookupError, RecursionError, MemoryError) as error:
            raise TooHard from error


def statements(body: list[Any]) -> Iterator[Any]:
    """The statements of a module, those inside `if`, `try` and `with` blocks included."""
    for statement in body:
        blocks = [] if hasattr(statement, "name") else [getattr(statement, block, []) for block in BLOCKS]
        if any(blocks):
            for block in blocks:
                yield from statements(block)
        elif hasattr(statement, "name") and not hasattr(statement, "decorator_list"):
            yield from statements(statement.body)  # an except clause
        else:
            yield statement


def words_of(text: bytes) -> set[str]:
    """The identifiers in `text`."""
    return set(text.translate(WORDS).decode("utf-8", "replace").split())


def imports_in(data: bytes) -> list[Import]:
    """The imports that stand anywhere in `data`. Words of comments and strings can be among them."""
    found: dict[Import, None] = {}
    data = without_continuations(data) if b"\\" in data or b"\r" in data else data
    at = data.find(b"import")
    while at >= 0:
        start, end = data.rfind(b"\n", 0, at) + 1, data.find(b"\n", at)
        end = len(data) if end < 0 else end
        if data.find(b"(", at, end) >= 0 and data.find(b")", at, end) < 0:
            end = max(end, data.find(b")", end))
        found.update(dict.fromkeys(imports_of(data[start:end])))
        at = data.find(b"import", end)
    return list(found)


def imports_of(row: bytes) -> Iterator[Import]:
    """What one import statement, which may stand behind other code in its row, imports."""
    head, _, tail = row.translate(DOTTED).decode("utf-8", "replace").partition("import")
    words = [word for word in tail.split() if word.strip(".*") and word != "as"]
    source = head.split()[-2:]
    if len(source) == 2 and source[0] == "from":
        yield (source[1], "")
        yield from ((source[1], word) for word in words)
    else:
        yield from ((word, "") for word in words if not word.startswith("."))
