"""From words to what finds equal and similar texts, for many texts at once.

    words      the cat sat on the mat   "words" are hashes from `word_hashes`
    shingles   the cat sat on the | cat sat on the mat      as 32-bit numbers, each once, ascending
    digest     one number of 128 bits: equal words, equal text
    bands      16 numbers, each of 6 MinHash values of the shingles: similar texts have one in common

Two texts with Jaccard similarity s of their shingles have a band in common with a chance of 1 - (1 - s^6)^16: 0.99 for
0.8, 0.86 for 0.7, 0.01 for 0.3. It says whom to compare; what decides is the similarity of the shingles themselves.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt
from rensa import RMinHash

from interleave.dedup.clusters import Ints
from interleave.dedup.word_hashes import UInt64s, mix

SHINGLE_WORDS = 5
NUM_BANDS = 16
ROWS_PER_BAND = 6
# What shapes the numbers: those of another version cannot be compared with these.
TEXT_VERSION = f"1 words=5 bands=16x6 rensa={RMinHash.ALGORITHM_VERSION}"
_SEED = 1
_BASES = (0x9E3779B97F4A7C17, 0xD1342543DE82EF97)
# Odd, from the digits of pi: the weight of each word of a shingle, and of each value of a band.
_WEIGHTS = (0x243F6A8885A308D3, 0x13198A2E03707345, 0xA4093822299F31D1, 0x082EFA98EC4E6C89, 0x452821E638D01377)
_ROW_WEIGHTS = np.array([*_WEIGHTS, 0xBE5466CF34E90C6D], dtype=np.uint64)

UInt32s = npt.NDArray[np.uint32]


@dataclass(frozen=True, slots=True, kw_only=True)
class TextFingerprints:
    """Of texts, one after another."""

    digests: UInt64s
    # (num_texts, 2)
    bands: UInt64s
    # (num_texts, NUM_BANDS); no matter what where a text has no words.
    shingles: UInt32s
    # (num_shingles,) each text's own, ascending and each once.
    offsets: Ints
    # (num_texts + 1,) where each text's shingles begin; a text without words has none.


def fingerprint_texts(hashes: UInt64s, offsets: Ints) -> TextFingerprints:
    """hashes: (num_words,) of words; offsets: (num_texts + 1,) where each text's words begin."""
    shingles, counts = _shingles(hashes, offsets)
    num_texts = len(offsets) - 1
    of_text = np.repeat(np.arange(num_texts, dtype=np.uint64), counts)
    keys = np.sort(of_text << np.uint64(32) | shingles >> np.uint64(32))
    keys = keys[np.diff(keys, prepend=~keys[:1]) != 0]
    borders = np.searchsorted(keys, np.arange(num_texts + 1, dtype=np.uint64) << np.uint64(32))
    return TextFingerprints(
        digests=np.stack([hash_sequences(hashes, offsets, base) for base in _BASES], axis=1),
        bands=_bands(shingles, counts),
        shingles=(keys & np.uint64(0xFFFFFFFF)).astype(np.uint32),
        offsets=borders,
    )


def hash_sequences(hashes: UInt64s, offsets: Ints, base: int = _BASES[0]) -> UInt64s:
    """(num_sequences,) a hash of the words of each sequence, in their order; 0 where there is none.

    A polynomial modulo 2**64: the sum of words times powers of an odd base, which, being odd, can be divided by.
    """
    found = np.zeros(len(offsets) - 1, dtype=np.uint64)
    full = np.flatnonzero(np.diff(offsets))
    if len(full):
        first, last = int(offsets[0]), int(offsets[-1])
        starts = offsets[full] - first
        sums = np.add.reduceat(hashes[first:last] * _powers(base, last - first), starts)
        found[full] = mix(sums * _powers(pow(base, -1, 1 << 64), last - first)[starts])
    return found


def jaccard(one: UInt32s, other: UInt32s) -> float:
    """Similarity of two sets, each ascending: what they share by what they have together."""
    places = np.searchsorted(one, other)
    num_shared = int(np.count_nonzero(one[np.minimum(places, len(one) - 1)] == other)) if len(one) else 0
    return num_shared / max(len(one) + len(other) - num_shared, 1)


def _powers(base: int, length: int) -> UInt64s:
    return _power_table(base, 1 << length.bit_length())[:length]


@lru_cache(maxsize=4)
def _power_table(base: int, length: int) -> UInt64s:
    steps = np.full(length, base, dtype=np.uint64)
    steps[0] = 1
    return np.multiply.accumulate(steps)


def _shingles(hashes: UInt64s, offsets: Ints) -> tuple[UInt64s, Ints]:
    """(hash of each run of five words of a text, how many each text has); of a shorter text, all its words are one."""
    starts, ends = offsets[:-1], offsets[1:]
    padded = np.concatenate([hashes, np.zeros(SHINGLE_WORDS - 1, dtype=np.uint64)])
    summed = np.zeros(len(hashes), dtype=np.uint64)
    begins = np.ones(len(hashes), dtype=np.bool_)
    short = np.flatnonzero((ends > starts) & (ends - starts < SHINGLE_WORDS))
    of_short = np.zeros(len(short), dtype=np.uint64)
    for place, weight in enumerate(map(np.uint64, _WEIGHTS)):
        summed += padded[place : place + len(hashes)] * weight
        inside = starts[short] + place < ends[short]
        of_short[inside] += hashes[starts[short][inside] + place] * weight
        if place:
            near_end = ends - place
            begins[near_end[near_end > starts]] = False
    summed[starts[short]] = of_short
    counts = np.minimum(np.maximum(ends - starts - SHINGLE_WORDS + 1, 1), ends - starts)
    return mix(summed[begins]), counts


def _bands(shingles: UInt64s, counts: Ints) -> UInt64s:
    offsets = np.concatenate([[0], np.cumsum(counts)]).astype(np.uint64)
    matrix = RMinHash.digest_matrix_from_flat_token_hashes(
        shingles, offsets, num_perm=NUM_BANDS * ROWS_PER_BAND, seed=_SEED
    )
    values = np.array(matrix.to_rows(), dtype=np.uint64).reshape(-1, NUM_BANDS, ROWS_PER_BAND)
    return mix(np.asarray((values * _ROW_WEIGHTS).sum(axis=2), dtype=np.uint64))
