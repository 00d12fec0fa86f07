"""Which links of a page are followed."""

import pytest
from fixtures_pages import page_of

from interleave.acquire.crawling.links import MAX_LINKS, forbids_following, links_of, page_address

HERE = "https://example.org/a/page.html"


def links(body: str, head: str = "", robots: str = "") -> list[str]:
    return links_of(page_of(body, head), HERE, robots=robots)


def test_links_are_absolute_in_order_and_once() -> None:
    body = '<a href="b.html">b</a> <a href="/c?x=1#part">c</a> <a href="b.html#end">b</a> <a href="//other.org">o</a>'
    assert links(body) == ["https://example.org/a/b.html", "https://example.org/c?x=1", "https://other.org/"]


def test_a_base_is_heeded() -> None:
    assert links('<a href="b">b</a>', '<base href="/deep/down/">') == ["https://example.org/deep/down/b"]


@pytest.mark.parametrize(
    "reference",
    ["mailto:a@b.example", "javascript:go()", "ftp://example.org/", "data:text/html,x", "a.jpg", "a.pdf", "a.tar.gz",
     "https://user:word@example.org/", "https://example.org:22/", "http://[::1", "\\\\host\\share"],
)  # fmt: skip
def test_what_is_no_page_is_no_link(reference: str) -> None:
    assert links(f'<a href="{reference}">x</a>') == []


@pytest.mark.parametrize("reference", ["a.html", "a.htm", "a.xhtml", "a.php", "a.asp?id=3", "a", "v1.2", "example.com"])
def test_what_may_be_a_page_is_one(reference: str) -> None:
    assert page_address(HERE, reference) == f"https://example.org/a/{reference}"


def test_nofollow_is_heeded() -> None:
    body = '<a href="b" rel="noopener NoFollow">b</a><a href="c">c</a>'
    assert links(body) == ["https://example.org/a/c"]
    assert links(body, '<meta name="ROBOTS" content="index, nofollow">') == []
    assert links(body, robots="somebot: nofollow") == []
    assert forbids_following("none")
    assert not forbids_following("noindex, max-snippet:20")


def test_a_page_of_links_has_its_bound() -> None:
    assert len(links("".join(f'<a href="{number}">x</a>' for number in range(MAX_LINKS + 50)))) == MAX_LINKS
