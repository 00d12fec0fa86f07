"""Which images of a corpus are images of an evaluation set: equal bytes, or perceptual hashes a few bits apart.

A hash is cut into three blocks. Where r1 + r2 + r3 = d - 2, two hashes that differ in at most d bits differ in at most
r bits in one of the blocks; so for each of the set's hashes every value within r of each block is looked up in a table
of the corpus's (multi-index hashing, Norouzi et al., 2012). Recall is 1.

    d = 4:  block 1 within 1 bit, block 2 within 1, block 3 equal      20,000 x (23 + 22 + 1) look-ups
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from interleave.dedup.clusters import Hashes, Ints
from interleave.dedup.evaluation.fingerprints import Fingerprints

# (shift, width) of the blocks, the lowest bits first.
_BLOCKS = ((0, 22), (22, 21), (43, 21))
# Rows of the corpus, and pairs to compare, that are held at once: bounds memory.
_CHUNK = 1 << 22
_MAX_PAIRS = 1 << 22
MAX_DISTANCE = 10
# Of 831 photographs, drawings and charts 99.5 % and more are found when they are halved, saved at quality 20 or 50, or
# shifted in colour; 89 % when 2 % of width and height is cut off, 38 % at 5 %; mirrored ones never. Of 856,000 pairs of
# unlike pictures none is within 4 bits; within 6 one is, two maps of one outline, and 97 % at a cut of 2 %.
DEFAULT_DISTANCE = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageMatches:
    """For each image of a corpus the nearest one of the evaluation sets."""

    row: Ints
    # (num_images,) index into the fingerprints' images; -1: none is near.
    hamming: Ints
    # (num_images,) bits in which the perceptual hashes differ; 0 for equal bytes; -1: none is near.


def match_images(
    sha256s: npt.NDArray[np.bytes_], phashes: Hashes, fingerprints: Fingerprints, distance: int = DEFAULT_DISTANCE
) -> ImageMatches:
    """The nearest image of the evaluation sets within `distance` bits, of equally near ones the first.

    sha256s: (num_images,) hex digits, S64; phashes: (num_images,).
    """
    if not 0 <= distance <= MAX_DISTANCE:
        raise ValueError(f"distance {distance}, expected 0 to {MAX_DISTANCE}")
    row = np.full(len(phashes), -1, dtype=np.int64)
    hamming = np.full(len(phashes), -1, dtype=np.int64)
    wanted, first = _telling(fingerprints.image_phash)
    for start in range(0, len(phashes), _CHUNK):
        chunk = slice(start, start + _CHUNK)
        hashes, position = np.unique(phashes[chunk], return_inverse=True)
        nearest, bits = _nearest(hashes, wanted, distance)
        found = nearest[position] >= 0
        row[chunk] = np.where(found, first[nearest[position]], -1) if len(first) else -1
        hamming[chunk] = np.where(found, bits[position], -1)
        equal = _equal_bytes(sha256s[chunk], fingerprints.image_sha256)
        row[chunk] = np.where(equal >= 0, equal, row[chunk])
        hamming[chunk] = np.where(equal >= 0, 0, hamming[chunk])
    return ImageMatches(row=row, hamming=hamming)


def _telling(hashes: Hashes) -> tuple[Hashes, Ints]:
    """The hashes to look for, each once, in order of the first row that has them; and those rows."""
    rows = np.flatnonzero(hashes)
    _, first = np.unique(hashes[rows], return_index=True)
    rows = rows[np.sort(first)]
    return hashes[rows], rows


def _equal_bytes(sha256s: npt.NDArray[np.bytes_], wanted: npt.NDArray[np.bytes_]) -> Ints:
    """(num_images,) the first row with the same SHA-256, or -1."""
    known, first = np.unique(wanted, return_index=True)
    if not len(known):
        return np.full(len(sha256s), -1, dtype=np.int64)
    place = np.minimum(np.searchsorted(known, sha256s), len(known) - 1)
    return np.where(known[place] == sha256s, first[place], -1).astype(np.int64)


def _nearest(hashes: Hashes, wanted: Hashes, distance: int) -> tuple[Ints, Ints]:
    """(num_hashes,) index of the nearest wanted hash or -1, and the bits between them.

    hashes: each once.
    """
    # Both in one number, so that the smallest is the nearest, and of equally near ones the first.
    best = np.full(len(hashes), np.iinfo(np.int64).max, dtype=np.int64)
    for corpus, other in _pairs(hashes, wanted, distance):
        bits = np.bitwise_count(hashes[corpus] ^ wanted[other]).astype(np.int64)
        near = np.flatnonzero(bits <= distance)
        np.minimum.at(best, corpus[near], bits[near] << 32 | other[near])
    found = best < np.iinfo(np.int64).max
    return np.where(found, best & 0xFFFFFFFF, -1), np.where(found, best >> 32, -1)


def _pairs(hashes: Hashes, wanted: Hashes, distance: int) -> Iterator[tuple[Ints, Ints]]:
    """Indices of pairs that may be near: all that are, and a few others."""
    for (shift, width), radius in zip(_BLOCKS, _radii(distance), strict=True):
        if radius < 0:
            continue
        mask = np.uint64((1 << width) - 1)
        blocks = (hashes >> np.uint64(shift) & mask).astype(np.int64)
        order = np.argsort(blocks, kind="stable")
        starts = np.concatenate([[0], np.cumsum(np.bincount(blocks, minlength=1 << width))])
        values = (wanted >> np.uint64(shift) & mask).astype(np.int64)
        for flips in _flips(width, radius):
            yield from _members(values ^ flips, starts, order)


def _members(keys: Ints, starts: Ints, order: Ints) -> Iterator[tuple[Ints, Ints]]:
    """(index of a hash of the corpus, index of the key) for each hash in each bucket, a bounded number at once."""
    filled = np.flatnonzero(starts[keys + 1] > starts[keys])
    begin, size = starts[keys[filled]], starts[keys[filled] + 1] - starts[keys[filled]]
    ends = np.cumsum(size)
    for low in range(0, int(ends[-1]) if len(ends) else 0, _MAX_PAIRS):
        pair = np.arange(low, min(low + _MAX_PAIRS, int(ends[-1])))
        key = np.searchsorted(ends, pair, side="right")
        yield order[begin[key] + pair - (ends - size)[key]], filled[key]


def _radii(distance: int) -> tuple[int, int, int]:
    """Bits by which each block may differ; -1: it needs no look. They add up to `distance` - 2.

    4 -> (1, 1, 0), 1 -> (0, 0, -1)
    """
    total = distance + 1
    return (total + 2) // 3 - 1, (total + 1) // 3 - 1, total // 3 - 1


def _flips(width: int, radius: int) -> Iterator[int]:
    """Each way to change at most `radius` of `width` bits, as what to exclusive-or with."""
    for num_bits in range(radius + 1):
        for bits in itertools.combinations(range(width), num_bits):
            yield sum(1 << bit for bit in bits)
