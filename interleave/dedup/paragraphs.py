"""Paragraphs that are repeated: the menu, the appeal, the notice that stands on every page of a domain.

Those of a whole corpus are more than memory holds: they are looked at in parts, all copies of one in one.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import numpy as np
import numpy.typing as npt

from interleave.dedup.clusters import Ints
from interleave.dedup.columns import num_rows, read_numbers
from interleave.dedup.corpus import Corpus, copies, first_of_runs
from interleave.dedup.word_hashes import UInt64s, mix


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
) -> RepeatedParagraphs:
    """Paragraphs of documents that stay, of `min_words` words or more, that occur more than `max_copies` times."""
    domains = corpus.column("domain", np.uint64) if within == "domain" else None
    sizes = [0 if files.paragraphs is None else num_rows(files.paragraphs) for files in corpus.files]
    document = corpus.scratch.joined(_documents(corpus), sum(sizes), np.int32)
    preference = corpus.preference("first")
    rows, num_copies = [np.empty(0, dtype=np.int64)], [np.empty(0, dtype=np.int64)]
    for keys, places in corpus.scratch.by_key(_records(corpus, document, sizes, domains, min_words)):
        number = copies(keys)
        many = np.flatnonzero(number > max_copies)
        of = document[places[many]].astype(np.int64)
        order = many[np.lexsort((places[many], *preference.sort_keys(of), keys[many]))]
        first = first_of_runs(keys[order])
        goes = order[np.arange(len(order)) - first >= (max_copies if policy == "keep_n" else 0)]
        rows.append(places[goes])
        num_copies.append(number[goes])
    return RepeatedParagraphs(rows=np.concatenate(rows), num_copies=np.concatenate(num_copies).astype(np.float64))


def _documents(corpus: Corpus) -> Iterator[npt.NDArray[np.int32]]:
    """The document of each paragraph."""
    for files, first in zip(corpus.files, corpus.starts[:-1], strict=True):
        if files.paragraphs is not None:
            yield read_numbers(files.paragraphs, "document", np.int32) + np.int32(first)


def _records(
    corpus: Corpus, document: npt.NDArray[np.int32], sizes: list[int], domains: UInt64s | None, min_words: int
) -> Iterator[tuple[UInt64s, Ints]]:
    """(key, row) of each paragraph that counts; where domains do, one without a domain does not.

    document: (num_paragraphs,)
    """
    for files, (start, end) in zip(corpus.files, pairwise(np.cumsum([0, *sizes]).tolist()), strict=True):
        if files.paragraphs is not None:
            key = read_numbers(files.paragraphs, "hash", np.uint64)
            of = document[start:end]
            chosen = corpus.stays[of] & (read_numbers(files.paragraphs, "num_words", np.int32) >= min_words)
            if domains is not None:
                key = mix(key ^ mix(domains[of]))
                chosen &= domains[of] != 0
            yield key[chosen], np.flatnonzero(chosen) + start
