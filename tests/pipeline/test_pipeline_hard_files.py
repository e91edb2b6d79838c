"""Nothing is left out without a word, and no file ends the run for the others."""

from __future__ import annotations

import ast
import os
import tempfile
from pathlib import Path
from textwrap import dedent, indent

import libcst as cst
import pytest
from programs import generated
from watching import watched

from putback.fixes.apply import spliced
from putback.flow import older
from putback.model.finding import Finding
from putback.pipeline.check import check
from putback.source.homes import homes
from putback.source.text import decode

pytestmark = pytest.mark.slow

HEAD = "import psycopg2\n\n"
TAKEN = "    conn = psycopg2.connect()\n"
LEAK = f"def leak():\n{TAKEN}    conn.execute('select 1')\n"


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder as the working directory, with nothing that marks a project."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def found(text: str) -> list[Finding]:
    """The findings in a file of this text."""
    Path("it.py").write_text(HEAD + text, encoding="utf-8")
    return sorted(check(["it.py"]).findings, key=lambda finding: finding.span.start)


def places(text: str) -> list[tuple[str, int]]:
    """The codes and rows of the findings, with rows counted from the first of `text`."""
    return [(each.code, each.span.start.row - 2) for each in found(text)]


# -- functions of one name


def test_nested_functions_of_one_name_are_all_looked_at() -> None:
    text = dedent("""
        def routes(app, x):
            if x:
                @app.route("/a")
                def view():
                    conn = psycopg2.connect()
                    conn.execute("1")
            else:
                @app.route("/b")
                def view():
                    conn = psycopg2.connect()
                    conn.execute("2")
            @app.route("/c")
            def view():
                conn = psycopg2.connect()
                try:
                    conn.execute("3")
                finally:
                    conn.close()
        """)
    assert places(text) == [("PB101", 6), ("PB101", 11)]


def test_methods_of_one_name_and_in_branches_of_a_nested_class() -> None:
    text = dedent("""
        def make(x):
            class Inside:
                if x:
                    def use(self):
                        conn = psycopg2.connect()
                        conn.execute("1")
                class Deeper:
                    def use(self):
                        conn = psycopg2.connect()
                        conn.execute("2")
                @property
                def it(self):
                    conn = psycopg2.connect()
                    conn.execute("3")
                @it.setter
                def it(self, value):
                    conn = psycopg2.connect()
                    conn.close()
            return Inside
        """)
    assert places(text) == [("PB101", 6), ("PB101", 10), ("PB101", 14)]


# -- what a parser does not know


def test_a_number_too_long_for_the_running_python_costs_no_class() -> None:
    text = f"class Shop:\n    BIG = {'1' * 5000}\n\n{indent(LEAK.replace('leak()', 'leak(self)'), '    ')}"
    assert places(text) == [("PB101", 5)]


def test_syntax_newer_than_the_running_python_is_analysed() -> None:
    leak = LEAK.replace("leak()", "leak[T](self)").replace("'select 1'", "f'{x['a']}'")
    assert places(f"type Row = dict\n\nclass Shop[T]:\n{indent(leak, '    ')}") == [("PB101", 5)]


@pytest.mark.parametrize("text", ["t'{x} and {x!r}'", "t'{x:>{x}}'", "f'{x!r:{'a'}}'"])
def test_texts_that_newer_versions_know_are_analysed(text: str) -> None:
    inside = f"class Shop:\n    def one(self, x):\n        y = {text}\n        return y\n\n"
    assert places(inside + indent(LEAK.replace("leak()", "leak(self)"), "    ")) == [("PB101", 7)]


def test_a_function_that_libcst_cannot_parse_is_told() -> None:
    told, leak = found(f"def odd():\n    (x): int\n{TAKEN}    conn.close()\n\n{LEAK}")
    assert (told.code, leak.code) == ("PB001", "PB101")
    assert told.span.start.row in (4, 5)  # where the parser gave up
    assert told.message.startswith("`odd` was not checked: ")


@pytest.mark.parametrize("feed", ["\f", "  \f", "\f\f", "\f\n\f"])
def test_a_form_feed_in_front_of_a_row_is_looked_through(feed: str) -> None:
    """Python counts from behind it how far a row is indented; libcst does not, and refused the file or read another."""
    methods = (
        f"{feed}    def one(self):\n    {TAKEN}        conn.execute('1')\n{feed}    def two(self):\n        pass\n"
    )
    (leak,) = found(f"class Shop:\n{methods}")
    assert (leak.code, leak.function) == ("PB101", "Shop.one")
    assert [each.code for each in found(f"{feed}{LEAK}")] == ["PB101"]


def test_a_fix_leaves_form_feeds_where_they_are() -> None:
    note = "    note = '''\n\f    as it is\n'''\n"
    (leak,) = found(f"x = 1\n\fdef leak():\n{TAKEN}    work(conn.cursor())\n{note}    conn.close()\n")
    assert leak.fix is not None
    mended = spliced(decode(Path("it.py").read_bytes()), leak.fix.edits).decode()
    assert mended.partition("x = 1\n")[2] == (
        f"\fdef leak():\n{TAKEN}    try:\n        work(conn.cursor())\n        note = '''\n\f    as it is\n'''\n"
        "    finally:\n        conn.close()\n"
    )


def test_no_fix_changes_a_row_with_a_form_feed() -> None:
    (leak,) = found(f"def leak():\n{TAKEN}\f    work(conn.cursor())\n    conn.close()\n")
    assert leak.fix is None
    assert "form feed" in leak.no_fix_reason


def test_a_top_level_that_libcst_cannot_parse_is_told() -> None:
    leak, told = sorted(found(f"(x): int\nconn = psycopg2.connect()\n\n{LEAK}"), key=lambda each: -each.span.start.row)
    assert (told.code, leak.code) == ("PB001", "PB101")
    assert told.message.startswith("the top level of this file was not checked: ")


# -- deep and long


@pytest.mark.parametrize(
    "rows",
    [
        f"    y = {' + '.join(['x'] * 800)}\n",
        f"    y = {' or '.join(['x'] * 500)}\n",
        f"    y = [{', '.join(['x'] * 3000)}]\n",
        "    if x == 0:\n        y = 0\n" + "".join(f"    elif x == {n}:\n        y = {n}\n" for n in range(700)),
        f"    y = x{'[0]' * 150}{'.a()' * 150}\n",
        f"    y = x{'.add(1)' * 700}\n",
    ],
)
def test_long_chains_are_analysed(rows: str) -> None:
    assert [each.code for each in found(f"def f(x):\n{TAKEN}{rows}    conn.execute(y)\n")] == ["PB101"]


def test_a_thousand_lambdas_in_one_another_are_analysed() -> None:
    """The names of each are gathered once, and not once more for each that it stands in: 25 s, now less than one."""
    inner = f"{'lambda a: ' * 1000}conn"
    assert places(f"def f():\n{TAKEN}    keep = {inner}\n    conn.execute('1')\n\n{LEAK}")[-1:] == [("PB101", 7)]


@pytest.mark.parametrize("value", ["not " * 2500 + "x", "x" + ".a" * 5000, " + ".join(["x"] * 5000)])
def test_what_is_nested_too_deeply_is_told(value: str) -> None:
    told = found(f"def f(x):\n{TAKEN}    y = {value}\n    conn.execute(y)\n\n{LEAK}")
    assert told[0].code == "PB001"
    assert "nested too deeply" in told[0].message or "too complex" in told[0].message


HARD = {
    "calls": "f(1)" * 10_000,
    "items": "x" + "[0]" * 10_000,
    "names": "x.a" * 10_000,
    "minus": "-" * 40_000 + "x",
    "brackets": "(" * 190 + "x" + ")" * 190 + "(1)" * 2_000,
}


@pytest.mark.parametrize("value", HARD.values(), ids=HARD)
@pytest.mark.parametrize("broken", ["type Row = dict\ny = {} 1 2\n", "y = [{}\n", "y = {}\ndef odd(:\n"])
def test_a_long_row_beside_an_error_is_told_with_the_reason_that_python_gives(broken: str, value: str) -> None:
    """What Python refuses is given to libcst, which never came to an end, or ended the process."""
    text = HEAD + broken.format(value)
    with pytest.raises((SyntaxError, MemoryError)) as refused:
        ast.parse(text)
    (told,) = found(broken.format(value))
    assert told.code == "PB001"
    reason = refused.value.msg if isinstance(refused.value, SyntaxError) else "nested too deeply"
    assert reason in told.message


def test_a_long_text_beside_newer_syntax_costs_nothing() -> None:
    text = f"type Row = dict\nDATA = '{'(' * 5_000}'  # {'[' * 5_000}\n\n{LEAK}"
    assert [each.code for each in found(text)] == ["PB101"]


def test_what_libcst_reads_and_cannot_write_ends_no_run(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(tree: cst.Module) -> str:
        raise cst.CSTLogicError("Logic error!")

    monkeypatch.setattr(older, "without_newer", fail)
    assert places(f"type Row = dict\n\n{LEAK}") == [("PB001", 1), ("PB101", 4)]


def test_names_are_what_python_reads() -> None:
    use = "    try:\n        conn.cursor()\n    finally:\n        {}.close()\n"
    assert not places(f"def f():\n{TAKEN}{use.format('ｃｏｎｎ')}")
    assert places(f"def f(ｃｏｎ):\n{TAKEN}{use.format('ｃｏｎ')}") == [("PB101", 2)]


@pytest.mark.parametrize("seed", [1, 2])
def test_generated_programs(seed: int) -> None:
    for number, text in enumerate(generated(60, seed)):
        path = Path(f"p{number}", "it.py")
        path.parent.mkdir()
        path.write_text(text, encoding="utf-8", errors="replace", newline="")
        assert watched(path)[1] == "", text


def nested(depth: int) -> str:
    """`finally` in `finally`, so deep."""
    body = "    conn.cursor()\n"
    for number in range(depth):
        body = f"    try:\n        use({number})\n    finally:\n{indent(body, '    ')}"
    return f"def f(x):\n{TAKEN}{body}"


def test_clean_up_in_clean_up_is_analysed_or_told() -> None:
    assert [each.code for each in found(nested(4))] == ["PB101"]
    told, leak = found(f"{nested(18)}\n{LEAK}")
    assert (told.code, leak.code) == ("PB001", "PB101")
    assert told.message == "`f` was not checked: too many ways through its `finally` clauses"


def test_a_file_in_a_codec_that_fails_at_everything_ends_no_run() -> None:
    Path("odd.py").write_text("# coding: undefined\n" + HEAD + LEAK)
    Path("it.py").write_text(HEAD + LEAK)
    assert {each.code for each in check(["."]).findings} == {"PB001", "PB101"}


def test_a_large_table_stays_as_it_is() -> None:
    rows = "".join(f"        ({n}, 'name {n}', None, -{n}.5, 'ü'),\n" for n in range(3000))
    body = f"    data = [\n{rows}    ]\n    conn.cursor().execute(data)\n    conn.close()\n"
    text = f"def f(x):\n{TAKEN}{body}"
    (leak,) = found(text)
    assert (leak.code, leak.span.start.row) == ("PB102", 4)
    assert leak.fix is not None
    mended = spliced(decode((HEAD + text).encode()), leak.fix.edits).decode()
    assert all(row.strip() in mended for row in rows.splitlines())
    assert mended.count("\n") < text.count("\n") + 10


# -- where a project begins


def lay_out(files: dict[str, str]) -> None:
    """Write these files below the working directory."""
    for name, text in files.items():
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).write_text(text)


def test_a_project_without_a_mark_is_what_its_files_import(monkeypatch: pytest.MonkeyPatch) -> None:
    lay_out(
        {
            "shop/__init__.py": "",
            "shop/lib/db.py": "import psycopg2\n\ndef take():\n    return psycopg2.connect()\n",
            "shop/api/__init__.py": "",
            "shop/api/views.py": "from shop.lib.db import take\n\ndef view():\n    c = take()\n    c.cursor()\n",
            "shop/api/nearer.py": "from ..lib.db import take\n\ndef view():\n    c = take()\n    c.cursor()\n",
            "other/lib/db.py": "def take():\n    return open('x')\n",
        }
    )
    assert [each.code for each in check(["shop/api/views.py"]).findings] == ["PB101"]
    assert [each.code for each in check(["shop/api/nearer.py"]).findings] == ["PB101"]
    assert [each.code for each in check(["shop/api"]).findings] == ["PB101", "PB101"]
    monkeypatch.chdir("shop/api")
    assert [each.code for each in check(["views.py"]).findings] == ["PB101"]


def test_a_folder_far_above_that_is_called_as_an_import_is_makes_no_project_of_what_is_above() -> None:
    lay_out(
        {
            "home/tools/notes.txt": "",
            "home/tools/run.py": "",
            "home/work/shop/it.py": "import tools\nfrom tools import missing\n",
            "home/work/shop/there.py": "from tools import run\n",
        }
    )
    here = os.getcwd()
    it, there = (homes([os.path.join(here, f"home/work/shop/{name}.py")], here) for name in ("it", "there"))
    assert it == [os.path.join(here, "home/work/shop")]
    assert there == [os.path.join(here, "home")]


def test_what_lies_in_the_folder_for_temporary_files_makes_no_project_of_that(monkeypatch: pytest.MonkeyPatch) -> None:
    lay_out({"now/patch.py": "", "now/work/it.py": "import patch\n"})
    here, elsewhere = os.getcwd(), os.path.join(os.getcwd(), "elsewhere")
    it = os.path.join(here, "now", "work", "it.py")
    assert homes([it], elsewhere) == [os.path.join(here, "now")]
    monkeypatch.setattr(tempfile, "tempdir", os.path.join(here, "now"))
    assert homes([it], elsewhere) == [os.path.join(here, "now", "work")]


def test_what_is_imported_from_above_and_is_not_there_makes_no_project_of_what_is_above() -> None:
    """A relative import in a text, or one that fails, had all of a folder far above it read."""
    lay_out(
        {
            "top/mid/low/it.py": '"""\n    from ... import another\n"""\n',
            "top/mid/low/there.py": "from ...beside.db import take\n",
            "top/beside/db.py": "",
            "package/__init__.py": "take = open\n",
            "package/low/it.py": "from .. import take\n",
        }
    )
    here = os.getcwd()
    low, there, package = (
        homes([os.path.join(here, path)], here)
        for path in ("top/mid/low/it.py", "top/mid/low/there.py", "package/low/it.py")
    )
    assert low == [os.path.join(here, "top/mid/low")]
    assert there == [os.path.join(here, "top")]
    assert package == [os.path.join(here, "package")]
