"""Functions that stand for a pool's methods: written out for each, as those of `namedtuple` are.

They have the parameters of the method itself, so that nothing is collected and spread again at each call, and nothing
is asked that is known of a library before: after each statement all that is needed is fetched into the caches anew.
"""

from __future__ import annotations

from collections.abc import Callable
from inspect import Parameter, Signature, signature
from textwrap import indent
from typing import Any

_TAKE = """
def hook{declared}:
    _asked = _now()
    _tally.asked += 1
    try:
        _lent = _take(_here(){handed})
    except Exception as _error:
        _refused(_error)
        raise
    finally:
        _tally.answered += 1
    _key, _since = id({part}), _now()
"""
TAKE = f"""{_TAKE}
    if _since <= _tally.calm_from and len(_out) < _tally.half and _key not in _out{{known}}:
        _out[_key] = _since, _get_ident(), None
        _tally.taken += 1
    else:  # durations are measured of these, too: to do it for each would cost as much as all of this
        _waited(_since - _asked)
        _began(_key, _callers(), _lent, _since)
    return _lent
"""
TAKE_WITH_ALL_CALLERS = f"""{_TAKE}
    _trail, _frame = [], _getframe(1)
    for _ in _farthest:  # whose they are is asked later
        _trail.append(_frame.f_code)  # the interpreter has a shorter way for this than for a method that was kept
        _trail.append(_frame.f_lasti)
        _frame = _frame.f_back
        if _frame is None:
            break
    _waited(_since - _asked)
    _began(_key, _trail, _lent, _since)
    return _lent
"""
TAKE_LATER = """
def hook{declared}:
    _asked = _now()  # and its callers: when it is awaited, `asyncio.wait_for` may do that in another task
    _in_rush = _asked <= _tally.calm_from and len(_out) < _tally.half
    return _taken(_take(_here(){handed}), _asked, None if _in_rush else _callers())
"""
_GIVE = """hook{declared}:
    _entry = _pop(id({first}), ())
    if type(_entry) is not tuple:
        _used(_now() - _entry.since)
        if _entry.holding is not None{lost}:
            _over(_entry)
"""
GIVE = f"""
def {_GIVE}
    return _give(_here(){{handed}})
"""
GIVE_OR_KEEP = f"""
def {_GIVE}
    try:
        return _give(_here(){{handed}})
    except Exception:
        _still_out(id({{first}}), _entry or None)
        raise
"""
GIVE_LATER = f"""
async def {_GIVE}
    return await _give(_here(){{handed}})
"""
"""What nobody awaits gives nothing back."""


def standing_for(method: Callable[..., Any], text: str, parts: dict[str, str], **names: Any) -> Callable[..., Any]:
    """The function of a text, with the parameters of a method but for its first, the pool; it uses these names."""
    parameters = _parameters(method)
    defaults = [each.default for each in parameters if each.default is not Parameter.empty]
    numbers = iter(range(len(defaults)))
    declared = Signature(
        [
            each
            if each.default is Parameter.empty
            else each.replace(default=_Expression(f"_defaults[{next(numbers)}]"))
            for each in parameters
        ]
    )
    handed = "".join(f", {_HANDED[each.kind].format(each.name)}" for each in parameters)
    written = text.format(declared=declared, handed=handed, first=_first(parameters), **parts)
    names["_defaults"] = defaults
    space: dict[str, Any] = {}
    source = f"def make({', '.join(names)}):\n{indent(written, '    ')}\n    return hook"
    exec(compile(source, f"<{__name__}>", "exec"), space)
    hook: Callable[..., Any] = space["make"](**names)
    return hook


class _Expression:
    """What is written into a text as it is."""

    def __init__(self, text: str) -> None:
        self._text = text

    def __repr__(self) -> str:
        return self._text


_HANDED = {
    Parameter.POSITIONAL_ONLY: "{0}",
    Parameter.POSITIONAL_OR_KEYWORD: "{0}",
    Parameter.VAR_POSITIONAL: "*{0}",
    Parameter.KEYWORD_ONLY: "{0}={0}",
    Parameter.VAR_KEYWORD: "**{0}",
}
_WHATEVER = [Parameter("args", Parameter.VAR_POSITIONAL), Parameter("kwargs", Parameter.VAR_KEYWORD)]


def _parameters(method: Callable[..., Any]) -> list[Parameter]:
    """Those behind the pool; whatever comes, where they are not known or have names of ours."""
    try:
        found = list(signature(method, follow_wrapped=False).parameters.values())
    except ValueError:
        return _WHATEVER
    behind = [each.replace(annotation=Parameter.empty) for each in found[1:]]
    is_first_known = bool(found) and found[0].kind not in (Parameter.VAR_POSITIONAL, Parameter.VAR_KEYWORD)
    return behind if is_first_known and not any(each.name.startswith("_") for each in behind) else _WHATEVER


def _first(parameters: list[Parameter]) -> str:
    """What is given first, or by its name alone."""
    if not parameters:
        return "None"
    first, last = parameters[0], parameters[-1]
    if first.kind not in (Parameter.VAR_POSITIONAL, Parameter.VAR_KEYWORD):
        return first.name
    named = f"next(iter({last.name}.values()), None)" if last.kind is Parameter.VAR_KEYWORD else "None"
    return f"{first.name}[0] if {first.name} else {named}" if first.kind is Parameter.VAR_POSITIONAL else named
