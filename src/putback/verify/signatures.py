"""Whether a call fits the function that it calls."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

from putback.verify.roles import Signature

_KINDS = {
    "": inspect.Parameter.POSITIONAL_OR_KEYWORD,
    "*": inspect.Parameter.VAR_POSITIONAL,
    "kw": inspect.Parameter.KEYWORD_ONLY,
    "**": inspect.Parameter.VAR_KEYWORD,
}
_EMPTY = inspect.Parameter.empty
_GIVEN = object()


def check(callee: str, signature: Signature, arguments: tuple[Any, ...], keywords: Mapping[str, Any]) -> None:
    """Raise the TypeError that Python raises for a call that does not fit."""
    parameters = [
        inspect.Parameter(p.name, _KINDS[p.kind], default=_EMPTY if p.required or "*" in p.kind else _GIVEN)
        for p in signature
    ]
    try:
        inspect.Signature(parameters).bind(*arguments, **keywords)
    except TypeError as error:
        raise TypeError(f"{callee}() {error}") from None
