"""The stage between the rules and `dedup`: fingerprints of what the rules left, a split at a time, column by column.

Text that a rule removed counts no more: two pages whose menus were removed are compared by what is left of them. Reads
no image; what is asked of their bytes was measured before.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from interleave.access.spelling import canonical_url, host_of
from interleave.counts import Counts
from interleave.dedup.clusters import Ints
from interleave.dedup.columns import binaries, fixed_binary, write_columns
from interleave.dedup.tables import BANDS, DOCUMENTS, IMAGES, NO_DATE, PARAGRAPHS, FingerprintFiles
from interleave.dedup.text_fingerprints import fingerprint_texts, hash_sequences
from interleave.dedup.word_hashes import WordHashes, hash_words
from interleave.drops import Dropped, read_dropped

_COLUMNS = ["id", "url", "sentences", "paragraphs", "meta"]
_COLUMNS += [f"images.list.element.{name}" for name in ("index", "sha256", "phash")]
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class FingerprintTask:
    """One split."""

    documents: str
    dropped: tuple[str, ...]
    # What `measure` wrote, and stages that dropped some of it.
    into: FingerprintFiles
    # What this stage writes.


@dataclass(frozen=True, slots=True, kw_only=True)
class _Texts:
    """The sentences that are left of a batch of documents."""

    words: WordHashes
    lengths: Ints
    # (num_sentences,) in characters.
    index: Ints
    # (num_sentences,) which one of its document's each is.
    offsets: Ints
    # (num_documents + 1,) where each document's sentences begin.


def fingerprint(task: FingerprintTask) -> Counts:
    """Writes the fingerprints of a split."""
    gone = read_dropped(map(Path, task.dropped))
    counts = Counts()
    assert task.into.paragraphs is not None, "a split has paragraphs"
    with (
        pq.ParquetFile(task.documents) as file,
        write_columns(Path(task.into.documents), DOCUMENTS) as documents,
        write_columns(Path(task.into.images), IMAGES) as images,
        write_columns(Path(task.into.paragraphs), PARAGRAPHS) as paragraphs,
    ):
        for group in range(file.num_row_groups):
            batch = file.read_row_group(group, columns=_COLUMNS)
            ids = batch["id"].to_pylist()
            batch = batch.filter(pa.array([doc_id not in gone.documents for doc_id in ids])).combine_chunks()
            if not batch.num_rows:
                continue
            first, texts = counts["documents_out"], _read_texts(batch, gone)
            pictures = _image_rows(batch, gone)
            documents.append(_document_rows(batch, texts, pictures))
            images.append(_with_document(pictures, first))
            paragraphs.append(_paragraph_rows(batch, texts, first))
            counts["documents_out"] += batch.num_rows
            counts["images_out"] += pictures.num_rows
    return counts


def _read_texts(batch: pa.Table, gone: Dropped) -> _Texts:
    column = batch["sentences"].combine_chunks()
    sentences, borders = _flat(column)
    lengths = pc.utf8_length(sentences).to_numpy()
    index = np.arange(len(sentences)) - np.repeat(borders[:-1], np.diff(borders))
    left = np.asarray(lengths > 0)
    if gone.sentences:
        for row, doc_id in enumerate(batch["id"].to_pylist()):
            removed = np.array(sorted(gone.sentences.get(doc_id, ())), dtype=np.int64)
            left[borders[row] + removed] = False
    kept = np.flatnonzero(left)
    words = hash_words(sentences if len(kept) == len(sentences) else sentences.take(pa.array(kept)))
    return _Texts(
        words=words,
        lengths=lengths[kept].astype(np.int64),
        index=index[kept],
        offsets=np.searchsorted(kept, borders),
    )


def _document_rows(batch: pa.Table, texts: _Texts, pictures: pa.Table) -> pa.Table:
    prints = fingerprint_texts(texts.words.hashes, texts.words.offsets[texts.offsets])
    urls = batch["url"].to_pylist()
    hosts = [host_of(url).rpartition("@")[2] if url else "" for url in urls]
    image_sets, num_images = _image_sets(pictures, batch.num_rows)
    num_before = np.concatenate([[0], np.cumsum(texts.lengths)])
    columns: dict[str, Any] = {
        "id": fixed_binary(np.frombuffer(bytes.fromhex("".join(batch["id"].to_pylist())), dtype=np.uint8), 16),
        "url": np.array([_key(canonical_url(url)) if url else 0 for url in urls], dtype=np.uint64),
        "domain": np.array([_key(host) if host else 0 for host in hosts], dtype=np.uint64),
        "date": np.array([_seconds(dict(meta).get("date")) for meta in batch["meta"].to_pylist()], dtype=np.int64),
        "num_characters": np.diff(num_before[texts.offsets]),
        "digest_0": prints.digests[:, 0],
        "digest_1": prints.digests[:, 1],
        "image_set": image_sets,
        "num_images": num_images,
        "num_shingles": np.diff(prints.offsets).astype(np.int32),
    }
    columns |= {name: prints.bands[:, number] for number, name in enumerate(BANDS)}
    columns |= {"shingles": binaries(prints.shingles.astype("<u4"), prints.offsets), "host": hosts}
    return pa.table(columns, schema=DOCUMENTS)


def _image_rows(batch: pa.Table, gone: Dropped) -> pa.Table:
    """Of each document its images in the order of their indices; `document` is a row of the batch."""
    images, borders = _flat(batch["images"].combine_chunks())
    index = images.field("index").to_numpy().astype(np.int32)
    document = np.repeat(np.arange(batch.num_rows, dtype=np.int32), np.diff(borders))
    left = np.ones(len(index), dtype=np.bool_)
    if gone.images:
        for row, doc_id in enumerate(batch["id"].to_pylist()):
            inside = slice(borders[row], borders[row + 1])
            left[inside] = ~np.isin(index[inside], list(gone.images.get(doc_id, ())))
    kept = np.lexsort((index, document))
    kept = kept[left[kept]]
    digests = np.frombuffer(bytes.fromhex("".join(images.field("sha256").to_pylist())), dtype=np.uint8).reshape(-1, 32)
    return pa.table(
        {
            "document": document[kept],
            "image": index[kept],
            "sha256": fixed_binary(digests[kept], 32),
            "phash": images.field("phash").to_numpy()[kept],
        },
        schema=IMAGES,
    )


def _image_sets(pictures: pa.Table, num_documents: int) -> tuple[npt.NDArray[np.uint64], npt.NDArray[np.int32]]:
    """(hash of the different images, how many there are) of each document."""
    sets: list[set[bytes]] = [set() for _ in range(num_documents)]
    for document, sha256 in zip(pictures["document"].to_pylist(), pictures["sha256"].to_pylist(), strict=True):
        sets[document].add(sha256)
    hashes = [int.from_bytes(hashlib.blake2b(b"".join(sorted(some)), digest_size=8).digest(), "big") for some in sets]
    return np.array(hashes, dtype=np.uint64), np.array(list(map(len, sets)), dtype=np.int32)


def _paragraph_rows(batch: pa.Table, texts: _Texts, first: int) -> pa.Table:
    """What is left of each paragraph that has words; without known paragraphs each sentence is one."""
    starts, offsets = _flat(batch["paragraphs"].combine_chunks())
    number = np.arange(len(texts.index))  # of the paragraph that a sentence is in: each in one of its own
    of_document = np.repeat(np.arange(batch.num_rows), np.diff(texts.offsets))
    known = starts.to_numpy()
    for row in np.flatnonzero(np.diff(offsets)):
        inside = slice(texts.offsets[row], texts.offsets[row + 1])
        begun = np.searchsorted(known[offsets[row] : offsets[row + 1]], texts.index[inside], side="right")
        number[inside] = texts.offsets[row] + begun
    if not len(number):
        return PARAGRAPHS.empty_table()
    begins = np.flatnonzero((np.diff(number, prepend=-1) != 0) | (np.diff(of_document, prepend=-1) != 0))
    borders = np.append(begins, len(number))
    places = texts.words.offsets[borders]
    table = pa.table(
        {
            "document": (of_document[begins] + first).astype(np.int32),
            "hash": hash_sequences(texts.words.hashes, places),
            "num_words": np.diff(places).astype(np.int32),
            "sentences": pa.ListArray.from_arrays(borders.astype(np.int32), texts.index.astype(np.int32)),
        },
        schema=PARAGRAPHS,
    )
    return table.filter(pc.field("num_words") > 0)


def _with_document(pictures: pa.Table, first: int) -> pa.Table:
    rows = pictures["document"].to_numpy().astype(np.int32) + np.int32(first)
    return pictures.set_column(0, "document", pa.array(rows))


def _flat(column: pa.Array) -> tuple[pa.Array, Ints]:
    """(all items of a column of lists, (num_rows + 1,) where each list begins)."""
    offsets = column.offsets.to_numpy().astype(np.int64)
    return column.flatten(), offsets - offsets[0]


def _key(text: str) -> int:
    """A hash that is never 0, which stands for nothing."""
    return int.from_bytes(hashlib.blake2b(text.encode(errors="surrogatepass"), digest_size=8).digest(), "big") or 1


def _seconds(date: str | None) -> int:
    """Since 1970; NO_DATE where there is none that can be read."""
    try:
        moment = datetime.fromisoformat(date or "")
        return int(((moment if moment.tzinfo else moment.replace(tzinfo=UTC)) - _EPOCH).total_seconds())
    except (ValueError, OverflowError):
        return NO_DATE
