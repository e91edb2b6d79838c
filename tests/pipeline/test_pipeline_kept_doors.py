"""What an answer rests on, one way at a time: a change that only this way leads to is seen by what was kept."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from putback.model.config import Config
from putback.pipeline.check import checked

POOL = "from psycopg2.pool import ThreadedConnectionPool\n\npool = ThreadedConnectionPool(1, 9, '')\n"
KNOWN = "import psycopg2\n\nopened = psycopg2.connect\n"
USING = "\n\ndef work():\n    conn = {}\n    conn.cursor().execute('x')\n"
GIVEN = f"{KNOWN}\n\ndef use(source):\n    return source\n"
TAKING, EMPTY = f"{POOL}\n\ndef take():\n    return pool.getconn()\n", f"{POOL}\n\ndef take():\n    return None\n"
OUTER = f"from db import take\n{KNOWN}\n\ndef outer():\n    return take()\n"
SOURCE = f"from middle import source\n{KNOWN}\n\ndef outer():\n    return source\n"
THING = f"from db import Thing\n{KNOWN}\n\ndef outer():\n    return Thing().source\n"
DATABASE = "from sqlalchemy import create_engine, text\nfrom sqlalchemy.orm import Session\n"
RETURNING = (
    f"{DATABASE}\nengine = create_engine('postgresql://shop')\n\n\ndef get_db():\n    db = Session(engine)\n"
    "    try:\n        return db\n    finally:\n        db.close()\n"
)
ROUTE = (
    "from fastapi import Depends, FastAPI\nfrom db import {}\n\napp = FastAPI()\n\n\n@app.get('/')\ndef orders({}):\n"
)
MAKING = f"{DATABASE}\n\ndef make():\n    return create_engine('postgresql://shop').connect()\n"
STREAM = (
    "from fastapi import Depends, FastAPI\nfrom fastapi.responses import StreamingResponse\n"
    f"{DATABASE}\napp = FastAPI()\n\n\ndef get_db():\n    with Session(create_engine('postgresql://shop')) as db:\n"
    "        yield db\n\n\ndef rows(db: Session):\n    yield from db.execute(text('SELECT 1'))\n\n\n"
    "@app.get('/a')\ndef a(db: Session = Depends(get_db)):\n    return StreamingResponse(rows(db))\n"
)
SCOPED = (
    "from flask import Flask\nfrom sqlalchemy import create_engine, text\n"
    "from sqlalchemy.orm import scoped_session, sessionmaker\n\napp = Flask(__name__)\n"
    "db = scoped_session(sessionmaker(bind=create_engine('postgresql://shop')))\n\n\n"
    "@app.get('/orders')\ndef orders():\n    return str(db.execute(text('SELECT 1')).scalar())\n"
)
ENDING = "from app import app, db\n\n\n@app.teardown_appcontext\ndef end(error=None):\n    {}\n"
WORKING = "from app import db, text\n\n\ndef work():\n    db.execute(text('SELECT 1'))\n"
STARTING = "from threading import Thread\nfrom work import work\n\nThread(target=work).start()\n"
WORKER = (
    "from base import Base\nfrom app import db, text\n\n\nclass Worker(Base):\n    def run(self):\n"
    "        db.execute(text('SELECT 1'))\n"
)
MYSQL = f"{DATABASE}\nengine = create_engine('mysql+pymysql://shop')\n"
FAILING = (
    "from sqlalchemy import text\nfrom sqlalchemy.orm import Session\nfrom db import engine\n\n\ndef work():\n"
    "    with Session(engine) as session:\n        try:\n            session.execute(text('INSERT 1'))\n"
    "        except Exception:\n            session.execute(text('INSERT 2'))\n        session.commit()\n"
)

CHANGES: Mapping[str, tuple[Mapping[str, str], Mapping[str, str | None]]] = {
    "a call that passes something": (
        {
            "lib.py": GIVEN,
            "main.py": f"import lib\n{POOL}\n\ndef main():\n    return lib\n",
            "web.py": "import lib" + USING.format("lib.use(None).getconn()"),
        },
        {"main.py": f"import lib\n{POOL}\n\ndef main():\n    return lib.use(pool)\n"},
    ),
    "what is set on an object": (
        {
            "lib.py": f"from flask import Flask\n{KNOWN}\napp = Flask('x')\n\n\ndef give():\n    return app.source\n",
            "main.py": f"from lib import app\n{POOL}\n\ndef main():\n    app.other = pool\n",
            "web.py": "import lib" + USING.format("lib.give().getconn()"),
        },
        {"main.py": f"from lib import app\n{POOL}\n\ndef main():\n    app.source = pool\n"},
    ),
    "who imports a file": (
        {
            "lib.py": GIVEN,
            "main.py": f"{POOL}\n\ndef main():\n    return use(pool)\n",
            "web.py": "import lib" + USING.format("lib.use(None).getconn()"),
        },
        {"main.py": f"from lib import use\n{POOL}\n\ndef main():\n    return use(pool)\n"},
    ),
    "who imports a file because another has gone": (
        {
            "core/db.py": "def use(source):\n    return None\n",
            "web/core/db.py": GIVEN,
            "web/main.py": f"from core.db import use\n{POOL}\n\ndef main():\n    return use(pool)\n",
            "web/core/views.py": "from .db import use" + USING.format("use(None).getconn()"),
        },
        {"core/db.py": None},
    ),
    "who derives from a class": (
        {
            "lib.py": f"{KNOWN}\n\nclass Base:\n    def give(self):\n        return self.source\n\n\n"
            "def made():\n    return Base().give()\n",
            "main.py": f"from lib import Base\n{POOL}\n\nclass One:\n    source = pool\n",
            "web.py": "import lib" + USING.format("lib.made().getconn()"),
        },
        {"main.py": f"from lib import Base\n{POOL}\n\nclass One(Base):\n    source = pool\n"},
    ),
    "what a class derives from": (
        {
            "db.py": f"{POOL}\n\nclass One:\n    source = pool\n\n\nclass Thing:\n    pass\n",
            "one.py": THING,
            "two.py": THING,
            "web.py": "import one, two" + USING.format("two.outer().getconn()"),
        },
        {"db.py": f"{POOL}\n\nclass One:\n    source = pool\n\n\nclass Thing(One):\n    pass\n"},
    ),
    "a file that comes": (
        {
            "shop/__init__.py": "",
            "lib.py": f"from shop import db\n{KNOWN}\n\ndef outer():\n    return db.take()\n",
            "web.py": "import lib" + USING.format("lib.outer()"),
        },
        {"shop/db.py": TAKING},
    ),
    "a file that comes beside another": (
        {
            "shop/__init__.py": "",
            "shop/lib.py": f"from .db import take\n{KNOWN}\n\ndef outer():\n    return take()\n",
            "web.py": "from shop import lib" + USING.format("lib.outer()"),
        },
        {"shop/db.py": TAKING},
    ),
    "a file that goes": (
        {
            "core/db.py": "def take():\n    return None\n",
            "web/core/db.py": TAKING,
            "web/lib.py": f"from core.db import take\n{KNOWN}\n\ndef outer():\n    return take()\n",
            "web/views.py": "from .lib import outer" + USING.format("outer()"),
        },
        {"core/db.py": None},
    ),
    "a wrapper that says something else": (
        {
            "db.py": EMPTY,
            "one.py": OUTER,
            "two.py": OUTER,
            "web.py": "import one, two" + USING.format("two.outer()"),
        },
        {"db.py": TAKING},
    ),
    "a value that two know of a third by way of a fourth": (
        {
            "db.py": f"{POOL}\nsource = None\n",
            "middle.py": f"from db import source\n{KNOWN}",
            "one.py": SOURCE,
            "two.py": SOURCE,
            "web.py": "import one, two" + USING.format("two.outer().getconn()"),
        },
        {"db.py": f"{POOL}\nsource = pool\n"},
    ),
    "a file that an import has looked for": (
        {"db.py": "", "shop/__init__.py": "", "web.py": "from shop import db" + USING.format("db.take()")},
        {"shop/db.py": TAKING},
    ),
    "a class whose method is called alike": (
        {
            "lib.py": "import psycopg2\n\n\ndef take(source):\n    return source.getconn()\n",
            "main.py": "import psycopg2\n\n\nclass Own:\n    def give(self):\n        pass\n",
            "web.py": "import lib" + USING.format("lib.take(made())"),
        },
        {"main.py": "import psycopg2\n\n\nclass Own:\n    def getconn(self):\n        pass\n"},
    ),
    "the rows of a wrapper": (
        {"db.py": TAKING, "web.py": "from db import take" + USING.format("take()")},
        {"db.py": f"# taken here\n\n{TAKING}"},
    ),
    "what a function does with a connection": (
        {
            "db.py": f"{POOL}\n\ndef give(conn):\n    pool.putconn(conn)\n",
            "web.py": "from db import give, pool\n\n\ndef work():\n    conn = pool.getconn()\n    give(conn)\n",
        },
        {"db.py": f"{POOL}\n\ndef give(conn):\n    print(conn)\n"},
    ),
    "what a framework is given elsewhere": (
        {"db.py": RETURNING, "web.py": ROUTE.format("get_db", "") + "    return 1\n"},
        {"web.py": ROUTE.format("get_db", "db=Depends(get_db)") + "    return 1\n"},
    ),
    "who uses what makes a pool": (
        {"db.py": MAKING, "web.py": ROUTE.format("make", "") + "    return 1\n"},
        {"web.py": ROUTE.format("make", "") + "    return make().execute('x')\n"},
    ),
    "who is the first to import what makes a pool": (
        {"db.py": MAKING, "web.py": ROUTE.format("other", "") + "    return 1\n", "more.py": "import json\n"},
        {"more.py": ROUTE.format("make", "") + "    return make().execute('x')\n"},
    ),
    "which version is required": (
        {"web.py": STREAM, "requirements.txt": "fastapi==0.110.0\n"},
        {"requirements.txt": "fastapi==0.118.0\n"},
    ),
    "that a version is required at all": ({"shop/web.py": STREAM}, {"requirements.txt": "fastapi==0.110.0\n"}),
    "who removes a session": (
        {"app.py": SCOPED, "end.py": ENDING.format("print(error)")},
        {"end.py": ENDING.format("db.remove()")},
    ),
    "a file that is no candidate starts a thread": (
        {"app.py": SCOPED, "work.py": WORKING, "start.py": "x = 1\n", "other.py": "x = 1\n"},
        {"start.py": STARTING},
    ),
    "a file comes that starts a thread": ({"app.py": SCOPED, "work.py": WORKING}, {"start.py": STARTING}),
    "the file that starts a thread goes": (
        {"app.py": SCOPED, "work.py": WORKING, "start.py": STARTING},
        {"start.py": None},
    ),
    "a class of a file that is no candidate": (
        {"app.py": SCOPED, "base.py": "from threading import Thread as Base\n", "work.py": WORKER},
        {"base.py": "class Base:\n    pass\n"},
    ),
    "which servers are named": (
        {"db.py": MYSQL, "work.py": FAILING, "settings.py": ""},
        {"settings.py": "URL = 'postgresql://shop'\n"},
    ),
}


def searched(root: Path, cache: str) -> object:
    """What the search comes to, and the findings."""
    run = checked([str(root)], Config(root=str(root), cache=cache))
    scan = run.project.analysis.scan
    findings = [(each.filename, each.span, each.code, each.message, each.trace) for each in run.result.findings]
    return scan.candidates, scan.names, scan.imports, findings


@pytest.mark.parametrize("way", CHANGES)
def test_a_change_is_seen(way: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before, after = CHANGES[way]
    root, cache = tmp_path / "project", str(tmp_path / "cache")
    for name, text in {"pyproject.toml": "", **before}.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    monkeypatch.chdir(root)
    searched(root, cache)
    first = searched(root, cache)  # findings are kept from the second run on
    for name, changed in after.items():
        (root / name).unlink() if changed is None else (root / name).write_text(changed)
    second = searched(root, "")
    assert second != first
    assert searched(root, cache) == second


def test_what_no_change_concerns_is_not_looked_for_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root, cache = tmp_path / "project", str(tmp_path / "cache")
    root.mkdir()
    for name, text in {"app.py": SCOPED, "work.py": WORKING, "start.py": STARTING, "pyproject.toml": ""}.items():
        (root / name).write_text(text)
    monkeypatch.chdir(root)

    def looked_for() -> int:
        return checked([str(root)], Config(root=str(root), cache=cache)).project.analysis.scan.texts.searched

    assert looked_for() > 0
    (root / "work.py").write_text(WORKING + "\n\nx = 1\n")
    assert looked_for() == 0
