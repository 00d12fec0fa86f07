"""HTML: saved pages with their images, in a folder or a `.zip`, as browsers and mirroring tools leave them.

References are looked up beside the page (`page_files/a.png`, `../images/a.png`), from the top of the folder
(`/images/a.png`), and by host and path (`https://host/a.png` as `host/a.png`), with and without their query.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import ClassVar, Literal
from urllib.parse import quote, unquote, urlsplit

from interleave.acquire.listing import SourceFile, Split, list_files, whole
from interleave.acquire.pages.document import page_document
from interleave.acquire.pages.page import MAX_PAGE_BYTES, AltText
from interleave.acquire.pages.saved import PAGES, Files, Folder, Member, Zip, list_pages
from interleave.acquire.source import Limits, Parsed, Refused, SourceName
from interleave.errors import RecipeError, TaskError, Unreadable
from interleave.files import sha256_of
from interleave.identity import document_id
from interleave.settings import LocationOrUrl, Settings
from interleave.text import printable

PAGES_A_SPLIT = 256
# Browsers write it above a page that they save.
_SAVED_FROM = re.compile(rb"<!--\s*saved from url=\(\d{4}\)(https?://[^\s<>]{1,2000})")


class HtmlSource(Settings):
    """Saved web pages in a folder or a `.zip`, with their images."""

    libraries: ClassVar[tuple[str, ...]] = ("sentencex", "lxml", "resiliparse")

    kind: Literal["html"] = "html"
    """Pages: `.html`, `.htm`, `.xhtml`."""

    name: SourceName = "html"
    """What the source is called in the index and the summary."""

    path: LocationOrUrl
    """A folder of pages (at any depth), a `.zip` of one, or a glob of such `.zip` files."""

    alt_text: AltText = "drop"
    """Alternative texts of images: `drop`, or `caption`: behind an image that has no caption, those of two words on."""

    respect_opt_out: bool = True
    """Leave out pages that ask for it: `noai`, `noimageai`, `noindex`, `noimageindex` in `<meta name="robots">`, or a
    TDM reservation."""

    def files(self) -> list[SourceFile]:
        if not Path(self.path).is_dir():
            return list_files(self.name, self.path, (".zip",))
        pages = list_pages(self.path)
        if not pages:
            raise RecipeError(f"source {self.name}: {self.path} holds no file that ends in {', '.join(PAGES)}")
        num_bytes = sum(Path(self.path, page).stat().st_size for page in pages)
        return [SourceFile(source=self.name, path=self.path, name="pages", num_bytes=num_bytes)]

    def cut(self, file: SourceFile, num_bytes: int) -> list[Split]:
        if not Path(file.path).is_dir():
            return whole(file)
        pages = list_pages(file.path)
        return [
            Split(
                source=file.source,
                path=file.path,
                name=file.name,
                sha256=_sha256_of_pages(file.path, pages[start : start + PAGES_A_SPLIT]),
                start=start,
                end=min(start + PAGES_A_SPLIT, len(pages)),
            )
            for start in range(0, len(pages), PAGES_A_SPLIT)
        ]

    def read(self, split: Split, limits: Limits) -> Iterator[Parsed | Refused]:
        if Path(split.path).is_dir():
            files: Files = Folder(split.path)
            members, prefix = files.pages()[split.start : split.end], ""
        else:
            try:
                files = Zip(split.path)
            except Unreadable as error:
                yield Refused(doc_id=document_id(split.source, split.name, 0), where=split.name, error=error)
                return
            members, prefix = files.pages(), f"{split.name}/"
            if not members:
                empty = Unreadable("no_pages", f"nothing in it ends in {', '.join(PAGES)}")
                yield Refused(doc_id=document_id(split.source, split.name, 0), where=split.name, error=empty)
        for member in members:
            yield self._read(files, member, prefix, split.source, limits)

    def _read(self, files: Files, member: Member, prefix: str, source: str, limits: Limits) -> Parsed | Refused:
        name = printable(prefix + member.name)
        doc_id = document_id(source, name, member.copy)
        try:
            if member.error is not None:
                raise member.error
            return self._parse(files, member.name, doc_id, limits)
        except Unreadable as error:
            return Refused(doc_id=doc_id, where=ascii(name)[1:-1], error=Unreadable(error.reason, error.detail))
        except OSError as error:
            raise TaskError(f"cannot read {name}: {error.strerror or error}") from error

    def _parse(self, files: Files, name: str, doc_id: str, limits: Limits) -> Parsed:
        try:
            data = files.read(name, MAX_PAGE_BYTES)
        except Unreadable as error:
            raise Unreadable(error.reason.replace("image", "page"), error.detail) from None
        saved_from = _SAVED_FROM.search(data[:4096])
        return page_document(
            data,
            doc_id,
            f"file:///{quote(name.encode('utf-8', 'surrogateescape'))}",
            partial(_find, files, limits.max_image_bytes),
            limits,
            document_url=saved_from[1].decode("utf-8", "replace") if saved_from else "",
            alt_text=self.alt_text,
            respect_opt_out=self.respect_opt_out,
        )


def _find(files: Files, max_bytes: int, url: str) -> Callable[[], bytes] | None:
    for name in _names_of(url):
        if files.has(name):
            return partial(files.read, name, max_bytes)
    return None


def _names_of(url: str) -> Iterator[str]:
    """Where the file may lie that an address leads to, likeliest first."""
    try:
        parts = urlsplit(url)
        host = "" if parts.scheme == "file" else f"{parts.hostname}/"
    except ValueError:
        return
    path = host + parts.path.lstrip("/")
    for name in (unquote(path, errors="surrogateescape"), path):
        if name:
            yield name
            if parts.query:
                yield f"{name}?{unquote(parts.query)}"


def _sha256_of_pages(folder: str, pages: list[str]) -> str:
    digest = hashlib.sha256()
    for page in pages:
        digest.update(os.fsencode(page) + b"\0" + sha256_of(Path(folder, page)).encode() + b"\n")
    return digest.hexdigest()
