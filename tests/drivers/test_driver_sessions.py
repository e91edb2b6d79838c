"""What the tables say of a session that has something to write is what SQLAlchemy does, on a database of its own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from libraries import import_or_skip

from putback.drivers.catalog import load_catalog

SESSION = "sqlalchemy.orm.Session"
DEFERRING = ["add", "add_all", "delete", "delete_all"]


class Shop:
    """An engine, its sessions and a mapped class, of which no two rows may have the same name."""

    def __init__(self, file: Path) -> None:
        library = import_or_skip("sqlalchemy", "sqlalchemy")
        orm = import_or_skip("sqlalchemy.orm", "sqlalchemy")
        self.engine: Any = library.create_engine(f"sqlite:///{file}", poolclass=library.pool.QueuePool)
        base = orm.declarative_base()
        columns = {
            "id": library.Column(library.Integer, primary_key=True),
            "name": library.Column(library.String, unique=True),
        }
        self.order: Any = type("Order", (base,), {"__tablename__": "orders", **columns})
        base.metadata.create_all(self.engine)
        self.make: Any = orm.sessionmaker(self.engine)

    def given(self, session: Any, method: str) -> None:
        """Give a session something that the database will refuse."""
        first, second = self.order(id=1, name="a"), self.order(id=2, name="a")
        match method:
            case "add":
                session.add(first)
                session.add(second)
            case "add_all":
                session.add_all([first, second])
            case _:
                session.add(first)
                session.commit()
                with self.engine.begin() as other:
                    other.execute(self.order.__table__.delete())
                getattr(session, method)([first] if method.endswith("_all") else first)


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    made = Shop(tmp_path / "shop.db")
    yield made
    made.engine.dispose()


def test_the_table_knows_what_is_written_later() -> None:
    catalog = load_catalog()
    spec = catalog.type(SESSION)
    assert spec is not None
    assert sorted(name for name, effect in spec.methods.items() if effect.defers) == DEFERRING


@pytest.mark.parametrize("method", DEFERRING)
def test_a_commit_that_fails_to_write_keeps_the_connection(shop: Shop, method: str) -> None:
    session = shop.make()
    if not hasattr(session, method):
        pytest.skip(f"this SQLAlchemy has no {method}()")
    shop.given(session, method)
    assert shop.engine.pool.checkedout() == 0
    with suppress(Exception):
        session.commit()
    assert shop.engine.pool.checkedout() == 1
    session.rollback()
    assert shop.engine.pool.checkedout() == 0
    session.close()


def test_a_commit_without_anything_to_write_takes_none(shop: Shop) -> None:
    session = shop.make()
    session.commit()
    assert shop.engine.pool.checkedout() == 0
    session.close()
