"""Where a dataset lies: in a folder, or behind a URL."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from interleave.shard.manifest import Manifest, ShardEntry
from interleave.stream.storage.cache import Cache
from interleave.stream.storage.local import LocalStorage


class Storage(Protocol):
    """Reads a dataset. Safe for several threads."""

    folder: Path
    # Holds the manifest, on a local disk.

    def refresh(self) -> None:
        """Brings the manifest, again where there is one. Raises ShardError where it cannot be had."""

    def index(self, manifest: Manifest) -> Path:
        """The index that belongs to a manifest, on a local disk. Raises ShardError where it cannot be had."""

    def read(self, shard: ShardEntry, offset: int, num_bytes: int) -> bytes:
        """A range of a shard. Raises ShardError where it is missing, cut off, or not what the manifest says."""


def open_storage(location: str | Path, cache: Cache | None = None) -> Storage:
    """The storage of a dataset.

    location: a folder, or a URL (s3://, gs://, http://, https://, hf:// and whatever else fsspec knows).
    cache: where what comes from a URL is kept.

    Raises:
        ShardError: nothing here can read such a URL, or the dataset cannot be had.
    """
    if "://" not in str(location):
        return LocalStorage(Path(location))
    from interleave.stream.storage.remote import RemoteStorage

    return RemoteStorage(str(location), cache or Cache())
