"""What can be said of all samples together, from the index alone."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from interleave.sample import key_of
from interleave.shard.index import INDEX_NAME
from interleave.shard.manifest import Manifest
from interleave.validate.file_checks import Placed

Int32s = npt.NDArray[np.int32]

# Ranks, or workers of them, that get this much more than others make these wait.
_UNEVEN = 1.05


def num_parts(index: pa.Table) -> Int32s:
    """(num_samples,) how many parts the index has of each sample's document."""
    documents = _documents(index)
    found: Int32s = np.bincount(documents, minlength=1)[documents].astype(np.int32)
    return found


def check_parts(index: pa.Table) -> Placed:
    """A document of n parts has the parts 0 to n - 1, each once, also where some were taken down."""
    documents, parts = _documents(index), index["part"].to_numpy()
    if not len(parts):
        return
    order = np.lexsort((parts, documents))
    starts = np.flatnonzero(np.diff(documents[order], prepend=-1))
    place = np.arange(len(order)) - np.repeat(starts, np.diff(starts, append=len(order)))
    for row in order[parts[order] != place][:1000]:
        doc_id = index["doc_id"][int(row)].as_py()
        message = f"is part {int(parts[row])} of document {doc_id}, which lacks or doubles a part before it"
        yield f"{INDEX_NAME} {key_of(int(row))}", "document-parts", message


def check_balance(manifest: Manifest, num_ranks: int, num_workers: int) -> Placed:
    """Readers that deal out whole shards give every rank and worker as many, and about as much."""
    num_readers = num_ranks * num_workers
    num_shards = len(manifest.shards)
    where = f"{num_ranks} ranks x {num_workers} workers"
    if num_shards % num_readers:
        yield where, "shard-balance", f"{num_shards:,} shards cannot be dealt out evenly to {num_readers:,} readers"
        return
    tokens = np.array([shard.num_tokens for shard in manifest.shards], dtype=np.int64)
    # As webdataset deals them: each reader takes every num_readers-th.
    dealt = tokens.reshape(-1, num_readers).sum(axis=0)
    if dealt.max() > _UNEVEN * max(int(dealt.min()), 1):
        message = f"one reader gets {int(dealt.max()):,} tokens, another {int(dealt.min()):,}"
        yield where, "shard-balance", message


def _documents(index: pa.Table) -> npt.NDArray[np.int64]:
    """(num_samples,) a number for each document."""
    codes = pc.dictionary_encode(index["doc_id"].combine_chunks())
    codes = codes.indices if isinstance(codes, pa.DictionaryArray) else codes.combine_chunks().indices
    return np.asarray(codes.to_numpy(zero_copy_only=False), dtype=np.int64)
