"""A dataset behind a URL, through fsspec: shards come whole into a cache, and are checked against the manifest once."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from interleave.errors import ShardError
from interleave.identity import seeded_u64
from interleave.shard.index import INDEX_NAME
from interleave.shard.manifest import MANIFEST_NAME, Manifest, ShardEntry
from interleave.stream.storage.cache import Cache, NoRoom, Wanted, kept

# Trying again changes nothing about these.
_PERMANENT = (FileNotFoundError, PermissionError, NotImplementedError, IsADirectoryError)


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

    def read(self, shard: ShardEntry, offset: int, num_bytes: int) -> bytes:
        # A shard that a take-down has changed is another file.
        path = self.folder / f"{shard.name.removesuffix('.tar')}-{shard.sha256[:16]}.tar"
        wanted = Wanted(path=path, sha256=shard.sha256, num_bytes=shard.num_bytes)
        while True:
            try:
                # Not kept open: what the cache drops is to give back its room.
                descriptor = os.open(self._kept(shard.name, wanted), os.O_RDONLY)
            except FileNotFoundError:  # dropped between the two
                continue
            try:
                return os.pread(descriptor, num_bytes, offset)
            finally:
                os.close(descriptor)

    def _kept(self, name: str, wanted: Wanted) -> Path:
        path: Path = self._try(name, partial(kept, self._cache, wanted, partial(self._download, name)))
        return path

    def _try(self, name: str, work: Callable[[], Any]) -> Any:
        """Tries until it works, with pauses that grow.

        Raises:
            ShardError: it did not.
        """
        url = f"{self._location}/{name}"
        for number in range(self._cache.num_tries):
            try:
                return work()
            except _PERMANENT as error:
                raise ShardError(f"{url}: {_said(error)}; is the URL right, and may you read it?") from None
            except NoRoom as error:
                raise ShardError(f"{url} {error}") from None
            except ModuleNotFoundError as error:
                raise ShardError(f"{url}: {error}; pip install it, or s3fs, gcsfs, aiohttp for such URLs") from None
            except Exception as error:  # noqa: BLE001 - each of fsspec's systems raises what its library does
                last = error
            if number + 1 < self._cache.num_tries:
                time.sleep(self._cache.first_delay_s * 2**number * (0.5 + seeded_u64(os.getpid(), url, number) / 2**64))
        raise ShardError(f"{url} {_said(last)} ({self._cache.num_tries} tries)")

    def _download(self, name: str, path: Path) -> None:
        self._filesystem().get_file(f"{self._location}/{name}", str(path))

    def _filesystem(self) -> Any:
        """fsspec's, made anew in a process that was forked: its threads are not there."""
        if self._system is None or self._system[0] != os.getpid():
            self._system = (os.getpid(), _open(self._location, self._cache.timeout_s))
        return self._system[1]


def _open(location: str, timeout_s: float) -> Any:
    import fsspec

    scheme = location.partition("://")[0]
    options: dict[str, Any] = {}
    if scheme in ("http", "https"):
        import aiohttp

        # By default a whole download has five minutes.
        options["client_kwargs"] = {
            "timeout": aiohttp.ClientTimeout(total=None, sock_connect=timeout_s, sock_read=timeout_s)
        }
    try:
        return fsspec.filesystem(scheme, skip_instance_cache=True, **options)
    except (ImportError, ValueError) as error:
        raise ShardError(f"{location}: {error}") from None


def _said(error: Exception) -> str:
    text = " ".join(str(error).split())[:200]
    return text if isinstance(error, ShardError) else f"{type(error).__name__}: {text}"
