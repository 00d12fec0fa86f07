"""Blocks of bits in which near hashes agree, and how many are best for the hashes at hand.

Values of which the same bits lead and are equal form a run. A choice of blocks moves them behind the bits that lead
already; the choice of the first and the third of three blocks of two bits, none leading:

    ab cd ef      ab ef cd, of which abef lead
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import combinations, pairwise

import numpy as np
import numpy.typing as npt

from interleave.dedup.clusters import Hashes, Ints

NUM_BITS = 64
_SAMPLE = 1 << 17
# Measured nanoseconds: to move and sort a value, to compare two, and for the calls of numpy that one choice takes. Only
# their ratios matter, and only to speed.
_SORT_NS, _COMPARE_NS, _CALLS_NS = 30.0, 2.0, 300_000.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """Blocks that are to agree, and how bits move to make them lead."""

    moves: tuple[tuple[np.uint64, int], ...]
    # Bits under a mask, and how far up they move; negative: down.
    num_leading: int
    # After the move.
    agreeing: np.uint64
    # The bits that will lead, before the move.
    passed_over: tuple[np.uint64, ...]
    # Blocks before the last chosen one. A pair that agrees in one of them is found by an earlier choice.

    def moved(self, values: Hashes) -> Hashes:
        return _united(_shifted(values & mask, up) for mask, up in self.moves)

    def moved_back(self, values: Hashes) -> Hashes:
        return _united(_shifted(values, -up) & mask for mask, up in self.moves)

    def owned(self, pairs: Hashes) -> Hashes:
        """Those of (num_pairs, 2) values, moved back, that agree in these blocks and in those of no earlier choice."""
        difference = pairs[:, 0] ^ pairs[:, 1]
        owned = difference & self.agreeing == 0
        for block in self.passed_over:
            owned &= difference & block != 0
        return np.asarray(pairs[owned])


def choices(borders: tuple[int, ...], distance: int) -> Iterator[Choice]:
    """Every choice of all blocks but `distance`: a pair that differs in so many bits agrees in one of them.

    borders: where blocks begin and end, from the top downwards; bits above the first lead already.
    """
    num_blocks = len(borders) - 1
    for chosen in combinations(range(num_blocks), num_blocks - distance):
        yield _choice(borders, chosen)


def best_borders(values: Hashes, num_leading: int, distance: int) -> tuple[int, ...] | None:
    """Borders of the blocks that seem fastest, or None where it seems faster to compare all values of a run.

    Long runs need not be compared: they can be searched anew, by the bits that do not lead.
    """
    step = 1 + len(values) // _SAMPLE
    sample = np.sort(values[::step])
    information = _information(sample, num_leading)
    best, best_ns = None, _compare_ns(sample, num_leading, step, math.inf)
    search_anew_ns = 2 * math.comb(distance + 3, distance) * _SORT_NS
    for num_blocks in range(distance + 1, len(information) + 1):
        num_choices = math.comb(num_blocks, distance)
        ns = num_choices * (len(values) * _SORT_NS + _CALLS_NS)
        if ns >= best_ns:
            break
        borders = _equal_blocks(information, num_blocks)
        chosen = list(combinations(range(num_blocks), num_blocks - distance))
        for blocks in (chosen[0], chosen[num_choices // 2], chosen[-1]):
            choice = _choice(borders, blocks)
            moved = np.sort(choice.moved(sample))
            ns += num_choices / 3 * _compare_ns(moved, choice.num_leading, step, search_anew_ns)
        if ns < best_ns:
            best, best_ns = borders, ns
    return best


def follows(values: Hashes, num_leading: int) -> npt.NDArray[np.bool_]:
    """Of sorted values, whether each but the first is in the run of the one before it."""
    return np.asarray(values[1:] ^ values[:-1] <= ones(NUM_BITS - num_leading))


def run_sizes(values: Hashes, num_leading: int) -> Ints:
    """Of sorted values, the sizes of runs, one after another."""
    borders = np.flatnonzero(~follows(values, num_leading)) + 1
    return np.diff(borders, prepend=0, append=len(values))


def ones(num_bits: int) -> np.uint64:
    return np.uint64((1 << num_bits) - 1)


def _shifted(values: Hashes, up: int) -> Hashes:
    return values << np.uint64(up) if up >= 0 else values >> np.uint64(-up)


def _united(parts: Iterable[Hashes]) -> Hashes:
    united, *others = parts
    for part in others:
        united |= part
    return united


def _choice(borders: tuple[int, ...], chosen: tuple[int, ...]) -> Choice:
    masks = [int(ones(high) - ones(low)) for high, low in pairwise(borders)]
    others = [block for block in range(len(masks)) if block not in chosen]
    leading = int(ones(NUM_BITS) - ones(borders[0]))
    moves, top = {0: leading}, borders[0]
    for block in (*chosen, *others):
        up = top - borders[block]
        moves[up] = moves.get(up, 0) | masks[block]
        top -= borders[block] - borders[block + 1]
    agreeing = leading + sum(masks[block] for block in chosen)
    return Choice(
        moves=tuple((np.uint64(mask), up) for up, mask in moves.items()),
        num_leading=agreeing.bit_count(),
        agreeing=np.uint64(agreeing),
        passed_over=tuple(np.uint64(masks[block]) for block in others if block < chosen[-1]),
    )


def _compare_ns(sample: Hashes, num_leading: int, step: int, most_for_one: float) -> float:
    """Estimated nanoseconds to compare the values of runs, of which every step-th is in the sorted sample.

    most_for_one: bound for each value.
    """
    sizes = run_sizes(sample, num_leading)
    num_pairs = sizes * (sizes - 1.0) / 2 * step**2
    return float(np.minimum(num_pairs * _COMPARE_NS, sizes * step * most_for_one).sum())


def _information(sample: Hashes, num_leading: int) -> npt.NDArray[np.float64]:
    """How well each bit that does not lead, from the top, tells values of a run apart: 0 to 1.

    It is -log2 of the chance that two of them agree in it.
    """
    sizes = run_sizes(sample, num_leading)
    starts = np.repeat(np.cumsum(sizes) - sizes, sizes)
    chance = np.random.default_rng(0).random(len(sample))
    other = sample[starts + (chance * np.repeat(sizes, sizes)).astype(np.int64)]
    bits = np.unpackbits((sample ^ other).astype(">u8").view(np.uint8).reshape(-1, 8), axis=1)
    share = np.minimum(bits[:, num_leading:].mean(axis=0), 0.5)
    return np.asarray(1e-6 - np.log2(1 - share))  # bits that never differ are shared out, too


def _equal_blocks(information: npt.NDArray[np.float64], num_blocks: int) -> tuple[int, ...]:
    """Borders of blocks that tell values apart equally well, each of a bit at least."""
    num_bits, block = len(information), np.arange(1, num_blocks)
    middles = np.cumsum(information) - information / 2
    cuts = np.searchsorted(middles, information.sum() * block / num_blocks)
    cuts = np.maximum.accumulate(np.maximum(cuts - block, 0)) + block
    cuts = np.minimum(cuts, num_bits - num_blocks + block)
    return (num_bits, *(num_bits - cuts).tolist(), 0)
