"""What was downloaded, by its SHA-256, with a ledger of every URL that was asked for.

    STORE/ledger.sqlite      urls: key -> outcome, headers, time, attempts; images: SHA-256 -> place; wishes of origins
    STORE/blobs/00000.blob   images one behind the other; a new file from 256 MiB on

A response counts once its row is committed: the bytes lie in the blob by then, and what a killed process left behind
them is never referred to. SQLite's WAL keeps committed rows through the death of the process; after a power cut the
last ones may be missing, and are fetched again.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType

from interleave.access.ledger import (
    SCHEMA,
    SELECT_ENTRIES,
    SELECT_ENTRY,
    SELECT_PLACE,
    Entry,
    entry_of,
    row_of,
    url_key,
)
from interleave.errors import TaskError, Unreadable

LEDGER_NAME = "ledger.sqlite"
BLOBS_NAME = "blobs"
MAX_BLOB_BYTES = 256 * 1024 * 1024
_VERSION = 1
# The bytes as they were downloaded. Other forms are named by what was made of them.
ORIGINAL = "original"


class Store:
    """A store that is read, and written by one process at a time.

    Raises:
        TaskError: the folder is no store, or of a newer version.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        try:
            (folder / BLOBS_NAME).mkdir(parents=True, exist_ok=True)
            self.ledger = sqlite3.connect(
                folder / LEDGER_NAME, timeout=60, isolation_level=None, check_same_thread=False
            )
            self._prepare()
        except (sqlite3.Error, FileExistsError, NotADirectoryError) as error:
            raise TaskError(f"{folder} is no store of images: {error}; name another folder") from None
        self._blobs: dict[int, int] = {}

    def _prepare(self) -> None:
        (version,) = self.ledger.execute("pragma user_version").fetchone()
        if version > _VERSION:
            raise TaskError(
                f"{self._folder} was made by a newer interleave (store version {version}); upgrade to read it"
            )
        if version < _VERSION:
            self.ledger.execute("pragma journal_mode=wal")
            self.ledger.executescript(SCHEMA)
            self.ledger.execute(f"pragma user_version={_VERSION}")
        self.ledger.execute("pragma synchronous=normal")

    def close(self) -> None:
        self.ledger.close()
        for descriptor in self._blobs.values():
            os.close(descriptor)
        self._blobs.clear()

    def __enter__(self) -> Store:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def entry(self, url: str) -> Entry | None:
        """What is known of a URL."""
        row = self.ledger.execute(SELECT_ENTRY, (url_key(url),)).fetchone()
        return None if row is None else entry_of(row)

    def entries(self) -> Iterator[Entry]:
        """The whole ledger, in the order of its keys."""
        for row in self.ledger.execute(SELECT_ENTRIES):
            yield entry_of(row)

    def has_image(self, sha256: str, form: str = ORIGINAL) -> bool:
        return self._place(sha256, form) is not None

    def num_bytes(self, sha256: str, form: str = ORIGINAL) -> int:
        """The size of an image; 0 of what is not kept."""
        place = self._place(sha256, form)
        return place[3] if place is not None else 0

    def read(self, sha256: str, form: str = ORIGINAL) -> bytes:
        """An image by the SHA-256 that it had when it was downloaded, in the form that was kept.

        Raises:
            Unreadable: `not_in_store`, `damaged_in_store`.
        """
        for _ in range(2):  # between the look at the ledger and the file, `compact` may have moved the image
            place = self._place(sha256, form)
            if place is None:
                raise Unreadable("not_in_store", sha256)
            stored_sha256, file, offset, length = place
            data = self._bytes(file, offset, length)
            if data:
                break
        if hashlib.sha256(data).digest() != stored_sha256:
            raise Unreadable("damaged_in_store", f"{sha256} in {blob_name(file)} at {offset}")
        return data

    def _bytes(self, file: int, offset: int, length: int) -> bytes:
        try:
            return os.pread(self._descriptor(file), length, offset)
        except FileNotFoundError:
            return b""

    def wish(self, kind: str, origin: str, not_before: float) -> bytes | None:
        row = self.ledger.execute(
            "select text from wishes where kind = ? and origin = ? and asked_at >= ?", (kind, origin, not_before)
        ).fetchone()
        return None if row is None else bytes(row[0])

    def _place(self, sha256: str, form: str) -> tuple[bytes, int, int, int] | None:
        row = self.ledger.execute(SELECT_PLACE, (bytes.fromhex(sha256), form)).fetchone()
        return None if row is None else (bytes(row[0]), int(row[1]), int(row[2]), int(row[3]))

    def _descriptor(self, file: int) -> int:
        if file not in self._blobs:
            self._blobs[file] = os.open(self._folder / BLOBS_NAME / blob_name(file), os.O_RDONLY)
        return self._blobs[file]


class StoreWriter:
    """Adds to a store. Its methods may be called from several threads."""

    def __init__(self, store: Store, folder: Path) -> None:
        self._ledger = store.ledger
        self._store = store
        self._folder = folder / BLOBS_NAME
        self._lock = threading.Lock()
        self._file = max((int(path.stem) for path in self._folder.glob("*.blob") if path.stem.isdigit()), default=0)
        self._descriptor = self._open()

    def put(self, entry: Entry, data: bytes | None = None, form: str = ORIGINAL) -> None:
        """Records what asking for a URL came to, with the image if there is one, in the form that is kept."""
        with self._lock:
            place = None
            if data is not None:
                assert entry.sha256 is not None
                if not self._store.has_image(entry.sha256, form):
                    place = self._append(data)
            with self._transaction():
                if place is not None:
                    assert entry.sha256 is not None and data is not None
                    self._insert_image(entry.sha256, form, data, place)
                self._ledger.execute(
                    "insert or replace into urls values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", row_of(entry)
                )

    def put_form(self, sha256: str, data: bytes, form: str) -> None:
        """Keeps another form of an image that a URL led to."""
        with self._lock:
            place = self._append(data)
            with self._transaction():
                self._insert_image(sha256, form, data, place)

    def wish(self, kind: str, origin: str, not_before: float) -> bytes | None:
        with self._lock:
            return self._store.wish(kind, origin, not_before)

    def put_wish(self, kind: str, origin: str, text: bytes, at: float) -> None:
        with self._lock, self._transaction():
            self._ledger.execute("insert or replace into wishes values (?, ?, ?, ?)", (kind, origin, text, at))

    def _insert_image(self, sha256: str, form: str, data: bytes, place: tuple[int, int, int]) -> None:
        stored_sha256 = bytes.fromhex(sha256) if form == ORIGINAL else hashlib.sha256(data).digest()
        row = (bytes.fromhex(sha256), form, stored_sha256, *place)
        self._ledger.execute("insert or replace into images values (?, ?, ?, ?, ?, ?)", row)

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        try:
            self._ledger.execute("begin immediate")
            yield
            self._ledger.execute("commit")
        except sqlite3.Error as error:
            with suppress(sqlite3.Error):
                self._ledger.execute("rollback")
            raise TaskError(f"cannot write {self._folder.parent / LEDGER_NAME}: {error}; run again to go on") from None

    def close(self) -> None:
        os.fsync(self._descriptor)
        os.close(self._descriptor)

    def _append(self, data: bytes) -> tuple[int, int, int]:
        offset = os.lseek(self._descriptor, 0, os.SEEK_END)
        if offset and offset + len(data) > MAX_BLOB_BYTES:
            self.close()
            self._file += 1
            self._descriptor = self._open()
            offset = 0
        view = memoryview(data)
        while view:
            view = view[os.write(self._descriptor, view) :]
        return self._file, offset, len(data)

    def _open(self) -> int:
        path = self._folder / blob_name(self._file)
        return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)


@contextmanager
def open_for_writing(folder: Path) -> Iterator[tuple[Store, StoreWriter]]:
    """A store, and what adds to it, for this process alone.

    Raises:
        TaskError: another process is adding to it; the folder is no store.
    """
    with Store(folder) as store, _alone(folder):
        writer = StoreWriter(store, folder)
        try:
            yield store, writer
        finally:
            writer.close()


def forget_images(folder: Path) -> None:
    """Removes the images of a store; its ledger stays."""
    with open_for_writing(folder) as (store, _):
        store.ledger.execute("delete from images")
        for path in (folder / BLOBS_NAME).glob("*.blob"):
            path.unlink()


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    descriptor = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        raise TaskError(f"another process is downloading into {folder}; wait for it, or name another store") from None
    try:
        yield
    finally:
        os.close(descriptor)


def blob_name(file: int) -> str:
    return f"{file:05d}.blob"
