"""The order of an epoch: a permutation that is computed for the positions asked for, never stored.

Shuffled globally, or in blocks: for disks and object stores where reading from everywhere is dear. Blocks of neighbours
come in any order, and 16 of them at a time are mixed, so what is read at one time lies in 16 places. For blocks of two,
two at a time:

    items    0 1  2 3  4 5  6 7  8
    blocks   4 5  8  6 7  0 1  2 3         any order
    mixed    5 8 4  1 6 0 7  3 2           within each two blocks
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from interleave.identity import seeded_u64

Items: TypeAlias = npt.NDArray[np.int64]
NUM_MIXED = 16
_ROUNDS = 4


class Order:
    """A permutation of [0, num_items): a pure function of (dataset, seed, epoch).

    block_size: items that are read together; None shuffles globally.
    """

    def __init__(
        self,
        num_items: int,
        *,
        dataset: str,
        seed: int,
        epoch: int | str,
        shuffle: bool = True,
        block_size: int | None = None,
    ) -> None:
        self.num_items = num_items
        self._names = (dataset, epoch)
        self._seed = seed
        self._whole = self._permutation(num_items) if shuffle and block_size is None else None
        self._blocks = self._shuffled_blocks(block_size) if shuffle and block_size is not None else None

    def at(self, start: int, stop: int) -> Items:
        """(stop - start,) items at these positions of the order."""
        positions = np.arange(start, min(stop, self.num_items), dtype=np.int64)
        if self._whole is not None:
            return self._whole.at(positions)
        return positions if self._blocks is None else self._in_blocks(positions, self._blocks)

    def _shuffled_blocks(self, block_size: int) -> _Blocks:
        num_blocks = -(-self.num_items // block_size)
        order = self._permutation(num_blocks, "blocks").at(np.arange(num_blocks, dtype=np.int64))
        firsts = order * block_size
        return _Blocks(firsts, np.cumsum([0, *np.minimum(block_size, self.num_items - firsts)]))

    def _in_blocks(self, positions: Items, blocks: _Blocks) -> Items:
        found = np.empty_like(positions)
        groups = (np.searchsorted(blocks.borders, positions, side="right") - 1) // NUM_MIXED
        for group in np.unique(groups).tolist():
            inside = groups == group
            borders = blocks.borders[group * NUM_MIXED : (group + 1) * NUM_MIXED + 1]
            mixed = self._permutation(int(borders[-1] - borders[0]), group).at(positions[inside] - borders[0])
            block = np.searchsorted(borders - borders[0], mixed, side="right") - 1
            found[inside] = blocks.firsts[group * NUM_MIXED + block] + mixed - (borders[block] - borders[0])
        return found

    def _permutation(self, num_items: int, *names: str | int) -> _Permutation:
        keys = [np.uint64(seeded_u64(self._seed, *self._names, turn, *names)) for turn in range(_ROUNDS)]
        return _Permutation(num_items, keys)


class _Blocks:
    """Blocks in their order."""

    def __init__(self, firsts: Items, borders: Items) -> None:
        # (num_blocks,) the first item of each.
        self.firsts = firsts
        # (num_blocks + 1,) positions where they begin.
        self.borders = borders


class _Permutation:
    """A Feistel network over the next power of four, walked on while it leads out of range (Black, Rogaway 2002)."""

    def __init__(self, num_items: int, keys: list[np.uint64]) -> None:
        self._num_items = num_items
        self._half_bits = max(1, (max(num_items - 1, 1).bit_length() + 1) // 2)
        self._keys = keys

    def at(self, positions: Items) -> Items:
        if self._num_items < 2:
            return positions
        items = self._permute(positions.astype(np.uint64))
        while (outside := items >= self._num_items).any():
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
