"""Tables of what models said, looked up by key: Parquet for keeping, an index of it for looking up.

    scores/nsfw.parquet                      WORK/scores/nsfw-5e884898da28-score/
      key (text)    score (float32)            high.npy, low.npy   hashes of keys, sorted     (num_keys,) uint64 each
      0001f2...     0.0312            ──>      rows.npy            row of each hash           (num_keys,) int64
      ...                                      values.npy          the column, in row order   (num_rows, ...)

The files of an index are mapped into memory: workers share them, and a table of any size opens at once.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from interleave.errors import RecipeError
from interleave.files import sha256_of, sync_folder
from interleave.identity import fingerprint, text_digest

Int64s = npt.NDArray[np.int64]
UInt64s = npt.NDArray[np.uint64]
Values = npt.NDArray[np.float32] | npt.NDArray[np.float16]

KEY = "key"
SCORE = "score"
EMBEDDING = "embedding"
_BATCH_ROWS = 16_384
_NPY_HEADER_BYTES = 128


@dataclass(frozen=True, slots=True)
class KeyedTable:
    """An open index."""

    high: UInt64s
    low: UInt64s
    # (num_keys,) halves of the keys' 128-bit hashes, sorted.
    rows: Int64s
    # (num_keys,)
    values: Values
    # (num_rows,) float32 of scores, or (num_rows, num_dimensions) float16 of embeddings.

    def find(self, keys: Sequence[str]) -> Int64s:
        """(num_keys,) the row of each key, -1 where the table does not know it."""
        wanted_high, wanted_low = hashes_of(keys)
        found = np.full(len(keys), -1, dtype=np.int64)
        at = np.searchsorted(self.high, wanted_high)
        left = np.arange(len(keys))
        while len(left):  # more than once only where two keys share the upper half
            left = left[at[left] < len(self.high)]
            left = left[self.high[at[left]] == wanted_high[left]]
            hit = self.low[at[left]] == wanted_low[left]
            found[left[hit]] = self.rows[at[left[hit]]]
            left = left[~hit]
            at[left] += 1
        return found


def hashes_of(keys: Sequence[str]) -> tuple[UInt64s, UInt64s]:
    """Both halves of the keys' hashes: (num_keys,) each."""
    digests = b"".join(map(text_digest, keys))
    halves = np.frombuffer(digests, dtype=">u8").reshape(-1, 2).astype(np.uint64)
    return halves[:, 0], halves[:, 1]


def open_index(folder: Path) -> KeyedTable:
    """Maps an index that `write_index` left."""
    return KeyedTable(*(_map(folder / f"{name}.npy") for name in ("high", "low", "rows", "values")))


def _map(path: Path) -> npt.NDArray[Any]:
    is_empty = path.stat().st_size <= _NPY_HEADER_BYTES  # what has no bytes cannot be mapped
    array: npt.NDArray[Any] = np.load(path, mmap_mode=None if is_empty else "r", allow_pickle=False).view(np.ndarray)
    return array


def table_files(path: Path, name: str) -> list[Path]:
    """The Parquet files of a table: itself, or all in a folder, by name.

    Raises:
        RecipeError: there is none.
    """
    if path.is_file():
        return [path]
    files = sorted(path.glob("*.parquet")) if path.is_dir() else []
    if not files:
        what = f"{path} holds no .parquet file" if path.is_dir() else f"there is no table {path}"
        raise RecipeError(f"scores.{name}: {what}; `interleave score RECIPE` makes those that a model computes")
    return files


def table_sha256(path: Path, name: str) -> str:
    """64 hex digits that stand for the content of a table, of one file or of many."""
    files = table_files(path, name)
    return sha256_of(path) if path.is_file() else fingerprint([[file.name, sha256_of(file)] for file in files])


def write_index(path: Path, column: str, name: str, folder: Path, sha256: str) -> Path:
    """Makes the index of a table's column below a folder, if it is not there yet, and says where it is.

    sha256: what `table_sha256` said.

    Raises:
        RecipeError: the table is not readable, has other columns, a score that is no number, or one key twice with
            different values.
    """
    final = folder / f"{name}-{sha256[:12]}-{column}"
    if final.is_dir():
        return final
    partial = final.with_name(final.name + ".partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    try:
        _write(table_files(path, name), column, name, partial)
    except pa.ArrowException as error:
        raise RecipeError(f"scores.{name}: cannot read {path}: {str(error).partition(chr(10))[0][:200]}") from None
    for file in partial.iterdir():
        with file.open("rb") as written:
            os.fsync(written.fileno())
    partial.rename(final)
    sync_folder(folder)
    return final


def _write(files: Sequence[Path], column: str, name: str, folder: Path) -> None:
    num_rows = sum(pq.read_metadata(file).num_rows for file in files)
    values = _new_values(files[0], column, name, num_rows, folder / "values.npy")
    high, low = [np.empty(0, np.uint64)], [np.empty(0, np.uint64)]
    rows, at = [np.empty(0, np.int64)], 0
    for file in files:
        for keys, found, is_known in _batches(file, column, name):
            if found.shape[1:] != values.shape[1:]:
                raise RecipeError(f"scores.{name}: embeddings of {file} are not as long as those of {files[0]}")
            values[at : at + len(found)] = found
            of_keys = hashes_of(keys)
            high.append(of_keys[0][is_known])
            low.append(of_keys[1][is_known])
            rows.append(at + np.flatnonzero(is_known))
            at += len(found)
    _save_sorted(np.concatenate(high), np.concatenate(low), np.concatenate(rows), values, files, name, folder)


def _new_values(file: Path, column: str, name: str, num_rows: int, path: Path) -> Values:
    """The values of an index, in a mapped file: they never stand in memory as a whole."""
    shape = (num_rows,) if column == SCORE else (num_rows, _num_dimensions(file, column, name))
    dtype = np.float32 if column == SCORE else np.float16
    if not np.prod(shape):
        np.save(path, np.empty(shape, dtype))
        return np.load(path)  # type: ignore[no-any-return]
    values: Values = np.lib.format.open_memmap(path, mode="w+", dtype=dtype, shape=shape)
    return values


def _num_dimensions(file: Path, column: str, name: str) -> int:
    schema = pq.read_schema(file)
    kind = schema.field(column).type if column in schema.names else None
    if kind is None or not pa.types.is_fixed_size_list(kind) or kind.value_type != pa.float16():
        raise RecipeError(
            f"scores.{name}: {file} has no column `{column}` of float16 lists of one length; "
            "`interleave score RECIPE` makes such tables"
        )
    return int(kind.list_size)


def _batches(file: Path, column: str, name: str) -> Iterator[tuple[list[str], Values, npt.NDArray[np.bool_]]]:
    """(keys, values, whether each has one) of some rows at a time."""
    with pq.ParquetFile(file) as table:
        _check_columns(table.schema_arrow, column, name, file)
        for batch in table.iter_batches(_BATCH_ROWS, columns=[KEY, column]):
            keys, values = batch.column(KEY).to_pylist(), batch.column(column)
            if None in keys:
                raise RecipeError(f"scores.{name}: {file} has a row without a `{KEY}`")
            is_known = np.asarray(values.is_valid())
            found = _scores(values) if column == SCORE else _embeddings(values)
            if not np.isfinite(found[is_known]).all():
                bad = next(i for i in np.flatnonzero(is_known) if not np.isfinite(found[i]).all())
                raise RecipeError(f"scores.{name}: {file}: the score of {keys[bad]!r} is no number")
            yield keys, found, is_known


def _check_columns(schema: pa.Schema, column: str, name: str, file: Path) -> None:
    def kind(of: str) -> pa.DataType | None:
        return schema.field(of).type if of in schema.names else None

    is_text = kind(KEY) in (pa.string(), pa.large_string(), pa.string_view())
    number = kind(column)
    is_number = number is not None and (pa.types.is_floating(number) or pa.types.is_integer(number))
    if not is_text or (column == SCORE and not is_number):
        has = ", ".join(f"{field.name} ({field.type})" for field in schema)[:200]
        raise RecipeError(f"scores.{name}: {file} has columns {has}; expected {KEY} (string), {column} (float)")


def _scores(values: pa.Array) -> npt.NDArray[np.float32]:
    return np.asarray(values.cast(pa.float32(), safe=False).fill_null(np.nan))


def _embeddings(values: pa.Array) -> npt.NDArray[np.float16]:
    whole = values if not values.null_count else values.fill_null(pa.scalar([0.0] * values.type.list_size, values.type))
    return np.asarray(whole.flatten()).reshape(len(values), values.type.list_size)


def _save_sorted(
    high: UInt64s, low: UInt64s, rows: Int64s, values: Values, files: Sequence[Path], name: str, folder: Path
) -> None:
    order = np.lexsort((rows, low, high))
    high, low, rows = high[order], low[order], rows[order]
    again = np.flatnonzero((high[1:] == high[:-1]) & (low[1:] == low[:-1]))  # equal to the next
    for start in range(0, len(again), _BATCH_ROWS):
        pairs = again[start : start + _BATCH_ROWS]
        before, after = values[rows[pairs]], values[rows[pairs + 1]]
        differ = (before != after).reshape(len(pairs), -1).any(axis=1)
        if differ.any():
            first = int(pairs[differ.argmax()])
            raise RecipeError(_twice(files, int(rows[first]), int(rows[first + 1]), values, name))
    is_first = np.ones(len(high), dtype=bool)
    is_first[again + 1] = False
    for part, array in (("high", high), ("low", low), ("rows", rows)):
        np.save(folder / f"{part}.npy", array[is_first])
    if isinstance(values, np.memmap):
        values.flush()


def _twice(files: Sequence[Path], first: int, second: int, values: Values, name: str) -> str:
    (key, one), (_, other) = (_place(files, row) for row in (first, second))
    shown = [f"{values[row]}" if values.ndim == 1 else "one embedding" for row in (first, second)]
    return (
        f"scores.{name}: {key!r} occurs twice: {shown[0]} in {one}, {shown[1] if values.ndim == 1 else 'another'} in "
        f"{other}; keep one of them"
    )


def _place(files: Sequence[Path], row: int) -> tuple[str, str]:
    """(key, file and row in it) of a row of the whole table."""
    for file in files:
        num_rows = pq.read_metadata(file).num_rows
        if row < num_rows:
            key = pq.read_table(file, columns=[KEY]).column(KEY)[row].as_py()
            return key, f"{file}, row {row}"
        row -= num_rows
    raise AssertionError("a row of the table is in one of its files")
