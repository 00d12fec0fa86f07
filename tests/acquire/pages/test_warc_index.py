from collections.abc import Iterable
from pathlib import Path

import pytest
from fixtures_pages import page_of, paragraph
from fixtures_reading import record

from interleave.acquire.pages.warc_index import MAX_REDIRECTS, WarcIndex, build_index, url_key
from interleave.acquire.pages.warc_records import Archive
from interleave.acquire.source import Limits, Parsed
from interleave.acquire.warc import WarcSource
from interleave.errors import Unreadable

SITE = "https://example.org"
PAGE, IMAGE = f"{SITE}/page", f"{SITE}/a.jpg"
JPEG, OTHER = b"\xff\xd8 one picture", b"\xff\xd8 another picture"
BODY = page_of(f'{paragraph("cat")}<img src="/a.jpg">{paragraph("dog")}')
HTML = "Content-Type: text/html"
LATER = "2024-02-01T00:00:00Z"


def page(url: str = PAGE, body: bytes = BODY, *http: str, date: str = "2024-01-01T00:00:00Z") -> bytes:
    return record(url, body, *(http or (HTML,)), date=date)


def image(url: str = IMAGE, body: bytes = JPEG, *http: str, date: str = "2024-01-01T00:00:00Z") -> bytes:
    return record(url, body, *(http or ("Content-Type: image/jpeg",)), date=date)


def redirect(url: str, to: str, status: str = "301 Moved Permanently") -> bytes:
    return record(url, b"", f"Location: {to}", status=status)


def revisit(url: str, *warc: str, media_type: str = "text/html", date: str = LATER) -> bytes:
    return record(url, b"", f"Content-Type: {media_type}", kind="revisit", warc=warc, date=date)


def same_as(url: str, date: str = "2024-01-01T00:00:00Z") -> tuple[str, str]:
    return f"WARC-Refers-To-Target-URI: {url}", f"WARC-Refers-To-Date: {date}"


class Found:
    """What a WARC file of some records is read as: pages by address, with their pictures' bytes."""

    def __init__(self, folder: Path, records: Iterable[bytes]) -> None:
        path = folder / "crawl.warc"
        path.write_bytes(b"".join(records))
        self.archive = Archive(str(path))
        self.index: WarcIndex = build_index(self.archive)
        source = WarcSource(path=str(path))
        (file,) = source.files()
        (split,) = source.cut(file, 1)
        items = list(source.read(split, Limits(max_image_bytes=1_000_000)))
        self.reasons = [None if isinstance(item, Parsed) else item.error.reason for item in items]
        self.documents = [item.document for item in items if isinstance(item, Parsed)]

    @property
    def urls(self) -> list[str | None]:
        return [document.url for document in self.documents]

    @property
    def images(self) -> list[bytes | str | None]:
        """The bytes of every image, or the address alone where the file has none."""
        return [image.load() if image.load else image.url for document in self.documents for image in document.images]

    def bytes_of(self, url: str) -> bytes | None:
        offset = self.index.image_offset(url)
        return None if offset is None else self.archive.payload(offset, 1000)


# Images


@pytest.mark.parametrize(
    "stored",
    ["https://example.org/a.jpg", "http://example.org/a.jpg", "https://EXAMPLE.org/a.jpg", "http://example.org:80/a.jpg",
     "https://example.org:443/a.jpg", "https://example.org/a.jpg#top", "<https://example.org/a.jpg>",
     "https://example.org/%61.jpg"],
)  # fmt: skip
@pytest.mark.parametrize(
    "reference", ["/a.jpg", "a.jpg", "//example.org/a.jpg", "http://example.org/a.jpg#x", "%61.jpg"]
)
def test_an_image_is_found_by_its_address_however_it_is_written(tmp_path: Path, stored: str, reference: str) -> None:
    body = page_of(f'{paragraph("cat")}<img src="{reference}">')
    assert Found(tmp_path, [page(body=body), image(stored)]).images == [JPEG]


@pytest.mark.parametrize(
    "stored",
    ["https://example.org/a.jpg?w=100", "https://example.org:8080/a.jpg", "https://example.com/a.jpg",
     "https://example.org/A.jpg", "https://example.org/x/a.jpg"],
)  # fmt: skip
def test_an_image_of_another_address_is_another(tmp_path: Path, stored: str) -> None:
    assert Found(tmp_path, [page(), image(stored)]).images == [IMAGE]


def test_a_file_of_pages_alone_leaves_images_to_their_addresses(tmp_path: Path) -> None:
    found = Found(tmp_path, [page(), page(f"{SITE}/two")])
    assert found.images == [IMAGE, IMAGE]
    assert not found.index.images


@pytest.mark.parametrize("order", [1, -1])
def test_the_newest_of_an_images_captures_is_used(tmp_path: Path, order: int) -> None:
    captures = [image(), image(body=OTHER, date=LATER)][::order]
    assert Found(tmp_path, [*captures, page()]).images == [OTHER]


@pytest.mark.parametrize(
    "stored",
    [
        record(IMAGE, JPEG, "Content-Type: image/jpeg", status="404 Not Found"),
        record(IMAGE, JPEG[:5], "Content-Type: image/jpeg", status="206 Partial Content"),
        record(IMAGE, JPEG, "Content-Type: image/jpeg", warc=["WARC-Truncated: length"]),
        record(IMAGE, JPEG, "Content-Type: image/jpeg", warc=["WARC-Segment-Number: 1"]),
        record(IMAGE, b"<svg/>", "Content-Type: image/svg+xml"),
        record(IMAGE, b"x", "Content-Type: application/json"),
        record(IMAGE, JPEG, "Content-Type: image/jpeg", kind="request"),
    ],
    ids=["not found", "part", "truncated", "segment", "drawing", "JSON", "request"],
)
def test_what_is_no_whole_image_is_left_to_its_address(tmp_path: Path, stored: bytes) -> None:
    found = Found(tmp_path, [stored, page()])
    assert found.images == [IMAGE]
    assert found.reasons == [None]


@pytest.mark.parametrize(
    "stored",
    [
        record(IMAGE, JPEG),
        record(IMAGE, JPEG, "Content-Type: application/octet-stream"),
        record(IMAGE, JPEG, "Content-Type: IMAGE/JPEG; name=a"),
        record(IMAGE, JPEG, warc=["WARC-Identified-Payload-Type: image/jpeg"]),
    ],
)
def test_an_image_is_known_by_its_type_or_its_name(tmp_path: Path, stored: bytes) -> None:
    assert Found(tmp_path, [stored, page()]).images == [JPEG]


# Redirects


@pytest.mark.parametrize("to", ["/b.jpg", "b.jpg", "https://example.org/b.jpg", "http://example.org/b.jpg#x"])
@pytest.mark.parametrize("status", ["301 Moved Permanently", "302 Found", "307 Temporary Redirect", "308 Moved"])
def test_an_image_is_found_behind_a_redirect(tmp_path: Path, to: str, status: str) -> None:
    assert Found(tmp_path, [redirect(IMAGE, to, status), image(f"{SITE}/b.jpg"), page()]).images == [JPEG]


@pytest.mark.parametrize(("length", "expected"), [(MAX_REDIRECTS, JPEG), (MAX_REDIRECTS + 1, None)])
def test_redirects_are_followed_so_far(tmp_path: Path, length: int, expected: bytes | None) -> None:
    steps = [redirect(f"{SITE}/{step}", f"/{step + 1}") for step in range(length)]
    assert Found(tmp_path, [*steps, image(f"{SITE}/{length}")]).bytes_of(f"{SITE}/0") == expected


def test_redirects_in_a_circle_lead_nowhere(tmp_path: Path) -> None:
    found = Found(tmp_path, [redirect(IMAGE, "/b.jpg"), redirect(f"{SITE}/b.jpg", "/a.jpg"), page()])
    assert found.images == [IMAGE]


@pytest.mark.parametrize("to", ["", "http://[x", "javascript:x"])
def test_a_redirect_to_nowhere_is_no_document(tmp_path: Path, to: str) -> None:
    assert Found(tmp_path, [redirect(f"{SITE}/old", to), page()]).reasons == [None]


# Pages


def test_a_page_is_one_by_the_type_that_is_said_or_by_its_first_bytes(tmp_path: Path) -> None:
    records = [
        record(f"{SITE}/1", BODY, "Content-Type: Text/HTML; charset=utf-8"),
        record(f"{SITE}/2", BODY, "Content-Type: application/xhtml+xml"),
        record(f"{SITE}/3", BODY),
        record(f"{SITE}/4", b"\xef\xbb\xbf <!-- a page -->\n<html>" + BODY),
        record(f"{SITE}/5", BODY, "Content-Type: text/plain"),
        record(f"{SITE}/6", b"{}"),
        record(f"{SITE}/7", BODY, kind="request"),
        record(f"{SITE}/8", BODY, warc=["WARC-Identified-Payload-Type: text/html"]),
    ]
    found = Found(tmp_path, records)
    assert found.urls == [f"{SITE}/{number}" for number in (1, 2, 3, 4, 8)]
    assert found.reasons == [None] * 5


def test_a_page_that_failed_later_does_not_replace_an_earlier_one(tmp_path: Path) -> None:
    gone = record(PAGE, BODY, HTML, status="404 Not Found", date=LATER)
    assert Found(tmp_path, [page(), gone]).reasons == [None, "http_404"]


def test_of_captures_of_one_date_the_first_is_used(tmp_path: Path) -> None:
    found = Found(tmp_path, [page(), page()])
    assert found.reasons == [None, "duplicate_capture"]


def test_a_record_whose_length_is_wrong_is_one_drop_and_leaves_the_next_capture(tmp_path: Path) -> None:
    length = int(page().rpartition(b"Content-Length: ")[2].partition(b"\r\n")[0])
    damaged = page().replace(b"Content-Length: %d" % length, b"Content-Length: %d" % (length - 9))
    found = Found(tmp_path, [page(f"{SITE}/before"), damaged, page()])
    assert found.reasons == [None, "damaged_record", None]
    assert [capture.number for capture in found.index.captures] == [0, 1, 3]


def test_damage_behind_a_whole_record_is_a_drop_of_its_own(tmp_path: Path) -> None:
    assert Found(tmp_path, [page(), b"no record\r\n" * 9, page(f"{SITE}/two")]).reasons == [
        None,
        "damaged_record",
        None,
    ]


# Revisits


DIGEST = "WARC-Payload-Digest: sha1:AAAABBBBCCCCDDDDEEEEFFFFGGGGHHHH"


def test_a_page_under_a_new_address_is_a_document_of_that_address(tmp_path: Path) -> None:
    found = Found(
        tmp_path, [page(), revisit("https://example.net/two", *same_as(PAGE)), image("https://example.net/a.jpg")]
    )
    assert found.urls == [PAGE, "https://example.net/two"]
    assert found.images == [IMAGE, JPEG]
    assert found.documents[0].sentences == found.documents[1].sentences


def test_a_page_is_found_by_the_digest_of_its_payload(tmp_path: Path) -> None:
    original = record(PAGE, BODY, HTML, warc=[DIGEST])
    found = Found(tmp_path, [revisit(f"{SITE}/before", DIGEST), original, revisit(f"{SITE}/after", DIGEST)])
    assert found.urls == [f"{SITE}/before", PAGE, f"{SITE}/after"]


def test_a_page_that_did_not_change_is_one_document(tmp_path: Path) -> None:
    found = Found(tmp_path, [page(), revisit(PAGE, *same_as(PAGE))])
    assert found.reasons == [None, "duplicate_capture"]


@pytest.mark.parametrize(
    "refers_to",
    [(), (DIGEST,), same_as(PAGE, LATER), same_as(f"{SITE}/none")],
    ids=["nothing", "digest", "other date", "other address"],
)
def test_a_revisit_of_what_is_not_there_is_refused(tmp_path: Path, refers_to: tuple[str, ...]) -> None:
    found = Found(tmp_path, [page(), revisit(f"{SITE}/two", *refers_to)])
    assert found.reasons == [None, "revisit_unresolved"]


@pytest.mark.parametrize("refers_to", [(DIGEST,), same_as(f"{SITE}/first.jpg")], ids=["digest", "address"])
def test_a_revisit_of_an_image_leads_to_its_bytes(tmp_path: Path, refers_to: tuple[str, ...]) -> None:
    first = record(f"{SITE}/first.jpg", JPEG, "Content-Type: image/jpeg", warc=[DIGEST])
    found = Found(tmp_path, [first, revisit(IMAGE, *refers_to, media_type="image/jpeg"), page()])
    assert found.images == [JPEG]
    assert found.reasons == [None]


def test_a_revisit_of_an_image_that_is_not_there_is_no_document(tmp_path: Path) -> None:
    assert Found(tmp_path, [page(), revisit(IMAGE, DIGEST, media_type="image/jpeg")]).reasons == [None]


# Addresses


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("https://example.org", "http://example.org/", True),
        ("https://example.org/a b", "https://example.org/a%20b", True),
        ("https://example.org/é", "https://example.org/%C3%A9", True),
        ("https://example.org/a?x=é", "https://example.org/a?x=%C3%A9", True),
        ("https://example.org/a?", "https://example.org/a", True),
        ("https://example.org/a?x=1&y=2", "https://example.org/a?y=2&x=1", False),
        ("https://www.example.org/", "https://example.org/", False),
        ("https://example.org/a%3Fb", "https://example.org/a?b", False),
        ("https://example.org/a/", "https://example.org/a", False),
        ("http://[x", "http://[y", False),
    ],
)
def test_addresses_are_the_same_where_servers_take_them_so(one: str, other: str, same: bool) -> None:
    assert (url_key(one) == url_key(other)) is same


def test_a_record_that_is_damaged_in_the_file_is_refused_when_it_is_read_again(tmp_path: Path) -> None:
    found = Found(tmp_path, [image(), page()])
    (tmp_path / "crawl.warc").write_bytes(b"\0" * found.archive.num_bytes)
    with pytest.raises(Unreadable) as caught:
        found.bytes_of(IMAGE)
    assert caught.value.reason == "damaged_record"
