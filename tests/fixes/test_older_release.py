"""A release has another name in an older version of a library: what is written, the oldest version allowed knows."""

from __future__ import annotations

from pathlib import Path

import pytest

from putback.model.config import Config
from putback.pipeline.fix import fix_source

LISTENER = """\
import redis.asyncio as redis

client = redis.Redis()


async def listen(handle):
    pubsub = client.pubsub()
    await pubsub.subscribe("orders")
    handle(await pubsub.get_message(timeout=1))
"""


@pytest.mark.parametrize(
    ("requirement", "release"),
    [
        pytest.param("redis==4.6.0", "await pubsub.close()", id="before there was another name"),
        pytest.param("redis>=4.2", "await pubsub.close()", id="perhaps before"),
        pytest.param("redis", "await pubsub.close()", id="nothing told"),
        pytest.param("redis==5.2.1", "await pubsub.aclose()", id="with the new name"),
        pytest.param("redis>=5.1,<7", "await pubsub.aclose()", id="surely with it"),
    ],
)
def test_the_release_is_one_that_the_version_has(requirement: str, release: str, tmp_path: Path) -> None:
    (tmp_path / "requirements.txt").write_text(f"{requirement}\n", encoding="utf-8")
    fixed = fix_source(LISTENER, str(tmp_path / "orders.py"), Config(root=str(tmp_path)))
    assert fixed.source.splitlines()[-1].strip() == release
