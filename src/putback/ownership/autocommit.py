"""Whether a call that makes or configures a connection switches its transactions off."""

from __future__ import annotations

from putback.flow.names import Expr, Invoke, Literal, last_name

_KEYWORDS = frozenset({"autocommit", "async_", "isolation_level"})
_SWITCHES = frozenset({"autocommit", "set_autocommit", "set_isolation_level"})
_NONE = Literal(None)
_CONFIGURING = _SWITCHES | {"set_session", "execution_options"}


def is_made_with(call: Invoke) -> bool:
    """Whether the arguments of an acquire say so: `autocommit=True`, `isolation_level=None` of sqlite3."""
    return any(_is_off(name, call.keyword(name)) for name in _KEYWORDS)


def switched(call: Invoke) -> bool | None:
    """What a method of the connection switches to: True, no transactions; None when it is about something else.

    To such a method None means the default level, other than to `sqlite3.connect`.
    """
    name = last_name(call.func)
    if name not in _CONFIGURING:
        return None
    if name in _SWITCHES and call.args:
        return call.args[0] != _NONE and _is_off(name.removeprefix("set_"), call.args[0])
    given = {key: value for key in _KEYWORDS if (value := call.keyword(key)) is not None}
    return any(value != _NONE and _is_off(key, value) for key, value in given.items()) if given else None


def _is_off(name: str, value: Expr | None) -> bool:
    """Whether a value means that every statement is its own transaction."""
    if isinstance(value, Literal):
        return value.value in ((None, 0, "AUTOCOMMIT") if name == "isolation_level" else (True, 1))
    return value is not None and last_name(value).endswith("AUTOCOMMIT")
