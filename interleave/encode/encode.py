"""The fourth stage: settle what is left, turn it into token ids, cut it to the context, and say how large it became."""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow as pa

from interleave.align.settings import Align
from interleave.align.similarity import Similarity
from interleave.clean.judge import drop_document
from interleave.clean.rules import Rules
from interleave.clean.score_rules import ScoreTables
from interleave.clean.scores import IndexedScores
from interleave.counts import Counts
from interleave.document import Document, Drop, Encoded, ImageSpan, MeasuredDocument, Sentence, TextPart
from interleave.drops import read_dropped, write_drops
from interleave.encode.faces import FaceBlur, open_blur
from interleave.encode.fit import STAGE, Fit
from interleave.encode.layout import LayoutSettings, lay_out
from interleave.encode.loss import Loss, loss_spans
from interleave.encode.settings import Splitting
from interleave.encode.settle import Gone, escape_placeholders, settle
from interleave.encode.split import spans_of, split
from interleave.encode.tokenizer import Tokenizer, load_tokenizer
from interleave.files import atomic_write
from interleave.sample import key_of, tar_bytes, write_body, write_ids, write_json
from interleave.spool import read_documents

_BATCH = 64
_ROWS_PER_GROUP = 1024

# Uncompressed Arrow IPC: `write` maps the file and takes single rows in shuffled order.
SAMPLES = pa.schema(
    [
        ("doc_id", pa.string()),
        ("source", pa.string()),
        ("url", pa.string()),
        ("part", pa.int32()),
        ("body", pa.binary()),
        ("is_image", pa.list_(pa.bool_())),
        ("ids", pa.binary()),
        ("blob_files", pa.list_(pa.string())),
        ("blob_offsets", pa.list_(pa.int64())),
        ("blob_lengths", pa.list_(pa.int64())),
        ("num_ids", pa.int32()),
        ("num_tokens", pa.int32()),
        ("num_content_tokens", pa.int32()),
        ("num_images", pa.int32()),
        ("num_pixels", pa.int64()),
        ("num_texts", pa.int32()),
        ("num_bytes", pa.int64()),
        ("cuts", pa.list_(pa.int32())),
        ("span_starts", pa.list_(pa.int32())),
        ("span_lengths", pa.list_(pa.int32())),
        ("span_tokens", pa.list_(pa.int32())),
        ("span_pixels", pa.list_(pa.int32())),
    ]
)


@dataclass(frozen=True, slots=True, kw_only=True)
class EncodeTask:
    """One split, and how to encode it."""

    documents: str
    decided: str
    since: tuple[str, ...]
    # What `measure`, `decide` and the stages since wrote.
    drops: str
    samples: str
    # What this stage writes.
    rules: Rules
    seed: int
    align: Align
    similarity: Similarity
    scores: Mapping[str, IndexedScores]
    tokenizer_file: str
    tokenizer_name: str
    reserved: tuple[str, ...]
    # Of the tokenizer.
    fit: Fit
    layout: LayoutSettings
    context: int | None
    policy: Splitting
    loss: Loss
    source_weights: Mapping[str, float]
    # Of those that do not count for 1.
    faces: FaceBlur | None
    # How they are blurred; None: they stay.


def encode(task: EncodeTask) -> Counts:
    """Writes the samples of a split, and the drops of documents that fell when others' drops were applied."""
    tokenizer = load_tokenizer(Path(task.tokenizer_file), task.reserved)
    counts = Counts()
    drops: list[Drop] = []
    with atomic_write(Path(task.samples)) as file, pa.ipc.new_file(file, SAMPLES) as writer:
        rows: list[dict[str, Any]] = []
        for row in _samples(task, tokenizer, counts, drops):
            rows.append(row)
            if len(rows) == _ROWS_PER_GROUP:
                writer.write_batch(pa.RecordBatch.from_pylist(rows, schema=SAMPLES))
                rows.clear()
        if rows:
            writer.write_batch(pa.RecordBatch.from_pylist(rows, schema=SAMPLES))
    write_drops(Path(task.drops), drops)
    counts.add_drops(drops)
    return counts


def _samples(task: EncodeTask, tokenizer: Tokenizer, counts: Counts, drops: list[Drop]) -> Iterator[dict[str, Any]]:
    kept = _blurred(_settled(task, tokenizer, counts, drops), task, counts)
    while batch := list(islice(kept, _BATCH)):
        for whole in lay_out(batch, tokenizer, task.layout):
            parts, num_inside_units = split(whole, task.context, task.policy)
            counts["documents_out"] += 1
            counts["documents_cut"] += len(parts) > 1
            is_longer = task.context is not None and whole.num_tokens > task.context
            counts["documents_kept_whole"] += is_longer and len(parts) == 1
            counts["cuts_inside_sentences"] += num_inside_units
            counts["tokens_in"] += _num_text_tokens(whole)
            for part in parts:
                counts["samples"] += 1
                num_repeated = sum(span.start < part.num_repeated for span in part.spans)
                counts["images_out"] += len(part.spans) - num_repeated
                counts["images_repeated"] += num_repeated
                counts["tokens_out"] += _num_text_tokens(part)
                counts["tokens_structural"] += part.num_structural
                counts["tokens_expanded"] += part.num_tokens
                yield _row(part, task)


def _blurred(documents: Iterator[Document], task: EncodeTask, counts: Counts) -> Iterator[Document]:
    """The documents, their faces blurred where the recipe says so."""
    if task.faces is None:
        yield from documents
        return
    images = frozenset(image.sha256 for document in read_documents(Path(task.documents)) for image in document.images)
    with open_blur(task.faces, images, counts) as blurring:
        yield from map(blurring.document, documents)


def _settled(task: EncodeTask, tokenizer: Tokenizer, counts: Counts, drops: list[Drop]) -> Iterator[Document]:
    """Documents that stay. What goes is encoded too, so that every token is accounted for."""
    dropped = _Dropped(task)
    lost: list[Document] = []
    with_similarities, scores = task.similarity.open(), ScoreTables(task.scores)
    for read in read_documents(Path(task.documents)):
        measured = with_similarities(read)
        gone = dropped.of(measured.id)
        settled = settle(measured, gone, task.rules, task.align, task.seed, scores.of(measured).document, fit=task.fit)
        counts["sentences_in"] += sum(map(bool, measured.sentences))
        if dropped.document(measured.id):
            lost.append(_sentences(measured, range(len(measured.sentences))))
            continue
        drops.extend(settled.unfit)
        if settled.broken is not None:
            drops.extend(drop_document(measured.id, settled.document.images, STAGE, *settled.broken))
            lost.append(_sentences(measured, range(len(measured.sentences))))
        else:
            counts["sentences_out"] += len(settled.document.sentences)
            if gone.sentences:
                lost.append(_sentences(measured, gone.sentences))
            document, num_escaped = escape_placeholders(settled.document)
            counts["placeholders_escaped"] += num_escaped
            yield document
        if len(lost) >= _BATCH:
            _count_lost(lost, tokenizer, task, counts)
    _count_lost(lost, tokenizer, task, counts)


def _sentences(measured: MeasuredDocument, which: Container[int]) -> Document:
    """Some sentences of a document, as one of their own."""
    parts = tuple(
        Sentence(index=index, text=text) for index, text in enumerate(measured.sentences) if text and index in which
    )
    return Document(id=measured.id, source=measured.source, url=measured.url, parts=parts)


def _count_lost(lost: list[Document], tokenizer: Tokenizer, task: EncodeTask, counts: Counts) -> None:
    for document in lay_out([escape_placeholders(document)[0] for document in lost], tokenizer, task.layout):
        counts["tokens_in"] += _num_text_tokens(document)
        counts["tokens_dropped"] += _num_text_tokens(document)
    lost.clear()


class _Dropped:
    """What earlier stages dropped from a split."""

    def __init__(self, task: EncodeTask) -> None:
        self._all = read_dropped(map(Path, (task.decided, *task.since)))
        since = read_dropped(map(Path, task.since))
        self._changed = {*since.images, *since.sentences}

    def document(self, doc_id: str) -> bool:
        return doc_id in self._all.documents

    def of(self, doc_id: str) -> Gone:
        return Gone(
            images=frozenset(self._all.images.get(doc_id, ())),
            sentences=frozenset(self._all.sentences.get(doc_id, ())),
            changed=doc_id in self._changed,
        )


def _num_text_tokens(encoded: Encoded) -> int:
    """Ids that came from the page's text, each counted once."""
    texts = (part for part in encoded.parts if isinstance(part, TextPart))
    return sum(part.length for part in texts if part.start >= encoded.num_repeated)


def _row(encoded: Encoded, task: EncodeTask) -> dict[str, Any]:
    body = write_body(
        encoded,
        tokenizer=task.tokenizer_name,
        profile=task.layout.image.profile,
        loss_spans=loss_spans(encoded, task.loss),
        loss_weight=task.source_weights.get(encoded.document.source, 1.0),
    )
    is_image = [isinstance(part, ImageSpan) for part in encoded.parts]
    ids = write_ids(encoded.token_ids)
    blobs = [span.image.blob for span in encoded.spans]
    lengths = [len(write_json(key_of(0), body, is_image)), len(ids), *(blob.length for blob in blobs)]
    return {
        "doc_id": encoded.document.id,
        "source": encoded.document.source,
        "url": encoded.document.url,
        "part": encoded.part,
        "body": body,
        "is_image": is_image,
        "ids": ids,
        "blob_files": [blob.file for blob in blobs],
        "blob_offsets": [blob.offset for blob in blobs],
        "blob_lengths": [blob.length for blob in blobs],
        "num_ids": len(encoded.token_ids),
        "num_tokens": encoded.num_tokens,
        "num_content_tokens": encoded.num_tokens - encoded.num_structural,
        "num_images": len(blobs),
        "num_pixels": sum(_num_pixels(encoded)),
        "num_texts": len(encoded.parts) - len(blobs),
        "num_bytes": sum(map(tar_bytes, lengths)),
        **_where_to_cut(encoded, task.context),
    }


def _where_to_cut(encoded: Encoded, context: int | None) -> dict[str, list[int]]:
    """For the loader, which cuts only what is stored whole."""
    if context is not None:
        return {"cuts": [], "span_starts": [], "span_lengths": [], "span_tokens": [], "span_pixels": []}
    spans = spans_of(encoded)
    return {
        "cuts": encoded.cuts.tolist(),
        "span_starts": list(spans.starts),
        "span_lengths": list(spans.lengths),
        "span_tokens": list(spans.num_tokens),
        "span_pixels": _num_pixels(encoded),
    }


def _num_pixels(encoded: Encoded) -> list[int]:
    """(num_images,)"""
    return [span.image.width * span.image.height for span in encoded.spans]
