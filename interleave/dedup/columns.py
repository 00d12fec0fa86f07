"""Parquet files written thousands of rows at a time, and read a column at a time.

Apart from what makes fingerprints, which needs packages that readers of a dataset do not.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from interleave.spool import write_parquet

# Of a sealed dataset: of documents, and of their images, each of which names the row of its document.
FINGERPRINT_FILES = ("fingerprints/documents.parquet", "fingerprints/images.parquet")
_ROWS_PER_GROUP, _BYTES_PER_GROUP = 4096, 1 << 24
# Of a file for a whole dataset: its writer holds about 900 bytes for each column of each group.
ROWS_PER_LARGE_GROUP = 1 << 16


class ColumnsWriter:
    """Appends tables to a Parquet file, in row groups of thousands of rows."""

    def __init__(self, writer: pq.ParquetWriter, schema: pa.Schema, rows_per_group: int) -> None:
        self._writer = writer
        self._schema = schema
        self._rows_per_group = rows_per_group
        self._pieces: list[pa.Table] = []
        self._num_rows = self._num_bytes = 0

    def append(self, table: pa.Table) -> None:
        self._pieces.append(table.cast(self._schema))
        self._num_rows += table.num_rows
        self._num_bytes += table.nbytes
        # By bytes too: offsets into the data of a row group have 31 bits.
        if self._num_rows >= self._rows_per_group or self._num_bytes >= _BYTES_PER_GROUP:
            self.flush()

    def flush(self) -> None:
        if self._pieces:
            self._writer.write_table(pa.concat_tables(self._pieces).combine_chunks())
            self._pieces.clear()
            self._num_rows = self._num_bytes = 0
            pa.default_memory_pool().release_unused()  # Arrow would keep the pieces of every group for later


@contextmanager
def write_columns(path: Path, schema: pa.Schema, rows_per_group: int | None = None) -> Iterator[ColumnsWriter]:
    """A file that has its final name only when all rows are in it.

    rows_per_group: None: a few thousand, as it suits the file of a split.
    """
    # Hashes do not compress; what does is small.
    with write_parquet(path, schema, compression="none", use_dictionary=["host"]) as file:
        table = ColumnsWriter(file, schema, rows_per_group or _ROWS_PER_GROUP)
        yield table
        table.flush()


def join_tables(parts: Sequence[str], path: Path) -> None:
    """One compressed Parquet file out of many of one schema."""
    schema = pq.read_schema(parts[0])
    with write_parquet(path, schema, compression="zstd") as file:
        table = ColumnsWriter(file, schema, ROWS_PER_LARGE_GROUP)
        for part in parts:
            with pq.ParquetFile(part) as source:
                for group in range(source.num_row_groups):
                    table.append(source.read_row_group(group))
        table.flush()


def num_rows(path: str) -> int:
    return int(pq.read_metadata(path).num_rows)


def read_numbers(path: str, name: str, dtype: npt.DTypeLike) -> npt.NDArray[Any]:
    """(num_rows,) a column of numbers, or of the last bytes of binaries of one width, a row group at a time."""
    with pq.ParquetFile(path, memory_map=False) as file:
        found = np.empty(file.metadata.num_rows, dtype=dtype)
        filled = 0
        for group in range(file.num_row_groups):
            for chunk in file.read_row_group(group, columns=[name]).column(0).chunks:
                found[filled : filled + len(chunk)] = _numbers(chunk, found.dtype)
                filled += len(chunk)
    return found


def read_rows(path: str, name: str, rows: npt.NDArray[np.int64]) -> Iterator[tuple[npt.NDArray[np.int64], pa.Array]]:
    """(which of the rows, their values), of those row groups that hold any; rows: ascending."""
    with pq.ParquetFile(path) as file:
        start = 0
        for group in range(file.num_row_groups):
            end = start + file.metadata.row_group(group).num_rows
            low, high = np.searchsorted(rows, [start, end])
            if low < high:
                column = file.read_row_group(group, columns=[name]).column(0).combine_chunks()
                yield np.arange(low, high), column.take(pa.array(rows[low:high] - start))
            start = end


def fixed_binary(values: npt.NDArray[Any], width: int) -> pa.Array:
    """Rows of raw bytes as a column."""
    data = np.ascontiguousarray(values)
    return pa.Array.from_buffers(pa.binary(width), data.nbytes // width, [None, pa.py_buffer(data)])


def binaries(values: npt.NDArray[Any], offsets: Sequence[int] | npt.NDArray[np.int64]) -> pa.Array:
    """Stretches of numbers as a column of bytes; offsets count numbers."""
    places = (np.asarray(offsets) * values.itemsize).astype(np.int32)
    return pa.Array.from_buffers(
        pa.binary(), len(places) - 1, [None, pa.py_buffer(places), pa.py_buffer(np.ascontiguousarray(values))]
    )


def _numbers(chunk: pa.Array, dtype: np.dtype[Any]) -> npt.NDArray[Any]:
    if not pa.types.is_fixed_size_binary(chunk.type):
        return np.asarray(chunk.to_numpy(zero_copy_only=False))
    width = chunk.type.byte_width
    raw = np.frombuffer(chunk.buffers()[1], dtype=np.uint8)[chunk.offset * width : (chunk.offset + len(chunk)) * width]
    return raw.reshape(-1, width)[:, width - dtype.itemsize :].copy().view(dtype).ravel()
