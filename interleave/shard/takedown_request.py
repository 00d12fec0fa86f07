"""What is asked to go: URLs, domains, and images by SHA-256. Its record is a blocklist, which a recipe takes as it is.

# 2026-03-01T12:00:00Z num_samples=3 num_images=5 num_shards=2 num_bytes=81920
9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08
example.org
https://example.com/picture.jpg
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from interleave.access.blocklist import Blocklist, read_blocklists
from interleave.access.spelling import canonical_url, host_name, host_of
from interleave.errors import RecipeError
from interleave.sample import Record

_HEAD = "# What was taken down from this dataset. Name this file among the `blocklists` of its recipe.\n"
_SHA256 = re.compile(r"[0-9a-f]{64}")
_LABEL = r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9])?"
_DOMAIN = re.compile(rf"(?:{_LABEL}\.)+[a-z0-9-]{{2,63}}")
_URLS_IN_TEXT = re.compile(r"https?://[^\s'\"]{1,2000}", re.IGNORECASE)
_HASHES_IN_TEXT = re.compile(r"\b[0-9a-f]{64}\b")


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What must go; entries as blocklists spell them."""

    urls: frozenset[str] = frozenset()
    domains: frozenset[str] = frozenset()
    sha256: frozenset[str] = frozenset()

    def __bool__(self) -> bool:
        return bool(self.urls or self.domains or self.sha256)

    @property
    def entries(self) -> list[str]:
        return [*sorted(self.sha256), *sorted(self.domains), *sorted(self.urls)]

    def by_url(self, url: object) -> set[str]:
        """The entries that a URL is meant by."""
        if not isinstance(url, str) or not (self.urls or self.domains):
            return set()
        labels = host_of(url).partition(":")[0].split(".") if self.domains else []
        parents = {".".join(labels[begin:]) for begin in range(len(labels))}
        return ({canonical_url(url)} & self.urls) | (parents & self.domains)

    def by_sha256(self, sha256: object) -> set[str]:
        return {sha256} & self.sha256 if isinstance(sha256, str) else set()

    def by_record(self, record: Record) -> tuple[set[str], set[str]]:
        """The entries that a sample's document is meant by, and those that its images are."""
        images: set[str] = set()
        for info in record.image_info:
            images |= self.by_url(info.get("url")) | self.by_sha256(info.get("sha256"))
        return self.by_url(record.url), images

    def in_text(self, text: str) -> bool:
        """Whether a phrase, as the ledger's details have them, names what must go."""
        return any(map(self.by_url, _URLS_IN_TEXT.findall(text))) or any(
            map(self.by_sha256, _HASHES_IN_TEXT.findall(text))
        )


def read_request(
    *, urls: Iterable[str] = (), domains: Iterable[str] = (), sha256: Iterable[str] = (), files: Iterable[str] = ()
) -> Request:
    """
    Raises:
        RecipeError: a value is not what its option takes, or a file is no blocklist of these three kinds.
    """
    listed = request_of(_read(files))
    return Request(
        urls=listed.urls | {_url(value) for value in urls},
        domains=listed.domains | {_domain(value) for value in domains},
        sha256=listed.sha256 | {_sha256(value) for value in sha256},
    )


def request_of(blocklist: Blocklist) -> Request:
    return Request(urls=blocklist.urls, domains=blocklist.domains, sha256=blocklist.sha256)


def as_record(request: Request, time: str, counts: Mapping[str, int], before: str = "") -> str:
    """The record of take-downs with one more. `time`: UTC, as `2026-03-01T12:00:00Z`."""
    line = " ".join(["#", time, *(f"{name}={number}" for name, number in counts.items())])
    return "\n".join([before or _HEAD, line, *request.entries, ""])


def _read(files: Iterable[str]) -> Blocklist:
    try:
        blocklist = read_blocklists(files)
    except RecipeError as error:
        raise RecipeError(f"--from: {str(error).removeprefix('blocklists: ')}") from None
    if blocklist.md5 or blocklist.phashes:
        raise RecipeError(
            f"--from: {len(blocklist.md5)} MD5 and {len(blocklist.phashes)} perceptual hashes: a dataset can be "
            "searched by URL, domain and SHA-256 alone; leave them out here, and build again with them in `blocklists`"
        )
    return blocklist


def _url(value: str) -> str:
    url = canonical_url(value)
    if not url.startswith(("http://", "https://")) or not host_of(url) or url.splitlines() != [url]:
        raise RecipeError(f"--url: {value[:200]!r} is no address of http or https")
    return url


def _domain(value: str) -> str:
    name = host_name(value.strip().lower())
    if not _DOMAIN.fullmatch(name):
        raise RecipeError(f"--domain: {value[:200]!r} is no domain; expected for example example.org")
    return name


def _sha256(value: str) -> str:
    if not _SHA256.fullmatch(lower := value.strip().lower()):
        raise RecipeError(f"--sha256: {value[:100]!r} is no SHA-256; expected 64 hex digits")
    return lower
