"""The stage that asks the web: what is not in the store yet is fetched, and what each URL came to is written down.

    wanted tables ─> [store knows it?] ─> fetcher ─> store ─> one table a split: URL -> SHA-256, or the reason

The tables, not the store, are what `measure` depends on: they are equal whenever every URL came to the same.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pyarrow.parquet as pq

from interleave.access.blocklist import Blocklist
from interleave.access.ledger import OK, Entry, url_key
from interleave.access.progress import Progress
from interleave.access.settings import Fetch
from interleave.access.store import ORIGINAL, Store, StoreWriter, open_for_writing
from interleave.counts import Counts
from interleave.dedup.fingerprints import perceptual_hash
from interleave.errors import InterleaveError, Unreadable
from interleave.fetched import OUTCOMES
from interleave.images import ImageTarget, normalise
from interleave.kept_images import pack
from interleave.spool import write_table


@dataclass(frozen=True, slots=True, kw_only=True)
class Download:
    """What to fetch, and where what came of it goes."""

    settings: Fetch
    store: Path
    wanted: tuple[Path, ...]
    # One table a split.
    outcomes: tuple[Path, ...]
    # Likewise.
    target: ImageTarget
    form: str
    # In which images are kept: `ORIGINAL`, or what `target` makes of them.
    blocklist: Blocklist
    quiet: bool = False


def download(task: Download) -> Counts:
    """Fetches what the store lacks, and writes the tables of outcomes.

    Raises:
        TaskError: the store is in use, is none, or cannot be written.
    """
    with open_for_writing(task.store) as (store, writer):
        if not task.settings.offline:
            _fetch(task, store, writer)
        counts = Counts()
        for wanted, outcomes in zip(task.wanted, task.outcomes, strict=True):
            counts.update(_write_outcomes(wanted, outcomes, store, task.form))
    return counts


def _fetch(task: Download, store: Store, writer: StoreWriter) -> None:
    from interleave.access.fetcher import Fetcher

    num_urls = sum(pq.read_metadata(path).num_rows for path in task.wanted)
    is_silent = task.quiet or not sys.stderr.isatty()
    with Progress(num_urls, silent=is_silent) as progress:
        tried: set[bytes] = set()
        todo = _todo(task, store, tried, progress)
        fetcher = Fetcher(
            task.settings,
            writer,
            max_bytes=task.target.max_bytes,
            blocklist=task.blocklist,
            phash=_phash,
            form=task.form,
            keep=bytes if task.form == ORIGINAL else partial(_normalised, target=task.target),
            ended=progress.ended,
        )
        try:
            asyncio.run(fetcher.run(todo))
        except BaseExceptionGroup as group:
            raise _first(group) from None


def _todo(task: Download, store: Store, tried: set[bytes], progress: Progress) -> Iterator[tuple[str, int]]:
    """(URL, requests so far) of all that is worth asking for, each once."""
    retry = task.settings.retry
    for url in _urls(task.wanted):
        known = store.entry(url)
        settled = known is not None and (
            _is_there(known, store, task.form)
            if known.outcome == OK
            else retry == "none" or (retry == "transient" and not known.transient)
        )
        key = url_key(url)
        if settled or key in tried:
            progress.skip()
            continue
        tried.add(key)
        yield url, known.attempts if known else 0


def _urls(tables: Iterable[Path]) -> Iterator[str]:
    for path in tables:
        with pq.ParquetFile(path) as file:
            for batch in file.iter_batches(columns=["url"]):
                yield from batch.column(0).to_pylist()


def _write_outcomes(wanted: Path, outcomes: Path, store: Store, form: str) -> Counts:
    counts = Counts()
    with write_table(outcomes, OUTCOMES) as table:
        for url in _urls([wanted]):
            entry = store.entry(url) or Entry(url=url, outcome="not_in_store", detail="and `fetch.offline` is set")
            is_there = _is_there(entry, store, form)
            counts["images_fetched" if is_there else "images_not_fetched"] += 1
            counts["images_to_retry"] += int(entry.transient)
            row = {"url": url, "sha256": entry.sha256 if is_there else None}
            row["reason"] = None if is_there else _reason(entry)
            # How a connection failed differs from run to run; it is for the store's ledger, not for the dataset's.
            row["detail"] = "" if is_there or entry.transient else entry.detail
            table.append(row)
    return counts


def _is_there(entry: Entry, store: Store, form: str) -> bool:
    return entry.outcome == OK and entry.sha256 is not None and store.has_image(entry.sha256, form)


def _reason(entry: Entry) -> str:
    """An image that was had once and is not kept, or in another form, is not here."""
    return "not_in_store" if entry.outcome == OK else entry.outcome


def _normalised(data: bytes, target: ImageTarget) -> bytes:
    return pack(normalise(data, target))


def _phash(data: bytes) -> int | None:
    try:
        return perceptual_hash(normalise(data, ImageTarget()).thumbnail)
    except Unreadable:
        return None


def _first(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """The error that ended the others."""
    errors = [error for error in _flat(group) if not isinstance(error, asyncio.CancelledError)]
    return next((error for error in errors if isinstance(error, InterleaveError | OSError)), errors[0])


def _flat(group: BaseExceptionGroup[BaseException]) -> Iterator[BaseException]:
    for error in group.exceptions:
        if isinstance(error, BaseExceptionGroup):
            yield from _flat(error)
        else:
            yield error
