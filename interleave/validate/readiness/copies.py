"""Pictures that a dataset has more than once, to the eye."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from interleave.dedup.clusters import Hashes
from interleave.dedup.hamming import hamming_pairs

# Bits of 64 in which perceptual hashes of one picture may differ: the recipes' usual ones.
_WITHIN, _ACROSS = 5, 2


def repeated_in_document(images: pa.Table) -> float | None:
    """Share of the images that stand in their document before; None without images.

    images: rows of doc_id, image, phash.
    """
    if not len(images):
        return None
    ordered = images.select(["doc_id", "image", "phash"]).sort_by([("doc_id", "ascending"), ("image", "ascending")])
    hashes = ordered["phash"].to_numpy()
    documents = np.asarray(pc.dictionary_encode(ordered["doc_id"]).combine_chunks().indices)
    borders = np.flatnonzero(np.diff(documents)) + 1
    repeated = sum(_num_repeated(part) for part in np.split(hashes, borders) if len(part) > 1)
    return repeated / len(images)


def _num_repeated(hashes: Hashes) -> int:
    differing = np.bitwise_count(hashes[:, None] ^ hashes[None, :])
    return int((np.tril(differing <= _WITHIN, -1)).any(axis=1).sum())


def repeated_elsewhere(images: pa.Table) -> float | None:
    """Share of the images that another document has, too; None without images.

    images: rows of doc_id, phash.
    """
    if not len(images):
        return None
    pairs = images.select(["doc_id", "phash"]).group_by(["doc_id", "phash"]).aggregate([([], "count_all")])
    hashes, number, times = np.unique(pairs["phash"].to_numpy(), return_inverse=True, return_counts=True)
    in_several = times > 1
    near = hamming_pairs(hashes, _ACROSS)
    documents: list[str] = []
    if len(near):
        # Alike pictures of one document alone are none of another's.
        first = np.zeros(len(hashes), dtype=np.int64)
        first[number] = np.arange(len(number))
        documents = pairs["doc_id"].to_pylist()
        for left, right in near.tolist():
            if times[left] > 1 or times[right] > 1 or documents[first[left]] != documents[first[right]]:
                in_several[[left, right]] = True
    counts = pairs["count_all"].to_numpy()
    return float(counts[in_several[number]].sum() / counts.sum())
