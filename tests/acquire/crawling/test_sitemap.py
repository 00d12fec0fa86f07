"""Sitemaps, as sites write them and as they break."""

import gzip

import pytest

from interleave.acquire.crawling.sitemap import MAX_ADDRESSES, Sitemap, parse_sitemap
from interleave.errors import Unreadable

SPACE = 'xmlns="http://www.sitemaps.org/schemas/sitemap/0.9"'
PAGES = f"<urlset {SPACE}><url><loc> https://a.example/1 </loc></url><url><loc>https://a.example/2</loc></url></urlset>"
BOTH = Sitemap(pages=("https://a.example/1", "https://a.example/2"))


@pytest.mark.parametrize(
    "data",
    [
        PAGES.encode(),
        b"\xef\xbb\xbf" + PAGES.encode(),
        PAGES.replace(SPACE, "").encode(),
        gzip.compress(PAGES.encode()),
        b"https://a.example/1\nhttps://a.example/2\n",
        PAGES[: -len("</urlset>")].encode(),
    ],
    ids=["xml", "bom", "no namespace", "gzip", "text", "cut off"],
)
def test_pages_are_listed(data: bytes) -> None:
    assert parse_sitemap(data) == BOTH


def test_an_index_lists_sitemaps() -> None:
    index = f"<sitemapindex {SPACE}><sitemap><loc>https://a.example/s.xml</loc></sitemap></sitemapindex>"
    assert parse_sitemap(index.encode()) == Sitemap(sitemaps=("https://a.example/s.xml",))


def test_entities_are_not_followed() -> None:
    evil = f'<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]><urlset {SPACE}><url><loc>&e;</loc></url></urlset>'
    assert parse_sitemap(evil.encode()) == Sitemap()


def test_more_addresses_than_the_protocol_allows_are_left_out() -> None:
    lines = "\n".join(f"https://a.example/{number}" for number in range(MAX_ADDRESSES + 10))
    assert len(parse_sitemap(lines.encode()).pages) == MAX_ADDRESSES


@pytest.mark.parametrize(
    "data",
    [b"", b"nothing of the kind", b"<html><body>404</body></html>", b"<<<", b"\x1f\x8b\x08 no gzip", bytes(range(256))],
)
def test_what_is_no_sitemap_is_refused(data: bytes) -> None:
    with pytest.raises(Unreadable, match="bad_sitemap"):
        parse_sitemap(data)
