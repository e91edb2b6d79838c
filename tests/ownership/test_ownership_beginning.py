"""What runs in a function whenever it is called."""

from __future__ import annotations

import ast

import pytest

from putback.ownership.analysis.beginning import beginning
from putback.source.slices import Slice


@pytest.mark.parametrize(
    ("body", "found"),
    [
        ("return f(g(x))", ["g(x)", "f(g(x))"]),
        ("y = x.name\n    return y", []),
        ("y = x['a']", ["x['a']"]),
        ("return x and f(x)", []),
        ("return f(x) if g(x) else h(x)", ["g(x)"]),
        ("if f(x):\n        g(x)\n    h(x)", ["f(x)"]),
        ("try:\n        f(x)\n    except Exception:\n        pass", []),
        ("with f(x):\n        g(x)", ["f(x)"]),
        ("for each in x:\n        pass", ["for each in x:\n    pass"]),
        ("for each in (x, f):\n        pass", []),
        ("return lambda: f(x)", []),
        ("return [f(each) for each in x]", ["[f(each) for each in x]"]),
        ("a, b = x", ["(a, b)"]),
        ("a, b = x, f", []),
        ("return 'x' in f()", []),
        ("return isinstance(x, f())", []),
        ("def g():\n        f(x)\n    return g", []),
        ("await x\n    return await f(x)", ["await x", "f(x)"]),
        ("raise ValueError(x)", ["raise ValueError(x)"]),
    ],
)
def test_what_runs_whatever_a_function_decides(body: str, found: list[str]) -> None:
    part = Slice(f"async def work(x):\n    {body}\n", 0)
    assert [ast.unparse(node) for node in beginning(part)] == found


def test_a_method_is_looked_into_and_what_does_not_parse_has_no_beginning() -> None:
    assert [ast.unparse(node) for node in beginning(Slice("    def f(self):\n        g()\n", 3))] == ["g()"]
    assert not list(beginning(Slice("def f(:\n", 0)))
