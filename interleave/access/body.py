"""The bytes of a response: never more than asked for, and few large ones at once."""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import AsyncIterator

from interleave.access.errors import FetchError

# Bodies beyond this take one of a few places, so that memory is places x the largest body and not connections x it.
SMALL_BYTES = 1 << 20
NUM_LARGE = 4
_GZIP = zlib.MAX_WBITS | 16


class BodyReader:
    """Reads bodies within limits."""

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._large = asyncio.Semaphore(NUM_LARGE)

    async def read(
        self,
        chunks: AsyncIterator[bytes],
        *,
        num_bytes: int | None,
        encoding: str,
        deadline: asyncio.Timeout,
        cut_at: int | None = None,
    ) -> bytes:
        """A body, decompressed where the server compressed it unasked.

        num_bytes: what the server says; `deadline` stands still while a large body waits for its place.
        cut_at: bytes after which the rest is left, where that is no fault.

        Raises:
            FetchError: `too_many_bytes`, `bad_encoding`, `cut_off`.
        """
        max_bytes = self._max_bytes if cut_at is None else cut_at
        if cut_at is None and num_bytes is not None and num_bytes > max_bytes:
            raise FetchError("too_many_bytes", f"the server says {num_bytes:,}, at most {max_bytes:,}")
        decode = _decoder(encoding)
        body = bytearray()
        is_large = False
        try:
            async for chunk in chunks:
                if not is_large and len(body) + len(chunk) > SMALL_BYTES:
                    await _paused(deadline, self._large)
                    is_large = True
                body += decode(chunk, max_bytes + 1 - len(body))
                if len(body) > max_bytes:
                    if cut_at is not None:
                        return bytes(body[:cut_at])
                    raise FetchError("too_many_bytes", f"more than {max_bytes:,}")
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


class _Gzip:
    """gzip, chunk by chunk, stopping at what there is room for. Members follow each other (RFC 1952); what is none
    behind the last is padding, and left out."""

    def __init__(self) -> None:
        self._stream = zlib.decompressobj(_GZIP)

    def __call__(self, chunk: bytes, room: int) -> bytes:
        unpacked = b""
        while chunk and len(unpacked) < room:
            if self._stream.eof:
                if chunk[:1] != b"\x1f":
                    break
                self._stream = zlib.decompressobj(_GZIP)
            unpacked += _unpack(self._stream, chunk, room - len(unpacked))
            chunk = self._stream.unused_data
        return unpacked

    def finish(self) -> None:
        _check_whole(self._stream)


class _Deflate:
    """The same for deflate, with zlib's header or, as many servers send it, without."""

    def __init__(self) -> None:
        self._start = b""
        self._stream: zlib._Decompress | None = None

    def __call__(self, chunk: bytes, room: int) -> bytes:
        if self._stream is None:
            chunk = self._start = self._start + chunk
            if len(chunk) < 2:
                return b""
            has_header = chunk[0] & 15 == 8 and int.from_bytes(chunk[:2]) % 31 == 0
            self._stream = zlib.decompressobj(zlib.MAX_WBITS if has_header else -zlib.MAX_WBITS)
        return _unpack(self._stream, chunk, room)

    def finish(self) -> None:
        _check_whole(self._stream)


def _unpack(stream: zlib._Decompress, chunk: bytes, room: int) -> bytes:
    try:
        return stream.decompress(chunk, room)
    except zlib.error as error:
        raise FetchError("bad_encoding", str(error)[:200]) from None


def _check_whole(stream: zlib._Decompress | None) -> None:
    if stream is None or not stream.eof:
        raise FetchError("cut_off", "compressed data without their end", transient=True)


def _decoder(encoding: str) -> _Plain | _Gzip | _Deflate:
    name = encoding.strip().lower()
    if name in ("", "identity"):
        return _Plain()
    if name in ("gzip", "x-gzip"):
        return _Gzip()
    if name == "deflate":
        return _Deflate()
    raise FetchError("bad_encoding", f"{encoding[:80]!r}, which nobody asked for")
