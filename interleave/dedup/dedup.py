"""The stage that needs all documents at once: duplicates among what is left, found on fingerprints alone.

    documents of one URL -> equal texts -> near texts -> the same images
        -> paragraphs repeated in a domain -> images twice in a document -> too often in the corpus -> in a domain

What earlier datasets hold counts in each of these steps as documents that stay in any case. What is kept is decided by
(policy's key, document id), never by arrival, so the result is the same for any split of the input.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from interleave.counts import Counts
from interleave.dedup.clusters import Ints
from interleave.dedup.columns import read_numbers
from interleave.dedup.corpus import Bools, Corpus, EarlierDataset, Preference, open_corpus, repeated
from interleave.dedup.images import (
    ImageColumns,
    Int32s,
    cluster_images,
    in_corpus,
    in_domains,
    load_images,
    too_many,
    within_documents,
)
from interleave.dedup.ledger import Dropped, Ledger
from interleave.dedup.near_documents import near_documents
from interleave.dedup.paragraphs import repeated_paragraphs
from interleave.dedup.scratch import give_back_freed_memory
from interleave.dedup.settings import Dedup, DocumentDuplicates, ImageDuplicates
from interleave.dedup.tables import FingerprintFiles
from interleave.dedup.union import Union
from interleave.dedup.word_hashes import UInt64s
from interleave.spool import write_table

# Documents that share an image or a domain, directly or through others, have one group: the first half of the smallest
# of their ids.
GROUPS = pa.schema([("doc_id", pa.string()), ("group", pa.uint64())])


@dataclass(frozen=True, slots=True, kw_only=True)
class DedupTask:
    """All splits, and what counts as the same."""

    splits: tuple[FingerprintFiles, ...]
    earlier: tuple[EarlierDataset, ...]
    drops: tuple[str, ...]
    groups: tuple[str, ...]
    # What this stage writes, split by split: groups belong on one side of a split of the dataset.
    settings: Dedup


def dedup(task: DedupTask) -> Counts:
    """Writes a drop list and the groups of each split."""
    give_back_freed_memory()
    corpus = open_corpus(task.earlier, task.splits, Path(task.drops[0]).parent)
    found: list[Dropped] = []
    if task.settings.documents is not None:
        for dropped in _documents(corpus, task.settings.documents):
            found.extend(_named(corpus, dropped))
    images = load_images(corpus)
    ledger = Ledger(corpus=corpus, images=images)
    for dropped in found:
        ledger.add(dropped)
    went_along = np.flatnonzero(~images.stays)
    ledger.add(Dropped(unit="image", rule="document_dropped", rows=went_along, detail="duplicate document"))
    if (paragraphs := task.settings.paragraphs) is not None:
        gone = repeated_paragraphs(corpus, **paragraphs.model_dump())
        ledger.add(
            Dropped(
                unit="paragraph",
                rule="paragraph_repeated",
                rows=gone.rows,
                values=gone.num_copies,
                threshold=paragraphs.max_copies,
            )
        )
    clusters = _images(ledger, task.settings.images)
    counts = ledger.write(task.drops)
    _write_groups(task.groups, corpus, images, clusters)
    first_document, first_image = corpus.num_earlier, int(images.starts[len(corpus.earlier)])
    counts["documents_in"], counts["images_in"] = len(corpus.ids) - first_document, len(images.stays) - first_image
    counts["documents_out"] = int(corpus.stays[first_document:].sum())
    counts["images_out"] = int(images.stays[first_image:].sum())
    return counts


def _documents(corpus: Corpus, settings: DocumentDuplicates) -> Iterator[Dropped]:
    """Documents that go, step by step."""
    if settings.url is not None:
        rows, keepers = _repeated(corpus, "url", corpus.preference(settings.url), _has("url", np.uint64, 1))
        yield _drop(corpus, "document_url", rows, keepers)
    preference = corpus.preference(settings.keep)
    equal, equal_keepers = _repeated(corpus, "digest_0", preference, _has("num_shingles", np.int32, 1), "digest_1")
    if settings.near is None:
        yield _drop(corpus, "document_equal", equal, equal_keepers, np.ones(len(equal)))
    else:
        yield from _near(corpus, preference, settings.near, (equal, equal_keepers))
    if settings.same_images is not None:
        enough = _has("num_images", np.int32, settings.same_images)
        rows, keepers = _repeated(corpus, "image_set", preference, enough)
        yield _drop(corpus, "document_images", rows, keepers, None, settings.same_images)


def _near(corpus: Corpus, preference: Preference, near: float, equal: tuple[Ints, Ints]) -> Iterator[Dropped]:
    """Only the first of equal texts is compared; what becomes of it becomes of the others."""
    rows, keepers = equal
    sizes = corpus.column("num_shingles", np.int32)
    is_compared = corpus.stays & (sizes > 0)
    is_compared[rows] = False
    found = near_documents(corpus, is_compared, sizes, preference, near)
    by_row = np.argsort(found.rows)
    places = np.searchsorted(found.rows, keepers, sorter=by_row)
    is_led = places < len(by_row)
    is_led[is_led] = found.rows[by_row[places[is_led]]] == keepers[is_led]
    yield _drop(corpus, "document_equal", rows[~is_led], keepers[~is_led], np.ones((~is_led).sum()), near)
    of = by_row[places[is_led]]
    gone, leaders = np.concatenate([found.rows, rows[is_led]]), np.concatenate([found.keepers, found.keepers[of]])
    values = np.concatenate([found.similarities, found.similarities[of]])
    yield _drop(corpus, "document_near", gone, leaders, values, near)


def _has(name: str, dtype: npt.DTypeLike, least: int) -> Callable[[FingerprintFiles, slice], Bools]:
    """Those of a file whose number is at least so large."""
    return lambda files, _: np.asarray(read_numbers(files.documents, name, dtype) >= least)


def _repeated(
    corpus: Corpus,
    name: str,
    preference: Preference,
    chosen: Callable[[FingerprintFiles, slice], Bools],
    also: str | None = None,
) -> tuple[Ints, Ints]:
    """(documents that stay and whose column is that of another, that other); an earlier dataset's never go.

    also: a second column that has to be the same.
    """
    second = corpus.column(also, np.uint64) if also else None
    rows, keepers = [np.empty(0, dtype=np.int64)], [np.empty(0, dtype=np.int64)]
    for keys, members in corpus.by_key(name, chosen):
        others, first = repeated([keys] if second is None else [keys, second[members]], members, preference)
        ours = others >= corpus.num_earlier
        rows.append(others[ours])
        keepers.append(first[ours])
    return np.concatenate(rows), np.concatenate(keepers)


def _drop(
    corpus: Corpus,
    rule: str,
    rows: Ints,
    keepers: Ints,
    values: npt.NDArray[np.float64] | None = None,
    threshold: float | None = None,
) -> Dropped:
    corpus.stays[rows] = False
    return Dropped(unit="document", rule=rule, rows=rows, keepers=keepers, values=values, threshold=threshold)


def _named(corpus: Corpus, dropped: Dropped) -> Iterator[Dropped]:
    """What an earlier dataset holds has a rule of its own."""
    assert dropped.keepers is not None
    is_earlier = dropped.keepers < corpus.num_earlier
    for chosen, rule in ((is_earlier, "document_in_dataset"), (~is_earlier, dropped.rule)):
        yield Dropped(
            unit="document",
            rule=rule,
            rows=dropped.rows[chosen],
            keepers=dropped.keepers[chosen],
            values=None if dropped.values is None else dropped.values[chosen],
            threshold=dropped.threshold,
        )


def _images(ledger: Ledger, settings: ImageDuplicates | None) -> Int32s:
    """Drops images; (num_images,) the number of each one's cluster."""
    corpus, images = ledger.corpus, ledger.images
    if settings is not None and settings.within_document is not None:
        rows, differing = within_documents(images, len(corpus.earlier), settings.within_document)
        _drop_images(ledger, "image_within_document", rows, differing, settings.within_document)
    first = int(images.starts[len(corpus.earlier)])
    clusters = cluster_images(images, first, settings.across if settings is not None else 0)
    if settings is not None and settings.max_copies is not None:
        _drop_copies(ledger, settings, in_corpus(images, clusters), settings.max_copies, "image_across_corpus")
    if settings is not None and settings.max_copies_per_domain is not None:
        domains = corpus.column("domain", np.uint64)
        records = in_domains(images, clusters, domains)
        _drop_copies(ledger, settings, records, settings.max_copies_per_domain, "image_per_domain")
    return clusters


def _drop_copies(
    ledger: Ledger,
    settings: ImageDuplicates,
    records: Iterator[tuple[UInt64s, Ints]],
    max_copies: int,
    rule: str,
) -> None:
    preference = ledger.corpus.preference(settings.keep)
    gone = too_many(ledger.images, records, preference, max_copies, settings.policy)
    own, others = ~gone.of_earlier, gone.of_earlier
    _drop_images(
        ledger, "image_in_dataset", gone.rows[others], gone.num_copies[others], max_copies, gone.keepers[others]
    )
    _drop_images(ledger, rule, gone.rows[own], gone.num_copies[own], max_copies)


def _drop_images(
    ledger: Ledger,
    rule: str,
    rows: Ints,
    values: npt.NDArray[np.float64],
    threshold: float,
    keepers: Ints | None = None,
) -> None:
    ledger.images.stays[rows] = False
    ledger.add(Dropped(unit="image", rule=rule, rows=rows, values=values, threshold=threshold, keepers=keepers))


def _write_groups(paths: tuple[str, ...], corpus: Corpus, images: ImageColumns, clusters: Int32s) -> None:
    """The group of each document of a split."""
    union = Union(len(corpus.ids), corpus.scratch)
    first = int(images.starts[len(corpus.earlier)])
    for keys, rows in corpus.scratch.by_key(in_corpus(images, clusters, first)):
        _join_equal(union, keys, images.document[rows].astype(np.int64))
    for keys, rows in corpus.by_key("domain", _has("domain", np.uint64, 1)):
        is_ours = rows >= corpus.num_earlier
        _join_equal(union, keys[is_ours], rows[is_ours])
    borders = list(pairwise(corpus.starts[len(corpus.earlier) :].tolist()))
    names = corpus.scratch.empty(len(corpus.ids), np.uint64)
    names[:] = np.iinfo(np.uint64).max
    for start, end in borders:
        first_halves = corpus.ids[start:end].view(">u8")[::2].astype(np.uint64)
        np.minimum.at(names, union.roots(np.arange(start, end)), first_halves)
    for path, (start, end) in zip(paths, borders, strict=True):
        columns = {"doc_id": _hex(corpus.ids[start:end]), "group": names[union.roots(np.arange(start, end))]}
        with write_table(Path(path), GROUPS) as table:
            table.append_table(pa.table(columns, schema=GROUPS))


def _join_equal(union: Union, keys: UInt64s, documents: Ints) -> None:
    """Each document with the next one that has the same key, which is enough to connect all that have it."""
    order = np.argsort(keys, kind="stable")
    same = np.flatnonzero(keys[order[1:]] == keys[order[:-1]])
    union.join(documents[order[same]], documents[order[same + 1]])


def _hex(ids: npt.NDArray[np.void]) -> list[str]:
    return [bytes(doc_id).hex() for doc_id in ids]
