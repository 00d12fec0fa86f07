"""The third stage: duplicates among what the rules left over, found on small records about documents and images.

First whole documents, then, among the documents that stay, images: within each document, and across the corpus. What is
kept is decided by (policy's key, document id), never by arrival.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from interleave.counts import Counts
from interleave.dedup.clusters import Hashes, Ints, components, equal_pairs, hamming_pairs
from interleave.dedup.documents import document_clusters
from interleave.dedup.fingerprints import NUM_PERMUTATIONS
from interleave.document import Drop
from interleave.spool import read_drops, write_drops, write_table

STAGE = "dedup"
GROUPS = pa.schema([("doc_id", pa.string()), ("group", pa.string())])


@dataclass(frozen=True, slots=True, kw_only=True)
class DedupTask:
    """All splits, and what counts as the same. A None turns a step off."""

    documents: tuple[str, ...]
    decided: tuple[str, ...]
    # What `measure` and `decide` wrote, split by split.
    drops: tuple[str, ...]
    # What this stage writes, split by split.
    groups: str
    # Documents that share an image: they belong on one side of a split of the dataset.
    document_near: float | None
    document_keep: Literal["first", "longest"] | None
    image_within: int | None
    image_across: int
    image_max_copies: int | None
    image_policy: Literal["drop_all", "keep_n"]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Corpus:
    """What is left, as columns, documents ordered by id and images by (document, index)."""

    doc_ids: npt.NDArray[np.str_]
    split: Ints
    num_characters: Ints
    digests: npt.NDArray[np.void]
    signatures: npt.NDArray[np.uint32]
    # (num_documents, ...)
    image_document: Ints
    image_index: Ints
    image_sha256: npt.NDArray[np.bytes_]
    image_phash: Hashes
    # (num_images,)


def dedup(task: DedupTask) -> Counts:
    """Writes a drop list for each split."""
    corpus = _load(task)
    num_documents, num_images = len(corpus.doc_ids), len(corpus.image_document)
    drops: list[tuple[int, Drop]] = []
    keeps_document = np.ones(num_documents, dtype=np.bool_)
    if task.document_keep is not None:
        drops += _document_drops(corpus, task, keeps_document)
    keeps_image = keeps_document[corpus.image_document]
    drops += _images_of_dropped(corpus, keeps_image)
    if task.image_within is not None:
        drops += _within_document(corpus, task.image_within, keeps_image)
    clusters = _image_clusters(corpus, task.image_across)
    if task.image_max_copies is not None:
        drops += _across_corpus(corpus, clusters, task, keeps_image)
    _write(task, drops)
    _write_groups(Path(task.groups), corpus, clusters, keeps_image)
    counts = Counts(documents_in=num_documents, images_in=num_images)
    counts.add_drops(drop for _, drop in drops)
    counts["documents_out"] = int(keeps_document.sum())
    counts["images_out"] = int(keeps_image.sum())
    return counts


def _document_drops(corpus: _Corpus, task: DedupTask, keeps: npt.NDArray[np.bool_]) -> Iterator[tuple[int, Drop]]:
    equal, near = document_clusters(corpus.digests, corpus.signatures, task.document_near)
    key = -corpus.num_characters if task.document_keep == "longest" else np.zeros_like(corpus.num_characters)
    keepers = _first_of_each(near, key)
    for document in np.flatnonzero(keepers[near] != np.arange(len(near))):
        keeper = keepers[near[document]]
        keeps[document] = False
        is_equal = equal[document] == equal[keeper]
        rule = "document_equal" if is_equal else "document_near"
        agreement = float((corpus.signatures[document] == corpus.signatures[keeper]).mean())
        yield _drop(corpus, int(document), None, rule, agreement, task.document_near, str(corpus.doc_ids[keeper]))


def _first_of_each(labels: Ints, key: Ints) -> Ints:
    """(num_items,) indexed by label: the member with the smallest key, ties to the smallest index (document id)."""
    order = np.lexsort((np.arange(len(labels)), key))
    keepers = np.zeros(len(labels), dtype=np.int64)
    keepers[labels[order[::-1]]] = order[::-1]  # the last one written is the first in order
    return keepers


def _images_of_dropped(corpus: _Corpus, keeps: npt.NDArray[np.bool_]) -> Iterator[tuple[int, Drop]]:
    for image in np.flatnonzero(~keeps):
        document, index = corpus.image_document[image], corpus.image_index[image]
        yield _drop(corpus, document, index, "document_dropped", None, None, "duplicate document")


def _within_document(corpus: _Corpus, distance: int, keeps: npt.NDArray[np.bool_]) -> Iterator[tuple[int, Drop]]:
    """An image goes if an earlier one of its document, itself kept, is as good as the same."""
    starts = np.flatnonzero(np.diff(corpus.image_document, prepend=-1))
    for images in np.split(np.flatnonzero(keeps), np.searchsorted(np.flatnonzero(keeps), starts[1:])):
        kept: list[int] = []
        for image in images:
            differing = np.bitwise_count(corpus.image_phash[kept] ^ corpus.image_phash[image])
            if not kept or differing.min() > distance:
                kept.append(int(image))
                continue
            keeps[image] = False
            document, index = corpus.image_document[image], corpus.image_index[image]
            yield _drop(corpus, document, index, "image_within_document", float(differing.min()), distance)


def _image_clusters(corpus: _Corpus, distance: int) -> Ints:
    """(num_images,) label of each image's cluster: equal bytes, or perceptual hashes within `distance`."""
    hashes, position = np.unique(corpus.image_phash, return_inverse=True)
    of_hash = components(len(hashes), hamming_pairs(hashes, distance))[position]
    pairs = np.concatenate([equal_pairs(of_hash), equal_pairs(corpus.image_sha256)])
    return components(len(position), pairs)


def _across_corpus(
    corpus: _Corpus, clusters: Ints, task: DedupTask, keeps: npt.NDArray[np.bool_]
) -> Iterator[tuple[int, Drop]]:
    """Images with more copies than allowed: all of them, or all but the first ones in order of document id."""
    assert task.image_max_copies is not None
    num_copies = np.bincount(clusters[keeps], minlength=len(clusters))
    allowed = task.image_max_copies if task.image_policy == "keep_n" else 0
    rank: dict[int, int] = {}
    for image in np.flatnonzero(keeps & (num_copies[clusters] > task.image_max_copies)):
        label = int(clusters[image])
        rank[label] = rank.get(label, 0) + 1
        if rank[label] > allowed:
            keeps[image] = False
            document, index = corpus.image_document[image], corpus.image_index[image]
            copies = float(num_copies[label])
            yield _drop(corpus, document, index, "image_across_corpus", copies, task.image_max_copies)


def _drop(
    corpus: _Corpus,
    document: int,
    image: int | None,
    rule: str,
    value: float | None,
    threshold: float | None,
    detail: str = "",
) -> tuple[int, Drop]:
    return int(corpus.split[document]), Drop(
        doc_id=str(corpus.doc_ids[document]),
        image=None if image is None else int(image),
        stage=STAGE,
        rule=rule,
        value=value,
        threshold=None if threshold is None else float(threshold),
        detail=detail,
    )


def _load(task: DedupTask) -> _Corpus:
    columns = ["id", "sentences", "text_digest", "signature", "images.list.element.index"]
    columns += ["images.list.element.sha256", "images.list.element.phash"]
    documents: list[tuple[str, int, int, bytes, bytes]] = []
    images: list[tuple[str, int, str, int]] = []
    for split, (path, decided) in enumerate(zip(task.documents, task.decided, strict=True)):
        gone = {(drop.doc_id, drop.image) for drop in read_drops(Path(decided))}
        for batch in pq.ParquetFile(path).iter_batches(batch_size=1024, columns=columns):
            for row in batch.to_pylist():
                if (row["id"], None) in gone:
                    continue
                num_characters = sum(map(len, row["sentences"]))
                documents.append((row["id"], split, num_characters, row["text_digest"], row["signature"]))
                images.extend(
                    (row["id"], image["index"], image["sha256"], image["phash"])
                    for image in row["images"]
                    if (row["id"], image["index"]) not in gone
                )
    return _columns(sorted(documents), sorted(images))


def _columns(
    documents: Sequence[tuple[str, int, int, bytes, bytes]], images: Sequence[tuple[str, int, str, int]]
) -> _Corpus:
    doc_ids = np.array([row[0] for row in documents], dtype="<U32")
    empty = bytes(4 * NUM_PERMUTATIONS)
    signatures = np.frombuffer(b"".join(row[4] or empty for row in documents), dtype="<u4")
    return _Corpus(
        doc_ids=doc_ids,
        split=np.array([row[1] for row in documents], dtype=np.int64),
        num_characters=np.array([row[2] for row in documents], dtype=np.int64),
        digests=np.frombuffer(b"".join(row[3] for row in documents), dtype=np.dtype((np.void, 16))),
        signatures=signatures.reshape(len(documents), NUM_PERMUTATIONS),
        image_document=np.searchsorted(doc_ids, np.array([row[0] for row in images], dtype="<U32")).astype(np.int64),
        image_index=np.array([row[1] for row in images], dtype=np.int64),
        image_sha256=np.array([row[2] for row in images], dtype="S64"),
        image_phash=np.array([row[3] for row in images], dtype=np.uint64),
    )


def _write(task: DedupTask, drops: Sequence[tuple[int, Drop]]) -> None:
    by_split: list[list[Drop]] = [[] for _ in task.drops]
    for split, drop in drops:
        by_split[split].append(drop)
    for path, of_split in zip(task.drops, by_split, strict=True):
        write_drops(Path(path), of_split)


def _write_groups(path: Path, corpus: _Corpus, clusters: Ints, keeps: npt.NDArray[np.bool_]) -> None:
    """For each document the smallest id among those it shares an image with, directly or through others."""
    kept = np.flatnonzero(keeps)
    shared = equal_pairs(clusters[kept])
    labels = components(len(corpus.doc_ids), corpus.image_document[kept[shared]])
    with write_table(path, GROUPS) as table:
        for doc_id, label in zip(corpus.doc_ids, labels, strict=True):
            table.append({"doc_id": str(doc_id), "group": str(corpus.doc_ids[label])})
