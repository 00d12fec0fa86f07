"""Image-text pairs made of the embedded sample, and files as img2dataset 1.47.0 leaves them."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.parquet as pq
from fixtures_build import SAMPLE, sample_lines, write_tar

from interleave.acquire.mmc4 import parse_mmc4
from interleave.acquire.pairs import PairsSource
from interleave.acquire.source import Limits, Parsed, Refused
from interleave.errors import Unreadable

LIMITS = Limits(max_image_bytes=20_000_000)
# A row of img2dataset's Parquet, in its order, when it keeps `similarity` and hashes with SHA-256.
OUTCOME = pa.schema(
    [
        ("similarity", pa.float64()),
        ("caption", pa.string()),
        ("url", pa.string()),
        ("key", pa.string()),
        ("status", pa.string()),
        ("error_message", pa.string()),
        ("width", pa.int32()),
        ("height", pa.int32()),
        ("original_width", pa.int32()),
        ("original_height", pa.int32()),
        ("exif", pa.string()),
        ("sha256", pa.string()),
    ]
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    url: str
    caption: str
    similarity: float
    image: bytes


@cache
def sample_pairs() -> tuple[Pair, ...]:
    """Each image of the sample that is there, with the sentence that it belongs to."""
    found = []
    for line in sample_lines():
        try:
            document = parse_mmc4(line, "id").document
        except Unreadable:
            continue
        for image in document.images:
            path = SAMPLE / "images" / str(image.name)
            caption = document.sentences[image.matched_sentence].strip()
            if image.url and caption and image.similarities is not None and path.is_file():
                similarity = float(image.similarities[image.matched_sentence])
                found.append(Pair(url=image.url, caption=caption, similarity=similarity, image=path.read_bytes()))
    return tuple(found)


def outcome(key: str, pair: Pair, error: str | None = None) -> dict[str, Any]:
    """What img2dataset says of a URL. Its `sha256` is that of the image before it was resized."""
    size = None if error else 128
    return {
        "similarity": pair.similarity,
        "caption": pair.caption,
        "url": pair.url,
        "key": key,
        "status": "failed_to_download" if error else "success",
        "error_message": error,
        "width": size,
        "height": size,
        "original_width": size,
        "original_height": size,
        "exif": None if error else "{}",
        "sha256": None if error else hashlib.sha256(pair.url.encode()).hexdigest(),
    }


def write_img2dataset(
    folder: Path, pairs: Sequence[Pair], output_format: str, errors: Sequence[Pair] = (), per_shard: int = 20
) -> Path:
    """Shards `00000.tar` (or folders `00000`) with `00000.parquet` and `00000_stats.json` beside each.

    errors: those of the last shard that could not be had.
    """
    folder.mkdir(parents=True)
    starts = range(0, len(pairs), per_shard)
    for shard, start in enumerate(starts):
        rows = [
            (f"{shard:05d}{number:04d}", pair, None) for number, pair in enumerate(pairs[start : start + per_shard])
        ]
        if shard == len(starts) - 1:
            rows += [(f"{shard:05d}{9000 + n:04d}", pair, "HTTP Error 404: Not Found") for n, pair in enumerate(errors)]
        write_shard(folder, f"{shard:05d}", rows, output_format)
    return folder


def write_shard(folder: Path, name: str, rows: Sequence[tuple[str, Pair, str | None]], output_format: str) -> None:
    outcomes = [outcome(key, pair, error) for key, pair, error in rows]
    members: list[tuple[str, bytes]] = []
    for (key, pair, error), said in zip(rows, outcomes, strict=True):
        if error is None:
            members.append((f"{key}.jpg", pair.image))
            members.append((f"{key}.json", orjson.dumps(said, option=orjson.OPT_INDENT_2)))
            members.append((f"{key}.txt", pair.caption.encode()))
    if output_format == "webdataset":
        write_tar(folder / f"{name}.tar", members)
    else:
        (folder / name).mkdir()
        for file, data in members:
            (folder / name / file).write_bytes(data)
    pq.write_table(pa.Table.from_pylist(outcomes, schema=OUTCOME), folder / f"{name}.parquet")
    (folder / f"{name}_stats.json").write_bytes(orjson.dumps({"count": len(rows)}))


def read_pairs(
    path: Path | str, limits: Limits = LIMITS, num_bytes: int = 1 << 20, **settings: Any
) -> list[Parsed | Refused]:
    source = PairsSource(path=str(path), **settings)
    return [
        item for file in source.files() for split in source.cut(file, num_bytes) for item in source.read(split, limits)
    ]


def parsed(record: Parsed | Refused) -> Parsed:
    assert isinstance(record, Parsed), record
    return record


def reasons(records: Sequence[Parsed | Refused]) -> list[str | None]:
    return [item.error.reason if isinstance(item, Refused) else None for item in records]
