"""Image bytes in the work folder: one after another in a file a task, addressed by file, offset and length."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from types import TracebackType
from typing import IO

from interleave.document import BlobRef
from interleave.files import atomic_write
from interleave.remote.object_store import ObjectStore

DEPOT = "depot.url"


class BlobWriter:
    """Appends image bytes to one file, and says where each lies."""

    def __init__(self, file: IO[bytes], name: str) -> None:
        self._file = file
        self._name = name
        self._offset = 0

    def append(self, data: bytes) -> BlobRef:
        self._file.write(data)
        ref = BlobRef(file=self._name, offset=self._offset, length=len(data))
        self._offset += len(data)
        return ref


@contextmanager
def write_blob(work: Path, name: str) -> Iterator[BlobWriter]:
    """name: relative to the work folder, as references to it will have it."""
    with atomic_write(work / name) as file:
        yield BlobWriter(file, name)


class BlobReader(AbstractContextManager["BlobReader"]):
    """Reads image bytes by reference: from files, a bounded number of them open, or in the object store where they are.

    Where a work folder stands for one in an object store, the file `DEPOT` beside it holds the URL of its parent.
    """

    def __init__(self, work: Path, max_open: int = 256) -> None:
        self._work = work
        self._max_open = max_open
        self._descriptors: dict[str, int] = {}
        note = work.with_name(DEPOT)
        self._store = ObjectStore(f"{note.read_text()}/{work.name}") if note.is_file() else None

    def read(self, ref: BlobRef) -> bytes:
        return self.read_all([ref])[0]

    def read_all(self, refs: Sequence[BlobRef]) -> list[bytes]:
        """The bytes of each, in order; those in an object store are asked for at once."""
        if self._store is not None:
            return self._store.read_ranges([(ref.file, ref.offset, ref.length) for ref in refs])
        return list(map(self._read, refs))

    def _read(self, ref: BlobRef) -> bytes:
        data = os.pread(self._descriptor(ref.file), ref.length, ref.offset)
        assert len(data) == ref.length, f"{ref.file} is shorter than its records say"
        return data

    def _descriptor(self, name: str) -> int:
        descriptor = self._descriptors.pop(name, None)
        if descriptor is None:
            descriptor = os.open(self._work / name, os.O_RDONLY)
            if len(self._descriptors) >= self._max_open:
                os.close(self._descriptors.pop(next(iter(self._descriptors))))
        self._descriptors[name] = descriptor  # last in the dict is the one used last
        return descriptor

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with ExitStack() as stack:
            for descriptor in self._descriptors.values():
                stack.callback(os.close, descriptor)
            self._descriptors.clear()
