"""From the names in import statements to files of the project, by path alone."""

from __future__ import annotations

import os

from putback.source.definitions import TooHard, whole

LISTINGS = 1200  # directories looked into, about 15 ms


class Modules:
    """Finds modules below and above each other; remembers the directories it has looked into."""

    def __init__(self, root: str) -> None:
        self.root = root
        self.listings: dict[str, frozenset[str]] = {}
        self.besides: dict[str, dict[str, list[str]]] = {}

    def of_import(self, module: str, name: str, path: str) -> list[str]:
        """Every file that `from module import name` in the file at `path` may load."""
        return [*self.named(module, path), *(self.named(whole(module, name), path) if name else ())]

    def named(self, name: str, path: str) -> list[str]:
        """The files that the module `name` may be in the file at `path`; a relative one begins with dots."""
        bare = name.lstrip(".")
        parts = bare.split(".") if bare else []
        if len(name) > len(bare):
            base = path
            for _ in range(len(name) - len(bare)):
                base = os.path.dirname(base)
            return self.below(base, parts)
        roots = self.roots_of(parts[0], path) if parts else []
        return [file for root in roots for file in self.below(root, parts)]

    def below(self, base: str, parts: list[str]) -> list[str]:
        """The file of the module `parts`, seen from the directory `base`: one or none."""
        directory = base
        for part in parts[:-1]:
            if part not in self.listing(directory):
                return []
            directory = f"{directory}/{part}"
        if parts and parts[-1] + ".py" in self.listing(directory):
            return [f"{directory}/{parts[-1]}.py"]
        if parts and parts[-1] not in self.listing(directory):
            return []
        package = "/".join((directory, *parts[-1:]))
        return [f"{package}/__init__.py"] if "__init__.py" in self.listing(package) else []

    def roots_of(self, name: str, path: str) -> list[str]:
        """Directories that an absolute import of `name` in `path` may start from: those above it, and of their
        directories those that have something of this name."""
        above = [os.path.dirname(path)]
        while above[-1] != self.root and above[-1] != os.path.dirname(above[-1]):
            above.append(os.path.dirname(above[-1]))
        return list(dict.fromkeys([*above, *(root for each in above for root in self.beside(each).get(name, ()))]))

    def beside(self, directory: str) -> dict[str, list[str]]:
        """By the name of what is in it: the directories in `directory`."""
        known = self.besides.get(directory)
        if known is None:
            known = self.besides[directory] = {}
            for root in (f"{directory}/{name}" for name in self.listing(directory) if "." not in name):
                for name in self.listing(root):
                    known.setdefault(name.removesuffix(".py"), []).append(root)
        return known

    def listing(self, directory: str) -> frozenset[str]:
        """The names in `directory`, none when it is not one; raises TooHard when there were too many."""
        known = self.listings.get(directory)
        if known is None:
            if len(self.listings) > LISTINGS:
                raise TooHard
            try:
                known = frozenset(os.listdir(directory))
            except OSError:
                known = frozenset()
            self.listings[directory] = known
        return known
