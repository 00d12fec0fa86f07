"""The embedded sample as web pages: what the sources that read pages are given, and what they should make of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from html import escape

import orjson
from fixtures_build import SAMPLE, sample_lines

from interleave.acquire.mmc4 import parse_mmc4
from interleave.acquire.sequence import split_sentences
from interleave.errors import Unreadable

CHROME = """
<nav><ul><li><a href="/">Home</a></li><li><a href="/all">All articles</a></li></ul></nav>
<div class="cookie-banner"><p>We use cookies so that this site works. Please accept all of them first.</p></div>
<script>var text = "<p>A paragraph in a script is none of the page, however long it is made to be.</p>";</script>
"""
CHROME_BEHIND = """
<aside class="sidebar"><h3>Popular</h3><ul><li><a href="/1"><img src="/thumb/1.jpg"> One</a></li></ul></aside>
<footer><p>© The authors of this site. All rights are reserved in every country of this world.</p>
<img src="/pixel.gif" width="1" height="1"></footer>
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class SamplePage:
    """A document of the sample as a page."""

    url: str
    html: bytes
    parts: tuple[str | bytes, ...]
    # Sentences of the text and bytes of the images, in reading order.
    images: Mapping[str, bytes]
    # By URL.


@cache
def sample_pages() -> tuple[SamplePage, ...]:
    """Every document of the sample that can be read; images that the sample's folder lacks are left out."""
    return tuple(_page(orjson.loads(line)) for line in sample_lines() if _is_readable(line))


def page_of(body: str, head: str = "") -> bytes:
    """A page around what is asked for."""
    return f'<!DOCTYPE html><html lang="en"><head><title>x</title>{head}</head><body>{body}</body></html>'.encode()


def paragraph(about: str = "cat") -> str:
    """Running text of two sentences."""
    return (
        f"<p>The {about} sat on the mat by the window and watched the rain come down on the garden. "
        f"Nobody knows what the {about} was thinking about all through that long afternoon.</p>"
    )


def _is_readable(line: bytes) -> bool:
    try:
        parse_mmc4(line, "id")
    except Unreadable:
        return False
    return True


def _page(document: Mapping[str, object]) -> SamplePage:
    url = str(document["url"])
    body, parts, images = [f"<article><h1>{escape(_title(url))}</h1>"], list[str | bytes]([_title(url)]), {}
    for number, piece in enumerate(_pieces(document)):
        if isinstance(piece, str):
            body.append(f"<p>{escape(piece)}</p>")
            parts += split_sentences(piece, _language(url))
            continue
        # Names differ from document to document: the same picture may stand on several sites.
        address = f"{url}-{number}.jpg"
        images[address] = piece
        parts.append(piece)
        caption = f"Figure {number} of this page."
        body.append(f'<figure><img src="{address}" alt="A picture"><figcaption>{caption}</figcaption></figure>')
        parts.append(caption)
    html = page_of(f"{CHROME}{''.join(body)}</article>{CHROME_BEHIND}").replace(b'"en"', f'"{_language(url)}"'.encode())
    return SamplePage(url=url, html=html, parts=tuple(parts), images=images)


def _pieces(document: Mapping[str, object]) -> Iterator[str | bytes]:
    """Paragraphs, and each image before the sentence that it belongs to."""
    sentences, infos = document["text_list"], document["image_info"]
    assert isinstance(sentences, list)
    assert isinstance(infos, list)
    said: list[str] = []
    for number, sentence in enumerate(sentences):
        found = [data for info in infos if info["matched_text_index"] == number and (data := _image(info))]
        if found and said:
            yield " ".join(said)
            said = []
        yield from found
        said.append(" ".join(sentence.split()))
    yield " ".join(said)


def _image(info: Mapping[str, object]) -> bytes | None:
    path = SAMPLE / "images" / str(info.get("image_name"))
    return path.read_bytes() if path.is_file() else None


def _title(url: str) -> str:
    return url.rpartition("/")[2].replace("-", " ").capitalize()


def _language(url: str) -> str:
    return "zh" if "wenhua" in url else "de" if "werkstatt" in url else "en"
