"""Small applications of each framework, `fixtures/frameworks/`: what putback finds is what takes slots of a real pool.

`before` has a defect and `after` has not. The garbage collector is off while they run: what it closes later is out
until then.
"""

from __future__ import annotations

import gc
import importlib.util
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Event
from types import ModuleType

import pytest
from libraries import import_or_skip

from putback.model.config import Config
from putback.pipeline.check import check

pytestmark = pytest.mark.slow

FOLDER = Path(__file__).parents[2] / "fixtures" / "frameworks"
DEFECTS = {
    "apscheduler": "PB306",
    "celery": "PB306",
    "django": "PB307",
    "fastapi": "PB301",
    "flask": "PB102",
    "socketio": "PB307",
}


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], ModuleType]]:
    """Starts one of the applications in a folder of its own."""
    monkeypatch.chdir(tmp_path)
    gc.collect()
    gc.disable()

    def start(name: str) -> ModuleType:
        spec = importlib.util.spec_from_file_location(f"shop_{name.replace('/', '_')}", FOLDER / name / "app.py")
        assert spec is not None and spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module

    yield start
    gc.enable()
    gc.collect()


@pytest.mark.parametrize(("framework", "code"), DEFECTS.items())
def test_the_defect_is_found(framework: str, code: str) -> None:
    root = FOLDER / framework
    found = check([str(root)], Config(root=str(root))).findings
    assert [(Path(f.filename).parent.name, f.code) for f in found] == [("before", code)]


@pytest.mark.parametrize(("state", "out"), [("before", 2), ("after", 0)])
def test_requests_of_fastapi(shop: Callable[[str], ModuleType], state: str, out: int) -> None:
    import_or_skip("fastapi", "fastapi")
    from fastapi.testclient import TestClient

    module = shop(f"fastapi/{state}")
    client = TestClient(module.app, raise_server_exceptions=False)
    codes = [client.get("/orders").status_code for _ in range(3)]
    assert codes == [200, 200, 500 if out else 200]
    assert module.engine.pool.checkedout() == out


@pytest.mark.parametrize(("state", "out"), [("before", 2), ("after", 0)])
def test_requests_of_flask(
    shop: Callable[[str], ModuleType], state: str, out: int, postgres_dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    import_or_skip("flask", "flask")
    monkeypatch.setenv("SHOP_DSN", postgres_dsn)
    module = shop(f"flask/{state}")
    client = module.app.test_client()
    codes = [client.get(f"/orders/{number}").status_code for number in (3, 4, 5, 3)]
    assert codes == [200, 404, 404, 500 if out else 200]
    assert len(module.pool._used) == out
    module.pool.closeall()


@pytest.mark.parametrize(("state", "out"), [("before", 1), ("after", 0)])
def test_tasks_of_celery(shop: Callable[[str], ModuleType], state: str, out: int) -> None:
    import_or_skip("celery", "celery")
    module = shop(f"celery/{state}")
    assert module.count_orders.delay().get() == 3
    assert module.engine.pool.checkedout() == out


@pytest.mark.parametrize(("state", "out"), [("before", 1), ("after", 0)])
def test_jobs_of_apscheduler(shop: Callable[[str], ModuleType], state: str, out: int) -> None:
    import_or_skip("apscheduler", "apscheduler")
    from apscheduler.events import EVENT_JOB_ERROR, EVENT_JOB_EXECUTED

    module = shop(f"apscheduler/{state}")
    done = Event()
    module.scheduler.add_listener(lambda event: done.set(), EVENT_JOB_EXECUTED | EVENT_JOB_ERROR)
    module.scheduler.start()
    assert done.wait(60)
    assert module.engine.pool.checkedout() == out
    module.scheduler.shutdown()


@pytest.mark.parametrize(("state", "out"), [("before", 2), ("after", 0)])
def test_background_tasks_of_socketio(shop: Callable[[str], ModuleType], state: str, out: int) -> None:
    import_or_skip("flask_socketio", "flask-socketio")
    module = shop(f"socketio/{state}")
    client = module.socketio.test_client(module.app)
    for _ in range(2):
        client.emit("left")
    for task in module.tasks:
        task.join()
    assert module.engine.pool.checkedout() == out


@pytest.mark.parametrize(("state", "out"), [("before", 2), ("after", 0)])
def test_threads_of_django(state: str, out: int, postgres_dsn: str) -> None:
    import_or_skip("django", "django")
    done = subprocess.run(
        [sys.executable, str(Path(__file__).parent / "django_requests.py")],
        cwd=FOLDER / "django" / state,
        env={**os.environ, "SHOP_DSN": postgres_dsn, "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert json.loads(done.stdout) == [[200, 200, 500 if out else 200], out]
