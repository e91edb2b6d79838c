"""The lowering, by example: `fixtures/flow/*.txt` hold sources and the blocks they become.

`printed` says what they look like, and how they are rewritten.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from printed import hold

from putback.flow.dump import dump
from putback.flow.lower import Lowered, lower, lower_module

FOLDER = Path(__file__).parents[2] / "fixtures" / "flow"


def printed(source: str) -> str:
    """The blocks of the one function in `source`, those nested in it included, or of its top level."""
    is_function = re.match(r"(@|async def |def )", source) is not None
    lowered = lower(source, 0, source_name(source)) if is_function else lower_module(source)
    return "\n\n".join(one(lowered, name) for name in sorted(lowered.functions))


def one(lowered: Lowered, name: str) -> str:
    """The blocks of one function."""
    return dump(lowered.functions[name], lambda at: lowered.span(name, at).start.row)


def source_name(source: str) -> str:
    """The name of the first function."""
    found = re.search(r"def (\w+)", source)
    assert found is not None
    return found[1]


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.txt")), ids=lambda path: path.stem)
def test_blocks(path: Path) -> None:
    hold(path, printed)
