"""Which documents contain a question of an evaluation set, by runs of words (`grams`).

A document is contaminated when it has at least half of a question's runs of 13 words: GPT-3 asks for a single one
(Brown et al., 2020, appendix C) and found that it takes too much away, since a set may quote what is public anyway.
Runs that stand in more than 10 questions are a set's manner of speaking ("Does this artwork exist in the form of ...")
and do not count, as GPT-3 leaves out those that stand in more than 10 documents.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from interleave.dedup.clusters import Ints
from interleave.dedup.evaluation.fingerprints import Fingerprints
from interleave.dedup.evaluation.grams import Grams, normalised_words, run_hashes, word_hashes

MAX_ITEMS_PER_GRAM = 10
DEFAULT_SHARE = 0.5
_FILTER_BITS = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class QuestionMatch:
    """A question that a document contains."""

    set: str
    item: str
    share: float
    # Of the question's runs of words.


@dataclass(frozen=True, slots=True, kw_only=True)
class _Runs:
    """The runs of one length, of all questions."""

    length: int
    grams: Grams
    # (num_grams,) each once, sorted.
    borders: Ints
    # (num_grams + 1,): ways[borders[i] : borders[i + 1]] have gram i.
    ways: Ints
    may_have: npt.NDArray[np.bool_]
    # (1 << _FILTER_BITS,) by the highest bits: most runs of most documents go no further.

    def ways_in(self, hashes: Grams) -> Ints:
        """A way for each time that one of its runs is in a document, each run counted once."""
        runs = run_hashes(hashes, self.length)
        runs = np.unique(runs[self.may_have[runs >> np.uint64(64 - _FILTER_BITS)]])
        place = np.minimum(np.searchsorted(self.grams, runs), len(self.grams) - 1)
        found = place[self.grams[place] == runs]
        if not len(found):
            return np.empty(0, dtype=np.int64)
        return np.concatenate([self.ways[self.borders[gram] : self.borders[gram + 1]] for gram in found])


class QuestionMatcher:
    """Finds the questions of evaluation sets in documents."""

    def __init__(self, fingerprints: Fingerprints, share: float = DEFAULT_SHARE) -> None:
        """share: of a question's runs of words that a document must have, above 0."""
        self._names = fingerprints.question_names
        self._share = share
        sizes = np.diff(fingerprints.borders)
        way_of_gram = np.repeat(np.arange(len(sizes)), sizes)
        kept = _is_own(fingerprints, way_of_gram)
        self._num_grams = np.bincount(way_of_gram[kept], minlength=len(sizes))
        self._runs = list(_by_length(fingerprints.grams[kept], way_of_gram[kept], fingerprints.num_words))

    def match(self, sentences: Sequence[str]) -> QuestionMatch | None:
        """The question of which a document has the largest share, of equal ones the first; None: of none enough."""
        hashes = word_hashes(normalised_words(" ".join(sentences)))
        found = [runs.ways_in(hashes) for runs in self._runs]
        ways, num_found = np.unique(np.concatenate([np.empty(0, dtype=np.int64), *found]), return_counts=True)
        shares = num_found / self._num_grams[ways]
        if not len(shares) or shares.max() < self._share:
            return None
        best = int(ways[shares.argmax()])
        set_name, item = self._names[best]
        return QuestionMatch(set=set_name, item=item, share=float(shares.max()))


def _is_own(fingerprints: Fingerprints, way_of_gram: Ints) -> npt.NDArray[np.bool_]:
    """(num_grams,) whether a gram stands in few questions; the ways in which one question may stand count once."""
    items = {name: number for number, name in enumerate(dict.fromkeys(fingerprints.question_names))}
    item_of_way = np.array([items[name] for name in fingerprints.question_names], dtype=np.int64)
    _, gram = np.unique(fingerprints.grams, return_inverse=True)
    pairs = np.unique(np.stack([gram, item_of_way[way_of_gram]], axis=1), axis=0)
    own: npt.NDArray[np.bool_] = np.bincount(pairs[:, 0])[gram] <= MAX_ITEMS_PER_GRAM
    return own


def _by_length(grams: Grams, ways: Ints, num_words: Ints) -> Iterator[_Runs]:
    for length in np.unique(num_words[ways]):
        chosen = num_words[ways] == length
        order = np.lexsort((ways[chosen], grams[chosen]))
        known, starts = np.unique(grams[chosen][order], return_index=True)
        may_have = np.zeros(1 << _FILTER_BITS, dtype=np.bool_)
        may_have[known >> np.uint64(64 - _FILTER_BITS)] = True
        yield _Runs(
            length=int(length),
            grams=known,
            borders=np.concatenate([starts, [len(order)]]).astype(np.int64),
            ways=ways[chosen][order],
            may_have=may_have,
        )
