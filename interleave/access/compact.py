"""What a store holds, and giving back the room of what nothing refers to any more.

Compaction copies the images of each file with gaps into a new file, commits their new places, and then removes the old
file. Killed anywhere, the store is whole: before the commit the old places hold, behind it the new ones, and what
is left over is removed by the next compaction.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from interleave.access.store import BLOBS_NAME, Store, blob_name
from interleave.access.store_writer import MAX_BLOB_BYTES, open_for_writing

_FORGET = "delete from images where sha256 not in (select sha256 from urls where sha256 is not null)"


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreSummary:
    """Figures of a store."""

    urls: int
    outcomes: dict[str, int]
    # Outcome -> URLs, the most frequent first.
    images: int
    image_bytes: int
    # Of images that are kept.
    file_bytes: int
    # Of the files that they lie in.


@dataclass(frozen=True, slots=True, kw_only=True)
class Compacted:
    """What a compaction did."""

    before_bytes: int
    after_bytes: int
    forgotten: int
    # Images to which no URL leads.
    damaged: int
    # Images whose bytes were not what they had been: their URLs are asked for again.


@dataclass(frozen=True, slots=True, kw_only=True)
class _Image:
    sha256: bytes
    form: str
    stored_sha256: bytes
    file: int
    offset: int
    length: int


def summarise(folder: Path) -> StoreSummary:
    """
    Raises:
        TaskError: the folder is no store.
    """
    with Store(folder) as store:
        counts = store.ledger.all("select outcome, count(*) from urls group by outcome")
        images, num_bytes = store.ledger.one("select count(*), coalesce(sum(length), 0) from images")
    ordered = sorted(counts, key=lambda row: (-row[1], row[0]))
    return StoreSummary(
        urls=sum(number for _, number in ordered),
        outcomes=dict(ordered),
        images=images,
        image_bytes=num_bytes,
        file_bytes=sum(_sizes(folder).values()),
    )


def compact(folder: Path, tick: Callable[[], None] = lambda: None) -> Compacted:
    """Removes what nothing refers to, one file of images after the other. tick: called for each image that is copied.

    Raises:
        TaskError: another process is adding to the store; the folder is no store.
    """
    with open_for_writing(folder) as (store, _):
        before = _sizes(folder)
        forgotten = store.ledger.execute(_FORGET).rowcount
        held = dict(store.ledger.all("select file, sum(length) from images group by file"))
        store.ledger.execute("pragma synchronous=full")
        damaged = 0
        with _Files(folder / BLOBS_NAME, max(before, default=-1) + 1) as files:
            for file, size in sorted(before.items()):
                if held.get(file, 0) != size:
                    damaged += _move(store, folder, file, files, tick)
        store.ledger.execute("pragma wal_checkpoint(truncate)")
        store.ledger.execute("vacuum")
    return Compacted(
        before_bytes=sum(before.values()),
        after_bytes=sum(_sizes(folder).values()),
        forgotten=forgotten,
        damaged=damaged,
    )


class _Files:
    """Files that are filled one after the other."""

    def __init__(self, folder: Path, first: int) -> None:
        self._folder = folder
        self._file = first
        self._descriptor: int | None = None
        self._size = 0

    def __enter__(self) -> _Files:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)

    def append(self, data: bytes) -> tuple[int, int]:
        """(file, offset) of what was written."""
        if self._descriptor is not None and self._size + len(data) > MAX_BLOB_BYTES:
            self.sync()
            os.close(self._descriptor)
            self._descriptor, self._file, self._size = None, self._file + 1, 0
        if self._descriptor is None:
            path = self._folder / blob_name(self._file)
            self._descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o644)
        view = memoryview(data)
        while view:
            view = view[os.write(self._descriptor, view) :]
        offset, self._size = self._size, self._size + len(data)
        return self._file, offset

    def sync(self) -> None:
        if self._descriptor is not None:
            os.fsync(self._descriptor)


def _move(store: Store, folder: Path, file: int, files: _Files, tick: Callable[[], None]) -> int:
    """Copies what a file holds, commits the new places, and removes the file; the number of damaged images."""
    moved: list[tuple[int, int, bytes, str]] = []
    damaged: list[tuple[bytes, str]] = []
    for image in _images(store, file):
        data = _read(folder, image)
        tick()
        if hashlib.sha256(data).digest() == image.stored_sha256:
            moved.append((*files.append(data), image.sha256, image.form))
        else:
            damaged.append((image.sha256, image.form))
    files.sync()
    store.ledger.execute("begin immediate")
    store.ledger.executemany("delete from images where sha256 = ? and form = ?", damaged)
    store.ledger.executemany("update images set file = ?, offset = ? where sha256 = ? and form = ?", moved)
    store.ledger.execute("commit")
    (folder / BLOBS_NAME / blob_name(file)).unlink()
    return len(damaged)


def _images(store: Store, file: int) -> list[_Image]:
    """The images of a file, in the order in which they lie."""
    rows = store.ledger.all(
        "select sha256, form, stored_sha256, file, offset, length from images where file = ? order by offset", (file,)
    )
    names = ("sha256", "form", "stored_sha256", "file", "offset", "length")
    return [_Image(**dict(zip(names, row, strict=True))) for row in rows]


def _read(folder: Path, image: _Image) -> bytes:
    try:
        with (folder / BLOBS_NAME / blob_name(image.file)).open("rb") as file:
            return os.pread(file.fileno(), image.length, image.offset)
    except FileNotFoundError:
        return b""


def _sizes(folder: Path) -> dict[int, int]:
    """Number of each file of images -> its bytes."""
    files = (folder / BLOBS_NAME).glob("*.blob")
    return {int(path.stem): path.stat().st_size for path in files if path.stem.isdigit()}
