"""Pairs of hashes within a Hamming distance: against all pairs compared, planted pairs, and the memory given."""

from __future__ import annotations

import itertools
import math
import tracemalloc
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from interleave.dedup import bit_blocks, hamming
from interleave.dedup.disk_sort import Disk
from interleave.dedup.hamming import hamming_pairs

Hashes = npt.NDArray[np.uint64]

roots = st.lists(st.integers(0, 2**64 - 1), max_size=4, unique=True)
flips = st.lists(st.lists(st.integers(0, 63), max_size=17), min_size=1, max_size=8)


def brute_force(hashes: Hashes, distance: int) -> list[list[int]]:
    found = []
    for start in range(0, len(hashes), 500):
        i, j = np.nonzero(np.bitwise_count(hashes[start : start + 500, None] ^ hashes) <= distance)
        found.append(np.stack([i + start, j], axis=1)[i + start < j])
    return np.concatenate([np.empty((0, 2), dtype=np.int64), *found]).tolist()


def distinct(hashes: Hashes, seed: int = 0) -> Hashes:
    """Each once, in no order."""
    return np.random.default_rng(seed).permutation(np.unique(hashes))


def flipped(hashes: Hashes, num_bits: int, rng: np.random.Generator) -> Hashes:
    """Each with so many bits changed."""
    places = rng.permuted(np.tile(np.arange(64, dtype=np.uint64), (len(hashes), 1)), axis=1)[:, :num_bits]
    return hashes ^ np.bitwise_or.reduce(np.uint64(1) << places, axis=1)


def random_hashes(num_hashes: int, rng: np.random.Generator, share_of_ones: float = 0.5) -> Hashes:
    bits = rng.random((num_hashes, 64)) < share_of_ones
    return np.packbits(bits, axis=1).view(np.uint64).ravel()


def with_neighbours(hashes: Hashes, distance: int, rng: np.random.Generator) -> Hashes:
    """With 300 more that are as far from one of them as a pair may be, or a bit further."""
    near = flipped(hashes[:150], distance, rng)
    far = flipped(hashes[150:300], distance + 1, rng)
    return distinct(np.concatenate([hashes, near, far]))


@pytest.fixture
def few_searched(monkeypatch: pytest.MonkeyPatch) -> None:
    """Even a few hashes are searched by blocks, and runs of more than five once more, as if they were many."""

    def borders(values: Hashes, num_leading: int, distance: int) -> tuple[int, ...] | None:
        if num_leading > (24 if distance < 4 else 0):
            return None
        information = bit_blocks._information(np.sort(values), num_leading)
        return bit_blocks._equal_blocks(information, distance + 2 if distance < 12 else distance + 1)

    monkeypatch.setattr(hamming, "best_borders", borders)
    monkeypatch.setattr(hamming, "_RUN_LENGTHS", (2, 5))
    monkeypatch.setattr(hamming, "_CHUNK", 64)
    monkeypatch.setattr(hamming, "_TILE", (16, 20))


@given(roots, flips, st.integers(0, 16))
def test_pairs_within_the_distance_are_all_found_and_no_others(
    some: list[int], changes: list[list[int]], distance: int
) -> None:
    values = [*some, *(root ^ sum(1 << bit for bit in set(bits)) for root, bits in itertools.product(some, changes))]
    hashes = distinct(np.array(values, dtype=np.uint64))
    assert hamming_pairs(hashes, distance).tolist() == brute_force(hashes, distance)


@pytest.mark.parametrize("distance", range(17))
@pytest.mark.usefixtures("few_searched")
def test_the_blocks_miss_no_pair_at_any_distance(distance: int) -> None:
    rng = np.random.default_rng(distance)
    hashes = with_neighbours(random_hashes(300, rng), distance, rng)
    expected = brute_force(hashes, distance)
    assert len(expected) >= (150 if distance else 0)
    assert hamming_pairs(hashes, distance).tolist() == expected


@pytest.mark.parametrize(("num_hashes", "distance"), [(6_000, 1), (6_000, 2), (20_000, 3), (6_000, 5), (6_000, 7)])
@pytest.mark.parametrize("share_of_ones", [0.5, 0.15])
def test_thousands_of_hashes_alike_or_not_give_the_pairs_that_comparing_all_gives(
    num_hashes: int, distance: int, share_of_ones: float
) -> None:
    rng = np.random.default_rng(distance)
    hashes = with_neighbours(random_hashes(num_hashes, rng, share_of_ones), distance, rng)
    if share_of_ones < 0.5:
        hashes = hashes[: num_hashes // 4]  # many true pairs
    assert hamming_pairs(hashes, distance).tolist() == brute_force(hashes, distance)


@pytest.mark.parametrize("distance", [2, 3, 5])
@pytest.mark.parametrize("name", ["constant", "few bits", "balls", "every third bit", "two halves"])
@pytest.mark.usefixtures("few_searched")
def test_bits_that_many_hashes_share_hide_no_pair(name: str, distance: int) -> None:
    rng = np.random.default_rng(3)
    base = random_hashes(1_500, rng)
    hashes = {
        "constant": base & np.uint64(0x0000_FFFF_FFFF_0000),
        "few bits": np.arange(1_200, dtype=np.uint64) << np.uint64(26),
        "balls": flipped(np.repeat(base[:10], 120), 4, rng),
        "every third bit": base & np.uint64(0x9249_2492_4924_9249),
        "two halves": np.concatenate([base[:700] >> np.uint64(32), base[700:] << np.uint64(32)]),
    }[name]
    hashes = with_neighbours(distinct(hashes), distance, rng)
    expected = brute_force(hashes, distance)
    assert len(expected) >= 150
    assert hamming_pairs(hashes, distance).tolist() == expected


def test_hashes_that_share_half_their_bits_are_not_all_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    num_compared = 0

    class Counting:
        def __getattr__(self, name: str) -> object:
            return getattr(np, name)

        def bitwise_count(self, values: Hashes) -> npt.NDArray[np.uint8]:
            nonlocal num_compared
            num_compared += values.size
            return np.bitwise_count(values)

    rng = np.random.default_rng(0)
    shared = np.repeat(random_hashes(10, rng), 10_000) & np.uint64(0xFFFF_FFFF_0000_0000)
    hashes = distinct(shared | random_hashes(100_000, rng) >> np.uint64(32))
    monkeypatch.setattr(hamming, "np", Counting())
    hamming_pairs(hashes, 3)
    # Those that share 32 bits would be 5,000 comparisons for each, in every choice of blocks among them.
    assert 0 < num_compared < 1_000 * len(hashes)


@pytest.mark.parametrize("in_order", [True, False])
@pytest.mark.parametrize("distance", [1, 3])
def test_little_memory_gives_the_same_pairs(tmp_path: Path, distance: int, in_order: bool) -> None:
    rng = np.random.default_rng(1)
    hashes = with_neighbours(random_hashes(8_000, rng, 0.3), distance, rng)
    hashes = np.sort(hashes) if in_order else hashes
    expected = brute_force(hashes, distance)
    assert len(expected) >= 150
    for max_in_memory in (400, 2_000, 1_000_000):
        assert hamming_pairs(hashes, distance, max_in_memory=max_in_memory, folder=tmp_path).tolist() == expected
    assert not list(tmp_path.iterdir())


@pytest.mark.usefixtures("few_searched")
def test_runs_that_memory_does_not_hold_are_searched_on_disk(tmp_path: Path) -> None:
    rng = np.random.default_rng(2)
    hashes = with_neighbours(distinct(random_hashes(3_000, rng) & np.uint64(0xFFFF_0000)), 2, rng)
    expected = brute_force(hashes, 2)
    assert hamming_pairs(hashes, 2, max_in_memory=150, folder=tmp_path).tolist() == expected


def test_many_pairs_are_mapped_from_a_file_that_has_no_name(tmp_path: Path) -> None:
    hashes = distinct(np.arange(1 << 11, dtype=np.uint64))
    pairs = hamming_pairs(hashes, 3, max_in_memory=1 << 11, folder=tmp_path)
    assert isinstance(pairs, np.memmap)
    assert not list(tmp_path.iterdir())
    assert len(pairs) == (1 << 11) * sum(math.comb(11, bits) for bits in (1, 2, 3)) // 2
    assert pairs.tolist() == brute_force(hashes, 3)


def test_hashes_may_be_mapped_from_a_file(tmp_path: Path) -> None:
    hashes = with_neighbours(random_hashes(3_000, np.random.default_rng(0)), 3, np.random.default_rng(1))
    hashes.tofile(tmp_path / "hashes")
    mapped = np.memmap(tmp_path / "hashes", dtype=np.uint64, mode="r")
    assert hamming_pairs(mapped, 3, max_in_memory=500, folder=tmp_path).tolist() == brute_force(hashes, 3)


def test_memory_does_not_grow_with_the_number_of_hashes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bit_blocks, "_SAMPLE", 5_000)
    peaks = []
    for num_hashes in (300_000, 3_000_000):
        hashes = np.memmap(tmp_path / f"{num_hashes}", dtype=np.uint64, mode="w+", shape=(num_hashes,))
        hashes[:] = np.random.default_rng(0).integers(0, 2**64, num_hashes, dtype=np.uint64)
        tracemalloc.start()
        hamming_pairs(hashes, 1, max_in_memory=150_000, folder=tmp_path)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 1.2 * peaks[0]


def test_the_hashes_given_are_left_as_they_are(tmp_path: Path) -> None:
    hashes = random_hashes(5_000, np.random.default_rng(0), 0.2)
    hashes = distinct(hashes)
    before = hashes.copy()
    hashes.flags.writeable = False
    for max_in_memory in (500, 50_000):
        hamming_pairs(hashes, 2, max_in_memory=max_in_memory, folder=tmp_path)
    assert (hashes == before).all()


@pytest.mark.parametrize("num_hashes", [0, 1])
def test_nobody_has_no_neighbour(num_hashes: int) -> None:
    pairs = hamming_pairs(np.arange(num_hashes, dtype=np.uint64), 3)
    assert pairs.shape == (0, 2)
    assert pairs.dtype == np.int64


@pytest.mark.parametrize("tile", [(32, 2048), (3, 7), (7, 3), (5, 5)])
def test_at_the_greatest_distance_all_are_pairs(tile: tuple[int, int], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hamming, "_TILE", tile)
    hashes = random_hashes(50, np.random.default_rng(0))
    assert hamming_pairs(hashes, 64).tolist() == [list(pair) for pair in itertools.combinations(range(50), 2)]


@pytest.mark.usefixtures("few_searched")
def test_hashes_that_ascend_in_pieces_do_not_count_as_ascending() -> None:
    hashes = np.concatenate([np.arange(64, 128), np.arange(64)]).astype(np.uint64)
    assert hamming_pairs(hashes, 1).tolist() == brute_force(hashes, 1)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=64), st.data())
def test_every_block_has_a_bit(information: list[float], data: st.DataObject) -> None:
    num_blocks = data.draw(st.integers(1, len(information)))
    borders = bit_blocks._equal_blocks(np.array(information) + 1e-6, num_blocks)
    assert (len(borders), borders[0], borders[-1]) == (num_blocks + 1, len(information), 0)
    assert all(high > low for high, low in itertools.pairwise(borders))


def test_blocks_share_out_what_bits_tell_not_bits() -> None:
    assert bit_blocks._equal_blocks(np.ones(64), 4) == (64, 48, 32, 16, 0)
    information = np.array([0.0] * 40 + [1.0] * 6 + [0.5] * 12 + [0.0] * 6) + 1e-6
    assert bit_blocks._equal_blocks(information, 2) == (64, 18, 0)


def test_a_repeated_hash_is_refused() -> None:
    with pytest.raises(ValueError, match="each hash once"):
        hamming_pairs(np.array([5, 900, 5], dtype=np.uint64), 0)


@pytest.mark.parametrize("hashes", [np.arange(3), np.zeros((2, 2), dtype=np.uint64)])
def test_other_numbers_are_refused(hashes: npt.NDArray[np.int64]) -> None:
    with pytest.raises(ValueError, match="row of uint64"):
        hamming_pairs(hashes, 3)  # type: ignore[arg-type]


@given(st.lists(st.integers(0, 2**64 - 1), max_size=300), st.integers(1, 40), st.integers(1, 40), st.integers(0, 64))
@settings(max_examples=200)
def test_numbers_are_sorted_by_ranges_that_keep_upper_bits_together(
    numbers: list[int], piece: int, size: int, num_low_bits: int
) -> None:
    pieces = [np.array(numbers[start : start + piece], dtype=np.uint64) for start in range(0, len(numbers), piece)]
    buffer = np.empty(size, dtype=np.uint64)
    ranges = [part.tolist() for part in Disk(folder=None).ascending(pieces or [buffer[:0]], num_low_bits, buffer)]
    assert [number for part in ranges for number in part] == sorted(numbers)
    filled = [part for part in ranges if part]
    assert all(one[-1] >> num_low_bits < other[0] >> num_low_bits for one, other in itertools.pairwise(filled))
