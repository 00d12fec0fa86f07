"""OBELICS' Parquet: aligned lists `images` and `texts`, of which one is set at each position; one document a row.

The text between two images is one entry, its sentences joined as the dataset joins them. The parts of a document that
was cut to the context are joined again.

    images    urls: the URL, or the image's name where it has none, and in `image_bytes` its JPEG
              bytes: the JPEG with the URL or name as its path, as Hugging Face `datasets` keeps images
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from typing import Any, Literal, TypeAlias

import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from interleave.files import atomic_write
from interleave.translate.passages import Part, Passage, Passages, Picture
from interleave.translate.summary import Tally

ImageColumn: TypeAlias = Literal["urls", "bytes"]
_IMAGE = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
_ROW_GROUP_BYTES = 64 << 20


def write_obelics(passages: Passages, folder: Path, tally: Tally, *, images: ImageColumn, max_shard_bytes: int) -> None:
    """Writes the Parquet files."""
    rows: list[dict[str, Any]] = []
    num_bytes = num_shards = 0
    for _, passage in passages.documents("write"):
        tally.saw(passage.parts)
        size = sum(len(picture.jpeg) for picture in passage.pictures) + sum(map(len, passage.texts))
        if rows and num_bytes + size > max_shard_bytes:
            _write_table(folder, num_shards, rows, images)
            num_shards, num_bytes, rows = num_shards + 1, 0, []
        rows.append(_row(passage, passages.separator, images))
        num_bytes += size
        tally.wrote(passage.parts)
    _write_table(folder, num_shards, rows, images)


def schema_of(images: ImageColumn) -> pa.Schema:
    """The columns. Where images are bytes, with what tells `datasets` that they are images."""
    urls = images == "urls"
    columns = [("images", pa.list_(pa.string() if urls else _IMAGE)), ("texts", pa.list_(pa.string()))]
    columns += [("metadata", pa.string()), ("general_metadata", pa.string())]
    if urls:
        return pa.schema([*columns, ("image_bytes", pa.list_(_IMAGE))])
    text = {"dtype": "string", "_type": "Value"}
    features = {
        "images": {"feature": {"_type": "Image"}, "_type": "List"},
        "texts": {"feature": text, "_type": "List"},
        "metadata": text,
        "general_metadata": text,
    }
    return pa.schema(columns, metadata={"huggingface": orjson.dumps({"info": {"features": features}})})


def _write_table(folder: Path, number: int, rows: list[dict[str, Any]], images: ImageColumn) -> None:
    schema = schema_of(images)
    with (
        atomic_write(folder / f"train-{number:05d}.parquet") as file,
        pq.ParquetWriter(file, schema, compression={"texts.list.element": "zstd"}, use_dictionary=False) as writer,
    ):
        for group in _row_groups(rows):
            writer.write_table(pa.Table.from_pylist(group, schema=schema))


def _row_groups(rows: list[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    """So many rows at a time that a reader takes little memory."""
    group: list[dict[str, Any]] = []
    num_bytes = 0
    for row in rows:
        group.append(row)
        held = row.get("image_bytes") or row["images"]
        num_bytes += sum(len(image["bytes"]) for image in held if isinstance(image, dict))
        if num_bytes > _ROW_GROUP_BYTES:
            yield group
            group, num_bytes = [], 0
    if group:
        yield group


def _row(passage: Passage, separator: str, images: ImageColumn) -> dict[str, Any]:
    entries = list(_entries(passage.parts, separator))
    pictures = [entry if isinstance(entry, Picture) else None for entry in entries]
    stored = [None if picture is None else {"bytes": picture.jpeg, "path": _path(picture)} for picture in pictures]
    row: dict[str, Any] = {
        "texts": [entry if isinstance(entry, str) else None for entry in entries],
        "metadata": orjson.dumps(
            [None if picture is None else _metadata(passage, picture) for picture in pictures]
        ).decode(),
        "general_metadata": orjson.dumps(
            {"url": passage.url, "doc_id": passage.doc_id, "source": passage.source}
        ).decode(),
    }
    if images == "bytes":
        return {"images": stored, **row}
    return {
        "images": [None if picture is None else _path(picture) for picture in pictures],
        **row,
        "image_bytes": stored,
    }


def _entries(parts: tuple[Part, ...], separator: str) -> Iterator[Part]:
    """Images one by one, the sentences between them as one text."""
    for is_text, run in groupby(parts, lambda part: isinstance(part, str)):
        if is_text:
            yield separator.join(part for part in run if isinstance(part, str))
        else:
            yield from run


def _path(picture: Picture) -> str:
    return picture.url or picture.name


def _metadata(passage: Passage, picture: Picture) -> dict[str, Any]:
    """The fields of OBELICS that are known here, and the SHA-256 of the source's bytes."""
    return {
        "document_url": passage.url,
        "src": picture.url,
        "formatted_filename": picture.name,
        "original_width": picture.width,
        "original_height": picture.height,
        "format": "jpeg",
        "sha256": picture.sha256,
    }
