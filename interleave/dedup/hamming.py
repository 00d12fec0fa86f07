"""Pairs of 64-bit perceptual hashes that differ in few bits: every one of them, fast, and in bounded memory.

Cut the bits into blocks: hashes that differ in at most `distance` bits agree in all blocks but `distance`. So for every
choice of that many blocks the bits are moved until the chosen blocks lead, the values are sorted, and only those of one
run, with equal leading bits, are compared. Six bits, distance 1, three blocks, two of them chosen:

    hashes                00 01 11    00 11 11    10 01 11
    first and second      00 01|11    00 11|11    10 01|11    no run
    first and third       00 11|01    00 11|11    10 11|01    a run: the first two hashes differ in one bit
    second and third      01 11|00    01 11|10    11 11|00    a run: the first and the last differ in one bit

Moving bits loses nothing, so bare values are sorted, without their indices: that is what makes it fast. Where many
hashes have equal bits, runs are long; those are searched in the same way by the bits that are left. What memory does
not hold is sorted on disk, in pieces, and read back range by range.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from itertools import chain, pairwise
from pathlib import Path

import numpy as np
import numpy.typing as npt

from interleave.dedup.bit_blocks import NUM_BITS, Choice, best_borders, choices, follows, ones, run_sizes
from interleave.dedup.clusters import Hashes, Ints
from interleave.dedup.disk_sort import Disk

MAX_IN_MEMORY = 1 << 25
# Values that are handled at once: they stay in a processor's second cache.
_CHUNK = 1 << 16
# Runs of up to so many values are compared one length after another, so that those of one length fill a chunk. Longer
# ones are searched anew. All far shorter than a chunk.
_RUN_LENGTHS = (1 << 4, 1 << 7, 1 << 11)
_TILE = (32, 2048)


def hamming_pairs(
    hashes: Hashes, distance: int, *, max_in_memory: int = MAX_IN_MEMORY, folder: Path | None = None
) -> Ints:
    """(num_pairs, 2) indices i < j of hashes that differ in at most `distance` bits, sorted; recall 1.

    hashes: (num_hashes,) uint64, each once, in any order (ascending is fastest), in memory or mapped from a file.
    max_in_memory: hashes held at once besides those given, 8 bytes each; long runs are held again. More are sorted in a
    nameless file in `folder`, else in the system's folder for such files. There, too, lies the result, mapped to be
    read, if its pairs are more than a sixteenth of this.
    Raises ValueError where a hash is repeated: `clusters.equal_pairs` finds those.
    """
    if hashes.dtype != np.uint64 or hashes.ndim != 1 or len(hashes) > 1 << 32:
        raise ValueError(f"expected at most 2**32 hashes as a row of uint64, got {hashes.dtype} of {hashes.shape}")
    if len(hashes) < 2:
        return np.empty((0, 2), dtype=np.int64)
    disk = Disk(folder=folder)
    found = _near(hashes, 0, distance, max_in_memory, disk)
    keys = _keys_of_pairs(_batches(found, 1 + max_in_memory // 16), hashes)
    first, more = next(keys, np.empty(0, dtype=np.uint64)), next(keys, None)
    if more is None:
        return _pairs_of_keys(np.sort(first))
    buffer = np.empty(1 + max_in_memory // 4, dtype=np.uint64)
    return disk.stored(map(_pairs_of_keys, disk.ascending(chain([first, more], keys), 0, buffer)))


def _near(values: Hashes, num_leading: int, distance: int, max_in_memory: int, disk: Disk) -> Iterator[Hashes]:
    """(num_pairs, 2) near values, each pair once, among values whose leading bits are equal; they come in any order."""
    borders = best_borders(values, num_leading, distance)
    if borders is None:
        yield from _compare_all(np.sort(values), num_leading, distance)
        return
    buffer = np.empty(min(len(values), max_in_memory), dtype=np.uint64)
    for choice in choices(borders, distance):
        for part in _moved_and_sorted(values, choice, buffer, disk):
            found = _near_in_runs(part, choice.num_leading, distance, max_in_memory, disk)
            for pairs in _batches(found, _CHUNK):
                yield choice.owned(choice.moved_back(pairs))


def _moved_and_sorted(values: Hashes, choice: Choice, buffer: Hashes, disk: Disk) -> Iterator[Hashes]:
    """The values in one part or, where the buffer is too small, in several, none of which cuts a run."""
    piece = 1 + len(buffer) // 8
    starts = range(0, len(values), min(_CHUNK, piece))
    chunks = (choice.moved(values[start : start + starts.step]) for start in starts)
    if len(values) > len(buffer):
        yield from disk.ascending(_batches(chunks, piece), NUM_BITS - choice.num_leading, buffer)
        return
    for start, chunk in zip(starts, chunks, strict=True):
        buffer[start : start + len(chunk)] = chunk
    buffer.sort()
    yield buffer


def _near_in_runs(part: Hashes, num_leading: int, distance: int, max_in_memory: int, disk: Disk) -> Iterator[Hashes]:
    for length in _RUN_LENGTHS:
        num_left = yield from _compare_runs(part, num_leading, distance, length)
        part = part[:num_left]
    if len(part):
        yield from _near(part, num_leading, distance, max_in_memory, disk)


def _compare_runs(values: Hashes, num_leading: int, distance: int, length: int) -> Generator[Hashes, None, int]:
    """Near pairs of sorted values, some of two runs; what is in longer runs is moved to the front, and counted."""
    num_left = 0
    for start, end in _whole_runs(values, num_leading):
        if end - start > _CHUNK:
            for chunk in range(start, end, _CHUNK):
                num_left = _put(values, num_left, values[chunk : min(chunk + _CHUNK, end)])
            continue
        piece = _in_company(values[start:end], num_leading)
        sizes = run_sizes(piece, num_leading)
        is_longer = np.repeat(sizes > length, sizes)
        num_left = _put(values, num_left, piece[is_longer])
        yield from _compare_at_lags(piece[~is_longer], sizes[sizes <= length], distance)
    return num_left


def _put(values: Hashes, start: int, some: Hashes) -> int:
    values[start : start + len(some)] = some
    return start + len(some)


def _whole_runs(values: Hashes, num_leading: int) -> Iterator[tuple[int, int]]:
    """Starts and ends of chunks that cut no run; a longer one is one run."""
    start, low_bits = 0, ones(NUM_BITS - num_leading)
    while start < len(values):
        end = min(start + _CHUNK, len(values))
        if end < len(values):
            end = start + int(np.searchsorted(values[start:end], values[end] & ~low_bits))
        if end == start:
            end += int(np.searchsorted(values[start:], values[start] | low_bits, side="right"))
        yield start, end
        start = end


def _in_company(values: Hashes, num_leading: int) -> Hashes:
    """Of sorted values those that are not alone in their run."""
    follow = follows(values, num_leading)
    in_company = np.zeros(len(values), dtype=np.bool_)
    in_company[1:] = follow
    in_company[:-1] |= follow
    return values[in_company]


def _compare_at_lags(values: Hashes, sizes: Ints, distance: int) -> Iterator[Hashes]:
    """Each value with the next, with the one after it ... as far as runs go."""
    reach = 1
    while len(values) > reach:
        for lag in range(reach, 2 * reach):
            near = (np.bitwise_count(values[lag:] ^ values[:-lag]) <= distance).nonzero()[0]
            if len(near):
                yield values[near[:, None] + (0, lag)]
        reach *= 2
        is_longer = sizes > reach
        values, sizes = values[np.repeat(is_longer, sizes)], sizes[is_longer]


def _compare_all(values: Hashes, num_leading: int, distance: int) -> Iterator[Hashes]:
    """Near pairs of sorted values, each with all others of its run, tile by tile."""
    rows, columns = _TILE
    ends = np.cumsum(run_sizes(values, num_leading))
    for start, end in pairwise([0, *ends.tolist()]):
        for row in range(start, end, rows):
            for column in range(row, end, columns):
                one, other = values[row : min(row + rows, end)], values[column : min(column + columns, end)]
                i, j = np.nonzero(np.bitwise_count(one[:, None] ^ other) <= distance)
                below = i + row < j + column
                yield np.stack([one[i[below]], other[j[below]]], axis=1)


def _batches(parts: Iterator[Hashes], size: int) -> Iterator[Hashes]:
    """The parts, joined until `size` rows are together."""
    batch: list[Hashes] = []
    num_rows = 0
    for part in parts:
        batch.append(part)
        num_rows += len(part)
        if num_rows >= size:
            yield np.concatenate(batch)
            batch, num_rows = [], 0
    if num_rows:
        yield np.concatenate(batch)


def _keys_of_pairs(found: Iterator[Hashes], hashes: Hashes) -> Iterator[Hashes]:
    """Pairs of values as pairs of indices i < j, in numbers of 32 and 32 bits that sort like them."""
    is_ascending = _is_ascending(hashes)
    for pairs in found:
        if (pairs[:, 0] == pairs[:, 1]).any():
            raise ValueError("expected each hash once, got one twice: give numpy.unique of the hashes")
        wanted, position = np.unique(pairs, return_inverse=True)
        index = np.searchsorted(hashes, wanted) if is_ascending else _indices(wanted, hashes)
        ij = np.sort(index[position.reshape(-1, 2)], axis=1).astype(np.uint64)
        yield ij[:, 0] << np.uint64(32) | ij[:, 1]


def _is_ascending(hashes: Hashes) -> bool:
    chunks = (hashes[start : start + _CHUNK + 1] for start in range(0, len(hashes), _CHUNK))
    return all((chunk[1:] > chunk[:-1]).all() for chunk in chunks)


def _indices(wanted: Hashes, hashes: Hashes) -> Ints:
    """Where the wanted values, ascending, lie in the hashes, which do not ascend."""
    indices = np.empty(len(wanted), dtype=np.int64)
    for start in range(0, len(hashes), _CHUNK):
        order = np.argsort(hashes[start : start + _CHUNK])
        chunk = hashes[start + order]
        place = np.minimum(np.searchsorted(wanted, chunk), len(wanted) - 1)
        is_wanted = wanted[place] == chunk
        indices[place[is_wanted]] = start + order[is_wanted]
    return indices


def _pairs_of_keys(keys: Hashes) -> npt.NDArray[np.int64]:
    return np.stack([keys >> np.uint64(32), keys & ones(32)], axis=1).astype(np.int64)
