"""The rows of a Parquet file from anywhere, as plain Python values, in bounded memory.

    cut_row_groups ─> splits ─> read_rows ─> (row number, {column: value}), then Unreadable where the file is damaged

A file is only ever opened by `parquet_reader`, in a process that takes 0.3 s to start and then serves many files.
"""

from __future__ import annotations

import atexit
import json
import os
import signal
import subprocess
import sys
from collections.abc import Generator, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate, islice
from pathlib import Path
from typing import IO, Any

import pyarrow as pa

from interleave.acquire.listing import SourceFile, Split
from interleave.acquire.tables.arrow_values import python_values
from interleave.errors import TaskError, Unreadable
from interleave.files import sha256_of

_READER = "interleave.acquire.tables.parquet_reader"
# What the kernel or a person does to a process, and no file.
_FROM_OUTSIDE = (signal.SIGKILL, signal.SIGTERM, signal.SIGINT, signal.SIGHUP)

Row = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Footer:
    """What a file says that it holds."""

    columns: tuple[str, ...]
    # Those that rows have; a name may be there twice.
    num_rows: tuple[int, ...]
    num_bytes: tuple[int, ...]
    # Of each row group; bytes decompressed.


def read_columns(path: str) -> tuple[str, ...]:
    """The names of the columns that rows have.

    Raises:
        Unreadable: `damaged_file`, `too_many_rows`.
        TaskError: the file cannot be read on this machine.
    """
    return _footer(path).columns


def cut_row_groups(file: SourceFile, num_bytes: int) -> list[Split]:
    """Splits of whole row groups of about `num_bytes`; a damaged file is one split."""
    sha256 = sha256_of(Path(file.path))
    try:
        footer = _footer(file.path)
        first_rows, sizes = [0, *accumulate(footer.num_rows)], footer.num_bytes
    except Unreadable:
        first_rows, sizes = [0], ()
    return [
        Split(
            source=file.source,
            path=file.path,
            name=file.name,
            sha256=sha256,
            start=start,
            end=end,
            first_line=first_rows[start],
        )
        for start, end in _runs(_in_file(sizes, file.num_bytes), num_bytes)
    ]


def read_rows(
    split: Split, needed: Sequence[str], optional: Sequence[str] = ()
) -> Iterator[tuple[int, Row | Unreadable]]:
    """(row number in the file, values of the columns) for each row of a split of row groups.

    needed, optional: columns; of the latter those that are there once are read. A row that is too large to read is
    `row_too_large` in its place.

    Raises:
        Unreadable: behind the rows before the damage: `damaged_file`, `missing_column`, `duplicate_column`,
            `row_group_too_large`, `too_many_rows`.
        TaskError: the file cannot be read on this machine.
    """
    request = {"path": split.path, "start": split.start, "end": split.end}
    number = split.first_line
    answer = _ask({**request, "needed": list(needed), "optional": list(optional)})
    for batch, metadata in islice(answer, 1, None):
        if metadata:
            yield number, Unreadable("row_too_large", "a row that takes more memory than any page")
            number += 1
            continue
        values = [python_values(column) for column in batch.columns]
        for row in zip(*values, strict=True):
            yield number, dict(zip(batch.schema.names, row, strict=True))
            number += 1


def _footer(path: str) -> Footer:
    try:
        info = Path(path).stat()
    except OSError as error:
        raise TaskError(f"cannot read {path}: {error.strerror}") from error
    return _read_footer(path, info.st_size, info.st_mtime_ns)


@lru_cache(maxsize=16)
def _read_footer(path: str, num_bytes: int, changed_ns: int) -> Footer:
    schema, *_ = _ask({"path": path})
    fields = {name: tuple(values) for name, values in json.loads(schema.metadata[b"footer"]).items()}
    return Footer(**fields)


def _ask(request: dict[str, Any]) -> Iterator[Any]:
    """The schema of what a reader answers, then (batch, metadata) of each of its batches."""
    reader = _taken()
    assert reader.stdin is not None and reader.stdout is not None and reader.stderr is not None
    is_whole = False
    try:
        # Where it has ended already, its status tells why.
        with suppress(BrokenPipeError):
            os.write(reader.stdin.fileno(), json.dumps(request).encode() + b"\n")
        is_whole, error = yield from _stream(reader.stdout)
        if not is_whole:
            reader.stdin.close()
            reader.stdout.close()
            said = reader.stderr.read().decode("utf-8", "replace").strip().rpartition("\n")[2][:300]
            error = _of_status(reader.wait(), said)
    finally:
        if is_whole:
            _idle.append(reader)
        else:
            _end(reader)
    if error and not error["reason"]:
        raise TaskError(f"cannot read {request['path']}: {error['detail']}")
    if error:
        raise Unreadable(error["reason"], error["detail"])


def _stream(stdout: IO[bytes]) -> Generator[Any, None, tuple[bool, Any]]:
    """Gives whether the stream came to its end, and what went wrong with the file, if anything did."""
    error = None
    try:
        with pa.ipc.open_stream(stdout) as stream:
            error = (stream.schema.metadata or {}).get(b"error")
            yield stream.schema
            while True:
                batch, metadata = stream.read_next_batch_with_custom_metadata()
                error = error or (metadata or {}).get(b"error")
                if error is None:
                    yield batch, metadata
    except StopIteration:
        return True, error and json.loads(error)
    except (pa.ArrowException, OSError):
        return False, None


def _of_status(status: int, said: str) -> dict[str, str]:
    """Why a process did not answer."""
    if status == 0:
        return {"reason": "damaged_file", "detail": "its rows cannot be passed on"}
    if status > 0:
        return {"reason": "", "detail": f"its reader ended with status {status}: {said}"}
    name = signal.Signals(-status).name
    reason = "" if -status in _FROM_OUTSIDE else "damaged_file"
    return {"reason": reason, "detail": f"its reader was ended by {name}: {said}"}


# Processes that wait for a file to read, of this process and not of one that it was forked from.
_idle: list[subprocess.Popen[bytes]] = []
os.register_at_fork(after_in_child=_idle.clear)


def _taken() -> subprocess.Popen[bytes]:
    while _idle:
        reader = _idle.pop()
        if reader.poll() is None:
            return reader
        _end(reader)
    pipe = subprocess.PIPE
    try:
        return subprocess.Popen([sys.executable, "-P", "-m", _READER], stdin=pipe, stdout=pipe, stderr=pipe)  # noqa: S603
    except OSError as error:
        raise TaskError(f"cannot start the process that reads Parquet: {error.strerror}") from error


def _end(reader: subprocess.Popen[bytes]) -> None:
    with reader:
        reader.kill()


@atexit.register
def _end_all() -> None:
    while _idle:
        _end(_idle.pop())


def _in_file(sizes: Sequence[int], num_bytes: int) -> list[int]:
    """Bytes of each row group in the file: shares of all, by what they are once decompressed."""
    total = max(sum(sizes), 1)
    return [size * num_bytes // total for size in sizes]


def _runs(group_bytes: Sequence[int], num_bytes: int) -> Iterator[tuple[int, int]]:
    """[start, end) of row groups that together reach `num_bytes`. A file without any is one run."""
    start = total = 0
    for index, size in enumerate(group_bytes):
        total += size
        if total >= num_bytes or index == len(group_bytes) - 1:
            yield start, index + 1
            start, total = index + 1, 0
    if not group_bytes:
        yield 0, 0
