"""The bytes of a response: never more than asked for, and few large ones at once."""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import AsyncIterator

from interleave.access.errors import FetchError

# Bodies beyond this take one of a few places, so that memory is places x the largest body and not connections x it.
SMALL_BYTES = 1 << 20
NUM_LARGE = 4


class BodyReader:
    """Reads bodies within limits."""

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._large = asyncio.Semaphore(NUM_LARGE)

    async def read(
        self, chunks: AsyncIterator[bytes], *, num_bytes: int | None, encoding: str, deadline: asyncio.Timeout
    ) -> bytes:
        """A body, decompressed where the server compressed it unasked.

        num_bytes: what the server says; `deadline` stands still while a large body waits for its place.

        Raises:
            FetchError: `too_many_bytes`, `bad_encoding`, `cut_off`.
        """
        if num_bytes is not None and num_bytes > self._max_bytes:
            raise FetchError("too_many_bytes", f"the server says {num_bytes:,}, at most {self._max_bytes:,}")
        decode = _decoder(encoding)
        body = bytearray()
        is_large = False
        try:
            async for chunk in chunks:
                if not is_large and len(body) + len(chunk) > SMALL_BYTES:
                    await _paused(deadline, self._large)
                    is_large = True
                body += decode(chunk, self._max_bytes + 1 - len(body))
                if len(body) > self._max_bytes:
                    raise FetchError("too_many_bytes", f"more than {self._max_bytes:,}")
            decode.finish()
            return bytes(body)
        finally:
            if is_large:
                self._large.release()


async def _paused(deadline: asyncio.Timeout, place: asyncio.Semaphore) -> None:
    """Waits for a place without the wait counting against the deadline."""
    loop = asyncio.get_running_loop()
    when = deadline.when()
    left = None if when is None else when - loop.time()
    deadline.reschedule(None)
    await place.acquire()
    deadline.reschedule(None if left is None else loop.time() + left)


class _Plain:
    def __call__(self, chunk: bytes, room: int) -> bytes:
        return chunk[:room]

    def finish(self) -> None:
        """Nothing more will come."""


class _Inflate:
    """gzip or deflate, chunk by chunk, stopping at what there is room for."""

    def __init__(self, window: int) -> None:
        self._stream = zlib.decompressobj(window)

    def __call__(self, chunk: bytes, room: int) -> bytes:
        try:
            return self._stream.decompress(chunk, max(room, 1))
        except zlib.error as error:
            raise FetchError("bad_encoding", str(error)[:200]) from None

    def finish(self) -> None:
        if not self._stream.eof:
            raise FetchError("cut_off", "compressed data without their end", transient=True)


def _decoder(encoding: str) -> _Plain | _Inflate:
    name = encoding.strip().lower()
    if name in ("", "identity"):
        return _Plain()
    if name in ("gzip", "x-gzip"):
        return _Inflate(zlib.MAX_WBITS | 16)
    if name == "deflate":
        return _Inflate(zlib.MAX_WBITS)
    raise FetchError("bad_encoding", f"{encoding[:80]!r}, which nobody asked for")
