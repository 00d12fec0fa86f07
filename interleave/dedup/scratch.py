"""What a step over all documents needs more room for than memory has: arrays and records in nameless files.

Records are pairs of a key and a value. They are handed on in parts, by the first bits of their keys, so that all of one
key are in one part, whatever the number of parts:

    records as they come    (7a, 0) (13, 1) (79, 2) (1f, 3) (c0, 4)
    parts by the first bit  (7a, 0) (13, 1) (79, 2) (1f, 3) | (c0, 4)

A machine reads back from memory what of the files it has room for; more documents take more disk, not more memory.
"""

from __future__ import annotations

import ctypes
import os
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import chain, pairwise
from pathlib import Path
from typing import IO, Any, TypeVar

import numpy as np
import numpy.typing as npt

from interleave.dedup.clusters import Ints
from interleave.dedup.disk_sort import Disk
from interleave.dedup.word_hashes import UInt64s

# Records that are looked at at once; a step needs about 60 bytes for each.
PER_PART = 1 << 20
# Smaller arrays stay in memory: a few dozen are there at a time.
_MIN_BYTES_ON_DISK = 1 << 22
_M_MMAP_THRESHOLD = -3  # of malloc.h
_Item = TypeVar("_Item")
_RECORD = np.dtype([("key", np.uint64), ("value", np.int64)])


def give_back_freed_memory() -> None:
    """Asks the C library to return large arrays to the machine as soon as they are freed.

    glibc begins to keep blocks of up to 32 MiB for itself once one was freed: a process that goes through many of them
    would hold twice as much as it uses. Other C libraries are left as they are.
    """
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).mallopt(_M_MMAP_THRESHOLD, 1 << 17)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scratch:
    """Room in a folder."""

    folder: Path
    per_part: int = PER_PART
    min_bytes_on_disk: int = _MIN_BYTES_ON_DISK

    def empty(self, size: int, dtype: npt.DTypeLike) -> npt.NDArray[Any]:
        """(size,) of any content; it is gone when nobody holds it any more.

        Raises OSError where the disk is full: what is mapped has its room before it is written to.
        """
        dtype = np.dtype(dtype)
        num_bytes = size * dtype.itemsize
        if num_bytes < max(self.min_bytes_on_disk, 1):
            return np.empty(size, dtype=dtype)
        with self._file() as file:
            try:
                os.posix_fallocate(file.fileno(), 0, num_bytes)
            except OSError as error:
                error.filename = str(self.folder)
                raise
            # A plain array: numpy's own class for mapped files takes more than ten times as long to give a few items.
            return np.asarray(np.memmap(file, dtype=dtype, mode="r+", shape=(size,)))

    def joined(self, parts: Iterable[npt.NDArray[Any]], size: int, dtype: npt.DTypeLike) -> npt.NDArray[Any]:
        """(size,) the parts one after another."""
        found, filled = self.empty(size, dtype), 0
        for part in parts:
            found[filled : filled + len(part)] = part
            filled += len(part)
        assert filled == size
        return found

    def by_key(self, records: Iterable[tuple[UInt64s, Ints]]) -> Iterator[tuple[UInt64s, Ints]]:
        """(keys, values) in parts: all records of a key are in one, in the order in which they came.

        Keys have to be spread evenly, as hashes are.
        """
        held: list[tuple[UInt64s, Ints]] = []
        num_held, waiting = 0, iter(records)
        for keys, values in waiting:
            held.append((keys, values))
            num_held += len(keys)
            if num_held > self.per_part:
                yield from self._from_disk(chain(_drained(held), waiting))
                return
        part = _concatenated(held)
        held.clear()
        yield part

    def ascending(self, pieces: Iterable[UInt64s]) -> Iterator[UInt64s]:
        """All numbers of the pieces, sorted, in parts; equal ones are in one."""
        held: list[UInt64s] = []
        num_held, waiting = 0, iter(pieces)
        for piece in waiting:
            held.append(piece)
            num_held += len(piece)
            if num_held > self.per_part:
                buffer = np.empty(self.per_part, dtype=np.uint64)
                self.folder.mkdir(parents=True, exist_ok=True)
                yield from Disk(folder=self.folder).ascending(chain(_drained(held), waiting), 0, buffer)
                return
        whole = np.concatenate([np.empty(0, dtype=np.uint64), *held])
        held.clear()
        whole.sort()
        yield whole

    def _from_disk(self, records: Iterable[tuple[UInt64s, Ints]]) -> Iterator[tuple[UInt64s, Ints]]:
        """Written down as they come, each batch of them sorted by part, and read back part by part."""
        with self._file() as file:
            batches: list[tuple[int, Ints]] = []  # where each begins in the file, and where its parts begin in it
            num_records = 0
            for keys, values in _batches(records, max(1, self.per_part // 2)):
                prefixes = keys >> np.uint64(64 - _PREFIX_BITS)
                order = np.argsort(prefixes, kind="stable")
                batch = np.empty(len(keys), dtype=_RECORD)
                batch["key"], batch["value"] = keys[order], values[order]
                file.write(batch.data)
                starts = np.searchsorted(prefixes[order], np.arange((1 << _PREFIX_BITS) + 1))
                batches.append((num_records, starts))
                num_records += len(keys)
            file.flush()
            sizes = np.sum([np.diff(starts) for _, starts in batches], axis=0)
            for first, end in pairwise(_borders(sizes, self.per_part)):
                slices = [(begin + int(starts[first]), begin + int(starts[end])) for begin, starts in batches]
                part = np.concatenate([_read(file, low, high) for low, high in slices])
                keys, values = part["key"].copy(), part["value"].copy()
                del part
                yield keys, values

    def _file(self) -> IO[bytes]:
        self.folder.mkdir(parents=True, exist_ok=True)
        return tempfile.TemporaryFile(dir=self.folder)


# So many parts at most: 4,096 of a million records are 4 thousand million.
_PREFIX_BITS = 12


def _borders(sizes: Ints, per_part: int) -> list[int]:
    """Where parts begin and end: runs of prefixes that together hold `per_part` records, or one that holds more."""
    borders, held = [0], 0
    for prefix, size in enumerate(sizes.tolist()):
        if held and held + size > per_part:
            borders.append(prefix)
            held = 0
        held += size
    return [*borders, len(sizes)]


def _drained(held: list[_Item]) -> Iterator[_Item]:
    """The items, each let go as it is handed on."""
    held.reverse()
    while held:
        yield held.pop()


def _batches(records: Iterable[tuple[UInt64s, Ints]], size: int) -> Iterator[tuple[UInt64s, Ints]]:
    held: list[tuple[UInt64s, Ints]] = []
    num_held = 0
    for keys, values in records:
        held.append((keys, values))
        num_held += len(keys)
        if num_held >= size:
            yield _concatenated(held)
            held, num_held = [], 0
    if num_held:
        yield _concatenated(held)


def _concatenated(records: list[tuple[UInt64s, Ints]]) -> tuple[UInt64s, Ints]:
    keys = np.concatenate([np.empty(0, dtype=np.uint64), *(keys for keys, _ in records)])
    return keys, np.concatenate([np.empty(0, dtype=np.int64), *(values for _, values in records)])


def _read(file: IO[bytes], start: int, end: int) -> npt.NDArray[Any]:
    file.seek(start * _RECORD.itemsize)
    return np.fromfile(file, dtype=_RECORD, count=end - start)
