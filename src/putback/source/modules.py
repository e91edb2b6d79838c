"""From the names in import statements to files of the project, by path alone."""

from __future__ import annotations

import os

from putback.source.definitions import TooHard, whole
from putback.source.prefilter import WORDS, read_bytes

DEPLOYED = 2  # parts of a name behind which the first may be what the project is called where it runs
PACKAGING = ("pyproject.toml", "setup.py", "setup.cfg")
RENAMING = (b"package_dir", b"package-dir", b"sources", b"force-include", b"to =", b"to=")
LISTINGS = 1200  # directories looked into, about 15 ms


class Modules:
    """Finds modules below and above each other; remembers the directories it has looked into."""

    def __init__(self, root: str) -> None:
        self.root = root
        self.listings: dict[str, frozenset[str]] = {}
        self.packaging: dict[str, frozenset[bytes]] = {}
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
        found = self.absolute(parts, path) if parts else []
        if not found and parts and self.may_be_renamed(parts[0], path):
            raise TooHard
        return found or (self.absolute(parts[1:], path) if len(parts) > DEPLOYED else [])

    def absolute(self, parts: list[str], path: str) -> list[str]:
        """The files that an absolute import may mean."""
        return [file for root in self.roots_of(parts[0], path) for file in self.below(root, parts)]

    def may_be_renamed(self, name: str, path: str) -> bool:
        """Whether the packaging may give this name to a folder that is called otherwise."""
        return any(os.fsencode(name) in self.naming(each) for each in self.above(path))

    def naming(self, directory: str) -> frozenset[bytes]:
        """The words in the packaging in a directory, if it gives folders other names."""
        if directory not in self.packaging:
            found: set[bytes] = set()
            for name in PACKAGING:
                data = read_bytes(f"{directory}/{name}") if name in self.listing(directory) else b""
                if any(word in data for word in RENAMING):
                    found.update(data.translate(WORDS).split())
            self.packaging[directory] = frozenset(found)
        return self.packaging[directory]

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
        above = self.above(path)
        return list(dict.fromkeys([*above, *(root for each in above for root in self.beside(each).get(name, ()))]))

    def above(self, path: str) -> list[str]:
        """The directory of a file and those above it, up to that of the project."""
        found = [os.path.dirname(path)]
        while found[-1] != self.root and found[-1] != os.path.dirname(found[-1]):
            found.append(os.path.dirname(found[-1]))
        return found

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
