"""Images that are the same: twice in one document, or too often in a domain or in the corpus.

Two images are copies if their bytes are the same or their perceptual hashes differ in few bits. Nearness is no chain:
the hash that most images have leads, takes those within the distance, and what it took leads nobody. So all copies of
an image are within the distance of one of them, and a row of small steps never joins two that look different.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt

from interleave.dedup.clusters import Hashes, Ints
from interleave.dedup.columns import num_rows, read_numbers
from interleave.dedup.corpus import Bools, Corpus, copies, inverse, repeated
from interleave.dedup.hamming import hamming_pairs
from interleave.dedup.leaders import leaders
from interleave.dedup.word_hashes import UInt64s, mix

Policy = Literal["drop_all", "keep_n"]
Int32s = npt.NDArray[np.int32]


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageColumns:
    """All images, those of a document side by side in the order of their indices."""

    starts: Ints
    # (num_files + 1,) first row of each file.
    document: Int32s
    # (num_images,) rows of documents.
    phash: Hashes
    # (num_images,) of images of equal bytes the smallest.
    stays: Bools
    # (num_images,) changed by the steps.


@dataclass(frozen=True, slots=True, kw_only=True)
class Copies:
    """Images that are one too many."""

    rows: Ints
    num_copies: npt.NDArray[np.float64]
    # (num_dropped,) of the same image, those that stay included.
    of_earlier: Bools
    # (num_dropped,) an earlier dataset has one.
    keepers: Ints
    # (num_dropped,) document of the first copy, which is an earlier dataset's where it has one.


def load_images(corpus: Corpus) -> ImageColumns:
    """The images of documents that stay; `stays` is False for others."""
    starts = np.concatenate([[0], np.cumsum([num_rows(files.images) for files in corpus.files])]).astype(np.int64)
    document = np.empty(starts[-1], dtype=np.int32)
    phash = np.empty(starts[-1], dtype=np.uint64)
    for number, files in enumerate(corpus.files):
        rows = slice(starts[number], starts[number + 1])
        document[rows] = read_numbers(files.images, "document", np.int32)
        document[rows] += np.int32(corpus.starts[number])
        phash[rows] = read_numbers(files.images, "phash", np.uint64)
    _unite_equal_bytes(corpus, starts, phash)
    return ImageColumns(starts=starts, document=document, phash=phash, stays=corpus.stays[document])


def within_documents(images: ImageColumns, first: int, distance: int) -> tuple[Ints, npt.NDArray[np.float64]]:
    """(images that an earlier one of their document, itself kept, is as good as, the difference in bits).

    first: row of the first image that is not an earlier dataset's.
    """
    rows = np.flatnonzero(images.stays[first:]) + first
    pairs, lag, left = [np.empty((0, 2), dtype=np.int64)], 1, np.arange(len(rows))
    while True:
        left = left[left + lag < len(rows)]
        left = left[images.document[rows[left]] == images.document[rows[left + lag]]]
        if not len(left):
            break
        differing = np.bitwise_count(images.phash[rows[left]] ^ images.phash[rows[left + lag]])
        near = left[differing <= distance]
        pairs.append(np.stack([near, near + lag], axis=1))
        lag += 1
    gone, keepers = _led(np.concatenate(pairs))
    gone, keepers = rows[gone], rows[keepers]
    return gone, np.bitwise_count(images.phash[gone] ^ images.phash[keepers]).astype(np.float64)


def cluster_images(images: ImageColumns, first: int, distance: int, folder: Path) -> Int32s:
    """(num_images,) a number for each image, the same for copies. Counted are the images that stay.

    first: row of the first image that is not an earlier dataset's. Hashes that those have lead before others.
    folder: where numbers lie for the time being that memory does not hold.
    """
    hashes, counts = np.unique(images.phash[images.stays], return_counts=True)
    pairs = hamming_pairs(hashes, distance, folder=folder) if distance else np.empty((0, 2), dtype=np.int64)
    number = np.arange(len(hashes), dtype=np.int32)
    if len(pairs):
        near, places = np.unique(pairs, return_inverse=True)
        is_earlier = np.isin(hashes[near], images.phash[:first])
        order = np.lexsort((near, -counts[near], ~is_earlier))
        number[near] = near[leaders(len(near), places.reshape(-1, 2), order)]
    # The hash of an image that goes may not be known; it has no copies, and nobody asks.
    found = np.searchsorted(hashes, images.phash)
    return number[np.minimum(found, len(hashes) - 1)] if len(hashes) else np.zeros(len(images.phash), dtype=np.int32)


def too_many(
    images: ImageColumns,
    groups: npt.NDArray[np.integer],
    eligible: Bools,
    ranks: Ints,
    num_earlier: int,
    max_copies: int,
    policy: Policy,
) -> Copies:
    """Of images that stay those of groups with more than `max_copies`: all of them, or all but the first ones.

    groups: (num_images,); eligible: (num_images,) those that count; ranks: (num_documents,) whose copy is kept rather
    than another's; num_earlier: documents of earlier datasets, whose images stay in any case, and come first.
    """
    counted = np.flatnonzero(images.stays & eligible)
    num_copies = np.zeros(len(groups), dtype=np.int32)
    num_copies[counted] = copies(groups[counted].astype(np.uint64))
    rows = np.flatnonzero(num_copies > max_copies)
    order = np.lexsort((rows, ranks[images.document[rows]], groups[rows]))
    rows = rows[order]
    begins = np.diff(groups[rows].astype(np.int64), prepend=-1) != 0
    first = np.maximum.accumulate(np.where(begins, np.arange(len(rows)), 0))
    allowed = max_copies if policy == "keep_n" else 0
    goes = (np.arange(len(rows)) - first >= allowed) & (images.document[rows] >= num_earlier)
    keepers = images.document[rows[first[goes]]].astype(np.int64)
    rows = rows[goes]
    return Copies(
        rows=rows,
        num_copies=num_copies[rows].astype(np.float64),
        of_earlier=keepers < num_earlier,
        keepers=keepers,
    )


def by_domain(clusters: Int32s, domains: UInt64s) -> Int32s:
    """(num_images,) a number for each pair of image and domain.

    domains: (num_images,)
    """
    keys = mix(domains ^ mix(clusters.astype(np.uint64)))
    return np.unique(keys, return_inverse=True)[1].astype(np.int32)


def _led(pairs: Ints) -> tuple[Ints, Ints]:
    """(items that go, their leaders), items in ascending order."""
    items, places = np.unique(pairs, return_inverse=True)
    if not len(items):
        return items, items
    led_by = leaders(len(items), places.reshape(-1, 2), np.arange(len(items)))
    gone = np.flatnonzero(led_by != np.arange(len(items)))
    return items[gone], items[led_by[gone]]


def _unite_equal_bytes(corpus: Corpus, starts: Ints, phash: Hashes) -> None:
    """Gives images of equal bytes one perceptual hash, the smallest of theirs.

    One decoder gives equal bytes equal hashes; datasets that were made with another need not agree.
    """
    keys = np.empty(len(phash), dtype=np.uint64)
    for number, files in enumerate(corpus.files):
        keys[starts[number] : starts[number + 1]] = read_numbers(files.images, "sha256", np.uint64)
    ranks = inverse(np.argsort(phash, kind="stable"))
    others, first = repeated([keys], ranks)
    phash[others] = phash[first]
