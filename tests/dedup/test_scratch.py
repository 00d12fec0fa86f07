"""Room on disk: the same as in memory, whatever the parts."""

from __future__ import annotations

import errno
import itertools
import os
import tempfile
import weakref
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from interleave.dedup.clusters import components
from interleave.dedup.scratch import Scratch
from interleave.dedup.union import Union
from interleave.dedup.word_hashes import mix

FOLDER = Path(tempfile.gettempdir())


@given(st.lists(st.lists(st.integers(0, 20), max_size=8), max_size=6), st.integers(1, 40))
def test_records_of_a_key_are_in_one_part_in_the_order_in_which_they_came(pieces: list[list[int]], size: int) -> None:
    records, number = [], 0
    for piece in pieces:
        records.append((mix(np.array(piece, dtype=np.uint64)), np.arange(number, number + len(piece))))
        number += len(piece)
    parts = list(Scratch(folder=FOLDER, per_part=size).by_key(iter(records)))
    seen: set[int] = set()
    for keys, values in parts:
        assert not seen & set(keys.tolist())
        seen |= set(keys.tolist())
        for key in set(keys.tolist()):
            expected = [value for some, values in records for k, value in zip(some, values, strict=True) if k == key]
            assert values[keys == key].tolist() == expected
    assert sum(len(keys) for keys, _ in parts) == number
    prefixes = [keys >> np.uint64(52) for keys, _ in parts if len(keys)]
    assert all(before.max() < after.min() for before, after in itertools.pairwise(prefixes))
    assert all(len(keys) <= size or len(set((keys >> np.uint64(52)).tolist())) == 1 for keys, _ in parts)


@given(st.lists(st.lists(st.integers(0, 30), max_size=8), max_size=6), st.integers(1, 40))
def test_numbers_come_back_sorted(pieces: list[list[int]], size: int) -> None:
    arrays = (np.array(piece, dtype=np.uint64) for piece in pieces)
    parts = [part.tolist() for part in Scratch(folder=FOLDER, per_part=size).ascending(arrays)]
    assert [number for part in parts for number in part] == sorted(number for piece in pieces for number in piece)
    assert all(before[-1] < after[0] for before, after in itertools.pairwise(parts) if before and after)


@given(st.integers(1, 40), st.data(), st.sampled_from([0, 1 << 24]))
def test_components_are_those_of_all_pairs_at_once(num_items: int, data: st.DataObject, on_disk: int) -> None:
    item = st.integers(0, num_items - 1)
    pairs = data.draw(st.lists(st.tuples(item, item), max_size=40))
    union = Union(num_items, Scratch(folder=FOLDER, min_bytes_on_disk=on_disk))
    for start in range(0, len(pairs), 7):
        one, other = np.array(pairs[start : start + 7], dtype=np.int64).T
        union.join(one, other)
    expected = components(num_items, np.array(pairs, dtype=np.int64).reshape(-1, 2))
    assert union.roots(np.arange(num_items)).tolist() == expected.tolist()


def test_arrays_on_disk_leave_no_file_and_hold_what_is_put_in(tmp_path: Path) -> None:
    scratch = Scratch(folder=tmp_path, min_bytes_on_disk=0)
    found = scratch.joined([np.arange(3), np.arange(4)], 7, np.int64)
    assert isinstance(found.base, np.memmap) and type(found) is np.ndarray
    assert found.tolist() == [0, 1, 2, 0, 1, 2, 3]
    assert scratch.empty(0, np.int64).tolist() == []
    assert not list(tmp_path.iterdir())


def test_a_full_disk_is_an_error_and_no_crash(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("os.posix_fallocate", full)
    with pytest.raises(OSError, match="No space left") as caught:
        Scratch(folder=tmp_path, min_bytes_on_disk=0).empty(10, np.int64)
    assert caught.value.filename == str(tmp_path)


@pytest.mark.parametrize("per_part", [20, 1000])
def test_pieces_are_let_go_before_the_first_part_is_used(tmp_path: Path, per_part: int) -> None:
    handed: list[weakref.ref[object]] = []

    def records() -> Iterator[tuple[npt.NDArray[np.uint64], npt.NDArray[np.int64]]]:
        for start in range(0, 36, 3):
            keys, values = np.arange(3, dtype=np.uint64) << np.uint64(62), np.arange(start, start + 3)
            handed.extend((weakref.ref(keys), weakref.ref(values)))
            yield keys, values
            del keys, values

    parts = Scratch(folder=tmp_path, per_part=per_part).by_key(records())
    next(parts)
    assert len(handed) == 24
    # Names in loops hold the last one of those in memory, and of all.
    assert len([one for one in handed if one() is not None]) <= 4
