"""The order of an epoch: a permutation that is computed for the positions asked for, never stored."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from interleave.identity import seeded_u64

_ROUNDS = 4


class Order:
    """A permutation of [0, num_items): a pure function of (dataset, seed, epoch).

    A Feistel network over the next power of four, walked on while it leads out of the range (Black and Rogaway, 2002).
    """

    def __init__(self, num_items: int, *, dataset: str, seed: int, epoch: int, shuffle: bool = True) -> None:
        self.num_items = num_items
        self._shuffle = shuffle and num_items > 1
        self._half_bits = max(1, (max(num_items - 1, 1).bit_length() + 1) // 2)
        self._keys = [np.uint64(seeded_u64(seed, dataset, epoch, turn)) for turn in range(_ROUNDS)]

    def at(self, start: int, stop: int) -> npt.NDArray[np.int64]:
        """(stop - start,) items at these positions of the order."""
        positions = np.arange(start, min(stop, self.num_items), dtype=np.uint64)
        if not self._shuffle:
            return positions.astype(np.int64)
        items = self._permute(positions)
        while (outside := items >= self.num_items).any():
            items[outside] = self._permute(items[outside])
        return items.astype(np.int64)

    def _permute(self, values: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
        bits = np.uint64(self._half_bits)
        mask = np.uint64((1 << self._half_bits) - 1)
        left, right = values >> bits, values & mask
        for key in self._keys:
            left, right = right, left ^ (_mix(right ^ key) & mask)
        return (left << bits) | right


def _mix(values: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    """The finaliser of splitmix64: every input bit changes every output bit (arithmetic wraps around)."""
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))
