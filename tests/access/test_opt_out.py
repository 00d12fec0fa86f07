"""Owners' words against this use are found, and others are not taken for them."""

from __future__ import annotations

import pytest

from interleave.access.opt_out import opt_out_in, opt_out_in_headers


@pytest.mark.parametrize("word", ["noai", "noimageai", "noindex", "noimageindex", "none"])
@pytest.mark.parametrize(
    "robots", ["{}", " {} ", "index, {}", "{},follow", "nofollow;{}", "otherbot: {}", "otherbot: nofollow, {}"]
)
def test_each_word_counts_wherever_it_stands(word: str, robots: str) -> None:
    assert opt_out_in(robots.format(word)) == word
    assert opt_out_in(robots.format(word.upper())) == word


@pytest.mark.parametrize(
    "robots",
    [
        "",
        "all",
        "index, follow",
        "nofollow, noarchive",
        "noindexed",
        "no index",
        "max-image-preview: none",
        "max-snippet:0",
        "unavailable_after: none",
        "otherbot: nofollow",
        ",,;;::",
    ],
)
def test_other_words_do_not_count(robots: str) -> None:
    assert opt_out_in(robots) is None


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({"x-robots-tag": "noai"}, "X-Robots-Tag: noai"),
        ({"x-robots-tag": "nofollow, bot: noindex"}, "X-Robots-Tag: noindex"),
        ({"tdm-reservation": " 1 "}, "tdm-reservation: 1"),
        ({"x-robots-tag": "all", "tdm-reservation": "1"}, "tdm-reservation: 1"),
        ({"tdm-reservation": "0"}, None),
        ({"tdm-reservation": "", "tdm-policy": "https://a.example/policy"}, None),
        ({"content-type": "noai"}, None),
        ({}, None),
        ({"tdm-reservation": "1, 1"}, "tdm-reservation: 1"),
    ],
)
def test_headers_are_heeded(headers: dict[str, str], expected: str | None) -> None:
    assert opt_out_in_headers(headers) == expected
