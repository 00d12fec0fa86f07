import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from interleave.dedup.fingerprints import perceptual_hash


def test_the_lowest_frequencies_of_a_known_picture_have_a_known_hash() -> None:
    # Brighter to the right and nothing else: of the 64 coefficients only the first row is not 0, and of it the constant
    # is positive, and of the odd horizontal frequencies, which alone such a ramp has, all are negative.
    ramp = np.tile(np.arange(32, dtype=np.uint8) * 8, (32, 1))
    assert perceptual_hash(ramp) == 1 << 63
    # Mirrored, the odd frequencies are positive: bits 0, 1, 3, 5, 7 of the first row.
    assert perceptual_hash(ramp[:, ::-1]) == 0b11010101 << 56
    # Turned, the first column is: bit 0 of rows 0, 1, 3, 5, 7.
    turned = sum(1 << (63 - 8 * row) for row in (0, 1, 3, 5, 7))
    assert perceptual_hash(ramp[:, ::-1].T) == turned


@given(st.integers(0, 2**32 - 1), st.integers(-8, 8))
def test_a_picture_that_is_a_little_brighter_keeps_its_hash_and_another_one_does_not(seed: int, shift: int) -> None:
    rng = np.random.default_rng(seed)
    coarse = rng.integers(40, 200, (8, 8), dtype=np.uint8)
    picture = np.kron(coarse, np.ones((4, 4), dtype=np.uint8))
    brighter = (picture.astype(int) + shift).astype(np.uint8)
    other = np.kron(rng.permutation(coarse.ravel()).reshape(8, 8), np.ones((4, 4), dtype=np.uint8))
    assert (perceptual_hash(picture) ^ perceptual_hash(brighter)).bit_count() <= 2
    assert (perceptual_hash(picture) ^ perceptual_hash(other)).bit_count() > 7
