"""Texts that are made of stand-ins: what is in them is decided, and what is made of them says how it was made."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, SupportsIndex

from putback.verify.execution import Execution
from putback.verify.fingerprint import call_text, fingerprint
from putback.verify.standin import StandIn, is_dunder

_OPENING = "‹"
"""What the text of a stand-in begins with."""
MAKING = frozenset(
    (
        "capitalize", "casefold", "center", "expandtabs", "ljust", "lower", "lstrip", "removeprefix", "removesuffix",
        "replace", "rjust", "rstrip", "strip", "swapcase", "title", "translate", "upper", "zfill",
    )
)  # fmt: skip
"""Methods of texts that result in another text."""
_TAKING_APART = ("split", "rsplit", "splitlines", "partition", "rpartition", "encode")
_FINDING = ("find", "rfind", "index", "rindex", "count")
_ASKING = ("isalnum", "isalpha", "isascii", "isdecimal", "isdigit", "isidentifier", "islower", "isnumeric", "isspace",
           "istitle", "isupper", "startswith", "endswith")  # fmt: skip


class Text(str):
    """`str(x)` of a stand-in: a real text whose comparisons are decisions.

    `made` is how it was made of that: what it contains is decided for all that is made of one stand-in alike.
    """

    _pb_world: Execution
    _pb_path: str
    _pb_made: str

    def __new__(cls, world: Execution, path: str, made: str = "") -> Text:
        found = str.__new__(cls, f"‹{made or path}›")
        found._pb_world = world
        found._pb_path = path
        found._pb_made = made or path
        return found

    def __getattr__(self, name: str) -> Any:
        """What the text of a driver's error may carry beside it."""
        if is_dunder(name) or name.startswith("_pb_"):
            raise AttributeError(name)
        return StandIn(self._pb_world, f"{self._pb_path}.{name}")

    def __contains__(self, part: object) -> bool:
        return self._decide(f"{fingerprint(part)} in str({self._pb_path})")

    def __eq__(self, other: object) -> bool:
        if str.__eq__(self, other) is True:
            return True
        return isinstance(other, (str, int, StandIn)) and self._decide(f"str({self._pb_path}) == {fingerprint(other)}")

    def __ne__(self, other: object) -> bool:
        return not self == other

    def __bool__(self) -> bool:
        return self._pb_world.branch(f"bool(str({self._pb_path}))", once=True)

    __hash__ = str.__hash__

    def __getitem__(self, key: SupportsIndex | slice) -> Text:
        if not isinstance(key, slice):
            self._pb_world.asks(f"str({self._pb_path})[{fingerprint(key)}]")
        return Text(self._pb_world, self._pb_path, f"{self._pb_made}[{fingerprint(key)}]")

    def __mul__(self, times: Any) -> Text:
        return Text(self._pb_world, self._pb_path, f"{self._pb_made} * {fingerprint(times)}")

    def _decide(self, label: str) -> bool:
        return self._pb_world.branch(label, usually=False)


def _making(name: str) -> Callable[..., Text]:
    def make(self: Text, *arguments: Any, **keywords: Any) -> Text:
        return Text(self._pb_world, self._pb_path, call_text(f"{self._pb_made}.{name}", arguments, keywords))

    return make


def _taking_apart(name: str) -> Callable[..., StandIn]:
    def take(self: Text, *arguments: Any, **keywords: Any) -> StandIn:
        return StandIn(self._pb_world, call_text(f"{self._pb_made}.{name}", arguments, keywords))

    return take


def _asking(name: str) -> Callable[..., bool]:
    def ask(self: Text, *arguments: Any) -> bool:
        return self._decide(call_text(f"str({self._pb_path}).{name}", arguments, {}))

    return ask


for _names, _method in ((MAKING, _making), ((*_TAKING_APART, *_FINDING), _taking_apart), (_ASKING, _asking)):
    for _name in _names:
        setattr(Text, _name, _method(_name))


def is_symbolic(text: object) -> bool:
    """Whether a stand-in is a part of a text."""
    return isinstance(text, str) and (isinstance(text, Text) or _OPENING in text)


def made_of(world: Execution, text: str, name: str, arguments: tuple[Any, ...], keywords: Mapping[str, Any]) -> Text:
    """What a method that results in a text makes of one that a stand-in is a part of."""
    path = fingerprint(str.__str__(text))
    return Text(world, path, call_text(f"{path}.{name}", arguments, dict(keywords)))


def percent(world: Execution, text: Any, values: Any) -> Any:
    """`text % values`: only `%s` shows of a stand-in what it is."""
    each = values if isinstance(values, tuple) else (values,)
    if not isinstance(text, str) or not any(isinstance(v, (StandIn, Text)) for v in each):
        return text % values
    rest = text.replace("%%", "").replace("%s", "").replace("%r", "")
    if "%" not in rest:
        return text % values
    made = f"{fingerprint(text)} % {fingerprint(values)}"
    world.asks(made)
    return Text(world, made)
