"""All fingerprints as one table: earlier datasets' first, then the splits of this build, row after row.

    row         0 1 2   3 4   5 6 7 8       rows 0 to 2 are of an earlier dataset, and stay whatever comes
    file        0       1     2

Columns are read when a step needs them, and are let go with it. No decision depends on a row's number: `order` and the
ranks made from it are by the steps' own keys, then by document id.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from interleave.dedup.clusters import Ints
from interleave.dedup.columns import num_rows, read_numbers
from interleave.dedup.tables import NO_DATE, FingerprintFiles
from interleave.dedup.word_hashes import UInt64s

Keep = Literal["first", "longest", "oldest", "newest"]
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True)
class EarlierDataset:
    """A sealed dataset that is not to be repeated."""

    name: str
    digest: str
    # SHA-256 of its manifest.
    files: FingerprintFiles


@dataclass(frozen=True, slots=True, kw_only=True)
class Corpus:
    """What is known of all documents, and which of them are still there."""

    files: tuple[FingerprintFiles, ...]
    earlier: tuple[EarlierDataset, ...]
    # The first of the files are theirs.
    starts: Ints
    # (num_files + 1,) first row of each file.
    ids: npt.NDArray[np.void]
    # (num_documents,) 16 bytes each.
    rank: Ints
    # (num_documents,) earlier ones first, then by document id.
    stays: Bools
    # (num_documents,) changed by the steps.

    @property
    def num_earlier(self) -> int:
        return int(self.starts[len(self.earlier)])

    def column(self, name: str, dtype: npt.DTypeLike) -> npt.NDArray[Any]:
        """(num_documents,)"""
        return _joined([partial(read_numbers, files.documents, name, dtype) for files in self.files], dtype)

    def file_of(self, row: int) -> int:
        return int(np.searchsorted(self.starts, row, side="right")) - 1

    def order(self, keep: Keep) -> Ints:
        """(num_documents,) rows, the one that is kept rather than the others first."""
        return np.lexsort((self.rank, self._key(keep), np.arange(len(self.ids)) >= self.num_earlier))

    def ranks(self, keep: Keep) -> Ints:
        """(num_documents,) place of each row in `order`."""
        return inverse(self.order(keep))

    def _key(self, keep: Keep) -> Ints:
        if keep == "first":
            return np.zeros(len(self.ids), dtype=np.int64)
        if keep == "longest":
            return -self.column("num_characters", np.int64)
        date = self.column("date", np.int64)
        # A document without a date comes after those with one.
        return np.where(date == NO_DATE, np.iinfo(np.int64).max, -date if keep == "newest" else date)


def open_corpus(earlier: Sequence[EarlierDataset], splits: Sequence[FingerprintFiles]) -> Corpus:
    files = (*(dataset.files for dataset in earlier), *splits)
    starts = np.concatenate([[0], np.cumsum([num_rows(one.documents) for one in files])]).astype(np.int64)
    ids = _joined([partial(read_numbers, one.documents, "id", "V16") for one in files], "V16")
    halves = ids.view(">u8").reshape(-1, 2)
    is_ours = np.arange(len(ids)) >= starts[len(earlier)]
    return Corpus(
        files=files,
        earlier=tuple(earlier),
        starts=starts,
        ids=ids,
        rank=inverse(np.lexsort((halves[:, 1], halves[:, 0], is_ours))),
        stays=np.ones(len(ids), dtype=np.bool_),
    )


def inverse(order: Ints) -> Ints:
    """(num_items,) the place of each item in an order of all of them."""
    places = np.empty_like(order)
    places[order] = np.arange(len(order))
    return places


def repeated(keys: Sequence[UInt64s], rank: Ints) -> tuple[Ints, Ints]:
    """(items whose keys an item of a lower rank has too, the one of the lowest rank that has them).

    keys: columns of (num_items,); rank: (num_items,). For [7, 3, 7, 7] with ranks [2, 0, 1, 3]: 0 and 3, both of 2.
    """
    order = np.lexsort((rank, *keys))
    begins = np.ones(len(order), dtype=np.bool_)
    if len(order):
        begins[1:] = np.any([key[order[1:]] != key[order[:-1]] for key in keys], axis=0)
    first = order[np.maximum.accumulate(np.where(begins, np.arange(len(order)), 0))]
    return order[~begins], first[~begins]


def copies(keys: UInt64s) -> Ints:
    """(num_items,) how many items have an item's key."""
    order = np.argsort(keys)
    if not len(order):
        return order
    begins = np.flatnonzero(np.append(True, keys[order[1:]] != keys[order[:-1]]))
    sizes = np.diff(np.append(begins, len(order)))
    found = np.empty(len(order), dtype=np.int64)
    found[order] = np.repeat(sizes, sizes)
    return found


def _joined(columns: Sequence[partial[npt.NDArray[Any]]], dtype: npt.DTypeLike) -> npt.NDArray[Any]:
    return np.concatenate([np.empty(0, dtype=dtype), *_all(columns)])


def _all(columns: Sequence[partial[npt.NDArray[Any]]]) -> Iterator[npt.NDArray[Any]]:
    for read in columns:
        yield read()
