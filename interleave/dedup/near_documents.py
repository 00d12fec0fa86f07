"""Documents that are nearly the same: whom to compare is said by bands, who is the same by the shingles themselves.

Documents are taken in the order of who is kept rather than others. One that is similar enough to a leader goes, and
its keeper is that leader; else it becomes one. So whatever goes is as similar to what is kept in its place as was asked
for: a chain of small changes never joins two unlike texts. n copies are n comparisons.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

import numpy as np
import numpy.typing as npt

from interleave.dedup.clusters import Ints
from interleave.dedup.columns import read_rows
from interleave.dedup.corpus import Corpus
from interleave.dedup.tables import BANDS
from interleave.dedup.text_fingerprints import UInt32s, jaccard
from interleave.dedup.word_hashes import UInt64s

# Thousands of pages of one template have bands in common and are not the same. Each is compared with the leaders that
# it has most bands in common with, and a band remembers its first leaders: time grows with documents, not with pairs.
MAX_COMPARISONS = 64
MAX_LEADERS_PER_BAND = 128


@dataclass(frozen=True, slots=True, kw_only=True)
class NearDocuments:
    """What goes, and why."""

    rows: Ints
    keepers: Ints
    similarities: npt.NDArray[np.float64]
    # (num_dropped,) Jaccard similarity of the two.


def near_documents(corpus: Corpus, order: Ints, sizes: Ints, near: float, folder: Path) -> NearDocuments:
    """Of rows in order, different and with words, those that are near to an earlier one.

    sizes: (num_documents,) number of shingles of every row; folder: where what is compared lies for a while.
    """
    shared = shared_bands(lambda name: corpus.column(name, np.uint64)[order])
    candidates = order[shared.items]
    with _Shingles(corpus, candidates, folder) as shingles:
        found = _follow_leaders(shared, candidates < corpus.num_earlier, sizes[candidates], shingles.read, near)
    gone, keepers, similarities = found
    return NearDocuments(rows=candidates[gone], keepers=candidates[keepers], similarities=similarities)


@dataclass(frozen=True, slots=True, kw_only=True)
class SharedBands:
    """Which items have a band in common with others."""

    items: Ints
    # (num_candidates,) ascending.
    offsets: Ints
    # (num_candidates + 1,) where the buckets of each begin.
    buckets: npt.NDArray[np.int32]
    # Those who have a band in common are in one bucket.
    sizes: Ints
    # (num_buckets,)


def shared_bands(read_band: Callable[[str], UInt64s]) -> SharedBands:
    """read_band: gives (num_items,) keys of a band; called once for each, and only one is held."""
    items, buckets = [np.empty(0, dtype=np.int64)], [np.empty(0, dtype=np.int32)]
    num_buckets = 0
    for name in BANDS:
        keys = read_band(name)
        order = np.argsort(keys, kind="stable")
        begins = np.append(True, keys[order[1:]] != keys[order[:-1]]) if len(order) else np.empty(0, dtype=np.bool_)
        is_shared = ~begins | np.append(~begins[1:], False)[: len(begins)]
        numbers = np.cumsum(begins[is_shared]) - 1 + num_buckets
        items.append(order[is_shared])
        buckets.append(numbers.astype(np.int32))
        num_buckets += int(begins[is_shared].sum())
    of_item, in_bucket = np.concatenate(items), np.concatenate(buckets)
    by_item = np.argsort(of_item, kind="stable")
    candidates, counts = np.unique(of_item, return_counts=True)
    return SharedBands(
        items=candidates,
        offsets=np.concatenate([[0], np.cumsum(counts)]),
        buckets=in_bucket[by_item],
        sizes=np.bincount(in_bucket, minlength=num_buckets),
    )


def _follow_leaders(
    shared: SharedBands, always_stay: npt.NDArray[np.bool_], sizes: Ints, read: Callable[[int], UInt32s], near: float
) -> tuple[Ints, Ints, npt.NDArray[np.float64]]:
    """(who goes, its leader, their similarity), all by place among the candidates."""
    room = np.minimum(shared.sizes, MAX_LEADERS_PER_BAND)
    first = np.concatenate([[0], np.cumsum(room)])
    leaders, filled = np.empty(first[-1], dtype=np.int32), np.zeros(len(room), dtype=np.int64)
    gone: list[int] = []
    keepers: list[int] = []
    similarities: list[float] = []
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
    return np.array(gone, dtype=np.int64), np.array(keepers, dtype=np.int64), np.array(similarities)


def _nearest(
    item: int, known: list[npt.NDArray[np.int32]], sizes: Ints, read: Callable[[int], UInt32s], near: float
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

    def __init__(self, corpus: Corpus, candidates: Ints, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._file = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115 - closed in __exit__
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
