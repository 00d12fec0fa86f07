"""The rows of a store's ledger, and how they lie in SQLite."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

SCHEMA = """
create table if not exists urls (
    key blob primary key, url text not null, outcome text not null, detail text not null, transient integer not null,
    status integer, sha256 blob, final_url text, headers text, fetched_at real not null, attempts integer not null
) without rowid;
create table if not exists images (
    sha256 blob not null, form text not null, stored_sha256 blob not null,
    file integer not null, offset integer not null, length integer not null, primary key (sha256, form)
) without rowid;
create table if not exists wishes (
    kind text not null, origin text not null, text blob not null, asked_at real not null, primary key (kind, origin)
) without rowid;
"""
SELECT_ENTRY = """
select url, outcome, detail, transient, status, sha256, final_url, headers, fetched_at, attempts from urls where key = ?
"""
SELECT_PLACE = "select stored_sha256, file, offset, length from images where sha256 = ? and form = ?"
SELECT_ENTRIES = """
select url, outcome, detail, transient, status, sha256, final_url, headers, fetched_at, attempts from urls order by key
"""
OK = "ok"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """What asking for a URL came to: a row of the ledger."""

    url: str
    outcome: str
    # "ok", or the reason why there is no image.
    detail: str = ""
    transient: bool = False
    # Whether asking again may help.
    status: int | None = None
    sha256: str | None = None
    final_url: str | None = None
    # Where it differs from `url`.
    headers: str | None = None
    # JSON, those of KEPT_HEADERS.
    fetched_at: float = 0.0
    # Seconds since 1970.
    attempts: int = 1
    # Requests, over all runs.


def url_key(url: str) -> bytes:
    """16 bytes that stand for a URL: 2^64 URLs until two are likely to share one."""
    return hashlib.sha256(url.encode("utf-8", "surrogatepass")).digest()[:16]


def row_of(entry: Entry) -> tuple[object, ...]:
    return (
        url_key(entry.url),
        storable(entry.url),
        entry.outcome,
        storable(entry.detail),
        int(entry.transient),
        entry.status,
        entry.sha256 and bytes.fromhex(entry.sha256),
        entry.final_url and storable(entry.final_url),
        entry.headers,
        entry.fetched_at,
        entry.attempts,
    )


def storable(text: str) -> str:
    """Text as ledgers and tables can hold it: lone surrogates, which damaged JSON and headers have, become `?`."""
    return text.encode("utf-8", "replace").decode()


def entry_of(row: Sequence[object]) -> Entry:
    url, outcome, detail, transient, status, sha256, final_url, headers, fetched_at, attempts = row
    return Entry(
        url=str(url),
        outcome=str(outcome),
        detail=str(detail),
        transient=bool(transient),
        status=None if status is None else int(str(status)),
        sha256=sha256.hex() if isinstance(sha256, bytes) else None,
        final_url=None if final_url is None else str(final_url),
        headers=None if headers is None else str(headers),
        fetched_at=float(str(fetched_at)),
        attempts=int(str(attempts)),
    )
