"""The names in the table of the language exist."""

from __future__ import annotations

import builtins
from contextlib import AsyncExitStack, ExitStack
from pkgutil import resolve_name
from unittest import IsolatedAsyncioTestCase

import pytest

from putback.frameworks.idioms import idioms

FUNCTIONS = idioms().functions
NAMES = (
    FUNCTIONS.quiet
    | FUNCTIONS.ending_the_process
    | FUNCTIONS.forking
    | FUNCTIONS.swallowing
    | FUNCTIONS.closed_quietly
    | FUNCTIONS.locking
)
OUTSIDE = (
    "anyio.",
    "curio.",
    "fasteners.",
    "filelock.",
    "gevent.",
    "loguru.",
    "multiprocessing.Manager.",
    "portalocker.",
    "redis.",
    "structlog.",
    "trio.",
)


@pytest.mark.parametrize("name", sorted(n for n in NAMES if not n.startswith(OUTSIDE)))
def test_functions_exist(name: str) -> None:
    assert callable(resolve_name(name) if "." in name else getattr(builtins, name))


@pytest.mark.parametrize("name", sorted(idioms().functions.quiet_builtins))
def test_builtins_exist(name: str) -> None:
    assert callable(getattr(builtins, name))


@pytest.mark.parametrize("name", sorted(idioms().methods.entering))
def test_entering_methods_belong_to_exit_stacks_and_test_cases(name: str) -> None:
    assert any(hasattr(owner, name) for owner in (ExitStack, AsyncExitStack, IsolatedAsyncioTestCase))
