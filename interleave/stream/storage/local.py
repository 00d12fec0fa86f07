"""Shards on a local disk, open as long as they are read often."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from interleave.errors import ShardError
from interleave.shard.index import INDEX_NAME
from interleave.shard.manifest import Manifest
from interleave.stream.storage.range import Range

_MAX_OPEN = 128


class LocalStorage:
    """A dataset's folder; safe for several threads: no file is closed while it is read."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._begin()

    def _begin(self) -> None:
        self._files: dict[str, _File] = {}
        self._lock = threading.Lock()
        self._process = os.getpid()

    def index(self, manifest: Manifest) -> Path:
        return self.folder / INDEX_NAME

    def refresh(self) -> None:
        """Nothing: the folder is what it is."""

    def fetch(self, wanted: Iterable[tuple[int, Range]]) -> dict[int, bytes]:
        """Nothing: each is read when it is wanted."""
        return {}

    def read(self, wanted: Range) -> bytes:
        """
        Raises:
            ShardError: the file is missing, or ends before.
        """
        name, offset, num_bytes = wanted.shard.name, wanted.offset, wanted.num_bytes
        with self._opened(name) as file:
            data = os.pread(file.descriptor, num_bytes, offset)
        if len(data) != num_bytes:
            raise ShardError(f"{self.folder / name} is cut off: no {num_bytes:,} bytes at {offset:,}; fetch it again")
        return data

    @contextmanager
    def _opened(self, name: str) -> Iterator[_File]:
        if os.getpid() != self._process:
            # Forked, perhaps while a thread that is not here held the lock.
            self._begin()
        with self._lock:
            file = self._files.pop(name, None) or _File(self.folder / name)
            self._files[name] = file  # the last one used is the last one closed
            file.num_readers += 1
            self._close_others()
        try:
            yield file
        finally:
            with self._lock:
                file.num_readers -= 1

    def _close_others(self) -> None:
        for name in list(self._files)[: max(0, len(self._files) - _MAX_OPEN)]:
            if not self._files[name].num_readers:
                os.close(self._files.pop(name).descriptor)

    def __del__(self) -> None:
        if os.getpid() != self._process:
            return
        for file in self._files.values():
            os.close(file.descriptor)


class _File:
    def __init__(self, path: Path) -> None:
        try:
            self.descriptor = os.open(path, os.O_RDONLY)
        except OSError as error:
            raise ShardError(f"{path}: {error.strerror}; fetch it again") from None
        self.num_readers = 0
