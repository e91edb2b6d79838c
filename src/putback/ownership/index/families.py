"""Which functions of a file stand in which outermost one, found once a file and not once a function."""

from __future__ import annotations

from collections.abc import Sequence

from putback.ownership.index.module import FunctionInfo, ModuleInfo

_FILES = 8


class Families:
    """Remembers the files that were asked for last."""

    def __init__(self) -> None:
        self._known: dict[int, tuple[ModuleInfo, dict[str, list[FunctionInfo]]]] = {}

    def of(self, module: ModuleInfo, outermost: str) -> Sequence[FunctionInfo]:
        """An outermost function of a module and those nested in it."""
        known = self._known.get(id(module))
        if known is None or known[0] is not module:
            if len(self._known) >= _FILES:
                self._known.pop(next(iter(self._known)))
            known = self._known[id(module)] = module, _grouped(module)
        return known[1].get(outermost, ())


def _grouped(module: ModuleInfo) -> dict[str, list[FunctionInfo]]:
    outermost: dict[str, str] = {}
    found: dict[str, list[FunctionInfo]] = {}
    for key, info in module.functions.items():
        chain = [key]
        while info.outer and info.outer in module.functions and chain[-1] not in outermost:
            info = module.functions[info.outer]
            chain.append(info.key)
        first = outermost.get(chain[-1], chain[-1])
        outermost.update(dict.fromkeys(chain, first))
        found.setdefault(first, []).append(module.functions[key])
    return found
