"""Paragraphs that are repeated: the menu, the appeal, the notice that stands on every page of a domain.

Those of a whole corpus are more than memory holds: they are looked at in parts, by their hash, so that all copies of
one are in one part.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from interleave.dedup.clusters import Ints
from interleave.dedup.columns import num_rows, read_numbers
from interleave.dedup.corpus import Corpus, copies
from interleave.dedup.word_hashes import UInt64s, mix

# Paragraphs looked at at once; each takes about 60 bytes.
PER_PART = 1 << 23


@dataclass(frozen=True, slots=True, kw_only=True)
class RepeatedParagraphs:
    """What goes."""

    rows: Ints
    num_copies: npt.NDArray[np.float64]
    # (num_dropped,)


def repeated_paragraphs(
    corpus: Corpus,
    *,
    within: Literal["domain", "corpus"],
    max_copies: int,
    min_words: int,
    policy: Literal["drop_all", "keep_n"],
    per_part: int = PER_PART,
) -> RepeatedParagraphs:
    """Paragraphs of documents that stay, of `min_words` words or more, that occur more than `max_copies` times."""
    domains = corpus.column("domain", np.uint64) if within == "domain" else None
    sizes = [0 if files.paragraphs is None else num_rows(files.paragraphs) for files in corpus.files]
    num_parts = 1 + sum(sizes) // per_part
    rows, num_copies = [np.empty(0, dtype=np.int64)], [np.empty(0, dtype=np.int64)]
    for part in range(num_parts):
        keys, places, documents = _read(corpus, domains, sizes, min_words, (part, num_parts))
        number = copies(keys)
        many = np.flatnonzero(number > max_copies)
        order = many[np.lexsort((places[many], corpus.rank[documents[many]], keys[many]))]
        begins = np.append(True, keys[order[1:]] != keys[order[:-1]]) if len(order) else np.empty(0, dtype=np.bool_)
        first = np.maximum.accumulate(np.where(begins, np.arange(len(order)), 0))
        goes = order[np.arange(len(order)) - first >= (max_copies if policy == "keep_n" else 0)]
        rows.append(places[goes])
        num_copies.append(number[goes])
    return RepeatedParagraphs(rows=np.concatenate(rows), num_copies=np.concatenate(num_copies).astype(np.float64))


def _read(
    corpus: Corpus, domains: UInt64s | None, sizes: list[int], min_words: int, part: tuple[int, int]
) -> tuple[UInt64s, Ints, Ints]:
    """(key, row among all paragraphs, document) of each paragraph of a part; without a domain there is none in it."""
    keys, places, documents = [np.empty(0, np.uint64)], [np.empty(0, np.int64)], [np.empty(0, np.int64)]
    start = 0
    for number, files in enumerate(corpus.files):
        if files.paragraphs is not None:
            document = read_numbers(files.paragraphs, "document", np.int32) + corpus.starts[number]
            key = read_numbers(files.paragraphs, "hash", np.uint64)
            chosen = corpus.stays[document] & (read_numbers(files.paragraphs, "num_words", np.int32) >= min_words)
            if domains is not None:
                key = mix(key ^ mix(domains[document]))
                chosen &= domains[document] != 0
            chosen &= key % np.uint64(part[1]) == part[0]
            places.append(np.flatnonzero(chosen) + start)
            keys.append(key[chosen])
            documents.append(document[chosen])
        start += sizes[number]
    return np.concatenate(keys), np.concatenate(places), np.concatenate(documents)
