"""The server that editors talk to: it listens, and asks the sessions in one thread, one question after the other."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeAlias, TypeVar

from lsprotocol import types as lsp
from pygls.lsp.server import LanguageServer
from pygls.uris import to_fs_path

from putback.model.errors import PutbackError, SourceError
from putback.model.finding import Finding
from putback.server import wire
from putback.server.session import Session, session_for
from putback.source.text import read_source, split_lines

R = TypeVar("R")
Action: TypeAlias = "lsp.CodeAction | lsp.Command"
PROVE = "putback.fixAndProve"
FIX_ALL = "source.fixAll.putback"
PAUSE = 0.02
"""Seconds of quiet in typing before a text is looked at."""
_STACK = 256 << 20
_SETTINGS = ("pyproject.toml", "putback.toml", ".putback.toml")


class Server(LanguageServer):
    """The server with its projects."""

    def __init__(self, version: str) -> None:
        super().__init__("putback", version)
        self.sessions: dict[str, Session] = {}
        before = threading.stack_size(_STACK)  # deeply nested code needs it
        self.hands = ThreadPoolExecutor(1, "putback")
        self.hands.submit(int).result()
        threading.stack_size(before)
        self.waiting: dict[str, asyncio.Task[None]] = {}

    @property
    def units(self) -> wire.Units:
        """How the client counts columns."""
        return wire.UNITS.get(self.workspace.position_encoding, wire.utf16)

    def session(self, path: str) -> Session:
        """The project of a file."""
        folders = (to_fs_path(uri) for uri in self.workspace.folders)
        root = session_for(path, [each for each in folders if each], self.sessions)
        return self.sessions.setdefault(root, Session(root))

    async def asked(self, work: Callable[[], R]) -> R:
        """The answer of a session, from the thread that talks to them."""
        return await asyncio.get_running_loop().run_in_executor(self.hands, work)

    def rows(self, path: str) -> Sequence[str]:
        """The rows of a file, of an open one as they are in the editor."""
        for session in self.sessions.values():
            if path in session.texts:
                return split_lines(session.texts[path])
        try:
            return read_source(path).lines
        except SourceError:
            return ()

    async def look(self, uri: str, pause: float = 0.0) -> None:
        """Tell the client what is found in a file now, and in the open ones that import from it."""
        await asyncio.sleep(pause)
        document = self.workspace.get_text_document(uri)
        path, text = document.path, document.source
        session = self.session(path)
        try:
            found = await self.asked(lambda: session.open(path, text))
        except PutbackError as error:
            self.window_show_message(lsp.ShowMessageParams(lsp.MessageType.Error, f"putback: {error}"))
            return
        except Exception as error:  # nobody waits for this task: what fails in it would be lost
            self.window_log_message(lsp.LogMessageParams(lsp.MessageType.Error, f"putback: {error!r}"))
            return
        for each, findings in found.items():
            self.publish(session, each, findings)

    def publish(self, session: Session, path: str, findings: Iterable[Finding]) -> None:
        """Send what is found in an open file, unless its text has changed since: then it is looked at again."""
        opened = next(((u, d) for u, d in self.workspace.text_documents.items() if d.path == path), None)
        if opened is None or opened[1].source != session.texts.get(path):
            return
        shown = [wire.diagnostic(each, self.rows, self.units) for each in findings]
        uri, document = opened
        self.text_document_publish_diagnostics(lsp.PublishDiagnosticsParams(uri, shown, document.version))

    def later(self, uri: str, pause: float) -> None:
        """Look at a file once nothing is typed for a moment."""
        if (task := self.waiting.pop(uri, None)) is not None and not task.done():
            task.cancel()
        self.waiting[uri] = asyncio.get_running_loop().create_task(self.look(uri, pause))

    def at(self, uri: str, span: lsp.Range) -> list[Finding]:
        """The findings whose place, or a station of whose path, is in a stretch of an open file."""
        path = self.workspace.get_text_document(uri).path
        rows = self.rows(path)
        shown = self.session(path).shown.get(path, ())

        def covers(finding: Finding) -> bool:
            here = [s.span for s in wire.stations(finding) if os.path.abspath(s.path) == path]
            return any(_touch(wire.range_of(each, rows, self.units), span) for each in (finding.span, *here))

        return [each for each in shown if covers(each)]


def _touch(one: lsp.Range, other: lsp.Range) -> bool:
    return one.start <= other.end and other.start <= one.end


def server(version: str) -> Server:
    """A server that knows what to do; nothing is read before a client asks."""
    made = Server(version)

    @made.feature(lsp.TEXT_DOCUMENT_DID_OPEN)
    async def did_open(params: lsp.DidOpenTextDocumentParams) -> None:
        made.later(params.text_document.uri, 0.0)

    @made.feature(lsp.TEXT_DOCUMENT_DID_CHANGE)
    async def did_change(params: lsp.DidChangeTextDocumentParams) -> None:
        made.later(params.text_document.uri, PAUSE)

    @made.feature(lsp.TEXT_DOCUMENT_DID_CLOSE)
    async def did_close(params: lsp.DidCloseTextDocumentParams) -> None:
        uri = params.text_document.uri
        if (task := made.waiting.pop(uri, None)) is not None:
            task.cancel()
        path = to_fs_path(uri) or uri
        session = made.session(path)
        await made.asked(lambda: session.close(path))
        made.text_document_publish_diagnostics(lsp.PublishDiagnosticsParams(uri, []))

    @made.feature(lsp.TEXT_DOCUMENT_DID_SAVE)
    async def did_save(params: lsp.DidSaveTextDocumentParams) -> None:
        path = to_fs_path(params.text_document.uri) or ""
        if os.path.basename(path) in _SETTINGS or path not in made.session(path).texts:
            await anew()

    @made.feature(lsp.WORKSPACE_DID_CHANGE_WATCHED_FILES)
    async def did_change_watched(params: lsp.DidChangeWatchedFilesParams) -> None:
        is_open = {made.workspace.get_text_document(uri).path for uri in made.workspace.text_documents}
        if any(to_fs_path(each.uri) not in is_open for each in params.changes):
            await anew()

    async def anew() -> None:
        for session in list(made.sessions.values()):
            await made.asked(session.refresh)
        for uri in list(made.workspace.text_documents):
            made.later(uri, 0.0)

    @made.feature(lsp.TEXT_DOCUMENT_HOVER)
    async def hover(params: lsp.HoverParams) -> lsp.Hover | None:
        found = made.at(params.text_document.uri, lsp.Range(params.position, params.position))
        if not found:
            return None
        return lsp.Hover(lsp.MarkupContent(lsp.MarkupKind.Markdown, "\n\n".join(map(wire.hover, found))))

    @made.feature(
        lsp.TEXT_DOCUMENT_CODE_ACTION,
        lsp.CodeActionOptions(code_action_kinds=[lsp.CodeActionKind.QuickFix, FIX_ALL]),
    )
    async def code_action(params: lsp.CodeActionParams) -> list[Action]:
        uri, only = params.text_document.uri, params.context.only
        document = made.workspace.get_text_document(uri)
        actions: list[Action] = []
        if only is None or lsp.CodeActionKind.QuickFix in only:
            for finding in made.at(uri, params.range):
                actions += quick_fixes(finding, uri, document.source, document.version)
        wants_all = only is not None and any(FIX_ALL.startswith(each) for each in only)
        if wants_all and (action := await all_fixes(document.path, document.source, document.version)) is not None:
            actions.append(action)
        return actions

    def quick_fixes(finding: Finding, uri: str, text: str, version: int | None) -> Iterable[Action]:
        if finding.fix is not None:
            yield wire.quick_fix(finding, text, version, made.units)
            title = "putback: fix and prove (runs the function in a sandbox)"
            yield lsp.Command(title, PROVE, arguments=[uri, finding.fingerprint])
        yield wire.ignoring(finding, text, version, made.units)

    async def all_fixes(path: str, text: str, version: int | None) -> lsp.CodeAction | None:
        session = made.session(path)
        if path not in session.texts:
            return None
        done = await made.asked(lambda: session.fixed(path))
        if done.source == text:
            return None
        edit = wire.whole_edit(path, text, done.source, version, made.units)
        return lsp.CodeAction(title="putback: fix all that is safe", kind=FIX_ALL, edit=edit)

    @made.command(PROVE)
    async def prove(uri: str, fingerprint: str) -> str:
        document = made.workspace.get_text_document(uri)
        path, text, version = document.path, document.source, document.version
        session = made.session(path)
        finding = next((each for each in session.shown.get(path, ()) if each.fingerprint == fingerprint), None)
        if finding is None:
            return "the finding is gone"
        proved = await made.asked(lambda: session.fixed_and_proved(path, finding))
        if proved.text is not None:
            edit = wire.whole_edit(path, text, proved.text, version, made.units)
            await made.workspace_apply_edit_async(lsp.ApplyWorkspaceEditParams(edit, "putback: fix and prove"))
        kind = lsp.MessageType.Info if proved.text is not None else lsp.MessageType.Warning
        made.window_show_message(lsp.ShowMessageParams(kind, f"putback: {proved.said}"))
        return proved.said

    return made
