"""Small numbers that stand for a text or a picture, so that duplicates are found without either."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from rensa import RMinHash

from interleave.clean.signals import words
from interleave.identity import text_digest

NUM_PERMUTATIONS = 128
SHINGLE_WORDS = 5
_MINHASH_SEED = 1


def _dct_rows(num_rows: int, size: int) -> npt.NDArray[np.float64]:
    """(num_rows, size): the lowest rows of the type-II DCT matrix, constant row included."""
    frequency = np.arange(num_rows)[:, None]
    position = np.arange(size)[None, :]
    return np.cos(np.pi * frequency * (2 * position + 1) / (2 * size))


_DCT = _dct_rows(8, 32)


def perceptual_hash(thumbnail: npt.NDArray[np.uint8]) -> int:
    """64-bit hash of a (32, 32) luma thumbnail: signs of its 8 x 8 lowest DCT coefficients against their median.

    The construction of pHash (Zauner, 2010), as MMC4 uses it.
    """
    coefficients = _DCT @ thumbnail.astype(np.float64) @ _DCT.T  # (8, 8)
    # Rounded, so that the last bit of a float sum does not decide on another machine.
    coefficients = np.round(coefficients, 3)
    bits = coefficients > np.median(coefficients)
    return int.from_bytes(np.packbits(bits).tobytes(), "big")


def document_digest(sentences: Sequence[str]) -> bytes:
    """16 bytes that are equal for texts that differ in nothing but case, punctuation and spaces."""
    return text_digest(" ".join(_normalised_words(sentences)))


def minhash_signatures(documents: Sequence[Sequence[str]]) -> list[bytes]:
    """MinHash of word 5-grams for each list of sentences: (NUM_PERMUTATIONS,) little-endian uint32, or b""."""
    shingles = [_shingles(_normalised_words(sentences)) for sentences in documents]
    digests = RMinHash.digests_from_token_sets(shingles, num_perm=NUM_PERMUTATIONS, seed=_MINHASH_SEED)
    return [
        np.asarray(digest, dtype="<u4").tobytes() if tokens else b""
        for digest, tokens in zip(digests, shingles, strict=True)
    ]


def _shingles(tokens: list[str]) -> list[str]:
    """["a b c d e", "b c d e f", ...]; a shorter text is one shingle."""
    if len(tokens) <= SHINGLE_WORDS:
        return [" ".join(tokens)] if tokens else []
    return [" ".join(tokens[start : start + SHINGLE_WORDS]) for start in range(len(tokens) - SHINGLE_WORDS + 1)]


def _normalised_words(sentences: Sequence[str]) -> list[str]:
    return words(unicodedata.normalize("NFKC", " ".join(sentences)).casefold())
