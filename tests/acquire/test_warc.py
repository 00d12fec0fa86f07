import gzip
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from io import BytesIO
from pathlib import Path
from random import Random
from typing import Any

import pytest
from fixtures_build import ROOT
from fixtures_pages import page_of, paragraph, sample_pages
from warcio.statusandheaders import StatusAndHeaders
from warcio.warcwriter import WARCWriter

from interleave.acquire.source import Limits, Parsed, Refused
from interleave.acquire.warc import WarcSource
from interleave.document import SourceImage
from interleave.errors import Unreadable
from interleave.flow import build
from interleave.recipe_file import load_recipe

LIMITS = Limits(max_image_bytes=20_000_000)
JPEG = b"\xff\xd8 one picture"
OTHER = b"\xff\xd8 another picture"
PAGE = "https://example.org/page"
IMAGE = "https://example.org/a.jpg"
BODY = page_of(f'{paragraph()}<img src="/a.jpg">{paragraph("dog")}')
WARCINFO = b"WARC/1.0\r\nWARC-Type: warcinfo\r\nWARC-Date: 2024-01-01T00:00:00Z\r\nContent-Length: 0\r\n\r\n\r\n\r\n"


class Writer(WARCWriter):
    """Without temporary files that nobody closes."""

    def _create_temp_file(self) -> BytesIO:
        return BytesIO()


def record(
    kind: str = "response",
    url: str = PAGE,
    payload: bytes = BODY,
    *,
    status: str = "200 OK",
    http: Sequence[tuple[str, str]] = (("Content-Type", "text/html"),),
    warc: Sequence[tuple[str, str]] = (),
    date: str = "2024-01-01T00:00:00Z",
) -> bytes:
    """One record as warcio writes it, not compressed."""
    stream = BytesIO()
    writer = Writer(stream, gzip=False)
    lines = [("WARC-Date", date), *warc]
    header = None if kind in ("resource", "metadata") else StatusAndHeaders(status, list(http), protocol="HTTP/1.1")
    made = writer.create_warc_record(
        url, kind, payload=BytesIO(payload), http_headers=header, warc_headers_dict=dict(lines)
    )
    writer.write_record(made)
    return stream.getvalue()


def image(url: str = IMAGE, payload: bytes = JPEG, **options: Any) -> bytes:
    return record(url=url, payload=payload, http=[("Content-Type", "image/jpeg")], **options)


def redirect(url: str, to: str) -> bytes:
    return record(url=url, payload=b"", status="301 Moved Permanently", http=[("Location", to)])


def raw_record(block: bytes, *lines: str, kind: str = "response", length: int | None = None) -> bytes:
    """A record byte by byte, for what no writer writes."""
    head = [
        "WARC/1.0", f"WARC-Type: {kind}", f"WARC-Target-URI: {PAGE}", "WARC-Date: 2024-01-01T00:00:00Z",
        "WARC-Record-ID: <urn:uuid:00000000-0000-0000-0000-000000000001>",
        "Content-Type: application/http; msgtype=response", *lines,
        f"Content-Length: {len(block) if length is None else length}",
    ]  # fmt: skip
    return "\r\n".join(head).encode() + b"\r\n\r\n" + block + b"\r\n\r\n"


def plain(records: Iterable[bytes]) -> bytes:
    return b"".join(records)


def gzip_by_record(records: Iterable[bytes]) -> bytes:
    return b"".join(gzip.compress(item, mtime=0) for item in records)


def gzip_as_a_whole(records: Iterable[bytes]) -> bytes:
    return gzip.compress(b"".join(records), mtime=0)


def read(path: Path, data: bytes | None = None, limits: Limits = LIMITS, **settings: Any) -> list[Parsed | Refused]:
    if data is not None:
        path.write_bytes(data)
    source = WarcSource(path=str(path), **settings)
    return [item for file in source.files() for split in source.cut(file, 1) for item in source.read(split, limits)]


def reasons(records: Iterable[Parsed | Refused]) -> list[str | None]:
    return [item.error.reason if isinstance(item, Refused) else None for item in records]


def parsed(records: Iterable[Parsed | Refused]) -> list[Parsed]:
    return [item for item in records if isinstance(item, Parsed)]


def bytes_of(image: SourceImage) -> bytes:
    assert image.load is not None, "the image is known by its URL alone"
    return image.load()


def in_order(item: Parsed) -> Iterator[str | bytes]:
    """Sentences and images' bytes as they are read."""
    images = list(item.document.images)
    for number, sentence in enumerate(item.document.sentences):
        while images and images[0].matched_sentence == number:
            yield bytes_of(images.pop(0))
        if sentence:
            yield sentence


@pytest.fixture
def warc(tmp_path: Path) -> Path:
    return tmp_path / "crawl.warc"


def crawl_of_sample() -> Iterator[bytes]:
    """Pages and images mixed, requests between them, as crawlers write them."""
    yield WARCINFO
    for page in sample_pages():
        yield record("request", page.url, b"", status="GET / HTTP/1.1", http=[("Host", "example.org")])
        yield record(url=page.url, payload=page.html, http=[("Content-Type", "text/html; charset=utf-8")])
        for url, data in page.images.items():
            yield image(url, data)


# Round trips


@pytest.mark.parametrize(
    ("name", "pack"),
    [("a.warc", plain), ("a.warc.gz", gzip_by_record), ("a.warc.gz", gzip_as_a_whole)],
    ids=["plain", "gzip by record", "gzip as a whole"],
)
def test_every_page_comes_back_with_its_text_and_images_in_order(
    tmp_path: Path, name: str, pack: Callable[[Iterable[bytes]], bytes]
) -> None:
    records = parsed(read(tmp_path / name, pack(crawl_of_sample())))
    assert [item.document.url for item in records] == [page.url for page in sample_pages()]
    for item, page in zip(records, sample_pages(), strict=True):
        assert list(in_order(item)) == list(page.parts)
        assert [image.url for image in item.document.images] == list(page.images)
        assert not item.unusable


def test_ids_and_documents_are_the_same_whatever_the_compression(tmp_path: Path) -> None:
    (tmp_path / "1").mkdir()
    (tmp_path / "2").mkdir()
    first = read(tmp_path / "1" / "a.warc.gz", gzip_by_record(crawl_of_sample()))
    second = read(tmp_path / "2" / "a.warc.gz", gzip_as_a_whole(crawl_of_sample()))
    assert [item.document.id for item in parsed(first)] == [item.document.id for item in parsed(second)]
    assert [item.document.sentences for item in parsed(first)] == [item.document.sentences for item in parsed(second)]


def test_a_whole_build_counts_every_page(tmp_path: Path) -> None:
    extra = [record(url="https://example.org/gone", status="404 Not Found"), record(url=sample_pages()[0].url)]
    pages = [*crawl_of_sample()][:70]
    (tmp_path / "crawl.warc.gz").write_bytes(gzip_by_record([*pages, *extra])[:-100])
    settings = [f"source.path={tmp_path}", f"output={tmp_path / 'out'}", "images.max_short_side=64"]
    report = build(load_recipe(ROOT / "recipes" / "warc.yaml", settings), num_workers=1, quiet=True)
    rules = {line.rule: line.documents for line in report.drops if line.documents}
    assert report.documents_in == sum(b"WARC-Type: response" in item and b"text/html" in item for item in pages) + 2
    assert report.documents_out > 5
    assert report.documents_in == report.documents_out + sum(rules.values())
    assert {"http_404": 1, "truncated_record": 1}.items() <= rules.items()


# Pages that are refused, each with its reason


ROBOTS = [("Content-Type", "text/html"), ("X-Robots-Tag", "otherbot: noai")]
RESERVED = [("Content-Type", "text/html"), ("TDM-Reservation", "1")]
REFUSED_PAGES = {
    "not found": ("http_404", record(status="404 Not Found")),
    "server error": ("http_500", record(status="500 Oops")),
    "impossible status": ("bad_http", record(status="999 What")),
    "no HTTP": ("bad_http", raw_record(b"")),
    "no body": ("no_content", record(payload=b"<html></html>")),
    "only furniture": ("no_content", record(payload=page_of('<nav><a href="/">Home</a></nav>'))),
    "letters that are none": ("not_text", record(payload=bytes(range(256)) * 40)),
    "too many tags": ("too_many_elements", record(payload=page_of("<p>a" * 200_001))),
    "too many attributes": ("too_many_elements", record(payload=page_of("<p" + " a=1" * 300 + ">"))),
    "too deep": ("too_deep", record(payload=page_of("<div>" * 5000 + paragraph()))),
    "too large": ("too_many_bytes", record(payload=page_of(paragraph() + " " * 9_000_000))),
    "noai": ("opted_out", record(payload=page_of(paragraph(), '<meta name="robots" content="noai">'))),
    "noai in a header": ("opted_out", record(http=ROBOTS)),
    "reservation": ("opted_out", record(http=RESERVED)),
    "truncated by the crawler": ("truncated_record", record(warc=[("WARC-Truncated", "length")])),
    "segment": ("truncated_record", record(warc=[("WARC-Segment-Number", "1")])),
    "no HTTP header": ("bad_http", raw_record(b"nothing that a server says")),
    "revisit of nothing": ("revisit_unresolved", record("revisit", payload=b"")),
}


@pytest.mark.parametrize(("reason", "data"), REFUSED_PAGES.values(), ids=REFUSED_PAGES)
def test_a_page_that_cannot_be_used_is_refused_between_two_that_can(warc: Path, reason: str, data: bytes) -> None:
    around = [record(url=f"https://example.org/{number}") for number in range(2)]
    found = read(warc, b"".join([around[0], data, around[1]]))
    assert reasons(found) == [None, reason, None]


def test_what_a_name_server_said_is_no_page(warc: Path) -> None:
    said = raw_record(b"20240101 example.org. 300 IN A 192.0.2.1").replace(PAGE.encode(), b"dns:example.org")
    assert reasons(read(warc, said + record())) == [None]


def test_owners_wishes_may_be_left_unheeded(warc: Path) -> None:
    assert reasons(read(warc, record(http=ROBOTS), respect_opt_out=False)) == [None]


def test_of_two_captures_of_one_address_the_newer_one_is_used(warc: Path) -> None:
    later = record(url=PAGE.replace("https", "http"), date="2024-02-01T00:00:00Z")
    assert reasons(read(warc, record() + later)) == ["duplicate_capture", None]


def test_a_document_knows_when_its_page_was_fetched(warc: Path) -> None:
    (document,) = parsed(read(warc, record(date="2024-02-03T04:05:06Z")))
    assert document.document.meta == {"language": "en", "date": "2024-02-03T04:05:06Z"}
    (document,) = parsed(read(warc, record(date="yesterday")))
    assert "date" not in document.document.meta


# Damage


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"", []),
        (b"no archive at all", ["damaged_file"]),
        (b"\x1f\x8b\x08 no gzip", ["damaged_file"]),
        (raw_record(b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n" + BODY, length=9_999), ["truncated_record"]),
        (record() + record()[:-400], [None, "truncated_record"]),
        (record() + image()[:-10], [None, "damaged_file"]),
        (record() + b"\0" * 2000, [None, "damaged_file"]),
        (record() + b"\0" * 2000 + b"\r\n" + record(url="https://example.org/2"), [None, "damaged_record", None]),
    ],
    ids=["empty", "no WARC", "no gzip", "too long", "cut in a page", "cut in an image", "zeros", "zeros between"],
)
def test_damage_is_one_drop_and_what_is_whole_is_read(warc: Path, data: bytes, expected: list[str | None]) -> None:
    assert reasons(read(warc, data)) == expected


@pytest.mark.parametrize("byte", range(20, 300, 40))
def test_a_damaged_gzip_member_costs_its_own_record(warc: Path, byte: int) -> None:
    pages = [record(url=f"https://example.org/{number}") for number in range(3)]
    members = [bytearray(gzip_by_record([page])) for page in pages]
    members[1][byte] ^= 0xFF
    found = read(warc.with_suffix(".warc.gz"), b"".join(members))
    assert [item.document.url for item in parsed(found)] == ["https://example.org/0", "https://example.org/2"]
    assert len(found) == 3


@pytest.mark.parametrize("pack", [plain, gzip_by_record, gzip_as_a_whole])
def test_mutated_files_give_documents_and_refusals(warc: Path, pack: Callable[[Iterable[bytes]], bytes]) -> None:
    random = Random(0)
    whole = pack([record(), image(), record(url="https://example.org/2", payload=page_of(paragraph("fox")))])
    for _ in range(150):
        data = bytearray(whole)
        for _ in range(random.randint(1, 8)):
            data[random.randrange(len(data))] = random.randrange(256)
        for item in parsed(read(warc, bytes(data))):
            for found in item.document.images:
                with suppress(Unreadable):
                    bytes_of(found) if found.load is not None else None
