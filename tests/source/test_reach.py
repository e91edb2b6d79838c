"""Whether a file reaches a connection through modules of its own project."""

from __future__ import annotations

from pathlib import Path

import pytest

from putback.source.prefilter import Prefilter, read_table
from putback.source.reach import Reach

PREFILTER = Prefilter(read_table("psycopg2\tpsycopg2\tgetconn,ThreadedConnectionPool\n"))
POOL = """
from psycopg2.pool import ThreadedConnectionPool

LIMIT = 10
pool = ThreadedConnectionPool(1, LIMIT)


def get_conn():
    return pool.getconn()


class Repository:
    def load(self):
        return get_conn()


def slug(text):
    return text.lower()
"""


@pytest.fixture(autouse=True)
def shop(tmp_path: Path) -> Path:
    """A package with a pool in one of its modules."""
    for name, text in {
        "shop/__init__.py": "",
        "shop/db.py": POOL,
        "shop/reexport.py": "from shop.db import get_conn as take, slug\n",
        "shop/star.py": "from .db import *\n",
        "shop/wrap.py": "from . import db\n\ndef borrowed():\n    return db.get_conn()\n\n"
        "def title():\n    return db.slug('x')\n",
        "shop/late.py": "def opened():\n    from shop import db\n    return db.pool\n",
        "shop/texts.py": 'HELP = "see shop.db"\n',
        "src/lib/__init__.py": "from lib.inner import get_conn\n",
        "src/lib/inner.py": POOL,
    }.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


def matters(root: Path, text: str, name: str = "shop/views.py") -> bool:
    """Whether a file with this text matters."""
    return Reach(PREFILTER, str(root)).matters(str(root / name), text.encode())


@pytest.mark.parametrize(
    "text",
    [
        "from shop.db import get_conn\n",
        "from .db import get_conn\n",
        "from shop.db import (\n    slug,\n    get_conn,\n)\n",
        "from shop.db import pool\n",
        "from shop.db import Repository\n",
        "import shop.db\nshop.db.get_conn()\n",
        "from shop import db\ndb.get_conn()\n",
        "from . import db as d\nd.pool\n",
        "from shop.reexport import take\n",
        "from shop.star import get_conn\n",
        "from shop.wrap import borrowed\n",
        "from shop.late import opened\n",
        "def view():\n    from shop.db import get_conn\n",
        "from lib import get_conn\n",
        "import psycopg2\npool.getconn()\n",
    ],
)
def test_what_can_take_a_connection_matters(shop: Path, text: str) -> None:
    assert matters(shop, text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "import os\nfrom requests import get\n",
        "from shop.texts import HELP\n",
        "from shop.db import LIMIT, slug\n",
        "from .db import slug\n",
        "from shop.reexport import slug\n",
        "from shop import db\ndb.slug('x')\n",
        "from shop.wrap import title\n",
        "from other.db import get_conn\n",
    ],
)
def test_what_cannot_does_not(shop: Path, text: str) -> None:
    assert not matters(shop, text)


def test_a_module_that_does_not_parse_is_a_reason_to_look_closer(shop: Path) -> None:
    (shop / "shop/db.py").write_text(POOL + "\nprint 'old'\n")
    assert matters(shop, "from shop.db import slug\n")


def test_imports_in_a_circle_end(shop: Path) -> None:
    (shop / "shop/a.py").write_text("from shop.b import f\nfrom shop.db import slug\ng = f\n")
    (shop / "shop/b.py").write_text("from shop.a import g\nf = g\n")
    assert not matters(shop, "from shop.a import g\n")
