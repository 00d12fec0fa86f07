"""What a take-down is asked for: by options, by files, and as the record that repeats it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interleave.access.blocklist import read_blocklists
from interleave.errors import RecipeError
from interleave.shard.takedown_request import Request, as_record, read_request, request_of

HEX = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"


@pytest.mark.parametrize(
    ("url", "is_meant"),
    [
        ("https://example.org/a.jpg", True),
        ("http://img.example.org:8080/a.jpg", True),
        ("https://EXAMPLE.org", True),
        ("https://notexample.org/a.jpg", False),
        ("https://example.org.elsewhere.net/", False),
        ("https://elsewhere.net/?u=example.org", False),
        ("https://pictures.net/cat.jpg", True),
        ("https://pictures.net/cat.jpg#top", True),
        ("https://pictures.net/cat.jpg?size=2", False),
        ("https://pictures.net/", False),
        ("http://[::1", False),
        ("", False),
        (None, False),
        (7, False),
    ],
)
def test_a_url_is_meant_by_itself_or_by_its_domain(url: object, is_meant: bool) -> None:
    request = read_request(urls=["HTTPS://pictures.net:443/cat.jpg"], domains=["Example.ORG."])
    assert bool(request.by_url(url)) == is_meant


def test_every_entry_that_means_a_url_is_named() -> None:
    request = read_request(urls=["https://a.example.org/x"], domains=["example.org", "a.example.org", "org.net"])
    assert request.by_url("https://a.example.org/x") == {"https://a.example.org/x", "example.org", "a.example.org"}


def test_domains_are_compared_as_they_are_asked_for() -> None:
    assert read_request(domains=["Bücher.example"]).by_url("https://xn--bcher-kva.example/") == {
        "xn--bcher-kva.example"
    }


def test_a_detail_of_the_ledger_names_what_must_go() -> None:
    request = read_request(domains=["example.org"], sha256=[HEX])
    assert request.in_text("'https://example.org/a.jpg', expected a picture")
    assert request.in_text(f"{HEX}, the source says another")
    assert not request.in_text("example.org") and not request.in_text("https://other.org/ " + "0" * 64)


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"urls": ["ftp://example.org/a"]}, "--url: 'ftp://example.org/a' is no address of http or https"),
        ({"urls": ["example.org"]}, "--url: 'example.org' is no address"),
        ({"urls": ["http://"]}, "--url: 'http://' is no address"),
        ({"urls": ["http://[::1/x"]}, "is no address"),
        ({"urls": ["http://a\u2028b.example/"]}, "is no address"),
        ({"domains": ["https://example.org"]}, "--domain: 'https://example.org' is no domain"),
        ({"domains": ["localhost"]}, "--domain: 'localhost' is no domain"),
        ({"domains": [""]}, "--domain: '' is no domain"),
        ({"sha256": [HEX[:-1]]}, "--sha256: .* expected 64 hex digits"),
        ({"files": ["/nowhere/list.txt"]}, "--from: cannot read /nowhere/list.txt"),
    ],
)
def test_what_an_option_does_not_take_is_refused(asked: dict[str, list[str]], message: str) -> None:
    with pytest.raises(RecipeError, match=message):
        read_request(**asked)


def test_files_and_options_are_asked_together(tmp_path: Path) -> None:
    (tmp_path / "list.txt").write_text(f"# by mail\n{HEX}\nexample.org # all of it\nhttps://example.com/a\n")
    request = read_request(urls=["https://example.com/b"], files=[str(tmp_path / "list.txt")])
    assert request.entries == [HEX, "example.org", "https://example.com/a", "https://example.com/b"]


@pytest.mark.parametrize("line", ["phash:d1c4a0f3b2e19687", "098f6bcd4621d373cade4e832627b4f6"])
def test_hashes_that_a_dataset_cannot_be_searched_by_are_refused(tmp_path: Path, line: str) -> None:
    (tmp_path / "list.txt").write_text(f"{line}\nexample.org\n")
    with pytest.raises(RecipeError, match="by URL, domain and SHA-256 alone"):
        read_request(files=[str(tmp_path / "list.txt")])


def test_a_line_that_is_no_entry_is_refused_with_its_place(tmp_path: Path) -> None:
    (tmp_path / "list.txt").write_text("example.org\nwhat is this\n")
    with pytest.raises(RecipeError, match=re.escape(f"--from: {tmp_path / 'list.txt'}, line 2")):
        read_request(files=[str(tmp_path / "list.txt")])


texts = st.text(max_size=40)
hosts = st.from_regex(r"[a-zA-Z0-9_.ü-]{1,20}\.[a-z]{1,4}", fullmatch=True)
urls = st.one_of(texts, st.builds("http{}://{}/{}".format, st.sampled_from(["", "s"]), st.one_of(hosts, texts), texts))


@given(st.lists(urls, max_size=3), st.lists(st.one_of(texts, hosts), max_size=3), st.lists(urls, max_size=2))
def test_whatever_is_accepted_is_read_back_from_the_record(
    asked_urls: list[str], asked_domains: list[str], others: list[str]
) -> None:
    first = accepted(asked_urls, asked_domains)
    second = accepted(others, [])
    record = as_record(second, "2026-03-01T12:00:01Z", {}, as_record(first, "2026-03-01T12:00:00Z", {"num_samples": 2}))
    found = read_record(record)
    assert found == Request(urls=first.urls | second.urls, domains=first.domains)


def accepted(asked_urls: list[str], asked_domains: list[str]) -> Request:
    """Of what is asked, that which is not refused."""
    found = Request()
    for name, values in (("urls", asked_urls), ("domains", asked_domains)):
        for value in values:
            try:
                one = read_request(**{name: [value]})  # type: ignore[arg-type]
            except RecipeError:
                continue
            found = Request(urls=found.urls | one.urls, domains=found.domains | one.domains)
    return found


def read_record(text: str) -> Request:
    import tempfile

    with tempfile.NamedTemporaryFile("w", encoding="utf-8", suffix=".txt") as file:
        file.write(text)
        file.flush()
        return request_of(read_blocklists([file.name]))
