"""All fingerprints as one table: earlier datasets' first, then the splits of this build, row after row.

    row         0 1 2   3 4   5 6 7 8       rows 0 to 2 are of an earlier dataset, and stay whatever comes
    file        0       1     2

Columns are read when a step needs them, and are let go with it; large ones lie on disk. No decision depends on a row's
number: who is preferred is said by the steps' own keys, then by document id.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from interleave.dedup.clusters import Ints
from interleave.dedup.columns import num_rows, read_numbers
from interleave.dedup.scratch import Scratch
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
class Preference:
    """Which of several documents is kept: an earlier dataset's, then by a key, then the one of the smallest id."""

    ids: npt.NDArray[np.void]
    # (num_documents,) 16 bytes each.
    key: Ints | None
    # (num_documents,) smaller ones are preferred; None: all alike.
    num_earlier: int

    def sort_keys(self, rows: Ints) -> tuple[npt.NDArray[Any], ...]:
        """Columns for `np.lexsort`, the last of which counts first; what is preferred comes first."""
        high, low = self.ids[rows].view(">u8").reshape(-1, 2).T.astype(np.uint64)
        by_key = () if self.key is None else (self.key[rows],)
        return (low, high, *by_key, rows >= self.num_earlier)


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
    stays: Bools
    # (num_documents,) changed by the steps.
    scratch: Scratch

    @property
    def num_earlier(self) -> int:
        return int(self.starts[len(self.earlier)])

    def column(self, name: str, dtype: npt.DTypeLike) -> npt.NDArray[Any]:
        """(num_documents,)"""
        parts = (read_numbers(files.documents, name, dtype) for files in self.files)
        return self.scratch.joined(parts, len(self.ids), dtype)

    def by_key(self, name: str, chosen: Callable[[FingerprintFiles, slice], Bools]) -> Iterator[tuple[UInt64s, Ints]]:
        """(keys, rows) of documents that stay and are chosen, in parts, all of one key in one.

        chosen: (num_rows,) of a file, whose rows are those of the slice.
        """

        def records() -> Iterator[tuple[UInt64s, Ints]]:
            for number, files in enumerate(self.files):
                rows = slice(int(self.starts[number]), int(self.starts[number + 1]))
                places = np.flatnonzero(self.stays[rows] & chosen(files, rows))
                yield read_numbers(files.documents, name, np.uint64)[places], places + rows.start

        return self.scratch.by_key(records())

    def file_of(self, row: int) -> int:
        return int(np.searchsorted(self.starts, row, side="right")) - 1

    def preference(self, keep: Keep) -> Preference:
        return Preference(ids=self.ids, key=self._key(keep), num_earlier=self.num_earlier)

    def _key(self, keep: Keep) -> Ints | None:
        if keep == "first":
            return None
        if keep == "longest":
            length: Ints = self.column("num_characters", np.int64)
            return np.negative(length, out=length)
        date: Ints = self.column("date", np.int64)
        is_unknown = date == NO_DATE
        if keep == "newest":
            np.negative(date, out=date)
        # A document without a date comes after those with one.
        date[is_unknown] = np.iinfo(np.int64).max
        return date


def open_corpus(earlier: Sequence[EarlierDataset], splits: Sequence[FingerprintFiles], folder: Path) -> Corpus:
    """folder: for what memory does not hold."""
    scratch = Scratch(folder=folder)
    files = (*(dataset.files for dataset in earlier), *splits)
    starts = np.concatenate([[0], np.cumsum([num_rows(one.documents) for one in files])]).astype(np.int64)
    ids = (read_numbers(one.documents, "id", "V16") for one in files)
    return Corpus(
        files=files,
        earlier=tuple(earlier),
        starts=starts,
        ids=scratch.joined(ids, int(starts[-1]), "V16"),
        stays=np.ones(starts[-1], dtype=np.bool_),
        scratch=scratch,
    )


def repeated(keys: Sequence[UInt64s], rows: Ints, preference: Preference) -> tuple[Ints, Ints]:
    """(rows whose keys a preferred row has too, the most preferred one that has them).

    keys: columns of (num_rows,); rows: (num_rows,) documents. For keys [7, 3, 7, 7] of rows that are preferred in the
    order 1, 2, 0, 3: rows 0 and 3, both of 2.
    """
    order = np.lexsort((*preference.sort_keys(rows), *keys))
    first = first_of_runs(*(key[order] for key in keys))
    follows = first != np.arange(len(order))
    return rows[order[follows]], rows[order[first[follows]]]


def first_of_runs(*keys: npt.NDArray[Any]) -> Ints:
    """(num_items,) the place of the first item of each one's run of equal keys; keys: columns of (num_items,), sorted.

    For [3, 7, 7, 7]: 0 1 1 1.
    """
    places = np.arange(len(keys[0]))
    begins = np.ones(len(places), dtype=np.bool_)
    if len(places):
        begins[1:] = np.any([key[1:] != key[:-1] for key in keys], axis=0)
    return np.maximum.accumulate(np.where(begins, places, 0))


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
