"""The language server with a real client: type a leak, see it, fix it, undo."""

from __future__ import annotations

import asyncio
import json
import os
import resource
import subprocess
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

import putback

pytest.importorskip("pytest_lsp")

from lsprotocol import types as lsp
from pytest_lsp import LanguageClient, client_capabilities, make_test_lsp_client

pytestmark = pytest.mark.slow

SOURCES = str(Path(putback.__file__).parents[1])
DB = """\
from psycopg2.pool import ThreadedConnectionPool

pool = ThreadedConnectionPool(1, 10)


def take():
    return pool.getconn()


def give(conn):
    pool.putconn(conn)
"""
CLEAN = """\
from db import give, take


def total(day):
    conn = take()
    try:
        conn.cursor().execute("SELECT 1", (day,))
    finally:
        give(conn)


def other():
    return 1
"""
GONE = CLEAN[: CLEAN.index("def total")] + CLEAN[CLEAN.index("def other") :]
LEAKING = CLEAN.replace("    try:\n        conn", "    conn").replace("    finally:\n        give", "    give")


class Editor:
    """A client with one project open."""

    def __init__(self, client: LanguageClient, root: Path) -> None:
        self.client = client
        self.root = root
        self.versions: dict[str, int] = {}
        self.told: list[lsp.PublishDiagnosticsParams] = []
        self.news = asyncio.Event()
        self.listen()

    def listen(self) -> None:
        """Note the next diagnostics that come, and those after them: two may come at once."""
        self.client.protocol.wait_for_notification(lsp.TEXT_DOCUMENT_PUBLISH_DIAGNOSTICS, self.hear)

    def hear(self, params: lsp.PublishDiagnosticsParams) -> None:
        """Diagnostics have come."""
        self.told.append(params)
        self.news.set()
        self.listen()

    async def until(self, wanted: Callable[[lsp.PublishDiagnosticsParams], bool]) -> list[lsp.Diagnostic]:
        """The last diagnostics that are wanted, once such have come."""
        while not (found := [list(each.diagnostics) for each in self.told if wanted(each)]):
            self.news.clear()
            await self.news.wait()
        return found[-1]

    def uri(self, name: str) -> str:
        """The address of a file."""
        return (self.root / name).as_uri()

    def document(self, name: str) -> lsp.TextDocumentIdentifier:
        """How a request names a file."""
        return lsp.TextDocumentIdentifier(self.uri(name))

    async def open(self, name: str, text: str) -> list[lsp.Diagnostic]:
        """Open a file with a text; what is shown then."""
        item = lsp.TextDocumentItem(self.uri(name), "python", 1, text)
        self.versions[name] = 1
        self.client.text_document_did_open(lsp.DidOpenTextDocumentParams(item))
        return await self.shown(name)

    async def type(self, name: str, text: str) -> list[lsp.Diagnostic]:
        """Change the text; what is shown then."""
        self.change(name, text)
        return await self.shown(name)

    def change(self, name: str, text: str) -> None:
        """Change the text, and wait for nothing."""
        self.versions[name] += 1
        document = lsp.VersionedTextDocumentIdentifier(self.versions[name], self.uri(name))
        changes = [lsp.TextDocumentContentChangeWholeDocument(text)]
        self.client.text_document_did_change(lsp.DidChangeTextDocumentParams(document, changes))

    async def shown(self, name: str) -> list[lsp.Diagnostic]:
        """The diagnostics of a file, once those of its present version have come."""
        return await self.until(lambda p: p.uri == self.uri(name) and p.version == self.versions[name])

    async def actions(self, name: str, at: lsp.Range, only: str | None = None) -> list[Any]:
        """What is offered at a place."""
        context = lsp.CodeActionContext([], only=[only] if only else None)
        params = lsp.CodeActionParams(self.document(name), at, context)
        return list(await self.client.text_document_code_action_async(params) or ())


def applied(text: str, edit: lsp.WorkspaceEdit | None) -> str:
    """`text` with an edit, as an editor applies it: columns are UTF-16."""
    assert edit is not None and edit.document_changes
    rows = [row.encode("utf-16-le") for row in text.splitlines(keepends=True)] + [b""]
    starts = [sum(map(len, rows[:at])) for at in range(len(rows))]
    data = b"".join(rows)
    [change] = edit.document_changes
    assert isinstance(change, lsp.TextDocumentEdit)
    for each in sorted(change.edits, key=lambda e: (e.range.start.line, e.range.start.character), reverse=True):
        assert isinstance(each, lsp.TextEdit)
        start, end = (starts[p.line] + 2 * p.character for p in (each.range.start, each.range.end))
        data = data[:start] + each.new_text.encode("utf-16-le") + data[end:]
    return data.decode("utf-16-le")


def edited(folder: Path, story: Callable[[Editor], Awaitable[None]], **files: str) -> None:
    """Run a story in an editor on a project with these files."""
    for name, text in {"db": DB, **files}.items():
        (folder / f"{name}.py").write_text(text, encoding="utf-8")
    (folder / "pyproject.toml").write_text("")

    async def session() -> None:
        client = make_test_lsp_client()
        environment = {name: value for name, value in os.environ.items() if not name.startswith("PUTBACK_")}
        environment["PYTHONPATH"] = SOURCES
        await client.start_io(sys.executable, "-m", "putback", "server", env=environment, cwd=folder)
        try:
            capabilities = client_capabilities("visual-studio-code")
            folders = [lsp.WorkspaceFolder(folder.as_uri(), "project")]
            params = lsp.InitializeParams(capabilities, root_uri=folder.as_uri(), workspace_folders=folders)
            await client.initialize_session(params)
            await story(Editor(client, folder))
            await client.shutdown_session()
        except BaseException:
            if client._server is not None:
                client._server.kill()  # it would wait for an orderly end
            raise
        await client.stop()

    asyncio.run(asyncio.wait_for(session(), 120))


def test_type_a_leak_see_it_fix_it_undo(tmp_path: Path) -> None:
    async def story(editor: Editor) -> None:
        assert await editor.open("app.py", CLEAN) == []
        [leak] = await editor.type("app.py", LEAKING)
        assert (leak.code, leak.source, leak.severity) == ("PB102", "putback", lsp.DiagnosticSeverity.Warning)
        assert (leak.range.start, leak.range.end) == (lsp.Position(4, 11), lsp.Position(4, 17))
        assert leak.message.startswith("connection-leaked-on-exception: `conn` is not given back if")
        places = [
            (Path(each.location.uri).name, each.location.range.start.line) for each in leak.related_information or []
        ]
        assert places == [("db.py", 6), ("app.py", 5)]
        fix, prove, ignore = await editor.actions("app.py", leak.range)
        assert (fix.kind, fix.is_preferred) == (lsp.CodeActionKind.QuickFix, True)
        assert "fix and prove" in prove.title and "ignore PB102" in ignore.title
        mended = applied(LEAKING, fix.edit)
        assert mended == CLEAN
        assert await editor.type("app.py", mended) == []
        assert [each.code for each in await editor.type("app.py", LEAKING)] == ["PB102"]

    edited(tmp_path, story, app=CLEAN)


def test_columns_are_those_of_the_client(tmp_path: Path) -> None:
    async def story(editor: Editor) -> None:
        text = LEAKING.replace("conn = take()", 'note = "\N{GRINNING FACE}"; conn = take()')
        [leak] = await editor.open("app.py", text)
        assert (leak.range.start.character, leak.range.end.character) == (24, 30)

    edited(tmp_path, story, app=CLEAN)


def test_half_typed_text_shows_where_it_breaks_off(tmp_path: Path) -> None:
    async def story(editor: Editor) -> None:
        assert [each.code for each in await editor.open("app.py", LEAKING)] == ["PB102"]
        [broken] = await editor.type("app.py", "x = (\n" + LEAKING)
        assert (broken.code, broken.range.start.line) == ("PB001", 0)
        [leak] = await editor.type("app.py", "x = ()\n" + LEAKING)
        assert (leak.code, leak.range.start.line) == ("PB102", 5)

    edited(tmp_path, story, app=LEAKING)


def test_a_function_that_is_deleted_takes_its_findings_with_it(tmp_path: Path) -> None:
    async def story(editor: Editor) -> None:
        assert [each.code for each in await editor.open("app.py", LEAKING)] == ["PB102"]
        assert await editor.type("app.py", GONE) == []
        assert [each.code for each in await editor.type("app.py", LEAKING)] == ["PB102"]

    edited(tmp_path, story, app=LEAKING)


def test_what_is_published_fits_the_version_that_it_names(tmp_path: Path) -> None:
    async def story(editor: Editor) -> None:
        await editor.open("app.py", LEAKING)
        texts = {1: LEAKING}
        for version in range(2, 60):
            texts[version] = (GONE, LEAKING, CLEAN)[version % 3]
            editor.change("app.py", texts[version])
        await editor.shown("app.py")
        told = [each for each in editor.told if each.uri == editor.uri("app.py")]
        assert told[-1].version == 59
        assert all(bool(each.diagnostics) == (texts[each.version or 0] == LEAKING) for each in told)

    edited(tmp_path, story, app=LEAKING)


def test_an_orderly_end_is_no_error(tmp_path: Path) -> None:
    def message(**content: object) -> bytes:
        body = json.dumps({"jsonrpc": "2.0", **content}).encode()
        return b"Content-Length: %d\r\n\r\n%s" % (len(body), body)

    said = message(id=1, method="initialize", params={"processId": None, "rootUri": None, "capabilities": {}})
    said += message(method="initialized", params={}) + message(id=2, method="shutdown") + message(method="exit")
    command = [sys.executable, "-m", "putback", "server"]
    environment = {**os.environ, "PYTHONPATH": SOURCES}
    done = subprocess.run(command, input=said, capture_output=True, env=environment, cwd=tmp_path, timeout=60)
    assert (done.returncode, done.stderr) == (0, b"")
    assert b'"id":2,"jsonrpc":"2.0","result":null' in done.stdout.replace(b" ", b"")


def test_hover_tells_the_path_in_words(tmp_path: Path) -> None:
    async def story(editor: Editor) -> None:
        await editor.open("app.py", LEAKING)
        params = lsp.HoverParams(editor.document("app.py"), lsp.Position(4, 13))
        hover = await editor.client.text_document_hover_async(params)
        assert hover is not None and isinstance(hover.contents, lsp.MarkupContent)
        text = hover.contents.value
        assert "**PB102 connection-leaked-on-exception** (warning)" in text
        assert "1. line 5: taken from the pool here" in text and "   - db.py:7: taken from the pool in take" in text
        assert "`putback rule PB102`" in text
        nothing = lsp.HoverParams(editor.document("app.py"), lsp.Position(12, 0))
        assert await editor.client.text_document_hover_async(nothing) is None

    edited(tmp_path, story, app=LEAKING)


def test_a_comment_ignores(tmp_path: Path) -> None:
    async def story(editor: Editor) -> None:
        [leak] = await editor.open("app.py", LEAKING)
        ignore = (await editor.actions("app.py", leak.range))[-1]
        ignored = applied(LEAKING, ignore.edit)
        assert "conn = take()  # putback: ignore[PB102]\n" in ignored
        assert await editor.type("app.py", ignored) == []

    edited(tmp_path, story, app=LEAKING)


def test_all_that_is_safe_is_fixed_at_once(tmp_path: Path) -> None:
    async def story(editor: Editor) -> None:
        twice = LEAKING + LEAKING.partition("\n\n\n")[2].replace("total", "again")
        assert len(await editor.open("app.py", twice)) == 2
        everywhere = lsp.Range(lsp.Position(0, 0), lsp.Position(30, 0))
        [action] = await editor.actions("app.py", everywhere, "source.fixAll")
        assert await editor.type("app.py", applied(twice, action.edit)) == []

    edited(tmp_path, story, app=LEAKING)


def test_fix_and_prove(tmp_path: Path) -> None:
    async def story(editor: Editor) -> None:
        [leak] = await editor.open("app.py", LEAKING)
        _, prove, _ = await editor.actions("app.py", leak.range)
        edits: list[lsp.ApplyWorkspaceEditParams] = []

        @editor.client.feature(lsp.WORKSPACE_APPLY_EDIT)
        def apply(params: lsp.ApplyWorkspaceEditParams) -> lsp.ApplyWorkspaceEditResult:
            edits.append(params)
            return lsp.ApplyWorkspaceEditResult(True)

        params = lsp.ExecuteCommandParams(prove.command, prove.arguments)
        said = await editor.client.workspace_execute_command_async(params)
        assert str(said).startswith("proved: ")
        [edit] = edits
        assert applied(LEAKING, edit.edit) == CLEAN

    edited(tmp_path, story, app=LEAKING)


def test_a_change_in_a_wrapper_is_seen_where_it_is_used(tmp_path: Path) -> None:
    async def story(editor: Editor) -> None:
        assert await editor.open("app.py", CLEAN) == []
        assert await editor.open("db.py", DB) == []
        text = DB.replace("pool.putconn(conn)", "conn.commit()")
        change = lsp.TextDocumentContentChangeWholeDocument(text)
        document = lsp.VersionedTextDocumentIdentifier(2, editor.uri("db.py"))
        editor.client.text_document_did_change(lsp.DidChangeTextDocumentParams(document, [change]))
        told = await editor.until(lambda p: p.uri == editor.uri("app.py") and bool(p.diagnostics))
        assert [each.code for each in told] == ["PB101"]

    edited(tmp_path, story, app=CLEAN)


def test_a_file_that_is_not_on_the_disk_yet(tmp_path: Path) -> None:
    async def story(editor: Editor) -> None:
        assert [each.code for each in await editor.open("new.py", LEAKING)] == ["PB102"]
        assert await editor.type("new.py", CLEAN) == []

    edited(tmp_path, story)


def test_a_thousand_edits_leave_nothing_behind(tmp_path: Path) -> None:
    from putback.server.session import Session

    (tmp_path / "pyproject.toml").write_text("")
    (tmp_path / "db.py").write_text(DB)
    (tmp_path / "app.py").write_text(CLEAN)
    session, path = Session(str(tmp_path)), str(tmp_path / "app.py")
    peaks = []
    for number in range(1_000):
        text = (LEAKING if number % 2 else CLEAN).replace("SELECT 1", f"SELECT {number}")
        found = session.open(path, text)[path]
        assert [each.code for each in found] == (["PB102"] if number % 2 else [])
        if number % 100 == 99:
            peaks.append(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
    assert peaks[-1] - peaks[2] < 4_000, peaks  # kilobytes, for 700 edits
