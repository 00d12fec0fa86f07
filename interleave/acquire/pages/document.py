"""From a page to a document: its parts with sentences and numbered images, wherever the images' bytes lie."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial

from interleave.acquire.pages.page import AltText, read_page
from interleave.acquire.pages.pictures import Picture, decode_data_url
from interleave.acquire.sequence import in_reading_order
from interleave.acquire.source import Limits, Parsed
from interleave.document import SourceDocument, SourceImage
from interleave.errors import Unreadable

# Of all data: URLs of a page: they are in memory as long as its document.
MAX_DATA_URL_CHARS = 4_000_000

_DATE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d")
Find = Callable[[str], Callable[[], bytes] | None]


def page_document(
    data: bytes, doc_id: str, url: str, find: Find, limits: Limits, *,
    content_type: str = "", alt_text: AltText = "drop", respect_opt_out: bool = True, document_url: str,
    date: str = "",
) -> Parsed:  # fmt: skip
    """A page as a document.

    find: from an image's absolute address to what reads its bytes, or None where they do not come with the source.
    url: what references are relative to; document_url: where the page is from, "" where that is not known but by the
    page's own word; date: when it was fetched, as ISO 8601 text, "" where that is not known.

    Raises:
        Unreadable: `opted_out`, and those of `read_page`.
    """
    page = read_page(data, url, content_type, alt_text)
    if respect_opt_out and page.opt_out is not None:
        raise Unreadable("opted_out", f"the page says {page.opt_out}")
    parts: list[str | SourceImage] = []
    unusable: list[tuple[int, Unreadable]] = []
    index = room = 0
    for part in page.parts:
        if isinstance(part, str):
            parts.append(part)
            continue
        try:
            room += sum(len(item) for item in part.urls if item[:5].lower() == "data:")
            parts.append(_image(part, index, find, limits, room <= MAX_DATA_URL_CHARS))
        except Unreadable as error:
            unusable.append((index, error))
        index += 1
    if not parts and not unusable:
        raise Unreadable("no_content", "no text and no image in the page's content")
    found = in_reading_order(parts, page.language)
    document = SourceDocument(
        id=doc_id,
        url=document_url or page.canonical,
        sentences=found.sentences,
        images=found.images,
        paragraphs=found.paragraphs,
        meta={"language": page.language} | ({"date": date} if _DATE.match(date) else {}),
    )
    return Parsed(document=document, unusable=tuple(unusable))


def _image(picture: Picture, index: int, find: Find, limits: Limits, has_room: bool) -> SourceImage:
    """The best of its addresses whose bytes are at hand, else the best one that can be fetched."""
    if picture.error is not None:
        raise picture.error
    remote = None
    for url in picture.urls:
        if url[:5].lower() == "data:":
            if not has_room:
                raise Unreadable(
                    "too_many_bytes", f"data: URLs of more than {MAX_DATA_URL_CHARS:,} characters in a page"
                )
            return SourceImage(
                index=index, name=None, url=None, load=partial(decode_data_url, url, limits.max_image_bytes)
            )
        load = find(url)
        is_remote = not url.startswith("file:")
        if load is not None:
            return SourceImage(index=index, name=_name(url), url=url if is_remote else None, load=load)
        remote = remote or (url if is_remote else None)
    if remote is None:
        raise Unreadable("image_missing", picture.urls[0][:200])
    return SourceImage(index=index, name=_name(remote), url=remote)


def _name(url: str) -> str:
    return url.partition("?")[0].rstrip("/").rpartition("/")[2][:200]
