"""Documents that are nearly the same: whom to compare is said by bands, who is the same by the shingles themselves.

Documents are taken in the order of who is kept rather than others. One that is similar enough to a leader goes, and
its keeper is that leader; else it becomes one. So whatever goes is as similar to what is kept in its place as was asked
for: a chain of small changes never joins two unlike texts. n copies are n comparisons.
"""

from __future__ import annotations

import os
import tempfile
from array import array
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from types import TracebackType

import numpy as np
import numpy.typing as npt

from interleave.dedup.clusters import Ints
from interleave.dedup.columns import read_rows
from interleave.dedup.corpus import Bools, Corpus, Preference
from interleave.dedup.scratch import Scratch
from interleave.dedup.tables import BANDS
from interleave.dedup.text_fingerprints import UInt32s, jaccard
from interleave.dedup.word_hashes import UInt64s

Sizes = npt.NDArray[np.int32]
# Thousands of pages of one template have bands in common and are not the same. Each is compared with the leaders that
# it has most bands in common with, and a band remembers its first leaders: time grows with documents, not with pairs.
MAX_COMPARISONS = 64
MAX_LEADERS_PER_BAND = 128
_AT_ONCE = 1 << 20
# A membership is a number: the item above, the bucket in the low 32 bits.
_LOW, _LOW_BITS = np.uint64(32), np.uint64(0xFFFFFFFF)


@dataclass(frozen=True, slots=True, kw_only=True)
class NearDocuments:
    """What goes, and why."""

    rows: Ints
    keepers: Ints
    similarities: npt.NDArray[np.float64]
    # (num_dropped,) Jaccard similarity of the two.


def near_documents(
    corpus: Corpus, is_compared: Bools, sizes: Sizes, preference: Preference, near: float
) -> NearDocuments:
    """Of documents that are compared, different and with words, those that are near to one that is preferred.

    is_compared: (num_documents,); sizes: (num_documents,) numbers of shingles.
    """
    shared = shared_bands(lambda name: corpus.by_key(name, lambda _, rows: is_compared[rows]), corpus.scratch)
    order = np.lexsort(preference.sort_keys(shared.items))
    shared = shared.ordered(order)
    candidates = shared.items
    with _Shingles(corpus, candidates) as shingles:
        found = _follow_leaders(shared, candidates < corpus.num_earlier, sizes[candidates], shingles.read, near)
    gone, keepers, similarities = found
    return NearDocuments(rows=candidates[gone], keepers=candidates[keepers], similarities=similarities)


@dataclass(frozen=True, slots=True, kw_only=True)
class SharedBands:
    """Which items have a band in common with others."""

    items: Ints
    # (num_candidates,)
    offsets: Ints
    # (num_candidates + 1,) where the buckets of each begin.
    buckets: UInt32s
    # Those who have a band in common are in one bucket.
    sizes: npt.NDArray[np.int32]
    # (num_buckets,)
    scratch: Scratch

    def ordered(self, order: Ints) -> SharedBands:
        """The same with the items in another order."""
        counts = np.diff(self.offsets)[order]
        offsets = np.concatenate([[0], np.cumsum(counts)])
        buckets = self.scratch.empty(len(self.buckets), np.uint32)
        for start in range(0, len(order), _AT_ONCE // len(BANDS)):  # an item has a bucket of each band at most
            some = slice(start, min(start + _AT_ONCE // len(BANDS), len(order)))
            low, high = offsets[some.start], offsets[some.stop]
            shift = np.repeat(self.offsets[order[some]] - offsets[some], counts[some])
            buckets[low:high] = self.buckets[np.arange(low, high) + shift]
        return replace(self, items=self.items[order], offsets=offsets, buckets=buckets)


def shared_bands(read_band: Callable[[str], Iterator[tuple[UInt64s, Ints]]], scratch: Scratch) -> SharedBands:
    """read_band: gives (keys of a band, items) in parts, all items of one key in one; called once for each band.

    Items come in ascending order.
    """
    sizes: list[npt.NDArray[np.int32]] = []
    items, offsets, filled, last = [np.empty(0, dtype=np.int64)], [np.empty(0, dtype=np.int64)], 0, -1
    buckets = np.empty(0, dtype=np.uint32)
    for part in scratch.ascending(_memberships(read_band, sizes)):
        if not filled:  # the first part comes when all memberships are known
            buckets = scratch.empty(sum(int(some.sum()) for some in sizes), np.uint32)
        buckets[filled : filled + len(part)] = part & _LOW_BITS
        item = (part >> _LOW).astype(np.int64)
        begins = np.flatnonzero(np.diff(item, prepend=last))
        items.append(item[begins])
        offsets.append(begins + filled)
        filled, last = filled + len(part), int(item[-1]) if len(item) else last
    return SharedBands(
        items=np.concatenate(items),
        offsets=np.concatenate([*offsets, [filled]]),
        buckets=buckets,
        sizes=scratch.joined(sizes, sum(map(len, sizes)), np.int32),
        scratch=scratch,
    )


def _memberships(
    read_band: Callable[[str], Iterator[tuple[UInt64s, Ints]]], sizes: list[npt.NDArray[np.int32]]
) -> Iterator[UInt64s]:
    """Who is in which bucket; the sizes of the buckets are appended as they become known."""
    num_buckets = 0
    for name in BANDS:
        for keys, items in read_band(name):
            order = np.argsort(keys, kind="stable")
            begins = np.ones(len(order), dtype=np.bool_)
            begins[1:] = keys[order[1:]] != keys[order[:-1]]
            is_shared = ~begins | np.append(~begins[1:], False)[: len(begins)]
            numbers = np.cumsum(begins[is_shared]) - 1
            sizes.append(np.bincount(numbers).astype(np.int32))
            yield items[order[is_shared]].astype(np.uint64) << _LOW | (numbers + num_buckets).astype(np.uint64)
            num_buckets += len(sizes[-1])


def _follow_leaders(
    shared: SharedBands, always_stay: Bools, sizes: Sizes, read: Callable[[int], UInt32s], near: float
) -> tuple[Ints, Ints, npt.NDArray[np.float64]]:
    """(who goes, its leader, their similarity), all by place among the candidates."""
    scratch = shared.scratch
    room, filled = scratch.empty(len(shared.sizes), np.uint8), scratch.empty(len(shared.sizes), np.uint8)
    np.minimum(shared.sizes, MAX_LEADERS_PER_BAND, out=room, casting="unsafe")
    filled[:] = 0
    first = scratch.empty(len(room) + 1, np.int64)
    first[0] = 0
    np.cumsum(room, out=first[1:])
    leaders = scratch.empty(int(first[-1]), np.int32)
    gone, keepers, similarities = array("q"), array("q"), array("d")
    for item in range(len(shared.items)):
        buckets = shared.buckets[shared.offsets[item] : shared.offsets[item + 1]]
        if not always_stay[item]:
            known = [leaders[first[bucket] : first[bucket] + filled[bucket]] for bucket in buckets[filled[buckets] > 0]]
            found = _nearest(item, known, sizes, read, near) if known else None
            if found is not None:
                gone.append(item)
                keepers.append(found[0])
                similarities.append(found[1])
                continue
        free = buckets[filled[buckets] < room[buckets]]
        leaders[first[free] + filled[free]] = item
        filled[free] += 1
    return np.asarray(gone), np.asarray(keepers), np.asarray(similarities)


def _nearest(
    item: int, known: list[npt.NDArray[np.int32]], sizes: Sizes, read: Callable[[int], UInt32s], near: float
) -> tuple[int, float] | None:
    """The first near one of the leaders, those with most bands in common first, then the one that leads them all."""
    others, num_shared = np.unique(np.concatenate(known), return_counts=True)
    small, large = np.minimum(sizes[others], sizes[item]), np.maximum(sizes[others], sizes[item])
    possible = small >= near * large  # no two sets are more similar than their sizes
    others, num_shared = others[possible], num_shared[possible]
    shingles = read(item) if len(others) else None
    for other in others[np.argsort(-num_shared, kind="stable")[:MAX_COMPARISONS]].tolist():
        assert shingles is not None
        similarity = jaccard(read(other), shingles)
        if similarity >= near:
            return other, similarity
    return None


class _Shingles(AbstractContextManager["_Shingles"]):
    """The shingles of candidates, copied one after another into a nameless file: memory does not grow with them."""

    def __init__(self, corpus: Corpus, candidates: Ints) -> None:
        corpus.scratch.folder.mkdir(parents=True, exist_ok=True)
        self._file = tempfile.TemporaryFile(dir=corpus.scratch.folder)  # noqa: SIM115 - closed in __exit__
        self._places = np.zeros((len(candidates), 2), dtype=np.int64)  # offset and length in bytes
        by_row = np.argsort(candidates)
        rows, offset = candidates[by_row], 0
        for number, files in enumerate(corpus.files):
            low, high = np.searchsorted(rows, corpus.starts[number : number + 2])
            for which, values in read_rows(files.documents, "shingles", rows[low:high] - corpus.starts[number]):
                borders = np.frombuffer(values.buffers()[1], dtype=np.int32)[values.offset :][: len(values) + 1]
                first, last = int(borders[0]), int(borders[-1])
                if values.buffers()[2] is not None:
                    self._file.write(memoryview(values.buffers()[2])[first:last])
                self._places[by_row[low + which], 0] = offset + borders[:-1] - first
                self._places[by_row[low + which], 1] = np.diff(borders)
                offset += last - first
        self._file.flush()

    def read(self, candidate: int) -> UInt32s:
        offset, length = self._places[candidate].tolist()
        return np.frombuffer(os.pread(self._file.fileno(), length, offset), dtype="<u4")

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()
