"""Numbers sorted that do not fit into memory: sorted pieces in a nameless file, read back range by range.

pieces, sorted      1 4 7 9 | 2 4 5 8 | 3 6 6 9
cut at 4 and at 7   1 | 4 | 7 9    2 | 4 5 | 8    3 | 6 6 | 9
ranges, sorted      1 2 3   4 4 5 6 6   7 8 9 9
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import IO

import numpy as np
import numpy.typing as npt

Numbers = npt.NDArray[np.uint64]

_NUM_BYTES = 8
# Every piece shows this many of its numbers, from which the places to cut are chosen.
_SHOWN = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Disk:
    """Where numbers lie that memory does not hold."""

    folder: Path | None
    # None: the system's folder for temporary files.

    def ascending(self, pieces: Iterable[Numbers], num_low_bits: int, buffer: Numbers) -> Iterator[Numbers]:
        """All numbers of the pieces, as sorted ranges; numbers that differ in their low bits alone are in one range.

        Pieces are sorted in place. A range lies in the buffer until the next one is asked for. More numbers with equal
        upper bits than the buffer holds are mapped from a file of their own.
        """
        with tempfile.TemporaryFile(dir=self.folder) as file:
            ends, shown = [0], []
            for piece in pieces:
                piece.sort()
                file.write(piece.data)
                ends.append(ends[-1] + len(piece))
                shown.append(piece[:: 1 + len(piece) // _SHOWN].copy())
            file.flush()
            places = _places_to_cut(np.concatenate(shown), ends[-1], len(buffer), num_low_bits)
            cuts = np.stack([_cuts(file, start, end, places) for start, end in pairwise(ends)], axis=1)
            for low, high in pairwise(cuts):
                yield self._range(file, list(zip(low.tolist(), high.tolist(), strict=True)), buffer)

    def stored(self, parts: Iterable[npt.NDArray[np.int64]]) -> npt.NDArray[np.int64]:
        """Rows of two, one part after another, mapped from a file to be read."""
        with tempfile.TemporaryFile(dir=self.folder) as file:
            for part in parts:
                file.write(np.ascontiguousarray(part).data)
            file.flush()
            return np.memmap(file, dtype=np.int64, mode="r").reshape(-1, 2)

    def _range(self, file: IO[bytes], slices: list[tuple[int, int]], buffer: Numbers) -> Numbers:
        size = sum(end - start for start, end in slices)
        if size > len(buffer):
            return self._joined(file, slices)
        filled = 0
        for start, end in slices:
            buffer[filled : filled + end - start] = _read(file, start, end)
            filled += end - start
        buffer[:size].sort()
        return buffer[:size]

    def _joined(self, file: IO[bytes], slices: list[tuple[int, int]]) -> Numbers:
        with tempfile.TemporaryFile(dir=self.folder) as joined:
            for start, end in slices:
                joined.write(_read(file, start, end).data)
            joined.flush()
            numbers = np.memmap(joined, dtype=np.uint64, mode="r+")
            numbers.sort()
            return numbers


def _places_to_cut(shown: Numbers, num_numbers: int, size: int, num_low_bits: int) -> Numbers:
    """Ascending numbers between which about half of `size` lie; all their low bits are 0."""
    shown.sort()
    per_range = max(1, len(shown) * size // (2 * max(num_numbers, 1)))
    low_bits = np.uint64((1 << num_low_bits) - 1)
    return np.unique(shown[per_range::per_range] & ~low_bits)


def _cuts(file: IO[bytes], start: int, end: int, places: Numbers) -> npt.NDArray[np.int64]:
    """(2 + num_places,) where the sorted piece between two positions is cut, its ends included."""
    cuts = np.full(2 + len(places), start, dtype=np.int64)
    cuts[-1] = end
    if start < end:
        piece = np.memmap(file, dtype=np.uint64, mode="r", offset=start * _NUM_BYTES, shape=(end - start,))
        cuts[1:-1] += np.searchsorted(piece, places)
    return cuts


def _read(file: IO[bytes], start: int, end: int) -> Numbers:
    file.seek(start * _NUM_BYTES)
    return np.fromfile(file, dtype=np.uint64, count=end - start)
