"""WARC: web pages as a crawler stored them, Common Crawl's included, with the images of the same file.

    first pass: which records are pages, where images, redirects and revisits lie (warc_index)
    second pass: each page, read by where it lies -> content -> document; images are read when they are asked for

Documents are the HTML pages that were fetched with status 200. Redirects, images, scripts, requests and the rest are
none and are not counted; a page of another status is refused, as `http_404`. Of several captures of one address
the newest is used. Standard: ISO 28500 (https://iipc.github.io/warc-specifications/).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, ClassVar, Literal

from interleave.access.opt_out import opt_out_in_headers
from interleave.acquire.listing import SourceFile, Split, list_files, whole
from interleave.acquire.pages.document import page_document
from interleave.acquire.pages.page import MAX_PAGE_BYTES, AltText
from interleave.acquire.pages.warc_index import Capture, WarcIndex, build_index, url_key
from interleave.acquire.pages.warc_records import Archive
from interleave.acquire.source import Limits, Parsed, Refused, SourceName
from interleave.errors import TaskError, Unreadable
from interleave.identity import document_id
from interleave.settings import LocationOrUrl, Settings

SUFFIXES = (".warc", ".warc.gz")


class WarcSource(Settings):
    """Web pages in WARC files; images of the same file, or fetched by URL."""

    libraries: ClassVar[tuple[str, ...]] = ("sentencex", "lxml", "resiliparse", "fastwarc")

    kind: Literal["warc"] = "warc"
    """WARC 1.0 and 1.1: `.warc`, `.warc.gz`."""

    name: SourceName = "warc"
    """What the source is called in the index and the summary."""

    path: LocationOrUrl
    """One file, a glob, or a folder (searched for `.warc` and `.warc.gz` at any depth)."""

    alt_text: AltText = "drop"
    """Alternative texts of images: `drop`, or `caption`: behind an image that has no caption, those of two words on."""

    respect_opt_out: bool = True
    """Leave out pages that ask for it: `noai`, `noimageai`, `noindex`, `noimageindex` in `<meta name="robots">` or
    `X-Robots-Tag`, or a TDM reservation."""

    def files(self) -> list[SourceFile]:
        return list_files(self.name, self.path, SUFFIXES)

    def cut(self, file: SourceFile, num_bytes: int) -> list[Split]:
        return whole(file, end=file.num_bytes)

    def read(self, split: Split, limits: Limits) -> Iterator[Parsed | Refused]:
        try:
            archive = Archive(split.path)
            index = build_index(archive)
        except OSError as error:
            raise TaskError(f"cannot read {split.path}: {error.strerror or error}") from error
        for capture in index.captures:
            doc_id = document_id(split.source, split.name, capture.number)
            try:
                yield self._parse(archive, index, capture, doc_id, limits)
            except Unreadable as error:
                where = f"{split.name}: record {capture.number + 1}, {capture.url[:200]!a}"
                yield Refused(doc_id=doc_id, where=where, error=Unreadable(error.reason, error.detail))

    def _parse(self, archive: Archive, index: WarcIndex, capture: Capture, doc_id: str, limits: Limits) -> Parsed:
        if capture.error is not None:
            raise capture.error
        if index.newest.get(url_key(capture.url)) is not capture:
            raise Unreadable("duplicate_capture", "the file has a newer capture of the same address, or an equal one")
        offset = index.page_offset(capture)
        if offset is None:
            raise Unreadable("revisit_unresolved", "what it refers to is not in this file")
        headers = _http_headers(archive, offset)
        if self.respect_opt_out and (word := _opt_out(headers)) is not None:
            raise Unreadable("opted_out", f"the server says {word}")
        return page_document(
            archive.payload(offset, MAX_PAGE_BYTES),
            doc_id,
            capture.url,
            partial(_find, archive, index, limits.max_image_bytes),
            limits,
            document_url=capture.url,
            date=capture.date,
            content_type=headers.get("Content-Type", "") if headers is not None else "",
            alt_text=self.alt_text,
            respect_opt_out=self.respect_opt_out,
        )


def _find(archive: Archive, index: WarcIndex, max_bytes: int, url: str) -> Callable[[], bytes] | None:
    offset = index.image_offset(url)
    return None if offset is None else partial(archive.payload, offset, max_bytes)


def _http_headers(archive: Archive, offset: int) -> Any:
    record = archive.record(offset)
    try:
        record.parse_http()
        return record.http_headers
    except (OSError, ValueError) as error:
        raise Unreadable("bad_http", str(error)[:200]) from None


def _opt_out(headers: Any) -> str | None:
    if headers is None:
        return None
    robots = ", ".join(headers.get_multiple("X-Robots-Tag"))
    return opt_out_in_headers({"x-robots-tag": robots, "tdm-reservation": headers.get("TDM-Reservation") or ""})
