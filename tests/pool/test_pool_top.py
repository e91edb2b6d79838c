"""The live table of another process: by a signal, by its health, and never a signal to whoever does not expect one."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from libraries import import_or_skip

from putback.pool import SettingsError, watch
from putback.pool.adapters import health_of
from putback.pool.shapes import pool_health
from putback.pool.top import looking_at, main
from putback.pool.watching.spool import ask, folder

SOURCES = Path(__file__).parents[2] / "src"

PROGRAM = """
import sys
import sqlalchemy
from putback.pool import watch

engine = sqlalchemy.create_engine("sqlite://", poolclass=sqlalchemy.QueuePool, pool_size=3)

kept = []


def show_orders():
    kept.append(engine.connect())


watching = watch(engine, name="shop", sample=1)
show_orders(), show_orders()
if "listen" in sys.argv:
    watching.on_signal()
print("ready", flush=True)
for _ in sys.stdin:
    pass
"""

needs_signals = pytest.mark.skipif(not hasattr(signal, "SIGUSR1"), reason="no such signal here")


@pytest.fixture(autouse=True)
def own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setenv("TMPDIR", str(tmp_path))


@contextmanager
def program(tmp_path: Path, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    import_or_skip("sqlalchemy", "sqlalchemy")
    file = tmp_path / "program.py"
    file.write_text(PROGRAM)
    environment = {**os.environ, "PYTHONPATH": str(SOURCES), "TMPDIR": str(tmp_path)}
    command = [sys.executable, str(file), *arguments]
    with subprocess.Popen(
        command, env=environment, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as running:
        assert running.stdout is not None
        assert running.stdin is not None
        assert running.stdout.readline() == "ready\n"
        try:
            yield running
        finally:
            running.stdin.close()
            running.wait(30)


@needs_signals
def test_the_table_of_another_process(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with program(tmp_path, "listen") as running:
        for _ in range(2):
            (pool,) = ask(running.pid)
        assert (pool["pool"], pool["in_use"], pool["capacity"], pool["taken"]) == ("shop", 2, 13, 2)
        assert [(each["count"], each["place"].rpartition(" in ")[2]) for each in pool["held"]] == [(2, "show_orders")]
        assert main(["--once", str(running.pid)]) == 0
        shown = capsys.readouterr().out
        assert "pool shop: 2 of 13 connections are out" in shown
        assert "show_orders" in shown
        assert main([str(running.pid)]) == 0, "in a pipe there is no live table"
        assert running.stdin is not None
        assert running.stderr is not None
        running.stdin.close()
        assert running.stderr.read() == "", "who looks every two seconds does not fill the log"
    assert list(folder().glob("*.new")) == []


@needs_signals
def test_a_process_that_does_not_listen_gets_no_signal(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with program(tmp_path) as running:
        assert main(["--once", str(running.pid)]) == 2
        assert "does not listen: call on_signal() in it" in capsys.readouterr().err
        assert running.poll() is None, "the signal would have ended it"


@needs_signals
def test_what_an_ended_process_left_is_not_taken_for_another_of_its_number(tmp_path: Path) -> None:
    with program(tmp_path, "listen") as running:
        running.kill()
        running.wait(30)
        assert (folder() / f"{running.pid}.lock").exists()
        with pytest.raises(SettingsError, match="does not listen"):
            ask(running.pid)
        assert not (folder() / f"{running.pid}.lock").exists()


@needs_signals
def test_a_folder_that_others_may_write_to_is_refused() -> None:
    folder().chmod(0o777)
    with pytest.raises(SettingsError, match="not a folder that only this user may write to"):
        folder()
    engine = import_or_skip("sqlalchemy", "sqlalchemy").create_engine("sqlite://")
    with watch(engine) as watching:
        watching.on_signal()  # the log has it all the same


@contextmanager
def serving(status: int, answer: Any) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.end_headers()
            self.wfile.write(json.dumps(answer).encode())

        def log_message(self, *_: object) -> None: ...

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/health/db"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_the_table_of_a_health_address_also_of_a_critical_pool(capsys: pytest.CaptureFixture[str]) -> None:
    library = import_or_skip("sqlalchemy", "sqlalchemy")
    engine = library.create_engine("sqlite://", poolclass=library.QueuePool, pool_size=1, max_overflow=0)
    with watch(engine, sample=1) as watching, engine.connect():
        answer = pool_health(health_of(watching))
    assert answer["held"][0]["count"] == 1
    with serving(503, answer) as url:
        assert main(["--once", url]) == 0
    shown = capsys.readouterr().out
    assert "critical: 1 of 1 connections are out, 0 available" in " ".join(shown.split())
    assert "test_the_table_of_a_health_address" in shown.replace("\n", "")


@pytest.mark.parametrize("answer", [[], {"status": "ok"}, "pool"])
def test_an_address_that_tells_of_no_pool_is_refused(answer: Any, capsys: pytest.CaptureFixture[str]) -> None:
    with serving(200, answer) as url:
        assert main(["--once", url]) == 2
    assert "gives no state of a pool" in capsys.readouterr().err


@pytest.mark.parametrize("target", ["shop", "-1", "file:///etc/passwd", "ftp://shop/"])
def test_what_is_neither_a_number_nor_an_address_is_refused(target: str) -> None:
    with pytest.raises(SettingsError, match="neither the number of a process nor an address"):
        looking_at(target)
