"""Decoding as the interpreter does it, and errors that say what is wrong and where."""

from __future__ import annotations

import ast
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from putback.model.errors import SourceError
from putback.source.prefilter import read_bytes
from putback.source.text import decode, read_source


def refusal(data: bytes) -> tuple[str, int, int]:
    """Message, row and column of the error that decoding `data` raises."""
    with pytest.raises(SourceError) as caught:
        decode(data)
    return str(caught.value), caught.value.row, caught.value.column


def test_utf8_is_the_default() -> None:
    source = decode("name = 'zażółć 漢字'\n".encode())
    assert source.lines == ("name = 'zażółć 漢字'",)
    assert (source.encoding, source.bom, source.newline) == ("utf-8", False, "\n")


def test_a_byte_order_mark_is_no_part_of_the_text() -> None:
    source = decode(b"\xef\xbb\xbfx = 1\n")
    assert source.bom
    assert source.text == "x = 1\n"


@pytest.mark.parametrize(
    "head",
    [
        b"# -*- coding: latin-1 -*-\n",
        b"#!/usr/bin/python\n# vim: set fileencoding=latin-1 :\n",
        b"# coding=latin-1-unix\r\n",
        b"# coding: latin-1\r",
    ],
)
def test_a_coding_cookie_in_the_first_two_rows_is_obeyed(head: bytes) -> None:
    source = decode(head + b"s = '\xe9'\n")
    assert source.encoding == "iso8859-1"
    assert source.lines[-1] == "s = 'é'"


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize(
    "name",
    [
        *("utf-8", "UTF-8", "utf8", "U8", "utf-8-sig", "utf_8_sig", "utf8_sig", "utf-8-unix", "utf-8-what-ever"),
        *("latin-1", "latin-1-dos", "Latin_1", "iso-8859-1-x", "cp1252", "cp1252-unix", "klingon"),
    ],
)
def test_an_encoding_is_accepted_exactly_where_python_accepts_it(name: str, mark: bytes) -> None:
    data = mark + f"# coding: {name}\ns = 'é'\n".encode()
    try:
        (assigned,) = ast.parse(data).body
    except SyntaxError:
        refusal(data)
        return
    assert decode(data).lines[-1] == ast.unparse(assigned)
    assert decode(data).body == data.removeprefix(mark)


@pytest.mark.parametrize("name", ["undefined", "idna", "punycode", "hex", "rot13", "no-such"])
def test_a_codec_that_is_none_for_files_is_one_file_s_failure(name: str) -> None:
    data = f"# coding: {name}\n".encode() + b"s = '" + b"xn--\xff" * 30 + b"'\n"
    assert name in refusal(data)[0]


@pytest.mark.parametrize("made", [os.mkfifo, lambda path: os.symlink("/dev/zero", path)])
def test_pipes_and_devices_are_not_read(made: Callable[[str], None], tmp_path: Path) -> None:
    made(str(tmp_path / "a.py"))
    with pytest.raises(SourceError, match="cannot be read"):
        read_source(str(tmp_path / "a.py"))
    with pytest.raises(OSError, match="is a pipe or a device, not a file"):
        read_bytes(str(tmp_path / "a.py"))


@pytest.mark.parametrize("head", [b"x = 1\n# coding: latin-1\n", b"\n\n# coding: latin-1\n"])
def test_a_cookie_behind_code_or_the_second_row_does_not_count(head: bytes) -> None:
    message, row, column = refusal(head + b"s = '\xe9'\n")
    assert message.startswith("is not valid UTF-8 (byte 0xe9): save it as UTF-8 or declare its encoding")
    assert (row, column) == (head.count(b"\n") + 1, 6)


def test_bytes_that_do_not_fit_the_declared_encoding() -> None:
    message, row, column = refusal(b"# coding: ascii\nx = '\xff'\n")
    assert message == "is not valid ascii (byte 0xff)"
    assert (row, column) == (2, 6)


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"# coding: klingon\n", "declares an unknown encoding: klingon"),
        (b"# coding: rot13\n", "declares an unknown encoding: rot13"),
        (
            b"\xef\xbb\xbf# coding: latin-1\n",
            "declares the encoding iso-8859-1, but starts with a UTF-8 byte order mark",
        ),
        ("x = 1\n".encode("utf-16"), "is UTF-16 text"),
        (b"x = 1\ny = '\0'\n", "contains a NUL byte, so it is not Python source"),
    ],
)
def test_other_refusals(data: bytes, says: str) -> None:
    assert refusal(data)[0].startswith(says)


def test_a_nul_byte_is_located() -> None:
    assert refusal(b"x = 1\r\ny = '\0'\n")[1:] == (2, 6)


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_rows_end_as_python_ends_them(end: str) -> None:
    source = decode(end.join(["a = 1", "b = '\x0c \u2028'", "", "c = 3", ""]).encode())
    assert source.lines == ("a = 1", "b = '\x0c \u2028'", "", "c = 3")
    assert source.newline == end


def test_an_empty_file_has_no_rows() -> None:
    assert decode(b"").lines == ()


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="cannot be read: No such file or directory"):
        read_source(str(tmp_path / "gone.py"))
    with pytest.raises(SourceError, match="cannot be read: Is a directory"):
        read_source(str(tmp_path))
