"""The images of a document that came with its row: the first MB stays in memory, the rest goes to a temporary file.

Up to 64 documents are held at once, each of which may have hundreds of MB.
"""

from __future__ import annotations

import os
import tempfile
import weakref
from collections.abc import Callable
from functools import partial

from interleave.errors import TaskError, Unreadable

_IN_MEMORY = 1 * 1024 * 1024


class HeldBytes:
    """The images of one document; its file is gone when the last `load` is."""

    def __init__(self, max_image_bytes: int) -> None:
        self._max_image_bytes = max_image_bytes
        self._num_in_memory = 0
        self._descriptor: int | None = None
        self._end = 0

    def hold(self, data: bytes) -> Callable[[], bytes]:
        """What gives the bytes back, or raises Unreadable `too_many_bytes`.

        Raises:
            TaskError: the temporary file cannot be written.
        """
        if len(data) > self._max_image_bytes:
            return partial(_too_many, len(data), self._max_image_bytes)
        if self._num_in_memory + len(data) <= _IN_MEMORY:
            self._num_in_memory += len(data)
            return partial(bytes, data)
        try:
            return self._write(data)
        except OSError as error:
            raise TaskError(f"cannot write to {tempfile.gettempdir()}: {error.strerror}") from error

    def _write(self, data: bytes) -> Callable[[], bytes]:
        if self._descriptor is None:
            with tempfile.TemporaryFile() as file:
                self._descriptor = os.dup(file.fileno())
            weakref.finalize(self, os.close, self._descriptor)
        begin, written = self._end, 0
        while written < len(data):
            written += os.pwrite(self._descriptor, memoryview(data)[written:], begin + written)
        self._end += len(data)
        return partial(self._read, begin, len(data))

    def _read(self, offset: int, size: int) -> bytes:
        assert self._descriptor is not None
        pieces = b""
        while len(pieces) < size and (piece := os.pread(self._descriptor, size - len(pieces), offset + len(pieces))):
            pieces += piece
        return pieces


def _too_many(num_bytes: int, most: int) -> bytes:
    raise Unreadable("too_many_bytes", f"{num_bytes:,} bytes, at most {most:,}")
