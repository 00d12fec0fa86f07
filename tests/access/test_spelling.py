"""Spellings of one URL are one; other URLs stay others, and nothing raises."""

import doctest

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interleave.access import spelling
from interleave.access.spelling import canonical_url, host_of

SAME = [
    ("HTTP://A.example:80/x#top", "http://a.example/x"),
    ("https://a.example:443", "https://a.example/"),
    ("http://bücher.example/", "http://xn--bcher-kva.example/"),
    ("http://straße.example/", "http://xn--strae-oqa.example/"),
    ("http://a.example/%7Ex", "http://a.example/~x"),
    ("http://a.example/b%c3%bc", "http://a.example/bü"),
    ("http://a.example/a/./b/../c", "http://a.example/a/c"),
    (" http://a.example/a b\n", "http://a.example/a%20b"),
]
OTHER = [
    ("http://a.example/x", "https://a.example/x"),
    ("http://a.example/x", "http://a.example/X"),
    ("http://a.example/a%2Fb", "http://a.example/a/b"),
    ("http://a.example/a b", "http://a.example/ab"),
    ("http://a.example/x?a=1", "http://a.example/x?a=2"),
    ("http://a.example:8080/x", "http://a.example/x"),
]


@pytest.mark.parametrize(("one", "other"), SAME)
def test_spellings_of_one_url_are_one(one: str, other: str) -> None:
    assert canonical_url(one) == canonical_url(other)


@pytest.mark.parametrize(("one", "other"), OTHER)
def test_other_urls_stay_others(one: str, other: str) -> None:
    assert canonical_url(one) != canonical_url(other)


@given(st.text() | st.text().map("http://{}".format))
def test_whatever_is_no_url_raises_nothing_and_is_settled_at_once(text: str) -> None:
    host_of(text)
    assert canonical_url(canonical_url(text)) == canonical_url(text)


def test_very_long_urls_are_not_held_in_memory() -> None:
    before = spelling._canonical.cache_info().currsize
    for number in range(10):
        assert canonical_url(f"HTTP://a.example/{number}{'x' * 5000}").startswith("http://a.example/")
    assert spelling._canonical.cache_info().currsize == before


def test_what_the_documentation_shows_is_so() -> None:
    assert doctest.testmod(spelling).failed == 0
