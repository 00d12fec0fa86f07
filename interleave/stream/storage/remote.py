"""A dataset behind a URL, through fsspec.

Shards come whole into a cache and are checked against the manifest once; or samples are read where they lie, each time.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

from interleave.errors import ShardError
from interleave.remote.filesystems import PERMANENT, open_filesystem, patiently, said
from interleave.shard.index import INDEX_NAME
from interleave.shard.manifest import MANIFEST_NAME, Manifest, ShardEntry
from interleave.stream.storage.cache import Cache, NoRoom, Wanted, kept
from interleave.stream.storage.range import Range

# Downloads at once.
_NUM_AT_ONCE = 8


class RemoteStorage:
    """Reads a dataset through a cache. Connections are this process's own."""

    def __init__(self, location: str, cache: Cache) -> None:
        self._location = location.rstrip("/")
        self._cache = cache
        self.folder = cache.place / hashlib.sha256(self._location.encode()).hexdigest()[:32]
        self._system: tuple[int, Any] | None = None

    def refresh(self) -> None:
        self._filesystem()  # a URL that nothing can read is an error at once
        self.folder.mkdir(parents=True, exist_ok=True)
        part = self.folder / f"{MANIFEST_NAME}.{os.getpid()}"
        try:
            self._try(MANIFEST_NAME, lambda: self._download(MANIFEST_NAME, part))
            part.replace(self.folder / MANIFEST_NAME)
        finally:
            part.unlink(missing_ok=True)

    def index(self, manifest: Manifest) -> Path:
        sha256 = manifest.files[INDEX_NAME]
        wanted = Wanted(path=self.folder / f"{sha256[:16]}.arrow", sha256=sha256, num_bytes=None)
        return self._kept(INDEX_NAME, wanted)

    def fetch(self, wanted: Iterable[tuple[int, Range]]) -> dict[int, bytes]:
        """Brings shards that are missing, several at once, if the cache can hold them beside those in use."""
        shards = {each.shard.name: each.shard for _, each in wanted}
        missing = [shard for shard in shards.values() if not self._file(shard).path.exists()]
        if len(missing) > 1 and 2 * sum(shard.num_bytes for shard in missing) <= self._cache.max_bytes:
            with ThreadPoolExecutor(_NUM_AT_ONCE, thread_name_prefix="interleave") as threads:
                list(threads.map(self._bring, missing))
        return {}

    def read(self, wanted: Range) -> bytes:
        while True:
            try:
                # Not kept open: what the cache drops is to give back its room.
                descriptor = os.open(self._kept(wanted.shard.name, self._file(wanted.shard)), os.O_RDONLY)
            except FileNotFoundError:  # dropped between the two
                continue
            try:
                return os.pread(descriptor, wanted.num_bytes, wanted.offset)
            finally:
                os.close(descriptor)

    def _bring(self, shard: ShardEntry) -> None:
        # What fails here fails when it is read, too, and is said there.
        with suppress(ShardError):
            self._kept(shard.name, self._file(shard))

    def _file(self, shard: ShardEntry) -> Wanted:
        # A shard that a take-down has changed is another file.
        path = self.folder / f"{shard.name.removesuffix('.tar')}-{shard.sha256[:16]}.tar"
        return Wanted(path=path, sha256=shard.sha256, num_bytes=shard.num_bytes)

    def _kept(self, name: str, wanted: Wanted) -> Path:
        path: Path = self._try(name, partial(kept, self._cache, wanted, partial(self._download, name)))
        return path

    def _try(self, name: str, work: Callable[[], Any]) -> Any:
        """Tries until it works, with pauses that grow.

        Raises:
            ShardError: it did not.
        """
        url, cache = f"{self._location}/{name}", self._cache
        try:
            return patiently(url, work, num_tries=cache.num_tries, first_delay_s=cache.first_delay_s)
        except PERMANENT as error:
            raise ShardError(f"{url}: {said(error)}; is the URL right, and may you read it?") from None
        except NoRoom as error:
            raise ShardError(f"{url} {error}") from None

    def _download(self, name: str, path: Path) -> None:
        self._filesystem().get_file(f"{self._location}/{name}", str(path))

    def _filesystem(self) -> Any:
        """fsspec's, made anew in a process that was forked: its threads are not there."""
        if self._system is None or self._system[0] != os.getpid():
            self._system = (os.getpid(), open_filesystem(self._location, self._cache.timeout_s))
        return self._system[1]


class RangedStorage(RemoteStorage):
    """Reads ranges of shards where they lie, and keeps none."""

    def fetch(self, wanted: Iterable[tuple[int, Range]]) -> dict[int, bytes]:
        ranges = dict(wanted)
        try:
            found = self._filesystem().cat_ranges(
                [self._url(each) for each in ranges.values()],
                [each.offset for each in ranges.values()],
                [each.offset + each.num_bytes for each in ranges.values()],
                on_error="return",
            )
        except Exception:  # noqa: BLE001 - what fails together is tried again by itself, and said there
            return {}
        return {
            number: data
            for (number, each), data in zip(ranges.items(), found, strict=True)
            if isinstance(data, bytes) and len(data) == each.num_bytes
        }

    def read(self, wanted: Range) -> bytes:
        data: bytes = self._try(wanted.shard.name, partial(self._range, wanted))
        return data

    def _range(self, wanted: Range) -> bytes:
        end = wanted.offset + wanted.num_bytes
        data: bytes = self._filesystem().cat_file(self._url(wanted), start=wanted.offset, end=end)
        if len(data) != wanted.num_bytes:
            raise ShardError(
                f"gave {len(data):,} bytes for the {wanted.num_bytes:,} at {wanted.offset:,}: the shard is cut off, or "
                f"what serves it knows no ranges (then keep_shards=True)"
            )
        return data

    def _url(self, wanted: Range) -> str:
        return f"{self._location}/{wanted.shard.name}"
