"""Reads Parquet files in a process of its own, whose memory is limited: `python -m` this file, started by `parquet`.

    stdin: {"path"}                                       -> stdout: an Arrow stream whose schema has the footer
    stdin: {"path", "start", "end", "needed", "optional"} -> stdout: an Arrow stream of rows

A request is a line of JSON; what is wrong with a file stands as `error` in the metadata of the schema or a last batch.
Each request is answered by a fork: what fits into memory does not depend on what was read before.

Why a process, as of pyarrow 26.0.1 (tests show it, and fail when it is mended): a page of 3 kB becomes 2 GB, and a list
repeats an entry of its dictionary a million times, whatever the footer says. pyarrow has limits for what footers hold
(`thrift_string_size_limit`, `thrift_container_size_limit`), none for pages, and its memory pools have none. And it ends
the process (`std::terminate`) when it is asked for the metadata of a column in some damaged footers. Under a limit of
the process pyarrow raises its MemoryError, and nothing that ends this process ends the build.
"""

from __future__ import annotations

import json
import os
import resource
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from interleave.errors import Unreadable

MAX_MEMORY = 768 * 1024 * 1024
# pyarrow holds a page twice: compressed and not, then as a page and as a dictionary. Images of 1 MB make pages of
# 300 MB where a writer keeps its defaults.
MAX_ROW_BYTES = 128 * 1024 * 1024
MAX_ROWS = 1_000_000
MAX_ROWS_PER_BYTE = 100
# A file of 1 kB may say that it has a billion rows, all of them null.
_DAMAGE = (pa.ArrowException, ArithmeticError, LookupError, RuntimeError, TypeError, ValueError)
_BATCH_BYTES = 8 * 1024 * 1024
_BATCH_ROWS = 512
_BUFFER_BYTES = 1 << 20
_TOO_LARGE = {"row": "too_large"}

# Rows, and what is said of them.
_Batch = tuple[pa.RecordBatch, Mapping[str, str] | None]


def read_batches(
    path: str, start: int, end: int, needed: Sequence[str], optional: Sequence[str]
) -> tuple[pa.Schema, Iterator[_Batch]]:
    """The rows of row groups [start, end), about 8 MB at once.

    needed, optional: columns; of the latter those that are there once are read.

    Raises:
        Unreadable: `missing_column`, `duplicate_column`, `damaged_file`, `too_many_rows`.
        What pyarrow raises.
    """
    reader = _open(path)
    names = reader.schema_arrow.names
    for name in needed:
        check_column(names, name)
    columns = [*needed, *(name for name in optional if names.count(name) == 1)]
    schema = pa.schema([_without_dictionary(reader.schema_arrow.field(name)) for name in columns])
    groups = range(start, min(end, reader.num_row_groups))
    return schema, (batch for index in groups for batch in _read_group(reader, index, schema))


def footer(path: str) -> Mapping[str, Any]:
    """{columns, num_rows, num_bytes}: the names of columns, and of each row group its rows and its decompressed bytes.

    Raises:
        Unreadable: `too_many_rows`.
        What pyarrow raises.
    """
    reader = _open(path)
    groups = [reader.metadata.row_group(index) for index in range(reader.num_row_groups)]
    return {
        "columns": reader.schema_arrow.names,
        "num_rows": [max(group.num_rows, 0) for group in groups],
        "num_bytes": [max(group.total_byte_size, 0) for group in groups],
    }


def check_column(found: Sequence[str], name: str) -> None:
    """Raises:
    Unreadable: `missing_column`, `duplicate_column`.
    """
    if found.count(name) > 1:
        raise Unreadable("duplicate_column", f"{found.count(name)} columns are called {name!r}")
    if name not in found:
        shown = ", ".join(map(repr, found[:30]))
        raise Unreadable("missing_column", f"no column {name!r}; there are {shown[:1000] or 'none'}")


def _open(path: str) -> pq.ParquetFile:
    reader = pq.ParquetFile(path, pre_buffer=False, buffer_size=_BUFFER_BYTES)
    num_rows = sum(max(reader.metadata.row_group(index).num_rows, 0) for index in range(reader.num_row_groups))
    most = max(MAX_ROWS, MAX_ROWS_PER_BYTE * Path(path).stat().st_size)
    if num_rows > most:
        raise Unreadable("too_many_rows", f"the footer says {num_rows:,} rows, at most {most:,}")
    return reader


def _read_group(reader: pq.ParquetFile, index: int, schema: pa.Schema) -> Iterator[_Batch]:
    group = reader.metadata.row_group(index)
    by_size = _BATCH_BYTES * max(group.num_rows, 1) // max(group.total_byte_size, 1)
    num_read = 0
    for num_at_once in (max(1, min(by_size, _BATCH_ROWS)), 1):
        try:
            for batch in _read_from(reader, index, schema, num_at_once, num_read):
                num_read += max(batch[0].num_rows, 1)
                if num_read > group.num_rows:
                    raise Unreadable("damaged_file", f"row group {index} has more than its {group.num_rows:,} rows")
                yield batch
            break
        except MemoryError:
            if num_at_once == 1:
                raise
            # Rows may differ in size: once more, one by one, behind those that were read.
    if num_read < group.num_rows:
        raise Unreadable("damaged_file", f"row group {index} says {group.num_rows:,} rows and has {num_read:,}")


def _read_from(
    reader: pq.ParquetFile, index: int, schema: pa.Schema, num_at_once: int, num_skipped: int
) -> Iterator[_Batch]:
    batches = reader.iter_batches(batch_size=num_at_once, row_groups=[index], columns=schema.names, use_threads=False)
    for batch in batches:
        skipped = min(num_skipped, batch.num_rows)
        num_skipped -= skipped
        if skipped < batch.num_rows:
            batch.validate()
            yield from _in_parts(_of_schema(batch, schema).slice(skipped))


def _without_dictionary(field: pa.Field) -> pa.Field:
    is_dictionary = pa.types.is_dictionary(field.type)
    return pa.field(field.name, field.type.value_type if is_dictionary else field.type)


def _of_schema(batch: pa.RecordBatch, schema: pa.Schema) -> pa.RecordBatch:
    columns = [batch.column(batch.schema.get_field_index(name)) for name in schema.names]
    # A dictionary, as of pandas' categories, is one of the whole row group.
    columns = [column.dictionary_decode() if pa.types.is_dictionary(column.type) else column for column in columns]
    return pa.RecordBatch.from_arrays(columns, schema=schema)


def _in_parts(batch: pa.RecordBatch) -> Iterator[_Batch]:
    if batch.num_rows == 1 and batch.nbytes > MAX_ROW_BYTES:
        yield batch.slice(0, 0), _TOO_LARGE
    elif batch.num_rows > 1 and batch.nbytes > _BATCH_BYTES:
        half = batch.num_rows // 2
        yield from _in_parts(batch.slice(0, half))
        yield from _in_parts(batch.slice(half))
    else:
        yield batch, None


def main() -> None:
    # Of the system's allocator: pyarrow's own reserves more than it uses.
    pa.set_memory_pool(pa.system_memory_pool())
    _limit_memory()
    for line in sys.stdin.buffer:
        if (child := os.fork()) == 0:
            _answer(json.loads(line))
            os._exit(0)
        _, status = os.waitpid(child, 0)
        if status:
            _end_as(status)


def _end_as(status: int) -> None:
    """As the fork ended that should have answered: its answer is cut off."""
    if os.WIFSIGNALED(status):
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        os.kill(os.getpid(), os.WTERMSIG(status))
    os._exit(os.WEXITSTATUS(status) or 1)


def _answer(request: Mapping[str, Any]) -> None:
    batches: Iterable[_Batch]
    try:
        if "needed" in request:
            schema, batches = read_batches(**request)
        else:
            schema, batches = pa.schema([], {"footer": json.dumps(footer(request["path"]))}), ()
    except Exception as error:  # noqa: BLE001 - told apart by `_said`
        schema, batches = pa.schema([], _said(error)), ()
    with pa.ipc.new_stream(sys.stdout.buffer, schema) as stream:
        try:
            for batch, metadata in batches:
                stream.write_batch(batch, custom_metadata=metadata)
        except Exception as error:  # noqa: BLE001
            nothing = pa.RecordBatch.from_arrays([pa.nulls(0, field.type) for field in schema], schema=schema)
            stream.write_batch(nothing, custom_metadata=_said(error))
    sys.stdout.buffer.flush()


def _said(error: Exception) -> dict[str, str]:
    """What is wrong with the file; without a reason: with this machine, or with the program."""
    reason, detail = "", str(error).partition("\n")[0][:300] or type(error).__name__
    if isinstance(error, Unreadable):
        reason, detail = error.reason, error.detail
    elif isinstance(error, MemoryError):
        reason = "row_group_too_large"
        detail = f"takes more than {MAX_MEMORY:,} bytes to read: write it with smaller row groups"
    elif isinstance(error, _DAMAGE) or (isinstance(error, OSError) and error.errno is None):
        # pyarrow's own OSErrors have no number.
        reason = "damaged_file"
    return {"error": json.dumps({"reason": reason, "detail": detail})}


def _limit_memory() -> None:
    try:
        used = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmData:"))
    except (OSError, StopIteration):
        return  # no Linux
    most = int(used.split()[1]) * 1024 + MAX_MEMORY
    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    if hard == resource.RLIM_INFINITY or most < hard:
        resource.setrlimit(resource.RLIMIT_DATA, (most, hard))


if __name__ == "__main__":
    main()
