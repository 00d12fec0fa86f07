"""Where a dataset lies: in a folder, or behind a URL."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Protocol

from interleave.shard.manifest import Manifest
from interleave.stream.storage.cache import Cache
from interleave.stream.storage.local import LocalStorage
from interleave.stream.storage.range import Range


class Storage(Protocol):
    """Reads a dataset. Safe for several threads."""

    folder: Path
    # Holds the manifest, on a local disk.

    def refresh(self) -> None:
        """Brings the manifest, again where there is one. Raises ShardError where it cannot be had."""

    def index(self, manifest: Manifest) -> Path:
        """The index that belongs to a manifest, on a local disk. Raises ShardError where it cannot be had."""

    def fetch(self, wanted: Iterable[tuple[int, Range]]) -> dict[int, bytes]:
        """Ranges that are wanted soon, by number, all at once: those that it pays to ask for before they are read."""

    def read(self, wanted: Range) -> bytes:
        """A range. Raises ShardError where it is missing, cut off, or not what the manifest says."""


def open_storage(location: str | Path, cache: Cache | None = None) -> Storage:
    """The storage of a dataset.

    location: a folder, or a URL (s3://, gs://, http://, https://, hf:// and whatever else fsspec knows).
    cache: where what comes from a URL is kept.

    Raises:
        ShardError: nothing here can read such a URL, or the dataset cannot be had.
    """
    if "://" not in str(location):
        return LocalStorage(Path(location))
    from interleave.stream.storage.remote import RangedStorage, RemoteStorage

    cache = cache or Cache()
    return (RemoteStorage if cache.keep_shards else RangedStorage)(str(location), cache)
