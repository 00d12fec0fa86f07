import hashlib
from collections.abc import Callable, Sequence

import numpy as np
import pytest
from evaluation_sets import encoded, picture
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from interleave.dedup.evaluation import match_images as module
from interleave.dedup.evaluation.fingerprints import Fingerprints, telling_hash
from interleave.dedup.evaluation.match_images import match_images
from interleave.images.normalise import ImageTarget, normalise


def known(hashes: Sequence[int], sha256s: Sequence[str] | None = None) -> Fingerprints:
    return Fingerprints(
        image_names=[("set", str(row)) for row in range(len(hashes))],
        image_sha256=np.array(sha256s or [f"{row:064x}" for row in range(len(hashes))], dtype="S64"),
        image_phash=np.array(hashes, dtype=np.uint64),
        question_names=[],
        num_words=np.empty(0, dtype=np.int64),
        grams=np.empty(0, dtype=np.uint64),
        borders=np.zeros(1, dtype=np.int64),
    )


def match(hashes: Sequence[int], fingerprints: Fingerprints, distance: int) -> list[tuple[int, int]]:
    others = np.array(["f" * 64] * len(hashes), dtype="S64")
    found = match_images(others, np.array(hashes, dtype=np.uint64), fingerprints, distance)
    return list(zip(found.row.tolist(), found.hamming.tolist(), strict=True))


def nearest(value: int, hashes: Sequence[int], distance: int) -> tuple[int, int]:
    bits, row = min(((value ^ other).bit_count(), row) for row, other in enumerate(hashes))
    return (row, bits) if bits <= distance else (-1, -1)


@settings(max_examples=15)
@given(
    st.lists(st.integers(1, 2**64 - 1), min_size=1, max_size=5),
    st.lists(st.tuples(st.integers(0, 4), st.sets(st.integers(0, 63), max_size=12)), min_size=1, max_size=30),
    st.integers(0, 10),
)
def test_each_image_gets_the_nearest_one_within_the_distance(
    wanted: list[int], changes: list[tuple[int, set[int]]], distance: int
) -> None:
    corpus = [wanted[row % len(wanted)] ^ sum(1 << bit for bit in bits) for row, bits in changes]
    expected = [nearest(value, wanted, distance) for value in corpus]
    assert match(corpus, known(wanted), distance) == expected
    # However little is held at once.
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "_CHUNK", 11)
        patch.setattr(module, "_MAX_PAIRS", 2)
        assert match(corpus, known(wanted), distance) == expected


def test_every_pair_within_the_distance_is_found_wherever_the_bits_lie() -> None:
    rng = np.random.default_rng(0)
    for distance in range(11):
        wanted = rng.integers(1, 1 << 63, 200, dtype=np.uint64)
        flips = [sum(1 << int(bit) for bit in rng.choice(64, distance, replace=False)) for _ in wanted]
        corpus = [int(value) ^ flip for value, flip in zip(wanted, flips, strict=True)]
        assert [row for row, _ in match(corpus, known(wanted.tolist()), distance)] == list(range(200))


def test_equal_bytes_match_whatever_the_hash_and_come_before_near_ones() -> None:
    fingerprints = known([0, 0xFF00FF00FF00FF00], ["a" * 64, "b" * 64])
    sha256s = np.array(["a" * 64, "a" * 64, "c" * 64, "b" * 64], dtype="S64")
    phashes = np.array([0xFF00FF00FF00FF00, 5, 0, 0], dtype=np.uint64)
    found = match_images(sha256s, phashes, fingerprints, 4)
    assert found.row.tolist() == [0, 0, -1, 1]
    assert found.hamming.tolist() == [0, 0, -1, 0]


def test_a_hash_of_zero_is_nobodys() -> None:
    assert match([0, 1], known([0]), 4) == [(-1, -1), (-1, -1)]


def test_an_empty_set_and_an_empty_corpus_match_nothing() -> None:
    assert match([7, 8], known([]), 4) == [(-1, -1), (-1, -1)]
    assert match([], known([7]), 4) == []


def test_a_distance_beyond_the_table_is_refused() -> None:
    with pytest.raises(ValueError, match="expected 0 to 10"):
        match([7], known([7]), 11)


def half(image: Image.Image) -> bytes:
    return encoded(image.resize((image.width // 2, image.height // 2), Image.Resampling.LANCZOS))


def recompressed(image: Image.Image) -> bytes:
    return encoded(image, quality=50)


def shifted(image: Image.Image) -> bytes:
    pixels = np.asarray(image).astype(np.int16) + np.array([6, -4, 5])
    return encoded(Image.fromarray(pixels.clip(0, 255).astype(np.uint8)))


@pytest.mark.parametrize("change", [half, recompressed, shifted])
def test_copies_are_found_and_other_pictures_are_not(change: Callable[[Image.Image], bytes]) -> None:
    def phash(data: bytes) -> int:
        return telling_hash(normalise(data, ImageTarget()).thumbnail) or 0

    pictures = [picture(seed, 320, 240) for seed in range(40)]
    fingerprints = known([phash(encoded(image)) for image in pictures])
    copies = [change(image) for image in pictures]
    assert len({hashlib.sha256(data).hexdigest() for data in copies}) == 40
    assert [row for row, _ in match([phash(data) for data in copies], fingerprints, 4)] == list(range(40))
    others = [phash(encoded(picture(seed, 320, 240))) for seed in range(100, 300)]
    assert {row for row, _ in match(others, fingerprints, 4)} == {-1}
