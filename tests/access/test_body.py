"""A body is had whole or not at all, never larger than asked for, and few large ones at once."""

from __future__ import annotations

import asyncio
import gzip
import zlib
from collections.abc import AsyncIterator, Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interleave.access import body as module
from interleave.access.body import SMALL_BYTES, BodyReader
from interleave.access.errors import FetchError

TEXT = b"".join(b"line %d\n" % number for number in range(3000))


async def chunks_of(data: bytes, size: int) -> AsyncIterator[bytes]:
    for begin in range(0, len(data), size):
        yield data[begin : begin + size]


def read(data: bytes, max_bytes: int, *, encoding: str = "", size: int = 1000, num_bytes: int | None = None) -> bytes:
    async def run() -> bytes:
        async with asyncio.timeout(10) as deadline:
            reader = BodyReader(max_bytes)
            chunks = chunks_of(data, size)
            return await reader.read(chunks, num_bytes=num_bytes, encoding=encoding, deadline=deadline)

    return asyncio.run(run())


def reason_of(data: bytes, max_bytes: int, *, encoding: str = "", num_bytes: int | None = None) -> str:
    with pytest.raises(FetchError) as caught:
        read(data, max_bytes, encoding=encoding, num_bytes=num_bytes)
    return caught.value.reason


def raw_deflate(data: bytes) -> bytes:
    stream = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return stream.compress(data) + stream.flush()


@pytest.mark.parametrize(
    ("encoding", "sent"),
    [
        ("", TEXT),
        ("identity", TEXT),
        ("gzip", gzip.compress(TEXT)),
        (" GZIP ", gzip.compress(TEXT)),
        ("x-gzip", gzip.compress(TEXT)),
        ("deflate", zlib.compress(TEXT)),
        ("deflate", raw_deflate(TEXT)),
        ("gzip", gzip.compress(TEXT[:9000]) + gzip.compress(TEXT[9000:])),
    ],
)
@pytest.mark.parametrize("size", [1, 1000, 10**6])
def test_a_body_comes_whole_whatever_its_chunks_and_its_encoding(encoding: str, sent: bytes, size: int) -> None:
    assert read(sent, len(TEXT), encoding=encoding, size=size, num_bytes=len(sent)) == TEXT


@given(data=st.binary(max_size=300), max_bytes=st.integers(0, 300), size=st.integers(1, 50), packed=st.booleans())
def test_a_body_is_whole_or_refused(data: bytes, max_bytes: int, size: int, packed: bool) -> None:
    sent, encoding = (gzip.compress(data), "gzip") if packed else (data, "")
    try:
        assert read(sent, max_bytes, encoding=encoding, size=size) == data
        assert len(data) <= max_bytes
    except FetchError as error:
        assert error.reason == "too_many_bytes"
        assert len(data) > max_bytes


def test_what_the_server_says_is_enough_to_refuse() -> None:
    assert reason_of(b"", 99, num_bytes=100) == "too_many_bytes"
    assert read(b"", 100, num_bytes=100) == b""


@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
def test_the_limit_is_that_of_the_unpacked_body(encoding: str) -> None:
    sent = gzip.compress(bytes(10**6)) if encoding == "gzip" else zlib.compress(bytes(10**6))
    assert len(sent) < 2000
    assert reason_of(sent, 10**6 - 1, encoding=encoding, num_bytes=len(sent)) == "too_many_bytes"
    assert read(sent, 10**6, encoding=encoding) == bytes(10**6)


@pytest.mark.parametrize(
    ("encoding", "sent"), [("gzip", b"no gzip"), ("deflate", b"no zlib"), ("br", TEXT), ("gzip, gzip", TEXT)]
)
def test_what_cannot_be_unpacked_is_refused(encoding: str, sent: bytes) -> None:
    assert reason_of(sent, 10**6, encoding=encoding) == "bad_encoding"


@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
def test_a_compressed_body_that_breaks_off_is_refused(encoding: str) -> None:
    sent = gzip.compress(TEXT) if encoding == "gzip" else zlib.compress(TEXT)
    assert reason_of(sent[: len(sent) // 2], 10**6, encoding=encoding) in ("cut_off", "bad_encoding")


def large_reads(deadlines_s: Iterable[float], holds_s: float) -> list[int]:
    """Reads that many large bodies at once, each taking so long; their lengths, in the order in which they ended."""
    ended = []
    reader = BodyReader(4 * SMALL_BYTES)

    async def slow() -> AsyncIterator[bytes]:
        yield bytes(SMALL_BYTES + 1)
        await asyncio.sleep(holds_s)
        yield b"end"

    async def one(deadline_s: float) -> None:
        async with asyncio.timeout(deadline_s) as deadline:
            ended.append(len(await reader.read(slow(), num_bytes=None, encoding="", deadline=deadline)))

    async def run() -> None:
        await asyncio.gather(*(one(deadline_s) for deadline_s in deadlines_s))

    asyncio.run(run())
    return ended


def test_waiting_for_a_place_does_not_count_against_the_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "NUM_LARGE", 1)
    assert large_reads([0.2] * 4, holds_s=0.1) == [SMALL_BYTES + 4] * 4


def test_the_deadline_goes_on_behind_the_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "NUM_LARGE", 1)
    with pytest.raises(TimeoutError):
        large_reads([5, 0.1], holds_s=0.2)


def test_a_place_is_given_back_by_whoever_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "NUM_LARGE", 1)

    async def run() -> None:
        reader = BodyReader(SMALL_BYTES + 10)
        for length in (SMALL_BYTES + 11, SMALL_BYTES + 10):
            async with asyncio.timeout(2) as deadline:
                chunks = chunks_of(bytes(length), SMALL_BYTES)
                try:
                    body = await reader.read(chunks, num_bytes=None, encoding="", deadline=deadline)
                    assert len(body) == length == SMALL_BYTES + 10
                except FetchError as error:
                    assert (error.reason, length) == ("too_many_bytes", SMALL_BYTES + 11)

    asyncio.run(run())


def test_small_bodies_wait_for_no_place(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "NUM_LARGE", 0)
    assert read(bytes(SMALL_BYTES), SMALL_BYTES, size=10**5) == bytes(SMALL_BYTES)
