"""Lists of what must not be used: URLs, domains, and images by the hash of their bytes or of what they show.

A text file, one entry a line, `#` begins a comment. What an entry is shows in its form:

    9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08    SHA-256 of an image's bytes
    098f6bcd4621d373cade4e832627b4f6                                    MD5
    phash:d1c4a0f3b2e19687                                              64-bit perceptual hash, Hamming distance <= 4
    https://example.org/picture.jpg                                     one URL
    example.org                                                         a domain, with all below it
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from interleave.access.spelling import canonical_url, host_name, host_of
from interleave.errors import RecipeError

PHASH_DISTANCE = 4
_DOMAIN = re.compile(r"(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9])?\.)+[a-z0-9-]{2,63}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Blocklist:
    """What must not be used."""

    urls: frozenset[str] = frozenset()
    domains: frozenset[str] = frozenset()
    sha256: frozenset[str] = frozenset()
    md5: frozenset[str] = frozenset()
    phashes: tuple[int, ...] = ()

    def identity(self) -> list[list[str]]:
        """What it blocks, as plain data."""
        sets = (self.urls, self.domains, self.sha256, self.md5)
        return [*map(sorted, sets), [f"{value:016x}" for value in self.phashes]]

    def of_url(self, url: str) -> str | None:
        """The entry that a URL is blocked by."""
        if not self.urls and not self.domains:
            return None
        if canonical_url(url) in self.urls:
            return "its URL"
        labels = host_of(url).partition(":")[0].split(".")
        parents = (".".join(labels[begin:]) for begin in range(len(labels)))
        return next((parent for parent in parents if parent in self.domains), None)

    def of_bytes(self, data: bytes, sha256: str, phash: Callable[[], int | None]) -> str | None:
        """The entry that an image is blocked by; `phash` is asked only where the list has such hashes."""
        if sha256 in self.sha256:
            return f"SHA-256 {sha256}"
        if self.md5 and (md5 := hashlib.md5(data, usedforsecurity=False).hexdigest()) in self.md5:
            return f"MD5 {md5}"
        if self.phashes and (seen := phash()) is not None:
            near = next((known for known in self.phashes if (known ^ seen).bit_count() <= PHASH_DISTANCE), None)
            return None if near is None else f"phash:{near:016x}"
        return None


def read_blocklists(paths: Iterable[str]) -> Blocklist:
    """
    Raises:
        RecipeError: a file cannot be read, or a line of it is none of the five kinds.
    """
    found: dict[str, set[str]] = {"urls": set(), "domains": set(), "sha256": set(), "md5": set(), "phash": set()}
    for path in paths:
        try:
            lines = Path(path).read_text(encoding="utf-8").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise RecipeError(f"blocklists: cannot read {path}: {error}") from None
        for number, line in enumerate(lines, 1):
            if entry := line.partition(" #")[0].strip():
                if entry.startswith("#"):
                    continue
                kind, value = _kind(entry, path, number)
                found[kind].add(value)
    phashes = tuple(sorted(int(value, 16) for value in found.pop("phash")))
    return Blocklist(**{kind: frozenset(values) for kind, values in found.items()}, phashes=phashes)


def _kind(entry: str, path: str, number: int) -> tuple[str, str]:
    lower = entry.lower()
    if re.fullmatch(r"[0-9a-f]{64}", lower):
        return "sha256", lower
    if re.fullmatch(r"[0-9a-f]{32}", lower):
        return "md5", lower
    if match := re.fullmatch(r"phash:([0-9a-f]{16})", lower):
        return "phash", match[1]
    if lower.startswith(("http://", "https://")):
        return "urls", canonical_url(entry)
    if _DOMAIN.fullmatch(name := host_name(lower)):
        return "domains", name
    raise RecipeError(
        f"blocklists: {path}, line {number}: {entry[:80]!r} is no SHA-256, MD5, phash:HEX, http(s) URL or domain"
    )
