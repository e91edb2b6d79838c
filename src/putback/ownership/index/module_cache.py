"""Indexed modules in bounded memory: those used lately as they are, the others packed."""

from __future__ import annotations

from collections.abc import Collection

from putback.ownership.index.module import ModuleInfo, packed, unpacked

GENERATION = 60_000
"""How many definitions are kept unpacked, at most twice."""


class ModuleCache:
    """Modules by path.

    Kept in two generations: what is used moves to the young one; when that is full, the old one is packed away.
    """

    def __init__(self) -> None:
        self._young: dict[str, ModuleInfo | None] = {}
        self._old: dict[str, ModuleInfo | None] = {}
        self._packed: dict[str, bytes] = {}
        self._definitions = 0

    def __contains__(self, path: str) -> bool:
        return path in self._young or path in self._old or path in self._packed

    def get(self, path: str) -> ModuleInfo | None:
        """The module at `path`. Raises KeyError when nothing was ever put there."""
        try:
            return self._young[path]
        except KeyError:
            pass
        module = self._old[path] if path in self._old else unpacked(self._packed[path], path)
        self._keep(path, module)
        return module

    def packed(self, path: str) -> bytes:
        """The module at `path`, packed. Raises KeyError when none was put there."""
        if path not in self._packed:
            module = self._young.get(path) or self._old.get(path)
            if module is None:
                raise KeyError(path)
            self._packed[path] = packed(module)
        return self._packed[path]

    def put(self, path: str, module: ModuleInfo | None) -> None:
        """Keep what is known of `path`; None: nothing can be."""
        self._packed.pop(path, None)
        self._keep(path, module)

    def put_packed(self, path: str, data: bytes) -> None:
        """Keep a module that arrives packed."""
        self._packed[path] = data

    def without(self, paths: Collection[str]) -> ModuleCache:
        """The same modules but those at `paths`, in a cache of its own."""
        module_cache = ModuleCache()
        module_cache._young = {path: module for path, module in self._young.items() if path not in paths}
        module_cache._old = {path: module for path, module in self._old.items() if path not in paths}
        module_cache._packed = {path: data for path, data in self._packed.items() if path not in paths}
        module_cache._definitions = self._definitions
        return module_cache

    def _keep(self, path: str, module: ModuleInfo | None) -> None:
        self._young[path] = module
        if module is not None:
            self._definitions += module.size
        if self._definitions > GENERATION:
            for each, old in self._old.items():
                if each not in self._packed and each not in self._young and old is not None:
                    self._packed[each] = packed(old)
            self._young.update((each, None) for each, old in self._old.items() if old is None)
            self._old, self._young, self._definitions = self._young, {}, 0
