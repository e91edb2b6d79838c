"""The pool's page: its blocks run, in order."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from libraries import import_or_skip

PAGE = Path(__file__).parents[2] / "src" / "putback" / "pool" / "README.md"


def test_the_examples_run() -> None:
    blocks = re.findall(
        r"^```python ?(\w*)\n(.*?)^```", PAGE.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE
    )
    assert len(blocks) == 10
    names: dict[str, Any] = {}
    for framework, code in blocks:
        if framework:
            import_or_skip(framework, framework)
        exec(compile(code, PAGE.name, "exec"), names)
