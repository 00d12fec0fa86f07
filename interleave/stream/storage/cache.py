"""Files from elsewhere, kept on a local disk: whole, checked once, shared by all processes there, within a limit.

A file is downloaded under another name, checked, and renamed, under a lock that is its own: two processes that want it
download it once, and what a killed one leaves is never taken for whole. Those that were used longest ago go first; one
that is being read can go too, since an open file outlives its name.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from interleave.errors import ShardError
from interleave.remote.filesystems import Final

_PART = ".part"
_LOCK = ".lock"


class NoRoom(Final):
    """A file does not fit: to try again would change nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cache:
    """Where files from elsewhere are kept, and how hard it is tried to get them."""

    folder: Path | None = None
    # None: $INTERLEAVE_CACHE, else ~/.cache/interleave.
    keep_shards: bool = True
    # False: of a shard only the samples asked for are read, each time anew, and only the index is kept: for disks that
    # hold a small part of the dataset. No SHA-256 is checked then.
    max_bytes: int = 100_000_000_000
    # Of all datasets together. One file must fit.
    min_free_bytes: int = 1_000_000_000
    # That stay free on the disk.
    num_tries: int = 6
    first_delay_s: float = 0.5
    # Twice as long before each further try.
    timeout_s: float = 60.0
    # Without a byte.

    @property
    def place(self) -> Path:
        named = os.environ.get("INTERLEAVE_CACHE")
        return self.folder or (Path(named) if named else Path.home() / ".cache" / "interleave")


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A file as it must be."""

    path: Path
    sha256: str
    num_bytes: int | None
    # None: not known.


def kept(cache: Cache, wanted: Wanted, download: Callable[[Path], None]) -> Path:
    """The path of a file, downloaded unless it is there.

    Raises:
        NoRoom: it does not fit.
        ShardError: what came is not what is wanted.
    """
    if wanted.path.exists():
        # As the clock of what was used last, for all processes.
        with suppress(FileNotFoundError):
            os.utime(wanted.path)
            return wanted.path
    wanted.path.parent.mkdir(parents=True, exist_ok=True)
    with _locked(wanted.path):
        if not wanted.path.exists():
            _make_room(cache, wanted)
            part = wanted.path.with_name(wanted.path.name + _PART)
            try:
                download(part)
                check(part, wanted)
                part.replace(wanted.path)
            finally:
                part.unlink(missing_ok=True)
    return wanted.path


def check(path: Path, wanted: Wanted) -> None:
    """
    Raises:
        ShardError: the file is not what is wanted.
    """
    size = path.stat().st_size
    if wanted.num_bytes is not None and size != wanted.num_bytes:
        raise ShardError(f"has {size:,} bytes, the manifest says {wanted.num_bytes:,}")
    with path.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != wanted.sha256:
        raise ShardError(f"has SHA-256 {found[:16]}..., the manifest says {wanted.sha256[:16]}...")


def _make_room(cache: Cache, wanted: Wanted) -> None:
    needed = wanted.num_bytes or 0
    if needed > cache.max_bytes:
        raise NoRoom(f"has {needed:,} bytes, the cache {cache.place} holds {cache.max_bytes:,}: give it more max_bytes")
    files = sorted(_files(cache.place))
    total = sum(size for _, size, _ in files)
    for _, size, path in files:
        # What another process is downloading counts, and stays.
        if path.name.endswith(_PART):
            continue
        free = shutil.disk_usage(cache.place).free
        if total + needed <= cache.max_bytes and free - needed >= cache.min_free_bytes:
            return
        path.unlink(missing_ok=True)
        total -= size
    if shutil.disk_usage(cache.place).free - needed < cache.min_free_bytes:
        raise NoRoom(f"has {needed:,} bytes, for which the disk of the cache {cache.place} has no room")


def _files(folder: Path) -> Iterator[tuple[int, int, Path]]:
    """(when it was used last, bytes, path) of each shard, also of those that are on their way."""
    for path in (*folder.glob("*/*.tar"), *folder.glob(f"*/*.tar{_PART}")):
        with suppress(FileNotFoundError):
            status = path.stat()
            yield status.st_mtime_ns, status.st_size, path


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Holds what no other process of this machine holds at the same time; the kernel lets go when one dies."""
    with path.with_name(path.name + _LOCK).open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
