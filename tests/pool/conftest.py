"""A real PostgreSQL beside the reference pool."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from postgres import running_postgres


@pytest.fixture(scope="session")
def postgres_dsn() -> Iterator[str]:
    """The URL of a throw-away server."""
    with running_postgres() as url:
        yield url
