"""Words as numbers: every fingerprint of a text is made from these, many sentences at a time, without a loop.

    "Stop,  CAFÉ."  "stop café"      two sentences
    [h("stop"), h("café"), h("stop"), h("café")], offsets [0, 2, 4]

Words are runs of letters, digits and marks in NFKC, case-folded; a character of a script without spaces is one of its
own, and an apostrophe divides, however it is written. A word of up to 8 bytes of UTF-8 has a hash of its own; longer
ones share one by an accident of 2**-64. Nobody need be kept from making two that do: who wants to pass for another's
text can as well write that text.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from interleave.clean.words import UNSPACED
from interleave.dedup.clusters import Ints

UInt64s = npt.NDArray[np.uint64]
UInt8s = npt.NDArray[np.uint8]

_NONE, _SPACED, _ALONE = range(3)
# What most English sentences beyond ASCII have beyond it, and nothing else. None of it is in a word.
_TYPOGRAPHY = "’“”‘–—…•\u00a0"
# The first n bytes of eight, little-endian.
_FIRST_BYTES = np.array([(1 << (8 * n)) - 1 for n in range(9)], dtype=np.uint64)
# Longer words are hashed one by one: the loop over eight bytes a turn stays short.
_LONG = 64
_ODD = np.uint64(0x9E3779B97F4A7C17)


@dataclass(frozen=True, slots=True, kw_only=True)
class WordHashes:
    """The words of sentences, one sentence after another."""

    hashes: UInt64s
    # (num_words,)
    offsets: Ints
    # (num_sentences + 1,) where each sentence's words begin.


def hash_words(sentences: pa.Array) -> WordHashes:
    """The words of an array of strings without nulls."""
    raw, borders = _bytes_of(sentences)
    if raw.isascii():
        return _hash_ascii(raw, borders)
    is_ascii = _is_ascii(np.frombuffer(raw, dtype=np.uint8), borders)
    plain, other = np.flatnonzero(is_ascii), np.flatnonzero(~is_ascii)
    one = _hash_ascii(*_bytes_of(sentences.take(pa.array(plain))))
    return _merge(plain, one, other, _hash_typeset(sentences.take(pa.array(other)).to_pylist()))


def mix(values: UInt64s) -> UInt64s:
    """Spreads every bit over all others (the finaliser of SplitMix64, Steele 2014); changes `values` in place."""
    values ^= values >> np.uint64(30)
    values *= np.uint64(0xBF58476D1CE4E5B9)
    values ^= values >> np.uint64(27)
    values *= np.uint64(0x94D049BB133111EB)
    values ^= values >> np.uint64(31)
    return values


def _bytes_of(sentences: pa.Array) -> tuple[bytes, Ints]:
    """(UTF-8 of all, (num_sentences + 1,) where each one begins in it)."""
    if not len(sentences):
        return b"", np.zeros(1, dtype=np.int64)
    _, offsets, data = sentences.buffers()
    borders = np.frombuffer(offsets, dtype=np.int32)[sentences.offset : sentences.offset + len(sentences) + 1]
    first, last = int(borders[0]), int(borders[-1])
    raw = data.slice(first, last - first).to_pybytes() if last > first else b""
    return raw, borders.astype(np.int64) - first


def _is_ascii(codes: npt.NDArray[np.unsignedinteger], borders: Ints) -> npt.NDArray[np.bool_]:
    """(num_sentences,)"""
    beyond = np.flatnonzero(codes >= 128)
    num_before = np.searchsorted(beyond, borders)
    return np.asarray(num_before[1:] == num_before[:-1])


def _hash_typeset(texts: Sequence[str]) -> WordHashes:
    """Sentences beyond ASCII; those that are so by their quotes and dashes alone are hashed as the others are."""
    whole = "".join(texts)
    borders = _borders([len(text) for text in texts])
    for sign in _TYPOGRAPHY:
        whole = whole.replace(sign, " ")
    is_ascii = _is_ascii(np.frombuffer(whole.encode("utf-32-le"), dtype=np.uint32), borders)
    simple = [whole[borders[index] : borders[index + 1]] for index in np.flatnonzero(is_ascii)]
    one = _hash_ascii("".join(simple).encode(), _borders([len(text) for text in simple]))
    other = np.flatnonzero(~is_ascii)
    return _merge(np.flatnonzero(is_ascii), one, other, _hash_unicode([texts[index] for index in other.tolist()]))


def _hash_ascii(raw: bytes, borders: Ints) -> WordHashes:
    folded = raw.translate(_ascii_fold())
    codes = np.frombuffer(folded, dtype=np.uint8)
    starts, ends = _find_words((codes != 0).view(np.uint8), borders)
    return WordHashes(hashes=_hash_spans(folded, starts, ends), offsets=np.searchsorted(starts, borders))


def _hash_unicode(texts: Sequence[str]) -> WordHashes:
    folded = [unicodedata.normalize("NFKC", text).casefold() for text in texts]
    whole, borders = "".join(folded), _borders([len(text) for text in folded])
    codes = np.frombuffer(whole.encode("utf-32-le"), dtype=np.uint32)
    starts, ends = _find_words(_kinds()[codes], borders)
    # Where each code point lies in UTF-8.
    place = _borders(1 + (codes >= 0x80).astype(np.int64) + (codes >= 0x800) + (codes >= 0x10000))
    return WordHashes(
        hashes=_hash_spans(whole.encode(), place[starts], place[ends]), offsets=np.searchsorted(starts, borders)
    )


def _borders(lengths: npt.ArrayLike) -> Ints:
    return np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)


def _find_words(kinds: UInt8s, borders: Ints) -> tuple[Ints, Ints]:
    """Where words begin and end; none goes on from one sentence to the next."""
    is_word = np.append(kinds != _NONE, False)
    goes_on = np.zeros(len(is_word), dtype=np.bool_)
    goes_on[1:-1] = (kinds[1:] == _SPACED) & (kinds[:-1] == _SPACED)
    goes_on[borders] = False
    starts = np.flatnonzero(is_word & ~goes_on)
    ends = np.flatnonzero(is_word[:-1] & ~goes_on[1:]) + 1
    return starts, ends


def _hash_spans(raw: bytes, starts: Ints, ends: Ints) -> UInt64s:
    """(num_words,) hashes of stretches of bytes, none of them empty."""
    eights = np.ndarray(len(raw) + 1, dtype="<u8", buffer=raw + bytes(8), strides=(1,))
    lengths = ends - starts
    hashes = mix(eights[starts] & _FIRST_BYTES[np.minimum(lengths, 8)])
    longer = np.flatnonzero((lengths > 8) & (lengths <= _LONG))
    done = 8
    while len(longer):
        following = eights[starts[longer] + done] & _FIRST_BYTES[np.minimum(lengths[longer] - done, 8)]
        hashes[longer] = mix(hashes[longer] * _ODD ^ following)
        done += 8
        longer = longer[lengths[longer] > done]
    for index in np.flatnonzero(lengths > _LONG):
        digest = hashlib.blake2b(raw[starts[index] : ends[index]], digest_size=8).digest()
        hashes[index] = int.from_bytes(digest, "little")
    return hashes


def _merge(first: Ints, one: WordHashes, second: Ints, two: WordHashes) -> WordHashes:
    """The words of both, in the order of the sentences that they come from."""
    counts = np.empty(len(first) + len(second), dtype=np.int64)
    counts[first], counts[second] = np.diff(one.offsets), np.diff(two.offsets)
    is_first = np.zeros(len(counts), dtype=np.bool_)
    is_first[first] = True
    of_word = np.repeat(is_first, counts)
    hashes = np.empty(len(of_word), dtype=np.uint64)
    hashes[of_word], hashes[~of_word] = one.hashes, two.hashes
    return WordHashes(hashes=hashes, offsets=_borders(counts))


@cache
def _kinds() -> UInt8s:
    """(number of code points,) what each one is in a word."""
    every = [chr(code) for code in range(0x110000)]
    in_words = [letter.isalnum() or unicodedata.category(letter)[0] == "M" for letter in every]
    kinds = np.array(in_words, dtype=np.uint8) * _SPACED
    alone = [ord(letter) for letter in re.findall(f"[{UNSPACED}]", "".join(every))]
    kinds[alone] *= np.uint8(_ALONE)
    return np.asarray(kinds, dtype=np.uint8)


@cache
def _ascii_fold() -> bytes:
    """For `bytes.translate`: lower case, 0 for what is in no word."""
    letters = map(chr, range(128))
    return bytes(ord(letter.lower()) if letter.isalnum() else 0 for letter in letters) + bytes(128)
