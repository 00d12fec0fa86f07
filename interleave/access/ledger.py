"""The rows of a store's ledger, and how they lie in SQLite."""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from interleave.access.spelling import canonical_url
from interleave.errors import TaskError
from interleave.text import storable

SCHEMA = """
create table if not exists urls (
    key blob primary key, url text not null, outcome text not null, detail text not null, transient integer not null,
    status integer, sha256 blob, final_url text, headers text, fetched_at real not null, attempts integer not null,
    kind text not null, terms text not null
) without rowid;
create table if not exists images (
    sha256 blob not null, form text not null, stored_sha256 blob not null,
    file integer not null, offset integer not null, length integer not null, primary key (sha256, form)
) without rowid;
create table if not exists wishes (
    kind text not null, origin text not null, text blob not null, asked_at real not null, primary key (kind, origin)
) without rowid;
"""
_COLUMNS = "url, outcome, detail, transient, status, sha256, final_url, headers, fetched_at, attempts, kind, terms"
SELECT_ENTRY = f"select {_COLUMNS} from urls where key = ?"  # noqa: S608
SELECT_PLACE = "select stored_sha256, file, offset, length from images where sha256 = ? and form = ?"
SELECT_ENTRIES = f"select {_COLUMNS} from urls order by key"  # noqa: S608
INSERT_ENTRY = f"insert or replace into urls (key, {_COLUMNS}) values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"  # noqa: S608
# Whether a URL led to an image that is there in some form.
SELECT_HELD = "select 1 from urls join images using (sha256) where key = ? and outcome = 'ok' limit 1"
VERSION = 2
OK = "ok"
IMAGE = "image"


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
    kind: str = IMAGE
    # What was asked for: the same URL may be asked for as a page, too.
    terms: str = ""
    # Of a refusal that the recipe made, a fingerprint of what it goes by: another recipe may ask. "" of all others.


def url_key(url: str, kind: str = IMAGE) -> bytes:
    """16 bytes that stand for a URL, however it is spelled: 2^64 URLs until two are likely to share one."""
    spelled = canonical_url(url).encode("utf-8", "surrogatepass")
    return hashlib.sha256(spelled if kind == IMAGE else f"{kind} ".encode() + spelled).digest()[:16]


def row_of(entry: Entry) -> tuple[object, ...]:
    return (
        url_key(entry.url, entry.kind),
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
        entry.kind,
        entry.terms,
    )


def entry_of(row: Sequence[object]) -> Entry:
    url, outcome, detail, transient, status, sha256, final_url, headers, fetched_at, attempts, kind, terms = row
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
        kind=str(kind),
        terms=str(terms),
    )


class Ledger(sqlite3.Connection):
    """SQLite's errors as sentences, wherever the ledger is used."""

    where = ""

    def execute(self, *args: Any) -> sqlite3.Cursor:
        try:
            return super().execute(*args)
        except sqlite3.Error as error:
            raise self._explained(error) from None

    def executemany(self, *args: Any) -> sqlite3.Cursor:
        try:
            return super().executemany(*args)
        except sqlite3.Error as error:
            raise self._explained(error) from None

    def rows(self, *args: Any) -> Iterator[Any]:
        """The answer to a question, row by row; a damaged file is found while they are read."""
        try:
            yield from super().execute(*args)
        except sqlite3.Error as error:
            raise self._explained(error) from None

    def all(self, *args: Any) -> list[Any]:
        return list(self.rows(*args))

    def one(self, *args: Any) -> Any:
        """The first row, or None."""
        return next(self.rows(*args), None)

    def _explained(self, error: sqlite3.Error) -> TaskError:
        return TaskError(
            f"cannot use {self.where}: {error}; make room or mend what is wrong there, then run again to go on"
        )


def prepare(ledger: Ledger, version: int) -> None:
    """The tables of a new store, or what is new in them since an older version."""
    ledger.execute("begin immediate")
    for statement in SCHEMA.split(";"):
        ledger.execute(statement)
    if version == 1:
        ledger.execute("alter table urls add column kind text not null default 'image'")
        ledger.execute("alter table urls add column terms text not null default ''")
    ledger.execute(f"pragma user_version={VERSION}")
    ledger.execute("commit")
