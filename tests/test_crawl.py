"""A live crawl of a site on this machine: what is visited, what is left, and that a build reads it."""

from __future__ import annotations

import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest
from fixtures_build import SAMPLE, built_files, cli, ledger
from fixtures_pages import page_of, paragraph
from fixtures_site import NOT_FOUND, Answer, Site, serving

from interleave.acquire.crawl import CrawlSource
from interleave.acquire.crawling.bounds import CrawlReport
from interleave.acquire.source import Limits, Parsed
from interleave.errors import RecipeError
from interleave.flow import build
from interleave.prepare import prepare_sources
from interleave.recipe import Recipe
from interleave.recipe_file import load_recipe

RECIPES = Path(__file__).parents[1] / "recipes"
PICTURES = sorted((SAMPLE / "images").glob("*.jpg"))[:12]
JPEG = "image/jpeg"
SECRET = page_of(paragraph("secret"))


def link(*paths: str) -> str:
    return "<ul>" + "".join(f'<li><a href="{path}">to {path}</a></li>' for path in paths) + "</ul>"


def article(number: int) -> bytes:
    """A page with two pictures between paragraphs."""
    names = [PICTURES[(2 * number + step) % len(PICTURES)].name for step in range(2)]
    texts = [paragraph(f"{word} number {number}") for word in ("cat", "dog", "fox", "hen")]
    body = f'{texts[0]}<img src="/img/{names[0]}">{texts[1]}{texts[2]}<img src="/img/{names[1]}">{texts[3]}'
    return page_of(f"<article>{body}</article>{link(f'/article/{number + 1}')}")


PAGES = {
    "/robots.txt": Answer(b"User-agent: *\nDisallow: /private/\n", "text/plain"),
    "/": Answer(
        page_of(link("/article/1", "/hub", "/private/1", "/gone", "/away", "/moved", "https://other.example/"))
    ),
    "/hub": Answer(page_of(link("/noai", "/nofollow", "/paper.pdf", "/not-html", "/error"))),
    "/private/1": Answer(SECRET),
    "/away": Answer(status=302, headers={"Location": "http://other.example/secret"}),
    "/moved": Answer(status=301, headers={"Location": "/article/1"}),
    "/noai": Answer(page_of(paragraph("noai") + link("/article/9"), '<meta name="robots" content="noai">')),
    "/nofollow": Answer(page_of(paragraph("last") + link("/secret"), '<meta name="robots" content="nofollow">')),
    "/not-html": Answer(b"%PDF-1.7 pages", "application/pdf"),
    "/error": Answer(status=500),
    "/secret": Answer(SECRET),
    "/sitemap.xml": Answer(
        b"<sitemapindex><sitemap><loc>http://site.example/pages.xml</loc></sitemap></sitemapindex>", "text/xml"
    ),
    "/pages.xml": Answer(b"<urlset><url><loc>http://site.example/article/3</loc></url></urlset>", "text/xml"),
}


def answer(path: str) -> Answer:
    if path.startswith("/img/"):
        found = SAMPLE / "images" / path.removeprefix("/img/")
        return Answer(found.read_bytes(), JPEG) if found.is_file() else NOT_FOUND
    if path.startswith("/article/"):
        return Answer(article(int(path.removeprefix("/article/"))))  # a site without end
    return PAGES.get(path, NOT_FOUND)


@pytest.fixture
def site() -> Iterator[Site]:
    with serving(answer) as found:
        yield found


def settings_of(site: Site, folder: Path, *more: str) -> list[str]:
    return [
        f"output={folder / 'out'}",
        f"source.archive={folder / 'crawl'}",
        "source.seeds=[http://site.example/]",
        f'fetch.resolve={{site.example: "{site.place}", other.example: "{site.place}"}}',
        "fetch.politeness.requests_per_second=null",
        "fetch.attempts=1",
        "images.max_short_side=64",
        "clean.rules=[]",
        *more,
    ]


def recipe_of(site: Site, folder: Path, *more: str) -> Recipe:
    return load_recipe(RECIPES / "crawl.yaml", settings_of(site, folder, *more))


def crawled(recipe: Recipe) -> CrawlReport:
    (report,) = prepare_sources(recipe, quiet=True).values()
    assert isinstance(report, CrawlReport)
    return report


def outcomes(folder: Path) -> dict[str, str]:
    """Path -> what it came to."""
    lines = (folder / "crawl" / "crawl.jsonl").read_bytes().splitlines()
    return {row["url"].removeprefix("http://site.example"): row["outcome"] for row in map(orjson.loads, lines)}


@pytest.fixture(autouse=True)
def _contact(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONTACT", "somebody@lab.example")


def test_the_owner_is_heeded_and_the_bounds_hold(site: Site, tmp_path: Path) -> None:
    report = crawled(recipe_of(site, tmp_path, "source.depth=2"))
    found = outcomes(tmp_path)
    pages = {path: outcome for path, outcome in found.items() if not path.startswith("/img/")}
    assert pages == {
        "/": "ok", "/article/1": "ok", "/article/2": "ok", "/away": "out_of_bounds", "/error": "http_5xx",
        "/gone": "http_4xx", "/hub": "ok", "/moved": "ok", "/noai": "opted_out", "/nofollow": "ok",
        "/not-html": "not_html", "/private/1": "robots",
    }  # fmt: skip
    assert not {"/private/1", "/secret", "/paper.pdf", "/article/3"} & site.asked.keys()
    # /moved leads to the first article, too.
    assert {path for path, number in site.asked.items() if number > 1 and answer(path).status == 200} <= {
        "/article/1", "/robots.txt",
    }  # fmt: skip
    assert report.pages == 6
    assert report.images == 4
    assert sum(report.not_had.values()) == 6
    assert not report.ended_by


def test_a_build_reads_the_crawl_and_counts_what_servers_refused(site: Site, tmp_path: Path) -> None:
    recipe = recipe_of(site, tmp_path, "source.depth=2")
    report = build(recipe, num_workers=1, quiet=True)
    dropped = {row["rule"] for row in ledger(tmp_path / "out")}
    assert {"http_404", "http_500"} <= dropped
    assert report.images_out == 4
    site.asked.clear()
    before = built_files(tmp_path / "out")
    build(recipe, num_workers=1, quiet=True, fresh=True)
    assert built_files(tmp_path / "out") == before
    assert not site.asked, "a finished crawl asks nobody again"


def test_pages_of_sitemaps_are_seeds(site: Site, tmp_path: Path) -> None:
    more = ["source.seeds=[]", "source.sitemaps=[http://site.example/sitemap.xml]", "source.depth=1"]
    crawled(recipe_of(site, tmp_path, *more))
    assert {path for path in outcomes(tmp_path) if path.startswith("/article")} == {"/article/3", "/article/4"}


@pytest.mark.parametrize(
    ("bound", "num_pages", "ended_by"),
    [("max_pages=5", 5, "max_pages"), ("max_seconds=0.000001", 0, "max_seconds"), ("max_bytes=1", 1, "max_bytes")],
)
def test_a_bound_ends_the_crawl(site: Site, tmp_path: Path, bound: str, num_pages: int, ended_by: str) -> None:
    report = crawled(recipe_of(site, tmp_path, f"source.{bound}", "source.depth=50"))
    assert report.ended_by == ended_by
    asked = [path for path in site.asked if not path.startswith("/img/") and path != "/robots.txt"]
    assert len(asked) <= num_pages + 2  # redirects lead on


def test_wider_bounds_ask_for_nothing_twice(site: Site, tmp_path: Path) -> None:
    crawled(recipe_of(site, tmp_path, "source.depth=1"))
    before = dict(site.asked)
    crawled(recipe_of(site, tmp_path, "source.depth=2"))
    again = {path for path, number in site.asked.items() if number > before.get(path, 0) and path in before}
    assert not again - {"/error"}
    assert "/article/2" in outcomes(tmp_path)


def test_after_a_kill_the_crawl_goes_on_and_gives_the_same(site: Site, tmp_path: Path) -> None:
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    more = ("source.depth=8", "source.max_pages=16")
    crawled(recipe_of(site, whole, *more))
    site.asked.clear()
    site.delay_s = lambda path: 0.1
    arguments = [option for setting in settings_of(site, killed, *more) for option in ("--set", setting)]
    line = [*cli(), "crawl", str(RECIPES / "crawl.yaml"), *arguments]
    with subprocess.Popen(line, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        end = time.monotonic() + 60
        while sum(site.asked.values()) < 9 and time.monotonic() < end and process.poll() is None:
            time.sleep(0.01)
        process.send_signal(signal.SIGKILL)
    assert not (killed / "crawl" / "crawl.json").exists()
    time.sleep(0.3)
    before = dict(site.asked)
    done = subprocess.run(line, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    twice = {
        path for path, number in site.asked.items() if number > 1 and path in before and answer(path).status == 200
    }
    # Two requests may have been under way; another address leads to the first article.
    assert len(twice - {"/article/1"}) <= 2
    assert outcomes(killed) == outcomes(whole)


def test_pages_come_back_from_the_archive_as_from_the_site(site: Site, tmp_path: Path) -> None:
    recipe = recipe_of(site, tmp_path, "source.depth=1")
    crawled(recipe)
    (source,) = recipe.all_sources
    assert isinstance(source, CrawlSource)
    (file,) = source.files()
    (split,) = source.cut(file, 1)
    found = [item for item in source.read(split, Limits(max_image_bytes=10_000_000)) if isinstance(item, Parsed)]
    documents: dict[Any, Any] = {item.document.url: item.document for item in found}
    images = documents["http://site.example/article/1"].images
    assert [image.load() for image in images] == [path.read_bytes() for path in PICTURES[2:4]]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (["source.seeds=[]"], "seeds"),
        (["source.seeds=['ftp://site.example/']"], "no http or https URL"),
        (["fetch=null"], "give `fetch"),
        (["fetch.offline=true"], "holds no such crawl"),
    ],
)
def test_what_is_missing_is_one_clear_sentence(site: Site, tmp_path: Path, settings: list[str], message: str) -> None:
    with pytest.raises(RecipeError, match=message):
        crawled(recipe_of(site, tmp_path, *settings))


def test_a_seed_that_cannot_be_reached_is_counted(tmp_path: Path) -> None:
    with serving(lambda path: NOT_FOUND) as site:
        report = crawled(recipe_of(site, tmp_path))
    assert (report.pages, report.not_had) == (0, {"http_4xx": 1})
