"""What img2dataset has downloaded, taken into a store: builds do not ask for those URLs again.

Images come as img2dataset left them, which by default is resized and encoded again. They are known to the ledger by the
SHA-256 of the bytes that are there, not by that of what was downloaded. What it failed to get is left to be tried.
"""

from __future__ import annotations

import hashlib
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from interleave.access.errors import FetchError
from interleave.access.ledger import OK, Entry
from interleave.access.sniff import check_is_image
from interleave.access.store import Store
from interleave.access.store_writer import StoreWriter, open_for_writing
from interleave.acquire.listing import SourceFile, Split, list_files
from interleave.acquire.tables.img2dataset import Pair, find_folders, list_folders, read_folder, read_tar
from interleave.errors import RecipeError, TaskError, Unreadable

MAX_IMAGE_BYTES = 1 << 28


@dataclass(frozen=True, slots=True, kw_only=True)
class Adopted:
    """What became of the samples."""

    images: int
    known: int
    # Those that the store had already.
    left_out: dict[str, int]
    # Reason -> samples and rows.


def adopt(path: Path, folder: Path, tick: Callable[[], None] = lambda: None) -> Adopted:
    """Takes img2dataset's output (`webdataset` or `files`) at and below a path into a store.

    tick: called for each sample.

    Raises:
        RecipeError: there is no such output.
        TaskError: a file cannot be read; another process is adding to the store.
    """
    left_out: Counter[str] = Counter()
    num = Counter[str]()
    pairs = _pairs(path)
    with open_for_writing(folder) as (store, writer):
        for pair in pairs:
            tick()
            try:
                num[_take(pair, store, writer)] += 1
            except (Unreadable, FetchError) as error:
                left_out[error.reason] += 1
    ordered = dict(sorted(left_out.items(), key=lambda item: (-item[1], item[0])))
    return Adopted(images=num["images"], known=num["known"], left_out=ordered)


def _pairs(path: Path) -> Iterator[Pair]:
    """The samples of tars, then those of folders; fails before anything is done where there is nothing to adopt."""
    if not path.exists():
        raise RecipeError(f"{path} is not there; name img2dataset's output folder, or one of its .tar files")
    has_tars = path.is_file() or any(path.rglob("*.tar"))
    tars = list_files("adopt", str(path), (".tar",)) if has_tars else []
    folders = (find_folders if has_tars else list_folders)("adopt", str(path))
    # Nothing is pinned: the bytes of each image are hashed as they go in.
    return chain(
        (pair for file in tars for pair in read_tar(_split(file), MAX_IMAGE_BYTES)),
        (pair for file in folders for pair in read_folder(_split(file), MAX_IMAGE_BYTES)),
    )


def _split(file: SourceFile) -> Split:
    return Split(source="adopt", path=file.path, name=file.name, sha256="", start=0, end=0)


def _take(pair: Pair, store: Store, writer: StoreWriter) -> str:
    if isinstance(pair.fields, Unreadable):
        raise pair.fields
    url = pair.fields.get("url")
    if not isinstance(url, str) or not url or pair.load is None:
        raise Unreadable("no_url", pair.where)
    known = store.entry(url)
    if known is not None and known.outcome == OK and known.sha256 is not None and store.has_image(known.sha256):
        return "known"
    try:
        data = pair.load()
    except OSError as error:
        raise TaskError(f"cannot read {pair.where}: {error.strerror}") from error
    check_is_image(data)
    entry = Entry(
        url=url,
        outcome=OK,
        detail="adopted from img2dataset",
        sha256=hashlib.sha256(data).hexdigest(),
        fetched_at=time.time(),
        attempts=known.attempts if known is not None else 0,
    )
    writer.put(entry, data)
    return "images"
