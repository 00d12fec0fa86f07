"""Images that are the same: twice in one document, or too often in a domain or in the corpus.

Two images are copies if their bytes are the same or their perceptual hashes differ in few bits. Nearness is no chain:
the hash that most images have leads, takes those within the distance, and what it took leads nobody. So all copies of
an image are within the distance of one of them, and a row of small steps never joins two that look different.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import numpy as np
import numpy.typing as npt

from interleave.dedup.clusters import Hashes, Ints
from interleave.dedup.columns import num_rows, read_numbers
from interleave.dedup.corpus import Bools, Corpus, Preference, copies, first_of_runs
from interleave.dedup.hamming import hamming_pairs
from interleave.dedup.leaders import leaders
from interleave.dedup.scratch import Scratch
from interleave.dedup.word_hashes import UInt64s, mix

Policy = Literal["drop_all", "keep_n"]
Int32s = npt.NDArray[np.int32]
# Images that are handled at once where nothing else says how many.
_AT_ONCE = 1 << 20


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
    scratch: Scratch

    def slices(self) -> Iterator[slice]:
        """Rows, so many at a time as are handled at once."""
        for start in range(0, len(self.stays), _AT_ONCE):
            yield slice(start, min(start + _AT_ONCE, len(self.stays)))


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
    num_images = int(starts[-1])
    documents = (
        read_numbers(files.images, "document", np.int32) + np.int32(first)
        for files, first in zip(corpus.files, corpus.starts[:-1], strict=True)
    )
    phashes = (read_numbers(files.images, "phash", np.uint64) for files in corpus.files)
    images = ImageColumns(
        starts=starts,
        document=corpus.scratch.joined(documents, num_images, np.int32),
        phash=corpus.scratch.joined(phashes, num_images, np.uint64),
        stays=corpus.scratch.empty(num_images, np.bool_),
        scratch=corpus.scratch,
    )
    for rows in images.slices():
        images.stays[rows] = corpus.stays[images.document[rows]]
    _unite_equal_bytes(corpus, images)
    return images


def within_documents(images: ImageColumns, num_earlier: int, distance: int) -> tuple[Ints, npt.NDArray[np.float64]]:
    """(images that an earlier one of their document, itself kept, is as good as, the difference in bits).

    num_earlier: files of earlier datasets, whose images stay.
    """
    borders = pairwise(images.starts[num_earlier:].tolist())
    found = [_within_documents(images, start, end, distance) for start, end in borders]
    gone = np.concatenate([np.empty(0, dtype=np.int64), *(rows for rows, _ in found)])
    return gone, np.concatenate([np.empty(0), *(bits for _, bits in found)])


def _within_documents(
    images: ImageColumns, start: int, end: int, distance: int
) -> tuple[Ints, npt.NDArray[np.float64]]:
    """Of one file, which holds all images of its documents."""
    rows = np.flatnonzero(images.stays[start:end]) + start
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


def cluster_images(images: ImageColumns, first: int, distance: int) -> Int32s:
    """(num_images,) a number for each image, the same for copies. Counted are the images that stay.

    first: row of the first image that is not an earlier dataset's. Hashes that those have lead before others.
    """
    hashes, counts = _different_hashes(images)
    number: Int32s = images.scratch.joined(
        (np.arange(start, min(start + _AT_ONCE, len(hashes))) for start in range(0, len(hashes), _AT_ONCE)),
        len(hashes),
        np.int32,
    )
    pairs = hamming_pairs(hashes, distance, folder=images.scratch.folder) if distance else number[:0].reshape(0, 2)
    if len(pairs):
        near, places = np.unique(pairs, return_inverse=True)
        is_earlier = _occur(hashes[near], images.phash[:first])
        order = np.lexsort((near, -counts[near].astype(np.int64), ~is_earlier))
        number[near] = near[leaders(len(near), places.reshape(-1, 2), order)]
    # The hash of an image that goes may not be known; it has no copies, and nobody asks.
    clusters = (
        number[np.minimum(np.searchsorted(hashes, images.phash[rows]), len(hashes) - 1)]
        if len(hashes)
        else np.zeros(rows.stop - rows.start, dtype=np.int32)
        for rows in images.slices()
    )
    return images.scratch.joined(clusters, len(images.phash), np.int32)


def _different_hashes(images: ImageColumns) -> tuple[Hashes, Int32s]:
    """(hashes of the images that stay, ascending, how many images have each)."""
    most = int(np.count_nonzero(images.stays))
    hashes, counts = images.scratch.empty(most, np.uint64), images.scratch.empty(most, np.int32)
    filled = 0
    for part in images.scratch.ascending(images.phash[rows][images.stays[rows]] for rows in images.slices()):
        found, numbers = np.unique(part, return_counts=True)
        hashes[filled : filled + len(found)], counts[filled : filled + len(found)] = found, numbers
        filled += len(found)
    return hashes[:filled], counts[:filled]


def _occur(wanted: Hashes, hashes: Hashes) -> Bools:
    """(num_wanted,) which of them, ascending, are among the hashes."""
    found = np.zeros(len(wanted), dtype=np.bool_)
    for start in range(0, len(hashes), _AT_ONCE):
        some = hashes[start : start + _AT_ONCE]
        places = np.minimum(np.searchsorted(wanted, some), len(wanted) - 1)
        found[places[wanted[places] == some]] = True
    return found


def too_many(
    images: ImageColumns,
    records: Iterator[tuple[UInt64s, Ints]],
    preference: Preference,
    max_copies: int,
    policy: Policy,
) -> Copies:
    """Of images those of groups with more than `max_copies`: all of them, or all but the first ones.

    records: (hashes that are equal for copies, rows of images), those that count.
    preference: whose copy is kept rather than another's; images of earlier datasets stay in any case, and come first.
    """
    rows, num_copies, keepers = [np.empty(0, dtype=np.int64)], [np.empty(0)], [np.empty(0, dtype=np.int64)]
    for keys, members in images.scratch.by_key(records):
        number = copies(keys)
        many = np.flatnonzero(number > max_copies)
        document = images.document[members[many]].astype(np.int64)
        order = np.lexsort((members[many], *preference.sort_keys(document), keys[many]))
        many, document = many[order], document[order]
        first = first_of_runs(keys[many])
        allowed = max_copies if policy == "keep_n" else 0
        goes = (np.arange(len(many)) - first >= allowed) & (document >= preference.num_earlier)
        rows.append(members[many[goes]])
        num_copies.append(number[many[goes]].astype(np.float64))
        keepers.append(document[first[goes]])
    by_keeper = np.concatenate(keepers)
    return Copies(
        rows=np.concatenate(rows),
        num_copies=np.concatenate(num_copies),
        of_earlier=by_keeper < preference.num_earlier,
        keepers=by_keeper,
    )


def in_corpus(images: ImageColumns, clusters: Int32s, first: int = 0) -> Iterator[tuple[UInt64s, Ints]]:
    """(a hash of its cluster, its row) of each image that stays, from a row on."""
    for rows in images.slices():
        stay = np.flatnonzero(images.stays[rows]) + rows.start
        stay = stay[stay >= first]
        yield mix(clusters[stay].astype(np.uint64)), stay


def in_domains(images: ImageColumns, clusters: Int32s, domains: UInt64s) -> Iterator[tuple[UInt64s, Ints]]:
    """(a hash of its cluster and its domain, its row) of each image that stays and has a domain.

    domains: (num_documents,) 0: none.
    """
    for keys, rows in in_corpus(images, clusters):
        domain = domains[images.document[rows]]
        yield mix(domain ^ keys)[domain != 0], rows[domain != 0]


def _led(pairs: Ints) -> tuple[Ints, Ints]:
    """(items that go, their leaders), items in ascending order."""
    items, places = np.unique(pairs, return_inverse=True)
    if not len(items):
        return items, items
    led_by = leaders(len(items), places.reshape(-1, 2), np.arange(len(items)))
    gone = np.flatnonzero(led_by != np.arange(len(items)))
    return items[gone], items[led_by[gone]]


def _unite_equal_bytes(corpus: Corpus, images: ImageColumns) -> None:
    """Gives images of equal bytes one perceptual hash, the smallest of theirs.

    One decoder gives equal bytes equal hashes; datasets that were made with another need not agree.
    """
    digests = (
        (read_numbers(files.images, "sha256", np.uint64), np.arange(*borders))
        for files, borders in zip(corpus.files, pairwise(images.starts.tolist()), strict=True)
    )
    for keys, rows in corpus.scratch.by_key(digests):
        phash = images.phash[rows]
        order = np.lexsort((phash, keys))
        images.phash[rows[order]] = phash[order[first_of_runs(keys[order])]]
