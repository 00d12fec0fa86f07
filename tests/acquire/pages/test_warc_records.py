import gzip
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import brotli
import pytest
from fixtures_reading import record
from hypothesis import given
from hypothesis import strategies as st

from interleave.acquire.pages.warc_records import Archive, Damage
from interleave.errors import Unreadable

BODY = b"<html>" + bytes(range(32, 127)) * 20
URLS = [f"https://example.org/{number}" for number in range(3)]
RECORDS = [record(url, BODY, "Content-Type: text/html") for url in URLS]


def plain(records: Sequence[bytes]) -> bytes:
    return b"".join(records)


def by_record(records: Sequence[bytes]) -> bytes:
    return b"".join(gzip.compress(item, mtime=0) for item in records)


def as_a_whole(records: Sequence[bytes]) -> bytes:
    return gzip.compress(b"".join(records), mtime=0)


PACKED = pytest.mark.parametrize("pack", [plain, by_record, as_a_whole])


def archive(folder: Path, data: bytes) -> Archive:
    (folder / "crawl.warc").write_bytes(data)
    return Archive(str(folder / "crawl.warc"))


def contents(opened: Archive) -> list[str | Damage]:
    """The address of each record, and each damage."""
    return [item if isinstance(item, Damage) else item[1].headers["WARC-Target-URI"] for item in opened.records()]


def payload(folder: Path, body: bytes, *http: str, max_bytes: int = 10_000) -> bytes:
    return archive(folder, record(URLS[0], body, *http)).payload(0, max_bytes)


def chunked(body: bytes, size: int = 100) -> bytes:
    pieces = [body[begin : begin + size] for begin in range(0, len(body), size)]
    return b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"


def raw_deflate(body: bytes) -> bytes:
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    return packer.compress(body) + packer.flush()


# Records


@PACKED
def test_records_come_in_order_and_again_by_where_they_lie(tmp_path: Path, pack: Callable[[Any], bytes]) -> None:
    opened = archive(tmp_path, pack(RECORDS))
    offsets = [offset for offset, _ in opened.records()]  # type: ignore[misc]
    assert len(offsets) == 3
    assert offsets[0] == 0
    for offset, url in reversed([*zip(offsets, URLS, strict=True)]):
        assert opened.record(offset).headers["WARC-Target-URI"] == url
        assert opened.payload(offset, 10_000) == BODY


@PACKED
@pytest.mark.parametrize("offset", [1, 100, 10**9])
def test_where_no_record_begins_none_is_read(tmp_path: Path, pack: Callable[[Any], bytes], offset: int) -> None:
    with pytest.raises(Unreadable) as caught:
        archive(tmp_path, pack(RECORDS)).record(offset)
    assert caught.value.reason == "damaged_record"


def test_two_readers_of_one_archive_do_not_disturb_each_other(tmp_path: Path) -> None:
    opened = archive(tmp_path, plain(RECORDS))
    first, second = opened.records(), opened.records()
    for (one, _), (other, _) in zip(first, second, strict=True):  # type: ignore[misc]
        assert one == other


def test_a_stream_begins_at_its_offset(tmp_path: Path) -> None:
    stream = archive(tmp_path, plain(RECORDS)).stream(len(RECORDS[0]))
    assert stream.read(8) == b"WARC/1.0"
    stream.seek(2)
    assert stream.read(6) == b"RC/1.0"
    assert stream.tell() == 8
    stream.seek(-4, 2)
    assert stream.read() == b"\r\n\r\n"


def test_a_file_that_is_not_there_is_an_error_of_the_machine(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="No such file"):
        Archive(str(tmp_path / "none.warc"))


# Damage


def test_reading_goes_on_behind_what_is_no_record(tmp_path: Path) -> None:
    junk = b"no record at all\r\n" * 9
    found = contents(archive(tmp_path, RECORDS[0] + junk + RECORDS[1]))
    assert [found[0], found[2]] == URLS[:2]
    assert isinstance(found[1], Damage)
    assert (found[1].offset, found[1].of_record, found[1].is_end) == (len(RECORDS[0]), False, False)


@pytest.mark.parametrize("pack", [plain, by_record])
@pytest.mark.parametrize("wrong", [-1900, -5, 5, 3000])
def test_a_record_whose_length_is_wrong_is_the_damage_itself(
    tmp_path: Path, pack: Callable[[Any], bytes], wrong: int
) -> None:
    length = int(RECORDS[0].partition(b"Content-Length: ")[2].partition(b"\r\n")[0])
    damaged = RECORDS[0].replace(b"Content-Length: %d" % length, b"Content-Length: %d" % (length + wrong))
    first, damage, *others = contents(archive(tmp_path, pack([damaged, *RECORDS[1:]])))
    assert [first, *others] == URLS
    assert isinstance(damage, Damage)
    assert damage.of_record
    assert not damage.is_end


def test_a_file_that_ends_inside_of_a_record_has_no_more(tmp_path: Path) -> None:
    opened = archive(tmp_path, RECORDS[0] + RECORDS[1][:-300])
    assert contents(opened) == URLS[:2]
    assert opened.payload(0, 10_000) == BODY
    assert opened.payload(len(RECORDS[0]), 10_000) == BODY[: 4 - 300]


def test_a_file_that_was_packed_as_a_whole_and_cut_off_says_so(tmp_path: Path) -> None:
    # What cannot be packed much is cut where the third record lies.
    opened = archive(tmp_path, as_a_whole(RECORDS)[:-9])
    assert opened.unpacking_error == "the file ends inside of a gzip member"
    assert contents(opened)[:2] == URLS[:2]
    assert archive(tmp_path, as_a_whole(RECORDS)).unpacking_error == ""


@pytest.mark.parametrize("data", [b"", b"\r\n"])
def test_an_empty_file_holds_nothing(tmp_path: Path, data: bytes) -> None:
    assert not [item for item in contents(archive(tmp_path, data)) if not isinstance(item, Damage)]


def test_a_file_of_much_that_looks_like_records_is_given_up(tmp_path: Path) -> None:
    found = contents(archive(tmp_path, b"WARC/1.x\r\n" * 5000))
    assert 0 < len(found) <= 100
    assert isinstance(found[-1], Damage)
    assert found[-1].is_end


@given(st.binary(max_size=200), st.integers(0, len(RECORDS[0])), st.sampled_from([plain, by_record]))
def test_bytes_put_anywhere_into_a_file_raise_nothing(
    tmp_path_factory: pytest.TempPathFactory, junk: bytes, place: int, pack: Callable[[Any], bytes]
) -> None:
    data = pack(RECORDS)
    opened = archive(tmp_path_factory.mktemp("archive"), data[:place] + junk + data[place:])
    for item in opened.records():
        if not isinstance(item, Damage):
            try:
                opened.payload(item[0], 10_000)
            except Unreadable as error:
                assert error.reason in ("damaged_record", "bad_http", "too_many_bytes")


# Payloads


@pytest.mark.parametrize(
    ("encoding", "encode"),
    [("gzip", gzip.compress), ("GZip", gzip.compress), ("deflate", zlib.compress), ("deflate", raw_deflate),
     ("br", brotli.compress), ("identity", bytes)],
    ids=["gzip", "GZip", "zlib", "deflate", "br", "identity"],
)  # fmt: skip
def test_a_packed_body_is_unpacked(tmp_path: Path, encoding: str, encode: Callable[[bytes], bytes]) -> None:
    assert payload(tmp_path, encode(BODY), f"Content-Encoding: {encoding}") == BODY


@pytest.mark.parametrize("size", [1, 100, 10_000])
def test_a_body_in_chunks_is_put_together(tmp_path: Path, size: int) -> None:
    assert payload(tmp_path, chunked(BODY, size), "Transfer-Encoding: chunked") == BODY


def test_a_packed_body_in_chunks_is_both(tmp_path: Path) -> None:
    body = chunked(gzip.compress(BODY), 50)
    assert payload(tmp_path, body, "Content-Encoding: gzip", "Transfer-Encoding: chunked") == BODY


@pytest.mark.parametrize(
    "headers",
    [
        ["Content-Encoding: gzip"],
        ["Content-Encoding: br"],
        ["Content-Encoding: deflate"],
        ["Transfer-Encoding: chunked"],
        ["Content-Encoding: gzip", "Transfer-Encoding: chunked"],
    ],
)
def test_a_body_that_the_crawler_decoded_already_is_taken_as_it_is(tmp_path: Path, headers: list[str]) -> None:
    assert payload(tmp_path, BODY, *headers) == BODY


def test_a_body_that_the_crawler_unpacked_is_still_in_chunks(tmp_path: Path) -> None:
    headers = "Content-Encoding: gzip", "Transfer-Encoding: chunked"
    assert payload(tmp_path, chunked(BODY), *headers) == BODY


def test_a_packed_body_that_the_crawler_took_out_of_its_chunks_is_unpacked(tmp_path: Path) -> None:
    headers = "Content-Encoding: gzip", "Transfer-Encoding: chunked"
    assert payload(tmp_path, gzip.compress(BODY), *headers) == BODY
    assert payload(tmp_path, gzip.compress(BODY), "Transfer-Encoding: chunked") == BODY


@pytest.mark.parametrize("encoding", ["x-gzip", "X-GZip"])
def test_gzip_has_an_older_name(tmp_path: Path, encoding: str) -> None:
    headers = f"Content-Encoding: {encoding}", "Transfer-Encoding: chunked"
    assert payload(tmp_path, gzip.compress(BODY), headers[0]) == BODY
    assert payload(tmp_path, chunked(gzip.compress(BODY)), *headers) == BODY


def test_a_body_is_read_up_to_its_limit(tmp_path: Path) -> None:
    assert payload(tmp_path, BODY, max_bytes=len(BODY)) == BODY
    for body, headers in ((BODY, []), (gzip.compress(BODY), ["Content-Encoding: gzip"])):
        with pytest.raises(Unreadable) as caught:
            payload(tmp_path, body, *headers, max_bytes=len(BODY) - 1)
        assert caught.value.reason == "too_many_bytes"


def test_a_bomb_is_not_unpacked(tmp_path: Path) -> None:
    bomb = gzip.compress(b"\0" * 50_000_000)
    with pytest.raises(Unreadable) as caught:
        payload(tmp_path, bomb, "Content-Encoding: gzip")
    assert caught.value.reason == "too_many_bytes"


def test_a_resource_has_no_http_header(tmp_path: Path) -> None:
    head = f"WARC/1.0\r\nWARC-Type: resource\r\nWARC-Target-URI: {URLS[0]}\r\nContent-Length: {len(BODY)}\r\n\r\n"
    assert archive(tmp_path, head.encode() + BODY + b"\r\n\r\n").payload(0, 10_000) == BODY


def test_an_archive_can_be_read_after_its_file_was_removed(tmp_path: Path) -> None:
    opened = archive(tmp_path, plain(RECORDS))
    (tmp_path / "crawl.warc").unlink()
    assert contents(opened) == URLS
