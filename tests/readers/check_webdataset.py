"""webdataset 0.2 and 1.x: samples as bytes, and decoded."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

import numpy as np
import webdataset
from reader_seen import Sample, Way, jpeg, members, pixels, sample, say


def ways(folder: str) -> Iterator[Way]:
    shards = sorted(map(str, Path(folder).glob("shard-*.tar")))
    yield Way(how="WebDataset(tars)", samples=_raw(shards))
    yield Way(how='WebDataset(tars).decode("rgb8")', samples=_decoded(shards))


def _raw(shards: list[str]) -> Iterator[Sample]:
    for found in webdataset.WebDataset(shards, shardshuffle=False, empty_check=False):
        record = json.loads(found["json"])
        assert found["__key__"] == record["key"]
        ids = np.load(io.BytesIO(found["input_ids.npy"]), allow_pickle=False)
        yield sample(record, [jpeg(found[name]) for name in members(record)], ids)


def _decoded(shards: list[str]) -> Iterator[Sample]:
    for found in webdataset.WebDataset(shards, shardshuffle=False, empty_check=False).decode("rgb8"):
        record = found["json"]
        images = [found[name] for name in members(record)]  # (height, width, 3) uint8
        looks = [pixels(image.shape[1], image.shape[0], image.mean(axis=(0, 1))) for image in images]
        yield sample(record, looks, found["input_ids.npy"])


if __name__ == "__main__":
    say(version("webdataset"), ways)
