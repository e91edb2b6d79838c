"""Whether a file can matter, told from its bytes alone.

Runs before anything else is imported, so it uses nothing but `os`. The import gate comes first: rows with
`import` are few and quick to find, and nine files of ten name no driver there. Only then the needles are looked for.
"""

from __future__ import annotations

import os
from errno import EINVAL
from stat import S_ISDIR, S_ISREG

TYPE_CHECKING = False  # importing typing takes longer than all of this
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence, Set

READING = os.O_RDONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NONBLOCK", 0)
CHUNK = 65536  # memory for more comes from the system each time, which takes four times as long
WORDS = bytes(byte if chr(byte).isalnum() or byte == 0x5F or byte >= 0x80 else 0x20 for byte in range(256))

UNUSUAL = frozenset(b"\\\r")  # at the end of a row: it goes on, or the file is from another system


def read_table(text: str) -> list[tuple[str, list[str], list[str]]]:
    """The rows of a needle table: driver, its import names, its needles; separated by tabs and commas."""
    rows = [line.split("\t") for line in text.splitlines() if line.strip() and not line.startswith("#")]
    return [(driver, imports.split(","), needles.split(",")) for driver, imports, needles in rows]


class Prefilter:
    """Keeps a file that imports one of a driver's modules and has one of the same driver's needles.

    `extra` are names of the project itself, such as wrappers: a file that has one is kept as well. False
    alarms are cheap here and misses are not: comments and strings count, and so do parts of words.
    """

    def __init__(self, table: Iterable[tuple[str, Sequence[str], Sequence[str]]], extra: Iterable[str] = ()) -> None:
        self.needles: dict[bytes, tuple[bytes, ...]] = {}
        for _, imports, needles in table:
            for name in imports:
                word = name.partition(".")[0].encode()
                self.needles[word] = (*self.needles.get(word, ()), *(needle.encode() for needle in needles))
        self.imports = frozenset(self.needles)
        self.extra = tuple(name.encode() for name in extra)

    def candidate(self, data: bytes) -> bool:
        """Whether the file with the content `data` has to be analysed."""
        return self.matches(data, imported_words(data))

    def matches(self, data: bytes, words: Set[bytes]) -> bool:
        """The same, with the words of the file's import statements."""
        named = self.imports & words
        if named and any(needle in data for word in named for needle in self.needles[word]):
            return True
        return any(name in data for name in self.extra)

    def drivers_in(self, data: bytes) -> set[bytes]:
        """The drivers' import names that stand in an import statement."""
        return imported_words(data) & self.imports


def imported_words(data: bytes) -> set[bytes]:
    """Every word in the import statements of a file."""
    return set(import_rows(data).translate(WORDS).split())


def import_rows(data: bytes) -> bytes:
    """The rows with `import`, and the rows of a parenthesised import."""
    rows: list[bytes] = []
    find, rfind = data.find, data.rfind
    at = find(b"import")
    while at >= 0:
        start, end = rfind(b"\n", 0, at) + 1, find(b"\n", at)
        if end < 0:
            end = len(data)
        if data[end - 1] in UNUSUAL or (start > 1 and data[start - 2] in UNUSUAL):
            return import_rows(without_continuations(data))
        if find(b"(", at, end) >= 0 and find(b")", at, end) < 0:
            end = max(end, find(b")", end))
        rows.append(data[start:end])
        at = find(b"import", end)
    return b"\n".join(rows)


def without_continuations(data: bytes) -> bytes:
    """`data` with LF line ends, and with the rows joined that end in a backslash."""
    return data.replace(b"\r\n", b"\n").replace(b"\r", b"\n").replace(b"\\\n", b" ").replace(b"\\", b" ")


def is_commented(data: bytes) -> bool:
    """Whether a comment in the file may be meant for putback."""
    return b"utback:" in data or b"UTBACK:" in data


def read_bytes(path: str) -> bytes:
    """The content of the file at `path`, in half the time that `open` takes; raises OSError.

    Devices and pipes are no files: they may wait, or have no end.
    """
    handle = os.open(path, READING)
    try:
        status = os.fstat(handle)
        if not S_ISREG(status.st_mode) and not S_ISDIR(status.st_mode):
            raise OSError(EINVAL, "is a pipe or a device, not a file", path)
        data = os.read(handle, CHUNK)
        if len(data) < CHUNK and status.st_size == len(data):
            return data
        parts = [data]
        while chunk := os.read(handle, 1 << 20):
            parts.append(chunk)
        return b"".join(parts)
    finally:
        os.close(handle)
