"""What the tests of the page readers share: pages read in one line, WARC records byte by byte."""

from collections.abc import Sequence

from fixtures_pages import page_of, paragraph

from interleave.acquire.pages.page import AltText, read_page

URL = "https://example.org/page"
A, B, C = (f'<img src="/{name}.jpg">' for name in "abc")


def words(about: str) -> str:
    """What `paragraph` says."""
    return paragraph(about).removeprefix("<p>").removesuffix("</p>")


CAT, DOG, FOX, COW = map(words, ("cat", "dog", "fox", "cow"))


def read(body: str, head: str = "", lang: str = "en", alt_text: AltText = "drop") -> list[str]:
    """The parts of a page's content; a picture as the name of its best address, "[a.jpg]"."""
    data = page_of(body, head).replace(b'lang="en"', f'lang="{lang}"'.encode())
    parts = read_page(data, URL, "text/html; charset=utf-8", alt_text).parts
    return [part if isinstance(part, str) else f"[{part.urls[0].rpartition('/')[2]}]" for part in parts]


def record(
    url: str = URL,
    body: bytes = b"",
    *http: str,
    status: str = "200 OK",
    kind: str = "response",
    date: str = "2024-01-01T00:00:00Z",
    warc: Sequence[str] = (),
) -> bytes:
    """A record of a WARC file; http, warc: lines of its headers."""
    block = "\r\n".join([f"HTTP/1.1 {status}", *http]).encode() + b"\r\n\r\n" + body
    head = [
        "WARC/1.0", f"WARC-Type: {kind}", f"WARC-Target-URI: {url}", f"WARC-Date: {date}",
        "WARC-Record-ID: <urn:uuid:00000000-0000-0000-0000-000000000001>",
        "Content-Type: application/http; msgtype=response", *warc, f"Content-Length: {len(block)}",
    ]  # fmt: skip
    return "\r\n".join(head).encode() + b"\r\n\r\n" + block + b"\r\n\r\n"
