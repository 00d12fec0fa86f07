import itertools

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from interleave.dedup.text_fingerprints import NUM_BANDS, TextFingerprints, fingerprint_texts, hash_sequences, jaccard
from interleave.dedup.word_hashes import hash_words

texts = st.lists(st.lists(st.sampled_from("abc"), max_size=12), max_size=6)


def of_texts(texts: list[list[str]]) -> TextFingerprints:
    words = hash_words(pa.array([" ".join(text) for text in texts], type=pa.string()))
    return fingerprint_texts(words.hashes, words.offsets)


def shingles_of(found: TextFingerprints, text: int) -> np.ndarray:
    return found.shingles[found.offsets[text] : found.offsets[text + 1]]


def five_grams(text: list[str]) -> set[tuple[str, ...]]:
    """Of a shorter text all its words are one."""
    return {tuple(text[at : at + 5]) for at in range(max(len(text) - 4, 1))} if text else set()


@given(texts)
def test_shingles_are_the_five_grams_of_words(texts: list[list[str]]) -> None:
    found = of_texts(texts)
    for number, text in enumerate(texts):
        mine = shingles_of(found, number)
        assert len(mine) == len(five_grams(text))
        assert (np.diff(mine.astype(np.int64)) > 0).all()
    for one, other in itertools.combinations(range(len(texts)), 2):
        grams = five_grams(texts[one]), five_grams(texts[other])
        expected = len(grams[0] & grams[1]) / max(len(grams[0] | grams[1]), 1)
        assert jaccard(shingles_of(found, one), shingles_of(found, other)) == expected


@given(texts)
def test_digests_are_equal_for_equal_words_alone(texts: list[list[str]]) -> None:
    found = of_texts(texts)
    for one, other in itertools.combinations(range(len(texts)), 2):
        assert (found.digests[one] == found.digests[other]).all() == (texts[one] == texts[other])
        if texts[one] == texts[other]:
            assert (found.bands[one] == found.bands[other]).all()


@given(texts)
def test_a_text_has_the_same_fingerprints_whatever_stands_beside_it(texts: list[list[str]]) -> None:
    together = of_texts(texts)
    for number, text in enumerate(texts):
        alone = of_texts([text])
        assert (alone.digests[0] == together.digests[number]).all()
        assert shingles_of(alone, 0).tolist() == shingles_of(together, number).tolist()
        if text:
            assert (alone.bands[0] == together.bands[number]).all()


@pytest.mark.parametrize("similarity", [0.3, 0.5, 0.7, 0.8, 0.9])
def test_bands_are_in_common_as_often_as_the_formula_says(similarity: float) -> None:
    size = 500
    shared = round(2 * similarity * size / (1 + similarity))
    pairs = [
        [[f"{number}-{word if word < shared else side * size + word}" for word in range(size)] for side in (1, 2)]
        for number in range(150)
    ]
    found = of_texts([text for pair in pairs for text in pair])
    in_common = [(found.bands[2 * number] == found.bands[2 * number + 1]).sum() for number in range(len(pairs))]
    of_words = (shared - 4) / (2 * (size - 4) - (shared - 4))
    band = of_words**6
    share = np.mean(in_common) / NUM_BANDS
    assert abs(share - band) < 5 * np.sqrt(band * (1 - band) / (NUM_BANDS * len(pairs)))
    found_at_all = np.mean(np.array(in_common) > 0)
    expected = 1 - (1 - band) ** NUM_BANDS
    assert abs(found_at_all - expected) < 5 * np.sqrt(expected * (1 - expected) / len(pairs)) + 0.01


@given(st.lists(st.lists(st.integers(0, 3), max_size=5), max_size=8))
def test_sequences_have_the_same_hash_if_and_only_if_they_are_the_same(sequences: list[list[int]]) -> None:
    values = np.array([value for sequence in sequences for value in sequence], dtype=np.uint64) + np.uint64(1)
    offsets = np.concatenate([[0], np.cumsum(list(map(len, sequences)))]).astype(np.int64)
    hashes = hash_sequences(values, offsets).tolist()
    assert len(set(hashes)) == len(set(map(tuple, sequences)))
    assert all((value == 0) == (not sequence) for value, sequence in zip(hashes, sequences, strict=True))


def test_what_two_sets_share_by_what_they_have_together() -> None:
    def some(*values: int) -> np.ndarray:
        return np.array(values, dtype=np.uint32)

    assert jaccard(some(1, 2, 3), some(2, 3, 4)) == 0.5
    assert (
        jaccard(some(1), some(2))
        == jaccard(some(), some(1))
        == jaccard(some(1), some())
        == jaccard(some(), some())
        == 0
    )
    assert jaccard(some(5, 9), some(5, 9)) == 1
