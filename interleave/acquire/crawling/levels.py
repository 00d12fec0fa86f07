"""A crawl within bounds, level by level: the seeds, what they link to, what those link to; then the images.

    sitemaps -> seeds -> [fetch a level into the store -> its links, sorted -> the next level] -> images -> WARC

Levels are sorted, so which pages are within the bounds depends on the pages alone, not on who answered first. What was
fetched lies in a store beside the WARC: after an interruption, or with wider bounds, nothing is asked for twice.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import orjson

from interleave.access.errors import FetchError
from interleave.access.fetching import Web, fetch_missing
from interleave.access.kinds import IMAGES, Kind
from interleave.access.ledger import OK, Entry
from interleave.access.store import Store
from interleave.access.store_writer import StoreWriter, open_for_writing
from interleave.acquire.crawling.archive import ArchiveWriter
from interleave.acquire.crawling.bounds import Bounds, CrawlReport
from interleave.acquire.crawling.links import links_of, page_address
from interleave.acquire.crawling.sitemap import MAX_SITEMAP_BYTES, parse_sitemap
from interleave.acquire.pages.document import page_document
from interleave.acquire.pages.page import HTML_TYPES, MAX_PAGE_BYTES
from interleave.acquire.source import Limits
from interleave.errors import Unreadable
from interleave.files import write_bytes

AGENT = "interleave"
LEDGER_NAME = "crawl.jsonl"
MAX_SITEMAPS = 1_000


def _check_sitemap(body: bytes, content_type: str) -> None:
    try:
        parse_sitemap(body)
    except Unreadable as error:
        raise FetchError(error.reason, error.detail) from None


SITEMAPS = Kind(name="sitemap", accept="application/xml,text/xml,*/*;q=0.5", check=_check_sitemap)
PAGE = "page"


def crawl(bounds: Bounds, web: Web, folder: Path) -> CrawlReport:
    """Visits pages and their images, and writes them into a folder as WARC files.

    Raises:
        TaskError: another process crawls into the folder; the disk is full.
    """
    with open_for_writing(folder / "store") as (store, writer):
        visit = _Visit(bounds, web, store, writer)
        visit.pages()
        if bounds.images:
            visit.images()
        return _write(visit, folder)


class _Visit:
    """What has been asked for so far, in its order."""

    def __init__(self, bounds: Bounds, web: Web, store: Store, writer: StoreWriter) -> None:
        self._bounds = bounds
        self._web = web
        self._store = store
        self._writer = writer
        self._ends_at = time.monotonic() + bounds.max_seconds
        self.depths: dict[str, int] = {}
        # URL of a page -> links from a seed.
        self.shown: dict[str, list[str]] = {}
        # URL of a page that may be used -> URLs of its images.
        self.opted_out: dict[str, str] = {}
        # URL of a page that may not be used -> what it says.
        self.num_bytes = 0
        self.ended_by = ""
        self.not_visited = 0
        self.sitemaps_left = 0
        # Sitemaps that were not read, since there are more than a crawl reads.

    def pages(self) -> None:
        level: Sequence[str] = [*_pages(self._bounds.seeds), *self._from_sitemaps()]
        for depth in range(self._bounds.depth + 1):
            new = sorted({url for url in level if self._bounds.holds(url)} - self.depths.keys())
            room = self._bounds.max_pages - len(self.depths)
            if len(new) > room:
                self.ended_by = "max_pages"
            self.not_visited += len(new[room:])
            self.depths.update(dict.fromkeys(new[:room], depth))
            self._fetch(new[:room], _pages_within(self._bounds), MAX_PAGE_BYTES)
            level = [link for url in new[:room] for link in self._read(url)]
            if self.ended_by or not level:
                break

    def images(self) -> None:
        wanted = list(dict.fromkeys(url for urls in self.shown.values() for url in urls))
        self._fetch(wanted, IMAGES, self._web.max_bytes)

    def outcome(self, url: str, kind: str) -> tuple[Entry | None, bytes]:
        """What a URL came to, with its body; None where it was not asked for."""
        entry = self._store.entry(url, kind)
        if entry is not None and kind == PAGE and url in self.opted_out:
            return replace(entry, outcome="opted_out", detail=self.opted_out[url], sha256=None, status=None), b""
        if entry is None or entry.sha256 is None:
            return entry, b""
        try:
            return entry, self._store.read(entry.sha256)
        except Unreadable as error:
            return replace(entry, outcome=error.reason, detail=error.detail, sha256=None, status=None), b""

    def _from_sitemaps(self) -> Iterator[str]:
        """The pages that sitemaps list; an index is followed, one step after the other."""
        level, seen, num_read = list(self._bounds.sitemaps), set(self._bounds.sitemaps), 0
        while level:
            room = MAX_SITEMAPS - num_read
            self.sitemaps_left += len(level[room:])
            self._fetch(level[:room], SITEMAPS, MAX_SITEMAP_BYTES)
            num_read += len(level[:room])
            below: dict[str, None] = {}
            for url in level[:room]:
                entry, body = self.outcome(url, SITEMAPS.name)
                if entry is None or entry.outcome != OK:
                    continue
                sitemap = parse_sitemap(body)
                yield from filter(None, (page_address(url, page) for page in sitemap.pages))
                below |= dict.fromkeys(item for item in sitemap.sitemaps if self._bounds.holds(item))
            level = [url for url in below if url not in seen]
            seen.update(level)

    def _fetch(self, urls: Sequence[str], kind: Kind, max_bytes: int) -> None:
        """Fetches what the store lacks, until a bound is reached."""
        known = (self._store.entry(url, kind.name) for url in urls)
        self.num_bytes += sum(self._store.num_bytes(entry.sha256) for entry in known if entry and entry.sha256)
        web = replace(self._web, max_bytes=max_bytes)
        if not self._web.settings.offline:
            fetch_missing(
                urls,
                len(urls),
                self._store,
                self._writer,
                web,
                kind=kind,
                ended=self._count_bytes,
                may_go_on=self._is_within,
            )

    def _count_bytes(self, entry: Entry, num_bytes: int) -> None:
        self.num_bytes += num_bytes

    def _is_within(self) -> bool:
        """Whether more may be asked for."""
        if self.num_bytes >= self._bounds.max_bytes:
            self.ended_by = "max_bytes"
        elif time.monotonic() >= self._ends_at:
            self.ended_by = "max_seconds"
        else:
            return True
        return False

    def _read(self, url: str) -> list[str]:
        """Where a page leads to; what it shows is kept in `shown`."""
        entry, data = self.outcome(url, PAGE)
        if entry is None or entry.outcome != OK:
            return []
        here = entry.final_url or url
        headers = orjson.loads(entry.headers or "{}")
        content_type = headers.get("content-type", "")
        self.shown[url] = []
        try:
            limits = Limits(max_image_bytes=self._web.max_bytes)
            found = page_document(
                data, "", here, lambda _: None, limits, document_url=here, content_type=content_type,
                respect_opt_out=self._web.settings.politeness.headers,
            )  # fmt: skip
            self.shown[url] = [image.url for image in found.document.images if image.url is not None]
        except Unreadable as error:
            if error.reason == "opted_out":
                del self.shown[url]
                self.opted_out[url] = error.detail
        try:
            return links_of(data, here, content_type, headers.get("x-robots-tag", ""))
        except Unreadable:
            return []


def _pages(seeds: Sequence[str]) -> Iterator[str]:
    return (page_address(seed, "") or seed for seed in seeds)


def _pages_within(bounds: Bounds) -> Kind:
    return Kind(
        name=PAGE,
        scope=tuple(sorted(bounds.hosts)),
        accept="text/html,application/xhtml+xml;q=0.9,*/*;q=0.1",
        check=_check_html,
        may_visit=partial(_holds, bounds),
    )


def _holds(bounds: Bounds, url: str) -> bool:
    return bounds.holds(url)


def _check_html(body: bytes, content_type: str) -> None:
    said = content_type.partition(";")[0].strip().lower()
    if said and said not in HTML_TYPES:
        raise FetchError("not_html", said[:100])
    if not body.strip():
        raise FetchError("empty_body", "no bytes")


def _write(visit: _Visit, folder: Path) -> CrawlReport:
    """The WARC files, and a ledger with a line for every URL that was within the bounds."""
    lines: dict[tuple[str, str], bytes] = {}
    not_had: Counter[str] = Counter()
    num = Counter[str]()
    with ArchiveWriter(folder, AGENT) as archive:
        for page, depth in visit.depths.items():
            archive.begin_page()
            for url in (page, *visit.shown.get(page, ())):
                kind = PAGE if url == page else IMAGES.name
                entry, body = visit.outcome(url, kind)
                if entry is not None:
                    archive.add(entry, body)
                if (kind, url) in lines:
                    continue
                outcome = entry.outcome if entry else "not_asked"
                num[kind] += int(outcome == OK)
                not_had[outcome] += int(outcome != OK)
                lines[kind, url] = _line(url, entry, kind, depth)
    not_had["sitemap_not_read"] = visit.sitemaps_left
    write_bytes(folder / LEDGER_NAME, b"".join(lines.values()))
    return CrawlReport(
        pages=num[PAGE],
        images=num[IMAGES.name],
        num_bytes=visit.num_bytes,
        not_had=dict(sorted((+not_had).items(), key=lambda item: (-item[1], item[0]))),
        ended_by=visit.ended_by,
        not_visited=visit.not_visited,
    )


def _line(url: str, entry: Entry | None, kind: str, depth: int) -> bytes:
    fields: dict[str, object] = {"url": url, "kind": kind, "depth": depth, "outcome": "not_asked"}
    if entry is not None:
        fields |= {"outcome": entry.outcome, "detail": entry.detail, "status": entry.status, "sha256": entry.sha256}
        fields |= {"final_url": entry.final_url, "fetched_at": entry.fetched_at, "requests": entry.attempts}
    return orjson.dumps(fields) + b"\n"
