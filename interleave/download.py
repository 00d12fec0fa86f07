"""The stage that asks the web: what is not in the store yet is fetched, and what each URL came to is written down.

    wanted tables ─> [store knows it?] ─> fetcher ─> store ─> one table a split: URL -> SHA-256, or the reason

The tables, not the store, are what `measure` depends on: they are equal whenever every URL came to the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pyarrow.parquet as pq

from interleave.access.fetching import Web, fetch_missing, is_there
from interleave.access.ledger import OK, Entry
from interleave.access.store import ORIGINAL, Store, StoreWriter, open_for_writing
from interleave.counts import Counts
from interleave.errors import Unreadable
from interleave.fetched import OUTCOMES
from interleave.images import ImageTarget, check_header, normalise
from interleave.kept_images import is_packed, pack
from interleave.spool import write_table


@dataclass(frozen=True, slots=True, kw_only=True)
class Download:
    """What to fetch, and where what came of it goes."""

    web: Web
    store: Path
    wanted: tuple[Path, ...]
    # One table a split.
    outcomes: tuple[Path, ...]
    # Likewise.
    target: ImageTarget
    form: str
    # In which images are measured: `ORIGINAL`, what `target` makes of them, or what img2dataset does.


def download(task: Download) -> Counts:
    """Fetches what the store lacks, and writes the tables of outcomes.

    Raises:
        TaskError: the store is in use, is none, or cannot be written.
    """
    with open_for_writing(task.store) as (store, writer):
        if not task.web.settings.offline:
            _fetch(task, store, writer)
        refused = _make_forms(task, store, writer)
        counts = Counts()
        for wanted, outcomes in zip(task.wanted, task.outcomes, strict=True):
            counts.update(_write_outcomes(wanted, outcomes, store, task.form, refused))
    return counts


def _fetch(task: Download, store: Store, writer: StoreWriter) -> None:
    num_urls = sum(pq.read_metadata(path).num_rows for path in task.wanted)
    form, keep = (task.form, partial(_normalised, target=task.target)) if is_packed(task.form) else (ORIGINAL, bytes)
    fetch_missing(_urls(task.wanted), num_urls, store, writer, task.web, form=form, keep=keep)


def _make_forms(task: Download, store: Store, writer: StoreWriter) -> dict[str, Unreadable]:
    """img2dataset's form of the originals, where the recipe wants it; why there is none of some, by SHA-256."""
    if task.web.settings.engine != "img2dataset":
        return {}
    from interleave.access.img2dataset import make_forms

    entries = (store.entry(url) for url in _urls(task.wanted))
    hashes = dict.fromkeys(entry.sha256 for entry in entries if entry and entry.sha256 and is_there(entry, store))
    folder = task.outcomes[0].parent / "img2dataset"
    return make_forms(
        hashes, store, writer, task.web.settings.img2dataset, folder, partial(check_header, target=task.target)
    )


def _urls(tables: Iterable[Path]) -> Iterator[str]:
    for path in tables:
        with pq.ParquetFile(path) as file:
            for batch in file.iter_batches(columns=["url"]):
                yield from batch.column(0).to_pylist()


def _write_outcomes(wanted: Path, outcomes: Path, store: Store, form: str, refused: Mapping[str, Unreadable]) -> Counts:
    counts = Counts()
    with write_table(outcomes, OUTCOMES) as table:
        for url in _urls([wanted]):
            entry = store.entry(url) or Entry(url=url, outcome="not_in_store", detail="and `fetch.offline` is set")
            is_kept = is_there(entry, store, form)
            counts["images_fetched" if is_kept else "images_not_fetched"] += 1
            counts["images_to_retry"] += int(entry.transient)
            row = {"url": url, "sha256": entry.sha256 if is_kept else None}
            row["reason"] = None if is_kept else _reason(entry)
            # How a connection failed differs from run to run; it is for the store's ledger, not for the dataset's.
            row["detail"] = "" if is_kept or entry.transient else entry.detail
            if not is_kept and (refusal := refused.get(entry.sha256 or "")):
                row |= {"reason": refusal.reason, "detail": refusal.detail}
            table.append(row)
    return counts


def _reason(entry: Entry) -> str:
    """An image that was had once and is not kept, or in another form, is not here."""
    return "not_in_store" if entry.outcome == OK else entry.outcome


def _normalised(data: bytes, target: ImageTarget) -> bytes:
    return pack(normalise(data, target))
