"""The stage that needs all documents at once: duplicates among what is left, found on fingerprints alone.

    documents of one URL -> equal texts -> near texts -> the same images
        -> paragraphs repeated in a domain -> images twice in a document -> too often in the corpus -> in a domain

What earlier datasets hold counts in each of these steps as documents that stay in any case. What is kept is decided by
(policy's key, document id), never by arrival, so the result is the same for any split of the input.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from interleave.counts import Counts
from interleave.dedup.clusters import Ints, components, equal_pairs
from interleave.dedup.corpus import Corpus, EarlierDataset, copies, open_corpus, repeated
from interleave.dedup.images import Int32s, by_domain, cluster_images, load_images, too_many, within_documents
from interleave.dedup.ledger import Dropped, Ledger
from interleave.dedup.near_documents import near_documents
from interleave.dedup.paragraphs import repeated_paragraphs
from interleave.dedup.settings import Dedup, DocumentDuplicates, ImageDuplicates
from interleave.dedup.tables import FingerprintFiles
from interleave.spool import write_table

GROUPS = pa.schema([("doc_id", pa.string()), ("group", pa.string())])
_ROWS_PER_PIECE = 65536


@dataclass(frozen=True, slots=True, kw_only=True)
class DedupTask:
    """All splits, and what counts as the same."""

    splits: tuple[FingerprintFiles, ...]
    earlier: tuple[EarlierDataset, ...]
    drops: tuple[str, ...]
    # What this stage writes, split by split.
    groups: str
    # Documents that share an image: they belong on one side of a split of the dataset.
    settings: Dedup


def dedup(task: DedupTask) -> Counts:
    """Writes a drop list for each split."""
    corpus = open_corpus(task.earlier, task.splits)
    found: list[Dropped] = []
    if task.settings.documents is not None:
        for dropped in _documents(corpus, task.settings.documents, Path(task.groups).parent):
            found.extend(_named(corpus, dropped))
    images = load_images(corpus)
    ledger = Ledger(corpus=corpus, images=images, dropped=found)
    went_along = np.flatnonzero(~images.stays)
    found.append(Dropped(unit="image", rule="document_dropped", rows=went_along, detail="duplicate document"))
    if (paragraphs := task.settings.paragraphs) is not None:
        gone = repeated_paragraphs(corpus, **paragraphs.model_dump())
        found.append(
            Dropped(
                unit="paragraph",
                rule="paragraph_repeated",
                rows=gone.rows,
                values=gone.num_copies,
                threshold=paragraphs.max_copies,
            )
        )
    clusters = _images(ledger, task.settings.images, Path(task.groups).parent)
    counts = ledger.write(task.drops)
    _write_groups(Path(task.groups), ledger, clusters)
    first_document, first_image = corpus.num_earlier, int(images.starts[len(corpus.earlier)])
    counts["documents_in"], counts["images_in"] = len(corpus.ids) - first_document, len(images.stays) - first_image
    counts["documents_out"] = int(corpus.stays[first_document:].sum())
    counts["images_out"] = int(images.stays[first_image:].sum())
    return counts


def _documents(corpus: Corpus, settings: DocumentDuplicates, folder: Path) -> Iterator[Dropped]:
    """Documents that go, step by step."""
    if settings.url is not None:
        rows, keepers = _repeated(corpus, ["url"], corpus.ranks(settings.url), corpus.column("url", np.uint64) != 0)
        yield _drop(corpus, "document_url", rows, keepers)
    order = corpus.order(settings.keep)
    ranks = corpus.ranks(settings.keep)
    sizes = corpus.column("num_shingles", np.int32).astype(np.int64)
    equal, equal_keepers = _repeated(corpus, ["digest_0", "digest_1"], ranks, sizes > 0)
    if settings.near is None:
        yield _drop(corpus, "document_equal", equal, equal_keepers, np.ones(len(equal)))
    else:
        yield from _near(corpus, order, sizes, settings.near, (equal, equal_keepers), folder)
    if settings.same_images is not None:
        enough = corpus.column("num_images", np.int32) >= settings.same_images
        rows, keepers = _repeated(corpus, ["image_set"], ranks, enough)
        yield _drop(corpus, "document_images", rows, keepers, None, settings.same_images)


def _near(
    corpus: Corpus, order: Ints, sizes: Ints, near: float, equal: tuple[Ints, Ints], folder: Path
) -> Iterator[Dropped]:
    """Only the first of equal texts is compared; what becomes of it becomes of the others."""
    rows, keepers = equal
    is_compared = corpus.stays & (sizes > 0)
    is_compared[rows] = False
    found = near_documents(corpus, order[is_compared[order]], sizes, near, folder)
    led_by, similarity = np.full(len(corpus.ids), -1, dtype=np.int64), np.ones(len(corpus.ids))
    led_by[found.rows], similarity[found.rows] = found.keepers, found.similarities
    leader = led_by[keepers]
    is_equal = leader < 0
    yield _drop(corpus, "document_equal", rows[is_equal], keepers[is_equal], np.ones(is_equal.sum()), near)
    gone = np.concatenate([found.rows, rows[~is_equal]])
    values = np.concatenate([found.similarities, similarity[keepers[~is_equal]]])
    yield _drop(corpus, "document_near", gone, np.concatenate([found.keepers, leader[~is_equal]]), values, near)


def _repeated(corpus: Corpus, names: list[str], ranks: Ints, chosen: npt.NDArray[np.bool_]) -> tuple[Ints, Ints]:
    """(documents that stay and whose columns are those of another, that other); an earlier dataset's never go."""
    rows = np.flatnonzero(corpus.stays & chosen)
    others, first = repeated([corpus.column(name, np.uint64)[rows] for name in names], ranks[rows])
    ours = rows[others] >= corpus.num_earlier
    return rows[others[ours]], rows[first[ours]]


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


def _images(ledger: Ledger, settings: ImageDuplicates | None, folder: Path) -> Int32s:
    """Drops images; (num_images,) the number of each one's cluster."""
    corpus, images = ledger.corpus, ledger.images
    first = int(images.starts[len(corpus.earlier)])
    if settings is not None and settings.within_document is not None:
        rows, differing = within_documents(images, first, settings.within_document)
        _drop_images(ledger, "image_within_document", rows, differing, settings.within_document)
    clusters = cluster_images(images, first, settings.across if settings is not None else 0, folder)
    if settings is not None and settings.max_copies is not None:
        everywhere = np.ones(len(clusters), dtype=np.bool_)
        _drop_copies(ledger, settings, clusters, everywhere, settings.max_copies, "image_across_corpus")
    if settings is not None and settings.max_copies_per_domain is not None:
        domains = corpus.column("domain", np.uint64)[images.document]
        _drop_copies(
            ledger,
            settings,
            by_domain(clusters, domains),
            domains != 0,
            settings.max_copies_per_domain,
            "image_per_domain",
        )
    return clusters


def _drop_copies(
    ledger: Ledger,
    settings: ImageDuplicates,
    groups: Int32s,
    eligible: npt.NDArray[np.bool_],
    max_copies: int,
    rule: str,
) -> None:
    corpus = ledger.corpus
    ranks = corpus.ranks(settings.keep)
    gone = too_many(ledger.images, groups, eligible, ranks, corpus.num_earlier, max_copies, settings.policy)
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
    ledger.dropped.append(
        Dropped(unit="image", rule=rule, rows=rows, values=values, threshold=threshold, keepers=keepers)
    )


def _write_groups(path: Path, ledger: Ledger, clusters: Int32s) -> None:
    """For each document the smallest id among those it shares an image with, directly or through others."""
    corpus, images = ledger.corpus, ledger.images
    kept = np.flatnonzero(images.stays)
    kept = kept[images.document[kept] >= corpus.num_earlier]
    kept = kept[copies(clusters[kept].astype(np.uint64)) > 1]
    by_rank = np.argsort(corpus.rank)[corpus.num_earlier :]
    # Items are places in the order of ids, so that the smallest item is the smallest id.
    item = corpus.rank[images.document[kept]] - corpus.num_earlier
    labels = components(len(by_rank), item[equal_pairs(clusters[kept])])
    names = corpus.ids[by_rank]
    with write_table(path, GROUPS) as table:
        for start in range(0, len(by_rank), _ROWS_PER_PIECE):
            part = slice(start, start + _ROWS_PER_PIECE)
            columns = {"doc_id": _hex(names[part]), "group": _hex(names[labels[part]])}
            table.append_table(pa.table(columns, schema=GROUPS))


def _hex(ids: npt.NDArray[np.void]) -> list[str]:
    return [bytes(doc_id).hex() for doc_id in ids]
