"""Rows of a tab-separated file with very long fields, in bounded memory.

The csv module refuses fields above a limit that holds for the whole process; images in base64 are longer. As pandas
has it, a field that begins with a quote goes on to the quote that closes it, over tabs and ends of lines.
"""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from typing import IO

from interleave.errors import Unreadable

MAX_ROW_BYTES = 64 * 1024 * 1024
# A quote that is never closed would go on to the end of the file.
MAX_ROW_LINES = 1000


def read_tsv(stream: IO[bytes]) -> Iterator[tuple[int, list[str] | Unreadable]]:
    """(1-based number of its first line, fields) for each row; empty lines are none.

    Where a quote is not closed its line is refused, and in those that were read in search of its end quotes are plain
    characters: so no line is looked at more than twice.
    """
    lines = _lines(stream)
    for number, line in lines:
        taken = [line]
        row = _row(taken, lines)
        if row != [""]:
            yield number, row
        if isinstance(row, Unreadable):
            for later, text in enumerate(taken[1:], number + 1):
                if text:
                    yield later, _decoded(text.split(b"\t"))


def _row(taken: list[bytes], lines: Iterator[tuple[int, bytes]]) -> list[str] | Unreadable:
    """The row that begins with the line in `taken`, to which it adds those that it reads."""
    fields: list[bytes] = []
    open_field: list[bytes] = []
    num_quotes = num_bytes = 0
    while (num_bytes := num_bytes + len(taken[-1])) <= MAX_ROW_BYTES:
        for position, piece in enumerate(taken[-1].split(b"\t")):
            if not open_field and not piece.startswith(b'"'):
                fields.append(piece)
                continue
            separator = b"" if not open_field else b"\t" if position else b"\n"
            open_field.append(separator + piece)
            num_quotes += piece.count(b'"')
            if num_quotes % 2 == 0:
                fields.append(_unquoted(b"".join(open_field)))
                open_field, num_quotes = [], 0
        if not open_field:
            return _decoded(fields)
        if len(taken) == MAX_ROW_LINES or (line := next(lines, None)) is None:
            return Unreadable("bad_row", f"a quote that is not closed within {len(taken):,} lines")
        taken.append(line[1])
    return Unreadable("row_too_long", f"more than {MAX_ROW_BYTES:,} bytes")


def _unquoted(field: bytes) -> bytes:
    inside, _, behind = field[1:].rpartition(b'"')
    return inside.replace(b'""', b'"') + behind


def _decoded(fields: list[bytes]) -> list[str] | Unreadable:
    try:
        return [field.decode() for field in fields]
    except UnicodeDecodeError as error:
        return Unreadable("bad_utf8", f"byte {error.start} of a field")


def _lines(stream: IO[bytes]) -> Iterator[tuple[int, bytes]]:
    """(1-based number, line without its end), of a line that is too long just more of it than a row may have."""
    number = 0
    most = MAX_ROW_BYTES + len(codecs.BOM_UTF8) + 1
    while line := stream.readline(most):
        number += 1
        rest = line
        while len(rest) == most and not rest.endswith(b"\n"):
            rest = stream.readline(most)
        if number == 1:
            line = line.removeprefix(codecs.BOM_UTF8)
        yield number, line.rstrip(b"\r\n") if line.endswith(b"\n") else line
