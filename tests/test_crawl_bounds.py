"""A crawl stays within its bounds also within a level, and does not trust the store that it left."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest
from fastwarc.warc import ArchiveIterator
from fixtures_build import SAMPLE
from fixtures_pages import page_of, paragraph
from fixtures_site import NOT_FOUND, Answer, Site, serving

from interleave.acquire.crawl import CrawlSource
from interleave.acquire.crawling import levels
from interleave.acquire.crawling.bounds import CrawlReport
from interleave.acquire.source import Limits, Parsed
from interleave.errors import RecipeError
from interleave.prepare import prepare_sources
from interleave.recipe import Recipe
from interleave.recipe_file import load_recipe

RECIPES = Path(__file__).parents[1] / "recipes"
HOST = "http://site.example"
IDN = "xn--bcher-kva.example"
PICTURE = sorted((SAMPLE / "images").glob("*.jpg"))[0].read_bytes()
IMAGE = Answer(PICTURE, "image/jpeg")
NUM_PAGES = 300


@pytest.fixture(autouse=True)
def _contact(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONTACT", "somebody@lab.example")


@pytest.fixture
def site() -> Iterator[Site]:
    with serving(lambda path: NOT_FOUND) as found:
        yield found


def links(*paths: str) -> str:
    return "".join(f'<p><a href="{path}">to {path}</a></p>' for path in paths)


def of(pages: dict[str, Answer | str]) -> Callable[[str], Answer]:
    def answer(path: str) -> Answer:
        found = pages.get(path, NOT_FOUND)
        return Answer(page_of(paragraph(path) + found)) if isinstance(found, str) else found

    return answer


def recipe_of(site: Site, folder: Path, *more: str) -> Recipe:
    places = ", ".join(f'{host}: "{site.place}"' for host in ("site.example", "other.example", "bücher.example"))
    settings = [
        f"output={folder / 'out'}",
        f"source.archive={folder / 'crawl'}",
        f"source.seeds=[{HOST}/]",
        "source.depth=1",
        f"fetch.resolve={{{places}}}",
        "fetch.politeness.requests_per_second=null",
        "fetch.attempts=1",
        *more,
    ]
    return load_recipe(RECIPES / "crawl.yaml", settings)


def crawled(site: Site, folder: Path, *more: str) -> CrawlReport:
    (report,) = prepare_sources(recipe_of(site, folder, *more), quiet=True).values()
    assert isinstance(report, CrawlReport)
    return report


def rows(folder: Path) -> list[dict[str, Any]]:
    return [orjson.loads(line) for line in (folder / "crawl" / "crawl.jsonl").read_bytes().splitlines()]


def outcomes(folder: Path) -> dict[tuple[str, str], str]:
    """(kind, path) -> what it came to."""
    return {(row["kind"], row["url"].removeprefix(HOST)): row["outcome"] for row in rows(folder)}


def documents(recipe: Recipe) -> list[Parsed]:
    (source,) = recipe.all_sources
    assert isinstance(source, CrawlSource)
    limits = Limits(max_image_bytes=10_000_000)
    found = [item for file in source.files() for split in source.cut(file, 1) for item in source.read(split, limits)]
    return [item for item in found if isinstance(item, Parsed)]


def wide(path: str) -> Answer:
    """One page that leads to many large ones."""
    if path == "/":
        return Answer(page_of(links(*(f"/{number}" for number in range(NUM_PAGES)))))
    return NOT_FOUND if path == "/robots.txt" else Answer(page_of(paragraph(path) + "<!--" + "x" * 12_000 + "-->"))


def test_max_bytes_holds_within_a_level(site: Site, tmp_path: Path) -> None:
    site.answer = wide
    report = crawled(site, tmp_path, "source.max_bytes=50_000")
    assert report.ended_by == "max_bytes"
    asked = sum(path[1:].isdigit() for path in site.asked)
    assert asked <= 6, "two at a time, and what is under way ends"
    assert report.num_bytes < 100_000
    assert report.not_had["not_asked"] == NUM_PAGES - asked


def test_max_seconds_holds_within_a_level(site: Site, tmp_path: Path) -> None:
    site.answer = wide
    site.delay_s = lambda path: 0.05
    began = time.monotonic()
    report = crawled(site, tmp_path, "source.max_seconds=0.8")
    assert report.ended_by == "max_seconds"
    assert 1 < site.asked.total() < 60
    assert time.monotonic() - began < 5


def test_a_crawl_that_a_bound_ended_goes_on_where_it_was(site: Site, tmp_path: Path) -> None:
    site.answer = wide
    crawled(site, tmp_path, "source.max_bytes=50_000")
    report = crawled(site, tmp_path, "source.max_bytes=300_000")
    assert set(site.asked.values()) == {1}
    assert report.ended_by == "max_bytes"
    assert 300_000 <= report.num_bytes < 350_000, "what was there counts once"


def sitemap(*addresses: str, of_sitemaps: bool = False) -> Answer:
    kind, entry = ("sitemapindex", "sitemap") if of_sitemaps else ("urlset", "url")
    entries = "".join(f"<{entry}><loc>{address}</loc></{entry}>" for address in addresses)
    return Answer(f"<{kind}>{entries}</{kind}>".encode(), "text/xml")


def test_more_sitemaps_than_a_crawl_reads_are_counted(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(levels, "MAX_SITEMAPS", 5)
    pages: dict[str, Answer | str] = {f"/page/{number}": "" for number in range(12)}
    pages |= {f"/{number}.xml": sitemap(f"{HOST}/page/{number}") for number in range(12)}
    pages["/index.xml"] = sitemap(*(f"{HOST}/{number}.xml" for number in range(12)), of_sitemaps=True)
    site.answer = of(pages)
    more = ("source.seeds=[]", f"source.sitemaps=[{HOST}/index.xml]", "source.depth=0")
    report = crawled(site, tmp_path, *more)
    assert report.not_had == {"sitemap_not_read": 8}
    assert {path for _, path in outcomes(tmp_path)} == {f"/page/{number}" for number in range(4)}
    assert sum(path.endswith(".xml") for path in site.asked) == 5


def test_an_address_may_be_a_page_and_a_sitemap(site: Site, tmp_path: Path) -> None:
    text = Answer(f"{HOST}/1\n{HOST}/list\n".encode(), "text/plain")
    site.answer = of({"/list": text, "/1": links("/list")})
    crawled(site, tmp_path, "source.seeds=[]", f"source.sitemaps=[{HOST}/list]")
    assert outcomes(tmp_path) == {("page", "/1"): "ok", ("page", "/list"): "not_html"}


def test_an_image_that_its_page_links_to_is_had(site: Site, tmp_path: Path) -> None:
    body = paragraph("cat") + '<a href="/m/1"><img src="/m/1"></a>' + paragraph("dog")
    site.answer = of({"/": body, "/m/1": IMAGE})
    report = crawled(site, tmp_path)
    assert outcomes(tmp_path) == {("page", "/"): "ok", ("image", "/m/1"): "ok", ("page", "/m/1"): "not_html"}
    assert report.images == 1
    (item,) = documents(recipe_of(site, tmp_path))
    assert [image.load() for image in item.document.images if image.load is not None] == [PICTURE]


def test_wider_hosts_follow_what_was_out_of_bounds_before(site: Site, tmp_path: Path) -> None:
    away = Answer(status=302, headers={"Location": "http://other.example/there"})
    site.answer = of({"/": links("/away"), "/away": away, "/there": ""})
    crawled(site, tmp_path)
    assert outcomes(tmp_path)["page", "/away"] == "out_of_bounds"
    assert "/there" not in site.asked
    report = crawled(site, tmp_path, "source.hosts=[site.example, other.example]")
    assert outcomes(tmp_path)["page", "/away"] == "ok"
    assert report.pages == 2
    assert site.asked["/"] == site.asked["/there"] == 1


@pytest.mark.parametrize(
    "seed", ["http://bücher.example:80/", "http://BÜCHER.example/", f"http://{IDN}/", f"HTTP://{IDN.upper()}:80/#top"]
)
@pytest.mark.parametrize("hosts", ["", "bücher.example", f"{IDN}:80"])
def test_a_host_is_the_same_in_every_spelling(site: Site, tmp_path: Path, seed: str, hosts: str) -> None:
    site.answer = of({"/": links("/1", "http://bücher.example/2", f"http://{IDN}:80/3"), "/1": "", "/2": "", "/3": ""})
    report = crawled(site, tmp_path, f"source.seeds=['{seed}']", f"source.hosts=[{hosts}]")
    assert {row["url"]: row["outcome"] for row in rows(tmp_path)} == {
        f"http://{IDN}/{path}": "ok" for path in ("", "1", "2", "3")
    }
    assert report.pages == 4


@pytest.mark.parametrize("host", ["https://a.example", "a.example/", "a b", ""])
def test_hosts_that_are_none_are_one_clear_sentence(site: Site, tmp_path: Path, host: str) -> None:
    with pytest.raises(RecipeError, match=r"is no host; write example\.org or example\.org:8080"):
        recipe_of(site, tmp_path, f"source.hosts=['{host}']")


def test_a_flipped_byte_in_the_store_of_a_crawl_is_an_outcome(site: Site, tmp_path: Path) -> None:
    site.answer = of({"/": links("/1", "/2"), "/1": '<img src="/m/1">' + paragraph("end"), "/2": "", "/m/1": IMAGE})
    crawled(site, tmp_path)
    (blob,) = (tmp_path / "crawl" / "store" / "blobs").iterdir()
    data = bytearray(blob.read_bytes())
    data[data.index(PICTURE) + len(PICTURE) // 2] ^= 1
    data[data.index(page_of(paragraph("/2"))) + 200] ^= 1
    blob.write_bytes(data)
    report = crawled(site, tmp_path, "source.max_pages=50")
    assert report.not_had == {"damaged_in_store": 2}
    assert outcomes(tmp_path) == {
        ("page", "/"): "ok",
        ("page", "/1"): "ok",
        ("page", "/2"): "damaged_in_store",
        ("image", "/m/1"): "damaged_in_store",
    }
    assert len(documents(recipe_of(site, tmp_path, "source.max_pages=50"))) >= 1


def test_headers_that_are_no_utf8_are_archived_with_question_marks(site: Site, tmp_path: Path) -> None:
    odd = Answer(page_of(paragraph("odd") + '<img src="/m/1">' + paragraph("end")), headers={"ETag": '"caf\xe9"'})
    picture = Answer(PICTURE, "image/jpeg", headers={"Last-Modified": "\xe9t\xe9"})
    site.answer = of({"/": odd, "/m/1": picture})
    report = crawled(site, tmp_path)
    assert (report.pages, report.images, report.not_had) == (1, 1, {})
    (item,) = documents(recipe_of(site, tmp_path))
    assert len(item.document.images) == 1
    with (tmp_path / "crawl" / "crawl-00000.warc.gz").open("rb") as file:
        headers = [dict(record.http_headers.asdict()) for record in ArchiveIterator(file) if record.http_headers]
    assert [found.get("etag", found.get("last-modified")) for found in headers] == ['"caf?"', "?t?"]
