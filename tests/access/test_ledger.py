"""A row of the ledger is the entry that it was made of."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interleave.access.ledger import (
    INSERT_ENTRY,
    SCHEMA,
    SELECT_ENTRIES,
    SELECT_ENTRY,
    Entry,
    entry_of,
    row_of,
    url_key,
)
from interleave.access.spelling import canonical_url

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
ENTRIES = st.builds(
    Entry,
    url=TEXT,
    outcome=TEXT,
    detail=TEXT,
    transient=st.booleans(),
    status=st.none() | st.integers(100, 999),
    sha256=st.none() | st.binary(min_size=32, max_size=32).map(bytes.hex),
    final_url=st.none() | TEXT,
    headers=st.none() | TEXT,
    fetched_at=st.floats(0, 1e11),
    attempts=st.integers(0, 1 << 40),
    kind=st.sampled_from(["image", "page", "sitemap"]),
    terms=TEXT,
)


@pytest.fixture(scope="module")
def ledger() -> Iterator[sqlite3.Connection]:
    connection = sqlite3.connect(":memory:")
    connection.executescript(SCHEMA)
    yield connection
    connection.close()


@given(entry=ENTRIES)
def test_an_entry_comes_back_from_sqlite_as_it_was(ledger: sqlite3.Connection, entry: Entry) -> None:
    ledger.execute(INSERT_ENTRY, row_of(entry))
    assert entry_of(ledger.execute(SELECT_ENTRY, (url_key(entry.url, entry.kind),)).fetchone()) == entry


@given(paths=st.lists(st.text(st.characters(exclude_characters="#"), max_size=10), unique=True, max_size=20))
def test_each_text_has_its_own_key_lone_surrogates_included(paths: list[str]) -> None:
    urls = {canonical_url(f"http://a.example/{path}") for path in paths}
    keys = {url_key(url) for url in urls}
    assert len(keys) == len(urls)
    assert all(len(key) == 16 for key in keys)


def test_spellings_of_one_url_share_a_row_and_kinds_do_not() -> None:
    spellings = ["http://A.example:80/x#top", "HTTP://a.example/x", " http://a.example/x\n", "http://a.example./x"]
    assert len({url_key(url) for url in spellings}) == 1
    assert len({url_key("http://a.example/x", kind) for kind in ("image", "page", "sitemap")}) == 3
    assert url_key("http://a.example/a b") == url_key("http://a.example/a%20b") != url_key("http://a.example/ab")


def test_lone_surrogates_become_question_marks_in_what_is_shown(ledger: sqlite3.Connection) -> None:
    entry = Entry(url="http://a/\ud800", outcome="bad_url", detail="\udfff is none", final_url="http://b/\udc80")
    ledger.execute(INSERT_ENTRY, row_of(entry))
    found = entry_of(ledger.execute(SELECT_ENTRY, (url_key(entry.url, entry.kind),)).fetchone())
    assert (found.url, found.detail, found.final_url) == ("http://a/?", "? is none", "http://b/?")


def test_the_order_of_the_ledger_is_that_of_its_keys_not_of_its_making() -> None:
    orders = []
    urls = [f"http://a.example/{number}" for number in range(20)]
    for order in (urls, urls[::-1]):
        connection = sqlite3.connect(":memory:")
        connection.executescript(SCHEMA)
        for url in order:
            connection.execute(INSERT_ENTRY, row_of(Entry(url=url, outcome="ok")))
        orders.append([entry_of(row).url for row in connection.execute(SELECT_ENTRIES)])
        connection.close()
    assert orders[0] == orders[1] == sorted(urls, key=url_key)
