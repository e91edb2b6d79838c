"""No spelling of a name of the scanned project decides: what of that is left stands here, by file and with its reason.

Two kinds of test are looked for. One asks how a name is written: whether it has capitals, begins, ends or matches
somehow. The other compares a name in the text of the project, an attribute of a node or the name of a call, with a
word. What somebody adds has to be put here, with a reason, before this lets it in.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from putback.frameworks.idioms import Containers, Logging, Methods, Places
from putback.tables import Table

PACKAGE = Path(__file__).parents[1] / "src" / "putback"
ROOMS = ("flow", "ownership", "rules", "fixes", "pipeline", "source", "frameworks", "drivers", "server")
"""Not `verify`, which runs code: what it compares are names of Python's and of its own stand-ins."""

NAMES = {
    *("id", "attr", "name", "func", "arg", "module", "key", "path", "receiver", "last", "method", "owner"),
    *("base", "ref", "refs", "r", "manager"),
}
"""What holds a name of the project, as an attribute or on its own."""
CASES = {"isupper", "islower", "istitle", "casefold", "capitalize", "title"}
ENDS = {"startswith", "endswith"}
PATTERNS = {"search", "match", "fullmatch", "finditer", "findall"}


PYTHON = "Python's own name: what it means is the language's to say"
TEXT = "text of a file, no name: its syntax, its ending, a comment, a statement of SQL"
TOOL = "a convention that the tool documents: pytest's files, notebooks' magic, build files"
OURS = "a name that putback writes itself, or an entry of its own tables"
TREE = "the name of a field of a syntax tree"
GATE = "only says what is to be looked at: what it means is resolved behind it"
OWED = "still decides by a bare name, and is to be resolved"

LEFT: Mapping[str, Mapping[str, set[str]]] = {
    "fixes/annotations.py": {
        PYTHON: {
            "is Any",
            "is AsyncGenerator",
            "is AsyncIterable",
            "is AsyncIterator",
            "is Generator",
            "is Iterable",
            "is Iterator",
            "is None",
        },
    },
    "fixes/apply.py": {TEXT: {"pattern ROW_END"}},
    "fixes/closers.py": {PYTHON: {"is False", "is None"}},
    "fixes/code.py": {
        TREE: {
            "is asynchronous",
            "is colon",
            "is comma",
            "is dot",
            "is equal",
            "is newline",
            "is semicolon",
            *(f"startswith {each}" for each in ("footer", "header", "leading", "lines_", "trailing", "whitespace")),
            *(f"startswith {each}" for each in ("first_line", "lbra", "lpar", "rbra", "rpar")),
        },
    },
    "fixes/draft.py": {TREE: {"is body"}},
    "fixes/imports.py": {PYTHON: {"is __future__"}, TEXT: {"isupper", "startswith  import", "startswith from "}},
    "fixes/provide.py": {PYTHON: {"is classmethod", "is staticmethod"}},
    "fixes/region.py": {
        PYTHON: {
            "is False",
            "is None",
            "is True",
            "is bool",
            "is float",
            "is int",
            "is len",
            "is repr",
            "is str",
            "is sum",
        },
    },
    "fixes/remarks.py": {TEXT: {"pattern _WORD"}},
    "fixes/wrap.py": {OURS: {"is close", "is is_connected"}},
    "fixes/write.py": {PYTHON: {"is posix"}, OURS: {"pattern OURS"}},
    "fixes/rollback.py": {PYTHON: {"is BaseException", "is Exception"}},
    "flow/expressions.py": {PYTHON: {"is getattr"}},
    "flow/older.py": {TEXT: {"pattern _BRACKET"}},
    "flow/names.py": {TEXT: {"pattern _OPENING"}},
    "ownership/analysis/acquire.py": {PYTHON: {"is __init__"}},
    "ownership/analysis/apply_summary.py": {PYTHON: {"is super"}},
    "ownership/analysis/app_contexts.py": {GATE: {"is push"}},
    "ownership/analysis/attempts.py": {PYTHON: {"is BaseException", "is Exception", "is NameError"}},
    "ownership/analysis/beginning.py": {PYTHON: {"is isinstance"}},
    "ownership/analysis/bindings.py": {OURS: {"in None"}},
    "ownership/analysis/calls.py": {PYTHON: {"is super"}},
    "ownership/analysis/derived_calls.py": {PYTHON: {"is extend", "is update"}},
    "ownership/analysis/events.py": {PYTHON: {"is __dict__", "is vars"}, GATE: {"is close"}},
    "ownership/analysis/following.py": {OURS: {"pattern _POOL_METHOD"}},
    "ownership/analysis/handlers.py": {
        PYTHON: {"is CancelledError", "is Exception", "is GeneratorExit", "is KeyboardInterrupt", "is SystemExit"},
    },
    "ownership/analysis/methods.py": {PYTHON: {"is __aenter__", "is __enter__"}},
    "ownership/analysis/no_return.py": {PYTHON: {"is NotImplementedError"}},
    "ownership/analysis/pairing.py": {PYTHON: {"is __aexit__", "is __exit__"}},
    "ownership/analysis/quick.py": {PYTHON: {"is print"}},
    "ownership/analysis/statements.py": {
        TEXT: {
            "pattern _FOR_UPDATE",
            "pattern _JOINED",
            "pattern _LITERAL",
            "pattern _REPEATABLE",
            "pattern _STATEMENT",
            "pattern _VARIABLE",
            "pattern _TO_SAVEPOINT",
        },
    },
    "ownership/facts/bypasses.py": {GATE: {"is close"}},
    "ownership/facts/cursors.py": {GATE: {"is close"}},
    "ownership/facts/pulls.py": {PYTHON: {"is __anext__", "is __next__", "is anext", "is next"}},
    "ownership/facts/pushed.py": {GATE: {"is pop", "is push"}},
    "ownership/facts/dropped.py": {PYTHON: {"is __init__"}},
    "ownership/facts/objects.py": {
        PYTHON: {"is __aenter__", "is __aexit__", "is __enter__", "is __exit__", "is __init__"}
    },
    "ownership/facts/site_facts.py": {PYTHON: {"is __init__"}},
    "ownership/index/astnames.py": {PYTHON: {"is dict"}},
    "ownership/index/indexer.py": {PYTHON: {"is metaclass"}},
    "ownership/index/module.py": {PYTHON: {"is __class_getitem__", "is __init_subclass__", "is __new__"}},
    "ownership/index/places.py": {
        TOOL: {"endswith _test.py", "startswith test", "startswith test_"},
        TEXT: {"pattern _DONE", "pattern _FOR", "pattern _STARTED", "pattern _WHILE"},
    },
    "ownership/index/project.py": {TEXT: {"endswith .py"}},
    "ownership/index/requirements.py": {
        TOOL: {"pattern _LEAST", "pattern _LOCKED", "pattern _NAME", "pattern _SETTLED"},
    },
    "ownership/index/vocabulary.py": {OURS: {"isupper"}},
    "ownership/makers/attributes.py": {PYTHON: {"is __init__"}},
    "ownership/makers/fates.py": {PYTHON: {"is setattr"}},
    "ownership/makers/often.py": {PYTHON: {"is getattr", "is hasattr", "is range"}},
    "ownership/makers/programs.py": {GATE: {"pattern _DECORATED"}},
    "ownership/makers/users.py": {TEXT: {"pattern _IN_WORD"}},
    "ownership/makers/values.py": {PYTHON: {"is copy", "is get", "is replace", "is update"}},
    "ownership/resolve/callers.py": {PYTHON: {"is __init__", "is __new__"}},
    "ownership/resolve/resolver.py": {
        PYTHON: {"endswith /__init__.py", "is getattr", "is super"},
        OURS: {"is provider"},
    },
    "ownership/sessions/registries.py": {GATE: {"is Model", "is query", "is query_property"}},
    "ownership/sessions/session_use.py": {
        PYTHON: {"is getattr"},
        GATE: {"is push", "is query"},
    },
    "ownership/sessions/teardowns.py": {
        PYTHON: {
            "is BaseException",
            "is Exception",
            "is getattr",
            "is hasattr",
            "is isinstance",
            "is len",
            "is print",
            "is repr",
            "is str",
            "is type",
        },
    },
    "pipeline/deployment.py": {TOOL: {"endswith .py", "pattern _DEFAULT", "pattern _WORD"}},
    "pipeline/profiles.py": {OURS: {"pattern _OWN_METHOD", "pattern _POOL_METHOD"}},
    "pipeline/scan.py": {TEXT: {"pattern _STAR"}},
    "pipeline/scoped_cases.py": {GATE: {"is query"}},
    "pipeline/summing.py": {OURS: {"is celery"}},
    "source/cache.py": {PYTHON: {"is __pycache__"}},
    "source/constants.py": {TEXT: {"pattern _BRACKET", "pattern _ROW"}},
    "source/ignored.py": {TOOL: {"startswith GIT_"}, TEXT: {"endswith .ipynb", "endswith .py", "endswith .pyi"}},
    "source/notebook.py": {
        TOOL: {"is capture", "is prun", "is time", "is timeit", "pattern _ASSIGNED", "pattern _MAGIC"},
    },
    "source/packaging.py": {
        TOOL: {"is package_dir", "is sources", "is where"},
        PYTHON: {"endswith /__init__.py"},
    },
    "source/patterns.py": {TOOL: {"pattern _ONE_CHARACTER"}},
    "source/python2.py": {PYTHON: {"pattern _OLD"}},
    "source/slices.py": {TEXT: {"endswith .ipynb"}},
    "source/suppress.py": {TEXT: {"pattern BARE", "pattern NOQA", "pattern OTHER", "pattern OURS"}, OURS: {"is PB"}},
    "source/survey.py": {PYTHON: {"endswith .pyi", "endswith /__init__.py", "is __init__"}},
    "source/text.py": {TEXT: {"pattern BLANK_OR_COMMENT", "pattern COOKIE"}},
}
"""What is still there: nothing may be added without a reason, and what is mended goes out of it."""

SILENT = "of a receiver that is not resolved: what it is given counts as handed on, and nothing is reported"
FOLDER = "the name of a folder: it only makes a finding milder, and what the service imports is not in scripts"

BARE: Mapping[str, Mapping[str, set[str]]] = {
    "Methods": {
        SILENT: {"entering", "keeping", "registering"},
        OWED: {"borrowing", "of_values"},
        OURS: {"taking"},
    },
    "Containers": {OWED: {"contents", "pairs", "removing", "taking"}, PYTHON: {"made_by"}},
    "Places": {
        TOOL: {"tests"},
        FOLDER: {"examples", "retired", "scripts"},
        OWED: {"serving_for_ever", "waiting"},
        GATE: {"rerunning", "serving", "windows"},
        PYTHON: {"asking", "test_cases"},
    },
    "Logging": {OWED: {"loggers", "methods"}},
}
"""The same of bare names in the table of the language: each of its fields that holds some, with its reason."""


def _texts(node: ast.AST) -> list[str]:
    constants = (n.value for n in ast.walk(node) if isinstance(n, ast.Constant))
    return [v if isinstance(v, str) else v.decode("latin-1") for v in constants if isinstance(v, (str, bytes))]


def _is_name(node: ast.AST) -> bool:
    """Whether an expression may be a name of the project, or a part of one."""
    match node:
        case ast.Name(id=word) | ast.Attribute(attr=word):
            return word in NAMES
        case ast.Subscript(value=value):
            return _is_name(value) or isinstance(value, ast.Call)
        case ast.Call(func=ast.Name(id="last_name" | "getattr" | "dotted" | "_last" | "name_of")):
            return True
        case ast.Call(func=ast.Attribute(value=value)):
            return _is_name(value)
        case _:
            return False


def questions(tree: ast.Module) -> Iterator[str]:
    """What a module asks of names, each as a word for the question and the text that it compares with."""
    patterns = {
        target.id: _texts(node.value)
        for node in tree.body
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    compiled = {
        target.id
        for node in tree.body
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Call)
        for target in node.targets
        if isinstance(target, ast.Name) and ast.unparse(node.value.func) == "re.compile"
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            yield from (f"pattern {a.id}" for a in node.args if isinstance(a, ast.Name) and a.id in compiled)
        match node:
            case ast.Call(func=ast.Attribute(attr=attr)) if attr in CASES:
                yield attr
            case ast.Call(func=ast.Attribute(value=asked, attr=attr), args=[text, *_]) if attr in ENDS:
                ends = patterns.get(text.id, ()) if isinstance(text, ast.Name) else _texts(text)
                yield from (f"{attr} {t}" for t in ends if _is_name(asked) and any(map(str.isalpha, t)))
            case ast.Call(func=ast.Attribute(value=ast.Name(id=pattern), attr=attr)) if attr in PATTERNS:
                yield from (f"pattern {pattern}" for _ in patterns.get(pattern, ())[:1])
            case ast.Compare(left=left, comparators=others):
                sides = [left, *others]
                for side in sides if any(map(_is_name, sides)) else ():
                    words = patterns.get(side.id, []) if isinstance(side, ast.Name) else _texts(side)
                    words = [] if _is_name(side) else words
                    yield from (f"is {word}" for word in words if word.isidentifier())
                if isinstance(left, ast.Constant) and isinstance(left.value, str) and left.value.isalpha():
                    yield from (
                        f"in {left.value}"
                        for each in ast.walk(node)
                        if isinstance(each, ast.Attribute) and each.attr in {"lower", "id", "attr", "name"}
                    )
            case ast.MatchClass(kwd_attrs=attrs, kwd_patterns=kwds):
                for attr, each in zip(attrs, kwds, strict=True):
                    if attr in NAMES:
                        yield from (f"is {text}" for text in _matched(each))


def _matched(pattern: ast.pattern) -> list[str]:
    match pattern:
        case ast.MatchValue(value=value):
            return _texts(value)
        case ast.MatchOr(patterns=patterns):
            return [text for each in patterns for text in _matched(each)]
        case _:
            return []


def _found() -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for path in sorted(path for room in ROOMS for path in (PACKAGE / room).rglob("*.py")):
        asked = set(questions(ast.parse(path.read_text(encoding="utf-8"))))
        if asked:
            found[path.relative_to(PACKAGE).as_posix()] = asked
    return found


@pytest.mark.parametrize("table", [Methods, Containers, Places, Logging])
def test_what_the_tables_know_by_bare_names_is_listed(table: type[Table]) -> None:
    assert set(table.__struct_fields__) == {field for fields in BARE[table.__name__].values() for field in fields}


def test_no_spelling_decides() -> None:
    left = {path: {word for words in reasons.values() for word in words} for path, reasons in LEFT.items()}
    assert _found() == left


@pytest.mark.parametrize(
    ("code", "asked"),
    [
        ('any("lock" in (n.id if n else n.attr).lower() for n in names)', {"in lock"}),
        ("name[:1].isupper()", {"isupper"}),
        ('name == "close" and rest', {"is close"}),
        ('_OWN = "self."\nref.startswith(_OWN)', {"startswith self."}),
        ('call.name in ("partial", "functools.partial")', {"is partial"}),
        ('_CLOSING = frozenset({"closing"})\nname in _CLOSING', {"is closing"}),
        ('function.name.startswith("get_")', {"startswith get_"}),
        ('_ROUTE = re.compile(rb"^@route")\n_ROUTE.search(content)', {"pattern _ROUTE"}),
        ('match node:\n    case ast.Name(id="session" | "db"):\n        pass', {"is session", "is db"}),
    ],
)
def test_a_test_of_a_name_is_seen(code: str, asked: set[str]) -> None:
    assert set(questions(ast.parse(code))) == asked


@pytest.mark.parametrize(
    "code",
    [
        "name in idioms().functions.locking",
        "t.name in catalog.types",
        "own.name == other.name",
        'kind.release.startswith("await ")',
        'raise Declined("it is a generator")',
    ],
)
def test_what_is_resolved_by_a_table_is_no_test_of_a_name(code: str) -> None:
    assert not set(questions(ast.parse(code)))
