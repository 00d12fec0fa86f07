"""A first pass over a WARC file: which records are pages, and where the images lie that pages refer to.

What is kept of an image is a few numbers: hashes of its address and where its record begins. The bytes are read when
they are asked for.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import quote, unquote_to_bytes, urljoin, urlsplit

from interleave.acquire.pages.page import HTML_TYPES
from interleave.acquire.pages.warc_records import Archive, Damage
from interleave.errors import Unreadable

# Some 100 bytes each; images beyond it are left to their addresses.
MAX_INDEXED = 1_000_000
MAX_REDIRECTS = 5
# Possessive throughout: nothing is tried twice.
_HTML_START = re.compile(
    rb"\s*+(?:\xef\xbb\xbf)?+\s*+(?:<\?xml[^>]*+>\s*+)?+(?:<!--(?:[^-]|-(?!->))*+-->\s*+)*+<(?:!doctype\s++html|html)\b",
    re.IGNORECASE,
)
_MEDIA_TYPE = re.compile(r"[\w.+-]{1,80}/[\w.+-]{1,80}")
_IMAGE_NAME = re.compile(r"\.(?:jpe?g|png|gif|webp|bmp|avif|tiff?)$", re.IGNORECASE)
# What crawlers ask other servers on the way to a page.
_NO_WEB = ("dns:", "whois:")
_SAFE = "/?&=:;,@!$'()*+~"


@dataclass(frozen=True, slots=True, kw_only=True)
class Capture:
    """A record that counts as one: a page, or the reason why it is none."""

    number: int
    # 0-based, of all records and damaged places in the file.
    offset: int
    url: str
    date: str = ""
    refers_to: tuple[int, ...] = ()
    # Of a revisit: keys of what it says is the same.
    error: Unreadable | None = None


@dataclass(slots=True)
class WarcIndex:
    """What the first pass found."""

    captures: list[Capture] = field(default_factory=list)
    newest: dict[int, Capture] = field(default_factory=dict)
    # The page that is used, by the key of its address.
    images: dict[int, tuple[str, int]] = field(default_factory=dict)
    # (date, offset) by the key of the address.
    redirects: dict[int, int] = field(default_factory=dict)
    payloads: dict[int, tuple[int, bool]] = field(default_factory=dict)
    # (offset, whether it is an image) by the key of a payload's digest, or of an address with a date.
    repeated: list[tuple[int, str, tuple[int, ...]]] = field(default_factory=list)
    # (key of the address, date, keys of the payload) of revisits of what may come later in the file.

    def page_offset(self, capture: Capture) -> int | None:
        """Where the page's payload lies; None for a revisit of what is not in the file."""
        if not capture.refers_to:
            return capture.offset
        return next((self.payloads[key][0] for key in capture.refers_to if key in self.payloads), None)

    def image_offset(self, url: str) -> int | None:
        key = url_key(url)
        for _ in range(MAX_REDIRECTS + 1):
            if key in self.images:
                return self.images[key][1]
            if key not in self.redirects:
                return None
            key = self.redirects[key]
        return None


def url_key(url: str) -> int:
    """A number for an address, the same for http and https, with and without port, however it is percent-encoded."""
    try:
        parts = urlsplit(url.strip().strip("<>"))
        host = (parts.hostname or "") + (f":{parts.port}" if parts.port not in (None, 80, 443) else "")
    except ValueError:
        return _key(url)
    path = quote(unquote_to_bytes(parts.path or "/"), safe=_SAFE)
    return _key(f"{host}{path}?{quote(unquote_to_bytes(parts.query), safe=_SAFE)}")


def build_index(archive: Archive) -> WarcIndex:
    index = WarcIndex()
    number = 0
    for item in archive.records():
        if isinstance(item, Damage):
            _add_damage(index, item, number)
        else:
            offset, record = item
            try:
                _add_record(index, record, number, offset)
            except (OSError, ValueError) as error:
                # Its headers are whole, or it would not have come up; what it holds cannot be read.
                index.captures.append(_refused(number, offset, record, "bad_http", str(error)[:200]))
        number += 1
    for key, date, keys in index.repeated:
        found = next((index.payloads[payload] for payload in keys if payload in index.payloads), None)
        if found is not None and found[1]:
            index.images.setdefault(key, (date, found[0]))
    if archive.unpacking_error:
        damage = Unreadable("damaged_file", archive.unpacking_error)
        index.captures.append(Capture(number=number, offset=archive.num_bytes, url="", error=damage))
    return index


def _add_damage(index: WarcIndex, damage: Damage, number: int) -> None:
    # A record of the wrong length is itself the damage: it is refused, and not counted twice.
    last = index.captures[-1] if index.captures else None
    if damage.of_record and last is not None and last.number == number - 1 and last.error is None:
        index.captures.pop()
        if index.newest.get(url_key(last.url)) is last:
            del index.newest[url_key(last.url)]
        error = Unreadable("damaged_record", f"its length is wrong: {damage.detail}")
        index.captures.append(replace(last, error=error))
        return
    reason = "damaged_file" if damage.is_end else "damaged_record"
    error = Unreadable(reason, f"byte {damage.offset:,}: {damage.detail}")
    index.captures.append(Capture(number=number, offset=damage.offset, url="", error=error))


def _add_record(index: WarcIndex, record: Any, number: int, offset: int) -> None:
    kind, headers = str(record.record_type), record.headers
    if kind not in ("response", "resource", "revisit"):
        return
    url = (headers.get("WARC-Target-URI") or "").strip().strip("<>")
    if url.lower().startswith(_NO_WEB):
        return
    date = headers.get("WARC-Date") or ""
    truncated = headers.get("WARC-Truncated") or ("segment" if headers.get("WARC-Segment-Number") else "")
    record.parse_http()
    http = record.http_headers if kind != "resource" else None
    status = 200 if kind == "resource" else _status(http)
    if http is not None and status is not None and 300 <= status < 400 and kind == "response" and status != 304:
        _add_redirect(index, url, http.get("Location") or "")
        return
    head, is_whole = _consume(record)
    media_type = _media_type(record, http, kind, head)
    # Lines that end otherwise than HTTP's are one header to the parser, or one status line.
    is_odd = "\n" in (getattr(http, "status_line", None) or "") or (
        media_type and not _MEDIA_TYPE.fullmatch(media_type)
    )
    if is_odd:
        index.captures.append(_refused(number, offset, record, "bad_http", f"the type is {media_type[:40]!r}"))
        return
    if kind == "revisit":
        _add_revisit(index, headers, Capture(number=number, offset=offset, url=url, date=date), media_type)
    elif media_type in HTML_TYPES:
        error = _page_error(status, truncated, is_whole)
        _add_page(index, headers, Capture(number=number, offset=offset, url=url, date=date, error=error))
    elif (http is None or status is None) and kind == "response" and (not is_whole or media_type == ""):
        reason = "bad_http" if is_whole else "truncated_record"
        index.captures.append(_refused(number, offset, record, reason, "no HTTP header"))
    elif not is_whole:
        # Of whatever it was: the file ends here, and what would stand behind it is not there.
        index.captures.append(_refused(number, offset, record, "damaged_file", "the file ends inside of a record"))
    elif status == 200 and not truncated and _may_be_image(media_type, url):
        _add_image(index, headers, url, date, offset)


def _page_error(status: int | None, truncated: str, is_whole: bool) -> Unreadable | None:
    if status is None or not 100 <= status <= 599:
        return Unreadable("bad_http", f"status {status}")
    if status != 200:
        return Unreadable(f"http_{status}", "the page was not found, or not given")
    if not is_whole:
        return Unreadable("truncated_record", "the file ends inside of it")
    return Unreadable("truncated_record", f"WARC-Truncated: {truncated[:40]!r}") if truncated else None


def _add_page(index: WarcIndex, headers: Any, capture: Capture) -> None:
    index.captures.append(capture)
    if capture.error is not None:
        return
    _add_payload(index, headers, capture.url, capture.date, (capture.offset, False))
    key = url_key(capture.url)
    # The newest, since its images are the likeliest to be there still; of equal dates the first.
    if key not in index.newest or _is_revisit(index.newest[key]) or capture.date > index.newest[key].date:
        index.newest[key] = capture


def _add_revisit(index: WarcIndex, headers: Any, capture: Capture, media_type: str) -> None:
    """A record that says "the same as that one": a page under a new address, a page again, or an image."""
    keys = tuple(_payload_keys(
        headers, headers.get("WARC-Refers-To-Target-URI") or "", headers.get("WARC-Refers-To-Date") or ""
    ))  # fmt: skip
    found = next((index.payloads[key] for key in keys if key in index.payloads), None)
    if found is not None and found[1]:
        index.images.setdefault(url_key(capture.url), (capture.date, found[0]))
        return
    if found is None and media_type not in (*HTML_TYPES, ""):
        if len(index.repeated) < MAX_INDEXED:
            index.repeated.append((url_key(capture.url), capture.date, keys))
        return
    capture = replace(capture, refers_to=keys or (_key("nothing"),))
    index.captures.append(capture)
    index.newest.setdefault(url_key(capture.url), capture)


def _is_revisit(capture: Capture) -> bool:
    return bool(capture.refers_to)


def _add_image(index: WarcIndex, headers: Any, url: str, date: str, offset: int) -> None:
    if len(index.images) >= MAX_INDEXED:
        return
    key = url_key(url)
    if key not in index.images or date > index.images[key][0]:
        index.images[key] = (date, offset)
    _add_payload(index, headers, url, date, (offset, True))


def _add_redirect(index: WarcIndex, url: str, location: str) -> None:
    if not location or len(index.redirects) >= MAX_INDEXED:
        return
    try:
        index.redirects.setdefault(url_key(url), url_key(urljoin(url, location)))
    except ValueError:
        return


def _add_payload(index: WarcIndex, headers: Any, url: str, date: str, payload: tuple[int, bool]) -> None:
    if len(index.payloads) < 2 * MAX_INDEXED:
        for key in _payload_keys(headers, url, date):
            index.payloads.setdefault(key, payload)


def _payload_keys(headers: Any, url: str, date: str) -> list[int]:
    keys = [_key(f"{url_key(url)} {date}")] if url and date else []
    digest = headers.get("WARC-Payload-Digest")
    return [*keys, _key(f"digest {digest.strip()}")] if digest else keys


def _consume(record: Any) -> tuple[bytes, bool]:
    """The first bytes of a record's payload, and whether it is as long as it says."""
    declared = record.content_length
    head = bytes(record.reader.read(512))
    return head, len(head) + record.reader.consume() >= declared


def _status(http: Any) -> int | None:
    status = http.status_code if http is not None else None
    return int(status) if status is not None else None


def _media_type(record: Any, http: Any, kind: str, head: bytes) -> str:
    """What the server says, then the crawler, then the first bytes."""
    said = (http.get("Content-Type") if http is not None else None) or ""
    if kind == "resource":
        said = record.headers.get("Content-Type") or ""
    said = said.partition(";")[0].strip().lower() or (record.headers.get("WARC-Identified-Payload-Type") or "").lower()
    return said or ("text/html" if _HTML_START.match(head) else "")


def _may_be_image(media_type: str, url: str) -> bool:
    if media_type.startswith("image/"):
        return not media_type.startswith("image/svg")
    return media_type in ("", "application/octet-stream", "binary/octet-stream") and bool(
        _IMAGE_NAME.search(url.partition("?")[0])
    )


def _refused(number: int, offset: int, record: Any, reason: str, detail: str) -> Capture:
    url = (record.headers.get("WARC-Target-URI") or "").strip("<>")
    return Capture(number=number, offset=offset, url=url, error=Unreadable(reason, detail))


def _key(text: str) -> int:
    return int.from_bytes(hashlib.blake2b(text.encode("utf-8", "replace"), digest_size=8).digest(), "big")
