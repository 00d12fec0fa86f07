"""Documents that are the same: by their words, and nearly, by MinHash."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from interleave.dedup.clusters import Ints, components, equal_pairs, groups

# 16 bands of 8 rows: two documents with Jaccard similarity 0.8 share a band with a chance of 1 - (1 - 0.8^8)^16 = 0.95,
# with 0.9 of 0.9999.
ROWS_PER_BAND = 8


def document_clusters(
    digests: npt.NDArray[np.void], signatures: npt.NDArray[np.uint32], near: float | None
) -> tuple[Ints, Ints]:
    """Labels of clusters of equal texts, and of equal or near ones.

    digests: (num_documents,) 16 bytes each; signatures: (num_documents, num_permutations), all zero where a text has no
    words: such documents are nobody's duplicate.
    """
    has_words = np.asarray(signatures.any(axis=1))
    equal = equal_pairs(digests)
    equal = equal[has_words[equal].all(axis=1)]
    labels = components(len(digests), equal)
    if near is None:
        return labels, labels
    return labels, components(len(digests), np.concatenate([equal, _near_pairs(signatures, has_words, near)]))


def _near_pairs(signatures: npt.NDArray[np.uint32], has_words: npt.NDArray[np.bool_], near: float) -> Ints:
    """Pairs that share a band and whose signatures agree in a share of at least `near`, the estimate of Jaccard."""
    of_words = np.flatnonzero(has_words)
    whole = np.ascontiguousarray(signatures[of_words]).view(np.dtype((np.void, signatures.shape[1] * 4))).ravel()
    # Equal signatures are chained and stand for each other in the bands: n copies are n pairs, not n * n.
    items = of_words[np.unique(whole, return_index=True)[1]]
    found = [of_words[equal_pairs(whole)]]
    for start in range(0, signatures.shape[1], ROWS_PER_BAND):
        band = np.ascontiguousarray(signatures[items, start : start + ROWS_PER_BAND])
        keys = band.view(np.dtype((np.void, band.shape[1] * 4))).ravel()
        for members in groups(keys):
            found.extend(_agreeing(items[members], signatures, near))
    return np.unique(np.concatenate(found), axis=0)


def _agreeing(members: Ints, signatures: npt.NDArray[np.uint32], near: float) -> list[Ints]:
    pairs = []
    for position, item in enumerate(members[:-1]):
        rest = members[position + 1 :]
        agreement = (signatures[rest] == signatures[item]).mean(axis=1)
        close = rest[agreement >= near]
        pairs.append(np.stack([np.full_like(close, item), close], axis=1))
    return pairs
