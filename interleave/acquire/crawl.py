"""Live crawl: seeds and sitemaps -> polite visits within bounds -> WARC -> documents, as the `warc` source reads them.

The crawl runs once, before everything else (`interleave build` or `interleave crawl`). What it left is what builds
read: a finished crawl asks nobody again. How the web is asked stands in the recipe's `fetch`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, ClassVar, Literal

import orjson
from pydantic import Field, field_validator, model_validator

from interleave.access.fetching import Web
from interleave.access.spelling import host_of
from interleave.acquire.crawling.archive import archives
from interleave.acquire.crawling.bounds import Bounds, CrawlReport
from interleave.acquire.listing import SourceFile, Split
from interleave.acquire.pages.page import AltText
from interleave.acquire.source import Limits, Parsed, Refused, SourceName
from interleave.acquire.warc import WarcSource
from interleave.errors import RecipeError
from interleave.files import write_bytes
from interleave.identity import fingerprint
from interleave.settings import Location, Settings

DONE_NAME = "crawl.json"

Urls = Annotated[tuple[str, ...], Field(strict=False)]


class CrawlSource(Settings):
    """Pages of the live web and their images, crawled within bounds into WARC files."""

    libraries: ClassVar[tuple[str, ...]] = ("sentencex", "lxml", "resiliparse", "fastwarc")

    kind: Literal["crawl"] = "crawl"
    """A crawl; the recipe needs `fetch`, which says how servers are asked."""

    name: SourceName = "crawl"
    """What the source is called in the index and the summary."""

    seeds: Urls = ()
    """Pages where the crawl begins."""

    sitemaps: Urls = ()
    """Sitemaps or indexes of such: the pages that they list are seeds, too."""

    hosts: Urls = ()
    """Hosts whose pages may be visited, as `example.org` or `example.org:8080`. Default: those of the seeds and
    sitemaps. Images may lie anywhere."""

    archive: Location
    """Folder for the crawl: WARC files, `crawl.jsonl` with what every URL came to, and the store that the crawl goes
    on with."""

    depth: Annotated[int, Field(ge=0, le=100)] = 3
    """Links from a seed to the farthest page."""

    max_pages: Annotated[int, Field(ge=1)] = 1_000
    """Pages that are asked for."""

    max_bytes: Annotated[int, Field(ge=1)] = 10_000_000_000
    """Bytes of pages and images from which on nothing more is asked for."""

    max_seconds: Annotated[float, Field(gt=0, strict=False)] = 24 * 3600
    """Time of one run from which on nothing more is asked for."""

    images: bool = True
    """Fetch the images that pages show. Without them the pages' images are known by URL alone."""

    alt_text: AltText = "drop"
    """Alternative texts of images: `drop`, or `caption`: behind an image that has no caption, those of two words on."""

    respect_opt_out: bool = True
    """Leave out pages that ask for it: `noai`, `noimageai`, `noindex`, `noimageindex` in `<meta name="robots">` or
    `X-Robots-Tag`, or a TDM reservation."""

    @field_validator("seeds", "sitemaps")
    @classmethod
    def _are_urls(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for url in value:
            if not host_of(url):
                raise ValueError(f"{url[:200]!r} is no http or https URL")
        return value

    @field_validator("hosts")
    @classmethod
    def _are_hosts(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for host in value:
            if not re.fullmatch(r"[^/?#@\s:]+(?::\d{1,5})?|\[[0-9a-fA-F:.]+\](?::\d{1,5})?", host):
                raise ValueError(f"{host[:200]!r} is no host; write example.org or example.org:8080")
        return value

    @model_validator(mode="after")
    def _has_a_beginning(self) -> CrawlSource:
        if not self.seeds and not self.sitemaps:
            raise ValueError("a crawl needs `seeds` or `sitemaps` to begin with")
        return self

    def prepare(self, web: Web | None, *, again: bool = False) -> CrawlReport:
        """Crawls, or takes the crawl that was finished earlier.

        Raises:
            RecipeError: the recipe does not say how the web is asked.
            TaskError: the crawl could not be finished; run again to go on.
        """
        from interleave.acquire.crawling.levels import crawl

        done = Path(self.archive) / DONE_NAME
        mark = fingerprint(asdict(self._bounds()) | {"hosts": sorted(self._bounds().hosts)})
        known = _read(done)
        if known is not None and known[0] == mark and not again:
            return known[1]
        if web is None:
            raise RecipeError(f"source {self.name}: a crawl asks the web; give `fetch: {{contact: you@example.org}}`")
        if web.settings.offline:
            raise RecipeError(f"source {self.name}: `fetch.offline` is set, and {self.archive} holds no such crawl")
        done.unlink(missing_ok=True)
        report = crawl(self._bounds(), web, Path(self.archive))
        write_bytes(done, orjson.dumps({"of": mark, "report": asdict(report)}, option=orjson.OPT_INDENT_2))
        return report

    def files(self) -> list[SourceFile]:
        if not any(archives(Path(self.archive))):
            raise RecipeError(f"source {self.name}: {self.archive} holds no crawl; run `interleave crawl` first")
        return self._warc().files()

    def cut(self, file: SourceFile, num_bytes: int) -> list[Split]:
        return self._warc().cut(file, num_bytes)

    def read(self, split: Split, limits: Limits) -> Iterator[Parsed | Refused]:
        return self._warc().read(split, limits)

    def _warc(self) -> WarcSource:
        pattern = str(Path(self.archive) / "crawl-*.warc.gz")
        return WarcSource(name=self.name, path=pattern, alt_text=self.alt_text, respect_opt_out=self.respect_opt_out)

    def _bounds(self) -> Bounds:
        named = (host_of(f"http://{host}") for host in self.hosts)
        hosts = tuple(named) or tuple(host_of(url) for url in (*self.seeds, *self.sitemaps))
        return Bounds(
            seeds=self.seeds,
            sitemaps=self.sitemaps,
            hosts=frozenset(hosts),
            depth=self.depth,
            max_pages=self.max_pages,
            max_bytes=self.max_bytes,
            max_seconds=self.max_seconds,
            images=self.images,
        )


def _read(done: Path) -> tuple[str, CrawlReport] | None:
    try:
        known = orjson.loads(done.read_bytes())
        return str(known["of"]), CrawlReport(**known["report"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
