"""wids of webdataset 0.2.111, the code that VILA carries a copy of: samples by number, decoded."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

import numpy as np
import wids
from reader_seen import Sample, Way, members, pixels, sample, say


def ways(folder: str) -> Iterator[Way]:
    yield Way(how='ShardListDataset("wids-meta.json")', samples=_decoded(folder))


def _decoded(folder: str) -> Iterator[Sample]:
    # By default copies are kept under /tmp by path, and found again when the shards are others.
    with tempfile.TemporaryDirectory() as cache:
        dataset = wids.ShardListDataset(str(Path(folder) / "wids-meta.json"), cache_dir=cache)
        for number in range(len(dataset)):
            found = dataset[number]
            record = found[".json"]
            assert found["__key__"] == record["key"]
            images = [np.asarray(found[name]) for name in members(record, ".")]  # (height, width, 3) uint8
            looks = [pixels(image.shape[1], image.shape[0], image.mean(axis=(0, 1))) for image in images]
            yield sample(record, looks, found[".input_ids.npy"])


if __name__ == "__main__":
    say(version("webdataset"), ways)
