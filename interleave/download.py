"""The stage that asks the web: what is not in the store yet is fetched, and what each URL came to is written down.

    wanted tables ─> [store knows it?] ─> fetcher ─> store ─> one table a split: URL -> SHA-256, or the reason

The tables, not the store, are what `measure` depends on: they are equal whenever every URL came to the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path

import pyarrow.parquet as pq
from tqdm import tqdm

from interleave.access.fetching import NUM_DECODING, Web, fetch_missing, is_of_other_terms, is_there
from interleave.access.kinds import IMAGES
from interleave.access.ledger import OK, Entry
from interleave.access.store import ORIGINAL, Store
from interleave.access.store_writer import StoreWriter, open_for_writing
from interleave.copied import copy_images
from interleave.counts import Counts
from interleave.errors import Unreadable
from interleave.fetched import OUTCOMES
from interleave.images.normalise import ImageTarget, check_header, normalise
from interleave.images.packed import is_packed, pack
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
    copies: tuple[Path, ...] = ()
    # One blob a split that gets its images, where machines do not see the store.


def download(task: Download) -> Counts:
    """Fetches what the store lacks, and writes the tables of outcomes.

    Raises:
        TaskError: the store is in use, is none, or cannot be written.
    """
    if task.web.settings.offline and task.form == ORIGINAL:
        with Store(task.store) as store:  # nothing is added: others may be at work in it, and it may be read-only
            return _write_outcomes(task, store, {})
    with open_for_writing(task.store) as (store, writer):
        refused = _forms_of_originals(task, store, writer) if is_packed(task.form) else {}
        if not task.web.settings.offline:
            _fetch(task, store, writer, refused)
        if task.web.settings.engine == "img2dataset":
            refused = _forms_of_img2dataset(task, store, writer)
        return _write_outcomes(task, store, refused)


def _fetch(task: Download, store: Store, writer: StoreWriter, refused: Mapping[str, Unreadable]) -> None:
    num_urls = sum(pq.read_metadata(path).num_rows for path in task.wanted)
    keep = partial(_normalised, target=task.target) if is_packed(task.form) else bytes
    urls = _urls(task.wanted)
    if refused:
        urls = (url for url in urls if (store.entry(url) or Entry(url=url, outcome="")).sha256 not in refused)
    fetch_missing(urls, num_urls, store, writer, task.web, form=_fetched_form(task), keep=keep)


def _fetched_form(task: Download) -> str:
    """In which form images go into the store as they come: img2dataset makes its own of originals."""
    return task.form if is_packed(task.form) else ORIGINAL


def _forms_of_originals(task: Download, store: Store, writer: StoreWriter) -> dict[str, Unreadable]:
    """Makes the form that is wanted of the originals that another build left in the store.

    Returns:
        Why there is none of some, by SHA-256.
    """
    refused: dict[str, Unreadable] = {}
    missing = (sha256 for sha256 in _hashes(task, store) if not store.has_image(sha256, task.form))
    with (
        ThreadPoolExecutor(NUM_DECODING) as threads,
        tqdm(desc="   reduce", unit="image", disable=task.web.quiet or None, leave=False) as bar,
    ):
        # Few at once: an original may have max_bytes.
        while batch := list(islice(missing, 2 * NUM_DECODING)):
            originals = [_read(store, sha256) for sha256 in batch]
            for sha256, made in zip(batch, threads.map(partial(_made, target=task.target), originals), strict=True):
                if isinstance(made, bytes):
                    writer.put_form(sha256, made, task.form)
                else:
                    refused[sha256] = made
                bar.update()
    return refused


def _read(store: Store, sha256: str) -> bytes | Unreadable:
    try:
        return store.read(sha256)
    except Unreadable as error:
        return error


def _made(original: bytes | Unreadable, target: ImageTarget) -> bytes | Unreadable:
    try:
        return original if isinstance(original, Unreadable) else _normalised(original, target)
    except Unreadable as error:
        return error


def _forms_of_img2dataset(task: Download, store: Store, writer: StoreWriter) -> dict[str, Unreadable]:
    """img2dataset's form of the originals; why there is none of some, by SHA-256."""
    from interleave.access.img2dataset import make_forms

    folder = task.outcomes[0].parent / "img2dataset"
    check = partial(check_header, target=task.target)
    return make_forms(_hashes(task, store), store, writer, task.web.settings.img2dataset, folder, check)


def _hashes(task: Download, store: Store) -> dict[str, None]:
    """The SHA-256 of the wanted images whose originals are in the store, in the order of their URLs."""
    entries = (store.entry(url) for url in _urls(task.wanted))
    return dict.fromkeys(entry.sha256 for entry in entries if entry and entry.sha256 and is_there(entry, store))


def _urls(tables: Iterable[Path]) -> Iterator[str]:
    for path in tables:
        with pq.ParquetFile(path) as file:
            for batch in file.iter_batches(columns=["url"]):
                yield from batch.column(0).to_pylist()


def _write_outcomes(task: Download, store: Store, refused: Mapping[str, Unreadable]) -> Counts:
    counts = _write_all_outcomes(task, store, refused)
    for outcomes, blob in zip(task.outcomes, task.copies, strict=False):
        hashes = pq.read_table(outcomes, columns=["sha256"])["sha256"].to_pylist()
        copy_images(blob, filter(None, hashes), store, task.form)
    return counts


def _write_all_outcomes(task: Download, store: Store, refused: Mapping[str, Unreadable]) -> Counts:
    counts = Counts()
    terms = task.web.terms(IMAGES, _fetched_form(task))
    for wanted, outcomes in zip(task.wanted, task.outcomes, strict=True):
        with write_table(outcomes, OUTCOMES) as table:
            for url in _urls([wanted]):
                entry = _known(url, task.web, terms, store)
                is_kept = is_there(entry, store, task.form)
                counts["images_fetched" if is_kept else "images_not_fetched"] += 1
                counts["images_to_retry"] += int(entry.transient)
                table.append({"url": url} | _outcome(entry, is_kept, refused.get(entry.sha256 or "")))
    return counts


def _known(url: str, web: Web, terms: str, store: Store) -> Entry:
    """What a URL came to, as far as it holds for this recipe."""
    entry = store.entry(url)
    if entry is None or is_of_other_terms(entry, terms):
        return Entry(url=url, outcome="not_in_store", detail="and `fetch.offline` is set")
    if entry.outcome == OK and (blocked := web.blocklist.of_url(entry.final_url or url)):
        return Entry(url=url, outcome="blocklisted", detail=blocked)
    return entry


def _outcome(entry: Entry, is_kept: bool, refusal: Unreadable | None) -> dict[str, str | None]:
    if is_kept:
        return {"sha256": entry.sha256, "reason": None, "detail": ""}
    if refusal is not None:
        return {"sha256": None, "reason": refusal.reason, "detail": refusal.detail}
    # How a connection failed differs from run to run; it is for the store's ledger, not for the dataset's.
    return {"sha256": None, "reason": _reason(entry), "detail": "" if entry.transient else entry.detail}


def _reason(entry: Entry) -> str:
    """An image that was had once and is not kept, or in another form, is not here."""
    return "not_in_store" if entry.outcome == OK else entry.outcome


def _normalised(data: bytes, target: ImageTarget) -> bytes:
    return pack(normalise(data, target))
