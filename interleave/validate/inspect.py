"""What is inside? Tables of a shard or a dataset, and one sample as text with its images' places."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from interleave.errors import ShardError
from interleave.sample import KEY_DIGITS, Record, read_ids, read_record
from interleave.shard.manifest import MANIFEST_NAME, Manifest, read_manifest
from interleave.stream.reader import DatasetReader
from interleave.text import harmless
from interleave.validate.samples import RawSample, read_member, read_samples

_LONGEST_TEXT = 400


@dataclass(frozen=True, slots=True, kw_only=True)
class Sizes:
    """Numbers of one sample."""

    key: str
    num_texts: int
    num_images: int
    num_ids: int
    num_tokens: int
    num_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageLine:
    """An image of the sample shown."""

    member: str
    width: int
    height: int
    num_bytes: int
    num_tokens: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Inspection:
    """What was found in a shard or a dataset."""

    path: str
    num_shards: int
    sizes: tuple[Sizes, ...]
    record: Record | None
    # The sample shown.
    images: tuple[ImageLine, ...]
    manifest: Manifest | None

    def as_plain(self) -> dict[str, Any]:
        """For JSON: sums, quantiles, and the sample."""
        return {
            "path": self.path,
            "num_shards": self.num_shards,
            "num_samples": len(self.sizes),
            "sums": {name: sum(getattr(item, name) for item in self.sizes) for name in _COLUMNS},
            "quantiles": {name: _quantiles([getattr(item, name) for item in self.sizes]) for name in _COLUMNS},
            "profile": self.manifest.model.model_dump() if self.manifest else None,
            "tokenizer": self.manifest.tokenizer.model_dump() if self.manifest else None,
            "sample": None if self.record is None else _sample_plain(self.record, self.images),
        }


_COLUMNS = {
    "num_texts": "texts",
    "num_images": "images",
    "num_ids": "stored ids",
    "num_tokens": "tokens with images",
    "num_bytes": "bytes",
}


def inspect(path: Path, key: str | None = None) -> Inspection:
    """Looks into a tar or a dataset folder; shows the sample `key`, or the first one.

    Raises:
        ShardError: it cannot be read, or has no such sample.
    """
    wanted = None if key is None else key.zfill(KEY_DIGITS) if key.isdigit() else key
    if path.is_dir():
        return _inspect_dataset(path, wanted)
    if not path.is_file():
        raise ShardError(f"{path} does not exist; expected a .tar or a dataset folder")
    return _inspect_tar(path, wanted)


def _inspect_dataset(folder: Path, key: str | None) -> Inspection:
    reader = DatasetReader(folder)
    rows = reader.rows(("key", *_COLUMNS))
    keys = [row["key"] for row in rows]
    if key is not None and key not in keys:
        raise ShardError(f"{folder} has no sample {key}; keys go from {keys[0]} to {keys[-1]}")
    sizes = [Sizes(**row) for row in rows if row["num_bytes"]]
    if not sizes:
        raise ShardError(f"{folder} has no sample left: all were taken down")
    record, _, jpegs = reader.read(keys.index(key or sizes[0].key))
    return Inspection(
        path=str(folder),
        num_shards=len(reader.manifest.shards),
        sizes=tuple(sizes),
        record=record,
        images=tuple(_image_lines(record, [len(jpeg) for jpeg in jpegs])),
        manifest=reader.manifest,
    )


def _inspect_tar(path: Path, key: str | None) -> Inspection:
    manifest = read_manifest(path.parent) if (path.parent / MANIFEST_NAME).is_file() else None
    sizes: list[Sizes] = []
    shown: tuple[Record, tuple[ImageLine, ...]] | None = None
    try:
        with path.open("rb") as file:
            for raw in read_samples(file, path.stat().st_size):
                item, record = _read_one(file, raw)
                sizes.append(item)
                if shown is None and key in (None, raw.key):
                    members = {member.name: member.num_bytes for member in raw.members}
                    lengths = [members.get(name, 0) for name in record.image_members]
                    shown = record, tuple(_image_lines(record, lengths))
    except OSError as error:
        raise ShardError(f"{path}: {error.strerror}") from None
    except ShardError as error:
        raise ShardError(f"{path}: {error}; `interleave validate {path}` lists everything") from None
    if shown is None:
        keys = f"; keys go from {sizes[0].key} to {sizes[-1].key}" if sizes else ""
        raise ShardError(f"{path} has no sample{f' {key}' if key else ''}{keys}")
    known = manifest if manifest and path.name in {shard.name for shard in manifest.shards} else None
    return Inspection(
        path=str(path), num_shards=1, sizes=tuple(sizes), record=shown[0], images=shown[1], manifest=known
    )


def _read_one(file: BinaryIO, raw: RawSample) -> tuple[Sizes, Record]:
    if raw.json is None or raw.ids is None:
        names = ", ".join(member.name for member in raw.members[:3])
        raise ShardError(f"{names}: no sample of interleave's, which has a .json and an .input_ids.npy")
    record, ids = read_record(read_member(file, raw.json)), read_ids(read_member(file, raw.ids))
    growth = sum(record.span_tokens) - sum(length for _, length in record.spans)
    return Sizes(
        key=raw.key,
        num_texts=sum(text is not None for text in record.texts),
        num_images=len(raw.images),
        num_ids=len(ids),
        num_tokens=len(ids) + growth,
        num_bytes=sum(member.num_bytes for member in raw.members),
    ), record


def _image_lines(record: Record, lengths: Sequence[int]) -> list[ImageLine]:
    described = zip(record.image_members, record.image_info, lengths, record.span_tokens, strict=True)
    return [
        ImageLine(
            member=member,
            width=int(info.get("width", 0)),
            height=int(info.get("height", 0)),
            num_bytes=length,
            num_tokens=num_tokens,
        )
        for member, info, length, num_tokens in described
    ]


def show(inspection: Inspection, console: Console) -> None:
    """Prints an inspection, 80 columns wide."""
    sizes = inspection.sizes
    what = "1 shard" if inspection.num_shards == 1 else f"{inspection.num_shards:,} shards"
    console.print(f"{escape(inspection.path)}: {what}, {len(sizes):,} samples", highlight=False)
    if inspection.manifest is not None:
        model, tokenizer = inspection.manifest.model, inspection.manifest.tokenizer
        context = "whole documents" if model.context is None else f"context {model.context:,}"
        console.print(
            f"for {model.profile} ({model.form}), placeholder {model.placeholder}, {context}\n"
            f"tokenizer {escape(tokenizer.name)} ({tokenizer.vocab_size:,} tokens)",
            highlight=False,
        )
    console.print(_size_table(sizes))
    if inspection.record is not None:
        _show_sample(inspection.record, inspection.images, console)


def _size_table(sizes: Sequence[Sizes]) -> Table:
    table = Table(title="\nA sample has", title_justify="left", box=None, pad_edge=False)
    table.add_column("")
    for name in ("least", "median", "most", "sum"):
        table.add_column(name, justify="right")
    for name, label in _COLUMNS.items():
        values = [getattr(item, name) for item in sizes]
        table.add_row(label, *(f"{value:,}" for value in (*_quantiles(values), sum(values))))
    return table


def _quantiles(values: Sequence[int]) -> list[int]:
    return [int(np.quantile(values, share, method="lower")) for share in (0, 0.5, 1)]


def _show_sample(record: Record, images: Sequence[ImageLine], console: Console) -> None:
    part = f", part {record.part + 1} of {record.num_parts}" if record.num_parts > 1 else ""
    console.print(f"\nSample {record.key}{part}  {escape(harmless(record.url or record.doc_id))}", highlight=False)
    lines = iter(images)
    for text in record.texts:
        if text is not None:
            shown = text if len(text) <= _LONGEST_TEXT else text[:_LONGEST_TEXT] + " ..."
            console.print("  " + escape(harmless(shown)))
            continue
        image = next(lines)
        size = f"{image.width} x {image.height} px, {image.num_bytes / 1000:,.1f} kB"
        console.print(
            f"  [bold]\\[{escape(harmless(image.member))}][/bold]  {size}, {image.num_tokens} tokens", highlight=False
        )


def _sample_plain(record: Record, images: Sequence[ImageLine]) -> dict[str, Any]:
    names = ("key", "doc_id", "part", "num_parts", "source", "url", "texts", "images", "spans")
    plain = {name: getattr(record, name) for name in names}
    columns = ("member", "width", "height", "num_bytes", "num_tokens")
    return plain | {"image_sizes": [{name: getattr(line, name) for name in columns} for line in images]}
