"""What every fix promises, on generated functions: see `broken_promises` for the list."""

from __future__ import annotations

import pytest
from dialects import DIALECTS, Dialect
from grammar import Module, modules
from hypothesis import HealthCheck, Phase, given, settings
from mending import Mender
from properties import broken_promises

pytestmark = pytest.mark.slow

EXAMPLES = 500
LIMITS = settings(
    max_examples=EXAMPLES // len(DIALECTS),
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.generate],
    suppress_health_check=[*HealthCheck],
)


@pytest.fixture(scope="module")
def mender(tmp_path_factory: pytest.TempPathFactory) -> Mender:
    return Mender(str(tmp_path_factory.mktemp("generated")))


@pytest.mark.parametrize("dialect", DIALECTS, ids=lambda dialect: dialect.title)
def test_every_fix_keeps_its_promises(dialect: Dialect, mender: Mender) -> None:
    @LIMITS
    @given(modules(dialect))
    def check(module: Module) -> None:
        assert list(broken_promises(module, mender)) == [], module.text

    check()
