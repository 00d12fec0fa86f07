from pathlib import Path

import pytest
from fixtures_pages import page_of, paragraph
from fixtures_reading import record
from fixtures_warc import BODY, HTML, IMAGE, JPEG, LATER, OTHER, PAGE, SITE, Found, image, page, redirect

from interleave.acquire.pages.warc_index import MAX_REDIRECTS, url_key
from interleave.errors import Unreadable

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


@pytest.mark.parametrize("end", ["", "\nServer: x", "\n\n"])
def test_a_page_whose_header_has_lines_that_end_otherwise_is_refused(tmp_path: Path, end: str) -> None:
    lines = f"{HTML}\nServer: x{end}"
    assert Found(tmp_path, [page(PAGE, BODY, lines), page(f"{SITE}/two")]).reasons == ["bad_http", None]


def test_a_page_whose_whole_header_ends_its_lines_otherwise_is_refused_too(tmp_path: Path) -> None:
    record = page(PAGE, BODY)
    head, _, block = record.partition(b"\r\n\r\n")
    block = block.removesuffix(b"\r\n\r\n").replace(b"\r\n", b"\n")
    length = f"Content-Length: {len(block)}".encode()
    head = b"\r\n".join([*head.split(b"\r\n")[:-1], length])
    odd = head + b"\r\n\r\n" + block + b"\r\n\r\n"
    assert Found(tmp_path, [odd, page(f"{SITE}/two")]).reasons == ["bad_http", None]


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
