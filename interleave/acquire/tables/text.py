"""The rows of CSV, TSV and JSON Lines files from anywhere, in bounded memory.

A row that cannot be read is an `Unreadable` in its place. Numbers of rows are 0-based numbers of lines: a row of CSV
may have several, and has the first one's.
"""

from __future__ import annotations

import codecs
import csv
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import IO, Any, Literal

from interleave.acquire.lines import DAMAGE, open_stream, read_lines
from interleave.acquire.listing import Split
from interleave.acquire.mmc4 import parse_json
from interleave.errors import TaskError, Unreadable

MAX_ROW_BYTES = 1 << 20
# A row of a quoted field that is never closed would go on to the end of the file.
MAX_ROW_LINES = 64
MAX_COLUMNS = 10_000

Row = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    delimiter: str
    quotes: bool
    # Fields may stand in quotes, and then hold delimiters and ends of lines.
    columns: tuple[str, ...] | None
    # None: the first row names them.


def csv_columns(path: str, dialect: Dialect) -> tuple[str, ...]:
    """Raises:
    Unreadable: `damaged_file`.
    TaskError: the file cannot be read on this machine.
    """
    with _guarded(path), ExitStack() as stack:
        return _columns(_fields(open_stream(path, stack), dialect), dialect)


def read_csv(path: str, dialect: Dialect) -> Iterator[tuple[int, Row | Unreadable]]:
    """(number of the line, values of the columns) for each row; empty lines are none.

    Raises:
        Unreadable: `damaged_file`, behind the rows before the damage.
        TaskError: the file cannot be read on this machine.
    """
    with _guarded(path), ExitStack() as stack:
        rows = _fields(open_stream(path, stack), dialect)
        columns = _columns(rows, dialect)
        for number, fields in rows:
            if isinstance(fields, list) and len(fields) != len(columns):
                what = f"{len(fields):,} fields, there are {len(columns):,} columns"
                yield number, Unreadable("wrong_number_of_fields", what)
            else:
                yield number, fields if isinstance(fields, Unreadable) else dict(zip(columns, fields, strict=True))


def read_jsonl(split: Split) -> Iterator[tuple[int, Row | Unreadable]]:
    """(number of the line, its fields) for each line of a split.

    Raises:
        Unreadable: `damaged_file`, behind the lines before the damage.
        TaskError: the file cannot be read on this machine.
    """
    with _guarded(split.path):
        for number, line in read_lines(split):
            try:
                if line is None or len(line) > MAX_ROW_BYTES:
                    raise Unreadable("row_too_long", f"more than {MAX_ROW_BYTES:,} bytes")
                yield number, dict(parse_json(line))
            except Unreadable as error:
                yield number, error


def _columns(rows: Iterator[tuple[int, list[str] | Unreadable]], dialect: Dialect) -> tuple[str, ...]:
    if dialect.columns is not None:
        return dialect.columns
    _, header = next(rows, (0, []))
    if isinstance(header, Unreadable):
        raise Unreadable("damaged_file", f"the first row, which names the columns: {header}")
    if len(header) > MAX_COLUMNS:
        raise Unreadable("damaged_file", f"{len(header):,} columns, at most {MAX_COLUMNS:,}")
    return tuple(name.strip() for name in header)


def _fields(stream: IO[bytes], dialect: Dialect) -> Iterator[tuple[int, list[str] | Unreadable]]:
    """Where lines do not make a row, the first of them is refused, and reading goes on with the next one."""
    quoting: Literal[0, 3] = csv.QUOTE_MINIMAL if dialect.quotes else csv.QUOTE_NONE
    lines = _Lines(stream)
    while True:
        found: list[str] | Unreadable
        try:
            found = _checked(next(csv.reader(lines, delimiter=dialect.delimiter, quoting=quoting, strict=True)))
        except StopIteration:
            return
        except csv.Error as error:
            found = Unreadable("bad_csv", str(error)[:200])
        except _TooLong:
            found = Unreadable("row_too_long", f"more than {MAX_ROW_BYTES:,} bytes or {MAX_ROW_LINES} lines")
        except Unreadable as error:
            number = lines.accept()
            yield number, error
            continue
        number = lines.reject() if isinstance(found, Unreadable) else lines.accept()
        if found:
            yield number, found


def _checked(fields: list[str]) -> list[str]:
    for field in fields:
        if "\0" in field:
            raise Unreadable("nul_byte", "a NUL within a field")
        try:
            field.encode("utf-8")
        except UnicodeEncodeError:
            raise Unreadable("bad_utf8", "a field that is no UTF-8") from None
    return fields


class _TooLong(Exception):
    """A row that does not end."""


class _Lines:
    """The lines of a stream, of which those after the first can be given back."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        self._number = 0
        self._waiting = deque[tuple[int, bytes | None]]()
        self._taken: list[tuple[int, bytes | None]] = []
        self._num_bytes = 0

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        number, line = self._waiting.popleft() if self._waiting else self._read()
        self._taken.append((number, line))
        self._num_bytes += len(line or b"")
        if line is None or self._num_bytes > MAX_ROW_BYTES or len(self._taken) > MAX_ROW_LINES:
            raise _TooLong
        return line.decode("utf-8", "surrogateescape")

    def accept(self) -> int:
        """The lines taken are a row; the number of the first one."""
        number = self._taken[0][0]
        self._taken.clear()
        self._num_bytes = 0
        return number

    def reject(self) -> int:
        """The first line is no row, the others have not been looked at."""
        self._waiting.extendleft(reversed(self._taken[1:]))
        return self.accept()

    def _read(self) -> tuple[int, bytes | None]:
        line: bytes | None = self._stream.readline(MAX_ROW_BYTES + 1)
        if not line:
            raise StopIteration
        if self._number == 0:
            line = line.removeprefix(codecs.BOM_UTF8)
        if len(line) > MAX_ROW_BYTES and not line.endswith(b"\n"):
            while (piece := self._stream.readline(MAX_ROW_BYTES)) and not piece.endswith(b"\n"):
                pass
            line = None
        self._number += 1
        return self._number - 1, line


@contextmanager
def _guarded(path: str) -> Iterator[None]:
    """A file that is damaged is told from a machine that is: the latter's errors have a number."""
    try:
        yield
    except TaskError as error:
        if isinstance(error.__cause__, OSError) and error.__cause__.errno is not None:
            raise
        raise Unreadable("damaged_file", str(error.__cause__ or error)[:300]) from None
    except DAMAGE as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise TaskError(f"cannot read {path}: {error.strerror}") from error
        raise Unreadable("damaged_file", str(error)[:300]) from None


def first_keys(rows: Iterator[tuple[int, Row | Unreadable]], num_rows: int = 100) -> Sequence[str]:
    """The names of all fields of the first rows."""
    names: dict[str, None] = {}
    for _, (_, row) in zip(range(num_rows), rows, strict=False):
        names.update(dict.fromkeys(row if isinstance(row, dict) else ()))
    return list(names)
