"""What a dataset holds, by the project's own reader, and how what another reader saw differs from it."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from reader_seen import Sample, jpeg, sample

from interleave.shard.manifest import read_manifest
from interleave.stream.reader import DatasetReader

# Of a mean colour, between two decoders.
_TOLERANCE = 1.0


def expected(dataset: Path) -> list[Sample]:
    """Every sample that is in the shards, in order; images have their bytes beside their hashes."""
    reader = DatasetReader(dataset)
    found = []
    for number in np.flatnonzero(~reader.removed()):
        record, ids, images = reader.read(int(number))
        fields = {"key": record.key, "texts": record.texts}
        found.append(sample(fields, [jpeg(data) | {"bytes": data} for data in images], ids))
    manifest = read_manifest(dataset)
    assert (manifest.num_samples, manifest.num_images) == (len(found), num_images(found))
    return found


def num_images(samples: Sequence[Sample]) -> int:
    return sum(isinstance(part, dict) for found in samples for part in found["parts"])


def differences(wanted: Sequence[Sample], found: Sequence[Sample], is_ordered: bool = True) -> Iterator[str]:
    """A sentence for each thing that a reader saw otherwise."""
    if not is_ordered:
        found = sorted(found, key=lambda other: str(other["key"]))
    if len(wanted) != len(found):
        yield f"{len(found)} samples, expected {len(wanted)}"
    for want, have in zip(wanted, found, strict=False):
        if want["key"] != have["key"]:
            yield f"sample {have['key']}, expected {want['key']}"
        elif len(want["parts"]) != len(have["parts"]):
            yield f"sample {want['key']} has {len(have['parts'])} texts and images, expected {len(want['parts'])}"
        elif not all(_is_same(*pair) for pair in zip(want["parts"], have["parts"], strict=True)):
            yield f"sample {want['key']} has other texts or images"
        elif have["ids"] is not None and want["ids"] != have["ids"]:
            yield f"sample {want['key']} has other ids"


def _is_same(want: Any, have: Any) -> bool:
    if isinstance(want, str) or isinstance(have, str):
        return bool(want == have)
    if "sha256" in have:
        return bool(want["sha256"] == have["sha256"])
    with Image.open(io.BytesIO(want["bytes"])) as image:
        mean = np.asarray(image.convert("RGB"), dtype=np.float64).mean(axis=(0, 1))
        return list(image.size) == have["size"] and bool(np.abs(mean - have["mean"]).max() < _TOLERANCE)
