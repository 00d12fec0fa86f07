"""Writes tables of scores: in parts while a model runs, and sorted by key at the end.

    TABLE.parts/000000.parquet, 000001.parquet ...    each whole or not there
    TABLE + parts ─> by the first digits of the key into buckets that fit memory ─> each sorted ─> TABLE

Keys are hashes in hex here, so buckets are about equally full, and a table does not depend on the order of its parts.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from interleave.align.models.tables import KEY, UInt64s, hashes_of
from interleave.files import atomic_write

_ABOUT = b"interleave.scores"
_ROWS_PER_GROUP = 65_536
_BUCKET_BYTES = 1 << 26
_MAX_BUCKETS = 256  # files that are open at once
_READ_ROWS = 16_384


class SeenKeys:
    """Which keys occurred, at 8 bytes a key: one of 100 million is mistaken for another with a chance of 1 in 4,000."""

    def __init__(self) -> None:
        self._sorted: list[UInt64s] = []  # each more than twice as long as the next

    def add_new(self, keys: Sequence[str]) -> list[bool]:
        """Whether each key is new, and takes the new ones in; the keys differ."""
        hashes = hashes_of(keys)[0]
        is_new = np.ones(len(hashes), dtype=bool)
        for known in self._sorted:
            at = np.minimum(np.searchsorted(known, hashes), len(known) - 1)
            is_new &= known[at] != hashes
        added = np.unique(hashes[is_new])
        if len(added):
            self._sorted.append(added)
        while len(self._sorted) > 1 and len(self._sorted[-2]) <= 2 * len(self._sorted[-1]):
            self._sorted.append(np.unique(np.concatenate([self._sorted.pop(), self._sorted.pop()])))
        return is_new.tolist()


def read_keys(path: Path) -> Iterator[list[str]]:
    """The keys of a table, some at a time; none where there is no table."""
    if path.is_file():
        with pq.ParquetFile(path) as file:
            for batch in file.iter_batches(_READ_ROWS, columns=[KEY]):
                yield batch.column(KEY).to_pylist()


def read_about(path: Path) -> bytes | None:
    """What `write_rows` or `merge` was told of a table, or None."""
    found: bytes | None = (pq.read_schema(path).metadata or {}).get(_ABOUT)
    return found


def write_rows(path: Path, keys: Sequence[str], rows: pa.Table, about: bytes) -> None:
    """A part: the rows with their keys in front."""
    with atomic_write(path) as file:
        table = rows.add_column(0, pa.field(KEY, pa.string()), pa.array(keys, pa.string()))
        pq.write_table(table.replace_schema_metadata({_ABOUT: about}), file, compression="zstd", use_dictionary=False)


def is_written(path: Path, keys: Sequence[str], about: bytes) -> bool:
    """Whether a part is there that holds just these keys."""
    try:
        return read_about(path) == about and pq.read_table(path, columns=[KEY]).column(KEY).to_pylist() == list(keys)
    except (OSError, pa.ArrowException):
        return False


def merge(table: Path, parts: Sequence[Path], about: bytes, folder: Path) -> None:
    """Puts parts into a table, new or not, whose rows are sorted by key.

    folder: for what lies there meanwhile.
    """
    files = [*([table] if table.is_file() else []), *parts]
    schema = pq.read_schema(files[0]).with_metadata({_ABOUT: about})
    num_bytes = sum(
        meta.row_group(group).total_byte_size
        for meta in map(pq.read_metadata, files)
        for group in range(meta.num_row_groups)
    )
    num_buckets = min(_MAX_BUCKETS, 1 + num_bytes // _BUCKET_BYTES)
    buckets = _scatter(files, schema, num_buckets, folder)
    with (
        atomic_write(table) as file,
        pq.ParquetWriter(file, schema, compression="zstd", use_dictionary=False) as writer,
    ):
        for bucket in buckets:
            with pa.memory_map(str(bucket)) as source:
                rows = pa.ipc.open_file(source).read_all()
                writer.write_table(rows.sort_by(KEY).cast(schema), row_group_size=_ROWS_PER_GROUP)
            bucket.unlink()
    shutil.rmtree(folder, ignore_errors=True)


def _scatter(files: Sequence[Path], schema: pa.Schema, num_buckets: int, folder: Path) -> list[Path]:
    """Rows by the first digits of their keys: bucket 0 holds the smallest."""
    folder.mkdir(parents=True, exist_ok=True)
    buckets = [folder / f"bucket-{number:03d}.arrow" for number in range(num_buckets)]
    with ExitStack() as stack:
        writers = [stack.enter_context(pa.ipc.new_file(str(bucket), schema)) for bucket in buckets]
        for path in files:
            with pq.ParquetFile(path) as file:
                for batch in file.iter_batches(_READ_ROWS):
                    rows = pa.Table.from_batches([batch]).cast(schema)
                    at = _buckets_of(rows.column(KEY).to_pylist(), num_buckets)
                    for number in np.unique(at):
                        writers[number].write_table(rows.filter(pa.array(at == number)))
    return buckets


def _buckets_of(keys: Sequence[str], num_buckets: int) -> npt.NDArray[np.int64]:
    return np.array([int(key[:4], 16) * num_buckets >> 16 for key in keys], dtype=np.int64)
