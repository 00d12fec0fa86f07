"""What a crawl may do, and what it came to."""

from __future__ import annotations

from dataclasses import dataclass

from interleave.access.spelling import host_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """Where a crawl begins and where it ends."""

    seeds: tuple[str, ...]
    sitemaps: tuple[str, ...]
    hosts: frozenset[str]
    # As `host_of` spells them.
    depth: int
    max_pages: int
    max_bytes: int
    max_seconds: float
    images: bool

    def holds(self, url: str) -> bool:
        """Whether a page may be visited, by its host."""
        return host_of(url) in self.hosts


@dataclass(frozen=True, slots=True, kw_only=True)
class CrawlReport:
    """What a crawl came to."""

    pages: int
    images: int
    num_bytes: int
    not_had: dict[str, int]
    # Reason -> URLs.
    ended_by: str
    # Which bound cut it short; "" where nothing was left to visit within `depth`.
    not_visited: int
    # Pages known and left out for `max_pages`.


def as_text(name: str, report: CrawlReport, folder: str) -> str:
    """A few lines for a person."""
    lines = [
        f"{name}: {report.pages:,} pages, {report.images:,} images, {report.num_bytes:,} bytes in {folder}",
        *(f"  not had: {number:,} {reason}" for reason, number in report.not_had.items()),
    ]
    if report.ended_by:
        left = f"; {report.not_visited:,} known pages were not visited" if report.not_visited else ""
        lines.append(f"  ended by {report.ended_by}{left}")
    return "\n".join(lines)
