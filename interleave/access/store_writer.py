"""Adding to a store: one process at a time, each response committed before the next step depends on it."""

from __future__ import annotations

import fcntl
import hashlib
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from interleave.access.ledger import INSERT_ENTRY, OK, SELECT_HELD, Entry, row_of, url_key
from interleave.access.store import BLOBS_NAME, ORIGINAL, Store, blob_name
from interleave.errors import TaskError

MAX_BLOB_BYTES = 256 * 1024 * 1024


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
        """Records what asking for a URL came to, with the image if there is one, in the form that is kept.

        A failure does not replace what is there: another build may use it.
        """
        with self._lock:
            if entry.outcome != OK and self._ledger.one(SELECT_HELD, (url_key(entry.url, entry.kind),)):
                return
            place = None
            if data is not None:
                assert entry.sha256 is not None
                if not self._store.has_image(entry.sha256, form):
                    place = self._append(data)
            with self._transaction():
                if place is not None:
                    assert entry.sha256 is not None and data is not None
                    self._insert_image(entry.sha256, form, data, place)
                self._ledger.execute(INSERT_ENTRY, row_of(entry))

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
        self._ledger.execute("begin immediate")
        try:
            yield
            self._ledger.execute("commit")
        except TaskError:
            with suppress(TaskError):
                self._ledger.execute("rollback")
            raise

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
        try:
            while view:
                view = view[os.write(self._descriptor, view) :]
        except OSError as error:
            raise OSError(error.errno, error.strerror, str(self._folder / blob_name(self._file))) from None
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
