"""What was downloaded, by its SHA-256, with a ledger of every URL that was asked for.

    STORE/ledger.sqlite      urls: key -> outcome, headers, time, attempts; images: SHA-256 -> place; wishes of origins
    STORE/blobs/00000.blob   images one behind the other; a new file from 256 MiB on

A response counts once its row is committed: the bytes lie in the blob by then, and what a killed process left behind
them is never referred to. SQLite's WAL keeps committed rows through the death of the process; after a power cut the
last ones may be missing, and are fetched again.
"""

from __future__ import annotations

import hashlib
import os
import sqlite3
from collections import OrderedDict
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType

from interleave.access.ledger import (
    IMAGE,
    SELECT_ENTRIES,
    SELECT_ENTRY,
    SELECT_PLACE,
    VERSION,
    Entry,
    Ledger,
    entry_of,
    prepare,
    url_key,
)
from interleave.errors import TaskError, Unreadable

LEDGER_NAME = "ledger.sqlite"
BLOBS_NAME = "blobs"
_MAX_OPEN = 64
# The bytes as they were downloaded. Other forms are named by what was made of them.
ORIGINAL = "original"


class Store:
    """A store that is read, and written by one process at a time.

    Raises:
        TaskError: the folder is no store, or of a newer version.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._blobs: OrderedDict[int, int] = OrderedDict()
        # Number of a file of images -> its open descriptor, the last one used at the end.
        try:
            self.ledger = self._open()
        except (sqlite3.Error, FileExistsError, NotADirectoryError) as error:
            raise TaskError(f"{folder} is no store of images: {error}; name another folder") from None

    def _open(self) -> Ledger:
        path = self._folder / LEDGER_NAME
        is_read_only = path.is_file() and not os.access(self._folder, os.W_OK)
        if not is_read_only:
            (self._folder / BLOBS_NAME).mkdir(parents=True, exist_ok=True)
        where = f"{path.absolute().as_uri()}?mode=ro{_unless_written(path)}" if is_read_only else str(path)
        ledger = sqlite3.connect(
            where, timeout=60, isolation_level=None, check_same_thread=False, uri=is_read_only, factory=Ledger
        )
        ledger.where = str(path)
        (version,) = sqlite3.Connection.execute(ledger, "pragma user_version").fetchone()
        if version > VERSION:
            raise TaskError(
                f"{self._folder} was made by a newer interleave (store version {version}); upgrade to read it"
            )
        if is_read_only:
            if version < VERSION:
                raise TaskError(f"{self._folder} was made by an older interleave; open it once where it may be written")
            return ledger
        if version < VERSION:
            ledger.execute("pragma journal_mode=wal")
            prepare(ledger, version)
        ledger.execute("pragma synchronous=normal")
        return ledger

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

    def entry(self, url: str, kind: str = IMAGE) -> Entry | None:
        """What is known of a URL, asked for as an image or as something else."""
        row = self.ledger.one(SELECT_ENTRY, (url_key(url, kind),))
        return None if row is None else entry_of(row)

    def entries(self) -> Iterator[Entry]:
        """The whole ledger, in the order of its keys."""
        return map(entry_of, self.ledger.rows(SELECT_ENTRIES))

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
        row = self.ledger.one(
            "select text from wishes where kind = ? and origin = ? and asked_at >= ?", (kind, origin, not_before)
        )
        return None if row is None else bytes(row[0])

    def _place(self, sha256: str, form: str) -> tuple[bytes, int, int, int] | None:
        row = self.ledger.one(SELECT_PLACE, (bytes.fromhex(sha256), form))
        return None if row is None else (bytes(row[0]), int(row[1]), int(row[2]), int(row[3]))

    def _descriptor(self, file: int) -> int:
        if file not in self._blobs:
            self._blobs[file] = os.open(self._folder / BLOBS_NAME / blob_name(file), os.O_RDONLY)
            if len(self._blobs) > _MAX_OPEN:
                os.close(self._blobs.popitem(last=False)[1])
        self._blobs.move_to_end(file)
        return self._blobs[file]


def _unless_written(ledger: Path) -> str:
    """SQLite may take a file for unchanging where no rows wait in the log beside it."""
    log = ledger.with_name(f"{ledger.name}-wal")
    return "" if log.is_file() and log.stat().st_size else "&immutable=1"


def blob_name(file: int) -> str:
    return f"{file:05d}.blob"
