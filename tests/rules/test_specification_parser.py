"""What the parser of specifications reads out of a document."""

from __future__ import annotations

from pathlib import Path

import pytest
from specification import Case, Expected, cases

DOCUMENT = """\
# leak (PB101)

```python
a = 1  # error: PB101
```

## Two files

```toml
select = ["PB1"]
```

```python file=shop/db.py
b = 1
```

```text
c = 1  # error: PB101
```

```python file=shop/orders.py
d = 1  # error: PB102, PB104[warning]
e = 1  # FN: PB103 too hard
f = 1  # FP: PB201 too eager
```
"""


def read(tmp_path: Path, text: str) -> list[Case]:
    path = tmp_path / "leak.md"
    path.write_text(text, encoding="utf-8")
    return list(cases(path))


def test_a_block_without_a_file_is_a_case(tmp_path: Path) -> None:
    first, _ = read(tmp_path, DOCUMENT)
    assert first == Case(
        "leak:3 leak (PB101)",
        {"example.py": "a = 1  # error: PB101\n"},
        "",
        frozenset({Expected("example.py", 1, "PB101")}),
        frozenset(),
    )


def test_blocks_with_files_are_one_case(tmp_path: Path) -> None:
    _, second = read(tmp_path, DOCUMENT)
    assert second.name == "leak:13 Two files"
    assert list(second.files) == ["shop/db.py", "shop/orders.py"]
    assert second.config == 'select = ["PB1"]\n'


def test_marks_are_read_with_severity_and_gaps(tmp_path: Path) -> None:
    _, second = read(tmp_path, DOCUMENT)
    assert second.found == {
        Expected("shop/orders.py", 1, "PB102"),
        Expected("shop/orders.py", 1, "PB104", "warning"),
        Expected("shop/orders.py", 3, "PB201"),
    }
    assert second.gaps == {Expected("shop/orders.py", 2, "PB103")}


def test_a_gap_without_a_reason_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="a known gap needs its reason"):
        read(tmp_path, "```python\na = 1  # FN: PB101\n```\n")
