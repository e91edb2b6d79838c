"""What an answer rests on, one way at a time: a change that only this way leads to is seen by what was kept."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from putback.model.config import Config
from putback.pipeline.check import checked

POOL = "from psycopg2.pool import ThreadedConnectionPool\n\npool = ThreadedConnectionPool(1, 9, '')\n"
USING = "def work():\n    conn = {}\n    conn.cursor().execute('x')\n"
QUIET = "def work():\n    return 1\n"

CHANGES: Mapping[str, tuple[Mapping[str, str], Mapping[str, str | None]]] = {
    "a call that passes something": (
        {
            "lib.py": "import psycopg2\n\n\ndef use(source):\n    return source.getconn()\n",
            "main.py": f"import lib\n{POOL}\n\ndef main():\n    return lib\n",
            "web.py": "import lib\n\n\n" + USING.format("lib.use(None)"),
        },
        {"main.py": f"import lib\n{POOL}\n\ndef main():\n    return lib.use(pool)\n"},
    ),
    "what is set on an object": (
        {
            "lib.py": "import psycopg2\nfrom flask import Flask\n\napp = Flask('x')\n\n\n"
            "def take():\n    return app.source.getconn()\n",
            "main.py": f"from lib import app\n{POOL}\n\ndef main():\n    app.other = pool\n",
            "web.py": "import lib\n\n\n" + USING.format("lib.take()"),
        },
        {"main.py": f"from lib import app\n{POOL}\n\ndef main():\n    app.source = pool\n"},
    ),
    "who imports a file": (
        {
            "lib.py": "import psycopg2\n\n\ndef use(source):\n    return source.getconn()\n",
            "main.py": f"{POOL}\n\ndef main():\n    return use(pool)\n",
            "web.py": "import lib\n\n\n" + USING.format("lib.use(None)"),
        },
        {"main.py": f"from lib import use\n{POOL}\n\ndef main():\n    return use(pool)\n"},
    ),
    "who derives from a class": (
        {
            "lib.py": "class Base:\n    def take(self):\n        return self.source.getconn()\n\n\ndef made():\n"
            "    return Base().take()\n",
            "main.py": f"from lib import Base\n{POOL}\n\nclass One:\n    source = pool\n",
            "web.py": "import lib\n\n\n" + USING.format("lib.made()"),
        },
        {"main.py": f"from lib import Base\n{POOL}\n\nclass One(Base):\n    source = pool\n"},
    ),
    "a file that comes": (
        {"db.py": "", "web.py": "from shop import db\n\n\n" + USING.format("db.take()"), "shop/__init__.py": ""},
        {"shop/db.py": f"{POOL}\n\ndef take():\n    return pool.getconn()\n"},
    ),
    "a file that goes": (
        {
            "web/core/db.py": f"{POOL}\n\ndef take():\n    return pool.getconn()\n",
            "core/db.py": "def take():\n    return None\n",
            "web/views.py": "from core.db import take\n\n\n" + USING.format("take()"),
        },
        {"core/db.py": None},
    ),
    "a wrapper that says something else": (
        {"db.py": f"{POOL}\n\ndef take():\n    return None\n", "web.py": "from db import take\n\n\n" + QUIET},
        {
            "db.py": f"{POOL}\n\ndef take():\n    return pool.getconn()\n",
            "web.py": "from db import take\n\n\n" + USING.format("take()"),
        },
    ),
    "a class whose method is called alike": (
        {
            "lib.py": "import psycopg2\n\n\ndef take(source):\n    return source.getconn()\n",
            "main.py": "import psycopg2\n\n\nclass Own:\n    def give(self):\n        pass\n",
            "web.py": "import lib\n\n\n" + USING.format("lib.take(made())"),
        },
        {"main.py": "import psycopg2\n\n\nclass Own:\n    def getconn(self):\n        pass\n"},
    ),
}


def searched(root: Path, cache: str) -> object:
    """What the search comes to, and the findings."""
    run = checked([str(root)], Config(root=str(root), cache=cache))
    scan = run.project.analysis.scan
    findings = [(each.filename, each.span, each.code, each.message) for each in run.result.findings]
    return scan.candidates, scan.names, scan.imports, findings


@pytest.mark.parametrize("way", CHANGES)
def test_a_change_is_seen(way: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before, after = CHANGES[way]
    root, cache = tmp_path / "project", str(tmp_path / "cache")
    for name, text in {"pyproject.toml": "", **before}.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    monkeypatch.chdir(root)
    first = searched(root, cache)
    for name, changed in after.items():
        (root / name).unlink() if changed is None else (root / name).write_text(changed)
    second = searched(root, "")
    assert second != first
    assert searched(root, cache) == second
