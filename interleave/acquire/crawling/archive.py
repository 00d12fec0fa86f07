"""A crawl as WARC files: each page with the images that it shows, redirects and the server's refusals included.

Every file can be read alone: an image that pages of two files show lies in both. Bodies stand there without the
encodings of their transfer, headers are those of `KEPT_HEADERS`. Standard: ISO 28500.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from http import HTTPStatus
from io import BytesIO
from pathlib import Path
from types import TracebackType
from typing import IO, Any

import orjson

from interleave.access.ledger import OK, Entry

MAX_FILE_BYTES = 256 * 1024 * 1024
_DROPPED = ("content-length", "transfer-encoding", "content-encoding")


class ArchiveWriter:
    """Writes `crawl-00000.warc.gz` and following into a folder; they get their names when all is written."""

    def __init__(self, folder: Path, agent: str) -> None:
        self._folder = folder
        self._agent = agent
        self._parts: list[Path] = []
        self._file: IO[bytes] | None = None
        self._written: set[str] = set()
        # Addresses of the records of the file that is being written.

    def __enter__(self) -> ArchiveWriter:
        for old in (*self._folder.glob("crawl-*.warc.gz"), *self._folder.glob("crawl-*.warc.gz.part")):
            old.unlink()
        self._next_file()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._file is not None
        self._file.close()
        if error is None:
            for part in self._parts:
                part.rename(part.with_suffix(""))

    def begin_page(self) -> None:
        """A place between two pages: the only one where a new file may begin."""
        assert self._file is not None
        if self._file.tell() >= MAX_FILE_BYTES:
            self._file.close()
            self._next_file()

    def add(self, entry: Entry, body: bytes) -> None:
        """What a URL led to; a redirect becomes a record of its own, as does a server's refusal."""
        where = entry.final_url or entry.url
        if entry.final_url is not None:
            self._add(entry.url, entry, 302, {"location": entry.final_url}, b"")
        if entry.outcome == OK:
            self._add(where, entry, 200, orjson.loads(entry.headers or "{}"), body)
        elif entry.status is not None:
            self._add(where, entry, entry.status, {"content-type": "text/html"}, b"")

    def _add(self, url: str, entry: Entry, status: int, headers: dict[str, str], body: bytes) -> None:
        from warcio.statusandheaders import StatusAndHeaders

        if url in self._written:
            return
        self._written.add(url)
        lines = [(name, value) for name, value in headers.items() if name not in _DROPPED]
        http = StatusAndHeaders(
            f"{status} {_phrase(status)}", [*lines, ("content-length", str(len(body)))], protocol="HTTP/1.1"
        )
        date = datetime.fromtimestamp(entry.fetched_at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        about = {"WARC-Date": date, "WARC-Record-ID": _record_id(f"{date} {url}")}
        record = self._writer.create_warc_record(
            url, "response", payload=BytesIO(body), length=len(body), http_headers=http, warc_headers_dict=about
        )
        self._writer.write_record(record)

    def _next_file(self) -> None:
        from warcio.warcwriter import WARCWriter

        part = self._folder / f"crawl-{len(self._parts):05d}.warc.gz.part"
        self._parts.append(part)
        self._written = set()
        self._file = part.open("wb")
        self._writer: Any = _in_memory(WARCWriter)(self._file, gzip=True)
        self._writer.write_record(self._about(part))

    def _about(self, part: Path) -> Any:
        name = part.name.removesuffix(".part")
        # Fixed, so that the same responses give the same file.
        when = {"WARC-Date": "1970-01-01T00:00:00Z", "WARC-Record-ID": _record_id(name)}
        record = self._writer.create_warcinfo_record(name, {"software": self._agent, "format": "WARC File Format 1.0"})
        for header, value in when.items():
            record.rec_headers.replace_header(header, value)
        return record


def _in_memory(writer: Any) -> Any:
    """warcio spools what it digests into files that it leaves to the garbage collector."""

    class InMemory(writer):  # type: ignore[misc]
        def _create_temp_file(self) -> BytesIO:
            return BytesIO()

    return InMemory


def _record_id(name: str) -> str:
    return f"<urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, name)}>"


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Unknown"


def archives(folder: Path) -> Iterator[Path]:
    """The finished files of a folder."""
    return iter(sorted(folder.glob("crawl-*.warc.gz")))
