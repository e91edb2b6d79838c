"""Symbolic expressions, as far as others ask what they say."""

from __future__ import annotations

from putback.flow.names import Expr, Invoke, Literal, Member, opening


def test_a_long_chain_of_methods_on_a_text_is_gone_through_once() -> None:
    """Twice at each method would not come to an end."""
    text: Expr = Literal("select 1 from orders")
    for _ in range(60):
        text = Invoke(Member(text, "replace"))
    assert opening(text) == "SELECT"
