"""Bytes of a Python file to text, as the interpreter would decode them."""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass

from putback.model.errors import SourceError
from putback.source.prefilter import read_bytes

COOKIE = re.compile(rb"^[ \t\f]*#.*?coding[:=][ \t]*([-\w.]+)")
BLANK_OR_COMMENT = re.compile(rb"^[ \t\f]*(?:#.*)?$")
_UTF8 = "utf-8"
_SPELLED = {_UTF8: (_UTF8,), "iso-8859-1": ("latin-1", "iso-8859-1", "iso-latin-1")}
FOREIGN_BOMS = ((codecs.BOM_UTF32_LE, "UTF-32"), (codecs.BOM_UTF16_LE, "UTF-16"), (codecs.BOM_UTF16_BE, "UTF-16"))


@dataclass(frozen=True, slots=True)
class SourceText:
    """One decoded file. `text` has the original line ends and no byte order mark.

    `newline` is the first line end in the file ("\\n" when there is none); `encoding` a codec name.
    """

    path: str
    data: bytes
    text: str
    encoding: str
    bom: bool
    newline: str

    @property
    def body(self) -> bytes:
        """The bytes behind the byte order mark."""
        return self.data[len(codecs.BOM_UTF8) :] if self.bom else self.data

    @property
    def lines(self) -> tuple[str, ...]:
        """The rows as Python counts them, without line ends: row 1 is `lines[0]`."""
        return split_lines(self.text)


def read_source(path: str) -> SourceText:
    """Read and decode the file at `path`; raises SourceError when it cannot be read or decoded."""
    try:
        data = read_bytes(path)
    except OSError as error:
        raise SourceError(f"cannot be read: {error.strerror or error}") from error
    return decode(data, path)


def decode(data: bytes, path: str = "") -> SourceText:
    """Decode by byte order mark, coding cookie or as UTF-8; raises SourceError with row and column."""
    for mark, name in FOREIGN_BOMS:
        if data.startswith(mark):
            raise SourceError(f"is {name} text: Python needs UTF-8, or an encoding declared in the first line")
    bom = data.startswith(codecs.BOM_UTF8)
    body = data[len(codecs.BOM_UTF8) :] if bom else data
    declared = declared_encoding(body)
    encoding = known_codec(declared)
    if bom and declared not in ("", _UTF8):
        raise SourceError(f"declares the encoding {declared}, but starts with a UTF-8 byte order mark")
    text = to_text(body, encoding)
    check_no_nul(text)
    return SourceText(path, data, text, encoding or "utf-8", bom, first_newline(text))


def declared_encoding(body: bytes) -> str:
    """What a coding cookie in the first two rows names, as Python reads it; "" without one."""
    for row in re.split(rb"\r\n|\r|\n", body[:2048], maxsplit=2)[:2]:
        cookie = COOKIE.match(row)
        if cookie:
            return _plain(cookie[1].decode("ascii", "replace"))
        if not BLANK_OR_COMMENT.match(row):
            break
    return ""


def _plain(name: str) -> str:
    """The name that Python takes one for: with anything behind `utf-8-` and `latin-1-`, as Emacs spells them."""
    begins = name[:12].lower().replace("_", "-")
    for plain, spelled in _SPELLED.items():
        if begins in spelled or begins.startswith(tuple(f"{each}-" for each in spelled)):
            return plain
    return name


def known_codec(name: str) -> str:
    """The normal name of the text codec `name` ("" for none); raises SourceError when Python has none of that name."""
    try:
        "".encode(name or _UTF8)
        return codecs.lookup(name).name if name else ""
    except (LookupError, UnicodeError) as error:  # there is a codec that fails at everything
        raise SourceError(f"declares an unknown encoding: {name}") from error


def to_text(body: bytes, encoding: str) -> str:
    """Decode `body`; raises SourceError at the first byte that does not fit."""
    try:
        return body.decode(encoding or "utf-8")
    except UnicodeDecodeError as error:
        row, column = place_behind(readable(body[: error.start], encoding or "utf-8"))
        remedy = "" if encoding else ": save it as UTF-8 or declare its encoding in the first line"
        message = f"is not valid {encoding or 'UTF-8'} (byte 0x{body[error.start]:02x}){remedy}"
        raise SourceError(message, row, column) from error
    except UnicodeError as error:  # of the codecs for names of hosts, which say no place
        raise SourceError(f"is not valid {encoding}: {error}") from error


def readable(data: bytes, encoding: str) -> str:
    """`data` as text, whatever is wrong with it."""
    try:
        return data.decode(encoding, "replace")
    except UnicodeError:  # a codec that knows no way around an error
        return data.decode("latin-1")


def check_no_nul(text: str) -> None:
    """Raise SourceError at the first NUL, which no Python source may contain."""
    at = text.find("\0")
    if at >= 0:
        raise SourceError("contains a NUL byte, so it is not Python source", *place_behind(text[:at]))


def place_behind(text: str) -> tuple[int, int]:
    """Row and column, from 1, of the character that follows `text`."""
    rows = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    return len(rows), len(rows[-1]) + 1


def split_lines(text: str) -> tuple[str, ...]:
    """Rows as Python counts them: only CR LF, CR and LF end a row (`str.splitlines` knows more)."""
    rows = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    if rows[-1] == "":
        rows.pop()
    return tuple(rows)


def first_newline(text: str) -> str:
    """The first line end in `text`, "\\n" when there is none."""
    feed, carriage = text.find("\n"), text.find("\r")
    if carriage < 0 or 0 <= feed < carriage:
        return "\n"
    return "\r\n" if feed == carriage + 1 else "\r"
