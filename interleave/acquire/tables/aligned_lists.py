"""A row of OBELICS as a document: `texts` and `images`, aligned, of which one is set at each position."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

import orjson

from interleave.acquire.sequence import in_reading_order
from interleave.acquire.source import Parsed
from interleave.acquire.tables.arrow_values import BAD_UTF8, MAX_ITEMS, TOO_LONG, Strange
from interleave.acquire.tables.held_bytes import HeldBytes
from interleave.document import SourceDocument, SourceImage
from interleave.errors import Unreadable

MAX_TEXT_CHARS = 16 * 1024 * 1024
_MAX_METADATA_CHARS = 4 * 1024 * 1024
# JSON of 4 MB takes up to 250 MB in memory, where it is made of empty lists.
_MAX_URL_CHARS = 8192
_BLANK_LINES = re.compile(r"\n\s*\n")
# OBELICS' own mark where the topic of a page seems to change; in its training a token, never text.
_END_MARK = "END_OF_DOCUMENT_TOKEN_TO_BE_REPLACED"


def parse_aligned(row: Mapping[str, Any], doc_id: str, language: str, max_image_bytes: int) -> Parsed:
    """A row as a document, and those of its images that are unusable.

    row: `images`, `texts` and, where the table has them, `metadata` and `general_metadata`. What is wrong with the last
    two costs the document nothing but what they would say; its `meta` names it as `unreadable`.

    Raises:
        Unreadable: `bad_texts`, `bad_images`, `bad_utf8`, `list_too_long`, `lists_not_aligned`, `text_too_long`.
    """
    texts, entries = _lists(row)
    names, general, unreadable = _metadata(row, len(entries))
    held = HeldBytes(max_image_bytes)
    parts: list[str | SourceImage] = []
    unusable: list[tuple[int, Unreadable]] = []
    for index, (text, entry) in enumerate(zip(texts, entries, strict=True)):
        if text is not None:
            parts.extend(_paragraphs(text))
        elif entry is not None:
            try:
                parts.append(_image(index, entry, names[index], held))
            except Unreadable as error:
                unusable.append((index, error))
    found = in_reading_order(parts, language)
    document = SourceDocument(
        id=doc_id,
        url=_page_url(general),
        sentences=found.sentences,
        images=found.images,
        paragraphs=found.paragraphs,
        meta={"unreadable": ",".join(unreadable)} if unreadable else {},
    )
    return Parsed(document=document, unusable=tuple(unusable))


def _lists(row: Mapping[str, Any]) -> tuple[list[str | None], list[Any]]:
    texts, images = _list(row, "texts"), _list(row, "images")
    for position, text in enumerate(texts):
        if text is BAD_UTF8:
            raise Unreadable("bad_utf8", f"texts[{position}]")
        if text is not None and not isinstance(text, str):
            raise Unreadable("bad_texts", f"texts[{position}] is {type(text).__name__}, expected a text or null")
    if len(texts) != len(images):
        raise Unreadable("lists_not_aligned", f"{len(texts):,} texts, {len(images):,} images: expected as many")
    both = sum(text is not None and image is not None for text, image in zip(texts, images, strict=True))
    if both:
        raise Unreadable("lists_not_aligned", f"at {both:,} positions there are both a text and an image")
    num_chars = sum(len(text) for text in texts if text is not None)
    if num_chars > MAX_TEXT_CHARS:
        raise Unreadable("text_too_long", f"{num_chars:,} characters, at most {MAX_TEXT_CHARS:,}")
    return texts, images


def _list(row: Mapping[str, Any], name: str) -> list[Any]:
    value = row.get(name)
    if value is TOO_LONG:
        raise Unreadable("list_too_long", f"{name} has more than {MAX_ITEMS:,} entries")
    if not isinstance(value, list):
        raise Unreadable(f"bad_{name}", f"{name} is {type(value).__name__}, expected a list")
    return value


def _paragraphs(text: str) -> Iterator[str]:
    for paragraph in _BLANK_LINES.split(text):
        if paragraph.strip() not in ("", _END_MARK):
            yield paragraph


def _image(index: int, entry: Any, name: str | None, held: HeldBytes) -> SourceImage:
    """An entry is a URL, the bytes, or both as `datasets` keeps them: {bytes, path}. A path is never opened."""
    data, url = entry, None
    if isinstance(entry, dict):
        data, url = entry.get("bytes"), entry.get("path")
    elif isinstance(entry, str | Strange):
        data, url = None, entry
    if data is not None:
        if not isinstance(data, bytes):
            raise Unreadable("bad_image_entry", f"images[{index}] is {type(data).__name__}, expected bytes")
        url = url if is_url(url) else None
        return SourceImage(index=index, name=name or _text(url), url=url, load=held.hold(data))
    if url is None:
        raise Unreadable("image_missing", f"images[{index}] has neither bytes nor a URL")
    if isinstance(entry, dict) and not is_url(url):
        raise Unreadable("image_missing", f"images[{index}] is a path, {str(url)[:200]!r}, without its bytes")
    if not is_url(url):
        raise Unreadable("bad_url", f"images[{index}] is {str(url)[:200]!r}, expected a URL of http or https")
    return SourceImage(index=index, name=name, url=url)


def is_url(value: Any) -> bool:
    if not isinstance(value, str) or len(value) > _MAX_URL_CHARS:
        return False
    return value[:8].lower().startswith(("http://", "https://")) and value.isprintable()


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def _metadata(row: Mapping[str, Any], num_images: int) -> tuple[list[str | None], Any, list[str]]:
    """The images' names, what is said of the page, and which of both columns is unreadable."""
    unreadable = []
    entries, general = None, None
    try:
        entries = _json(row.get("metadata"))
    except ValueError:
        unreadable.append("metadata")
    try:
        general = _json(row.get("general_metadata"))
    except ValueError:
        unreadable.append("general_metadata")
    if not isinstance(entries, list) or len(entries) != num_images:
        return [None] * num_images, general, unreadable
    names = [_text(entry.get("formatted_filename")) if isinstance(entry, dict) else None for entry in entries]
    return names, general, unreadable


def _json(value: Any) -> Any:
    if value is None or value == "":
        return None
    if not isinstance(value, str) or len(value) > _MAX_METADATA_CHARS:
        raise ValueError
    return orjson.loads(value)


def _page_url(general: Any) -> str | None:
    url = general.get("url") if isinstance(general, dict) else None
    return url if isinstance(url, str) and url else None
