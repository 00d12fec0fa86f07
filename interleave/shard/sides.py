"""Which side of a split of the dataset each sample goes to: documents that share an image or a domain go together."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from interleave.dedup.clusters import Ints
from interleave.dedup.scratch import Scratch
from interleave.dedup.word_hashes import UInt64s
from interleave.identity import seeded_u64

TRAIN = "train"
_AT_ONCE = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Sides:
    """A side for each sample."""

    names: tuple[str, ...]
    # `train` first.
    of_sample: npt.NDArray[np.int16]
    # (num_samples,)
    num_samples: tuple[int, ...]
    # Of each side.


def deal_groups(
    groups: Iterable[UInt64s], num_samples: int, shares: Mapping[str, float], seed: int, scratch: Scratch
) -> Sides:
    """Deals whole groups, in seeded order: a share takes each group that it still has room for; the rest is `train`.

    groups: of each of the `num_samples`, part by part. A group that is larger than a share never falls into it.
    """
    of_sample = scratch.joined(groups, num_samples, np.uint64)
    names, sizes = _different(of_sample, scratch)
    sides = np.zeros(len(names), dtype=np.int16)
    for number, share in enumerate(sorted(shares), 1):
        _deal(sides, number, sizes, shares[share] * num_samples, _seeded_order(names, seed, share))
    of_parts = (
        sides[np.searchsorted(names, of_sample[start : start + _AT_ONCE])] for start in range(0, num_samples, _AT_ONCE)
    )
    return Sides(
        names=(TRAIN, *sorted(shares)),
        of_sample=scratch.joined(of_parts, num_samples, np.int16),
        num_samples=tuple(int(sizes[sides == number].sum()) for number in range(len(shares) + 1)),
    )


def _different(of_sample: UInt64s, scratch: Scratch) -> tuple[UInt64s, Ints]:
    """(groups, ascending, the number of samples of each)."""
    pieces = (of_sample[start : start + _AT_ONCE].copy() for start in range(0, len(of_sample), _AT_ONCE))
    found = [np.unique(part, return_counts=True) for part in scratch.ascending(pieces)]
    return np.concatenate([names for names, _ in found]), np.concatenate([sizes for _, sizes in found])


def _seeded_order(names: UInt64s, seed: int, share: str) -> Ints:
    hashes = np.fromiter((seeded_u64(seed, share, f"{int(name):016x}") for name in names), np.uint64, len(names))
    return np.lexsort((names, hashes))


def _deal(sides: npt.NDArray[np.int16], number: int, sizes: Ints, room: float, order: Ints) -> None:
    smallest = sizes.min()
    for place in order:
        if room < smallest:
            return
        if not sides[place] and sizes[place] <= room:
            sides[place] = number
            room -= sizes[place]
