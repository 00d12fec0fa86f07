"""Which images of a split are known by URL alone: what the next stage has to fetch."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from interleave.acquire.listing import Split
from interleave.acquire.source import Limits, Refused, Source
from interleave.counts import Counts
from interleave.spool import write_table
from interleave.text import storable

URLS = pa.schema([("url", pa.string())])


@dataclass(frozen=True, slots=True, kw_only=True)
class WantedTask:
    """One split, and how to read it."""

    split: Split
    source: Source
    max_image_bytes: int
    table: str


def list_wanted(task: WantedTask) -> Counts:
    """Writes the URLs of a split's images, each once, in the order of their first occurrence."""
    counts = Counts()
    seen: set[str] = set()
    with write_table(Path(task.table), URLS) as table:
        for record in task.source.read(task.split, Limits(max_image_bytes=task.max_image_bytes)):
            if isinstance(record, Refused):
                continue
            for image in record.document.images:
                if image.load is None and image.url and image.url not in seen:
                    seen.add(image.url)
                    table.append({"url": storable(image.url)})
    counts["urls"] = len(seen)
    return counts
