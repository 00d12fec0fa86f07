"""Hugging Face `datasets`: the whole folder, streaming and not."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from importlib.metadata import version

from reader_seen import Sample, Way, jpeg, members, pixels, sample, say

_HUB = {"HF_HUB_OFFLINE": "1", "HF_DATASETS_OFFLINE": "1"}


def ways(folder: str) -> Iterator[Way]:
    for name, value in _HUB.items():
        os.environ.setdefault(name, value)
    with tempfile.TemporaryDirectory() as cache:
        for is_streaming in (True, False):
            how = f"load_dataset(folder, streaming={is_streaming})"
            yield Way(how=how, samples=_loaded(folder, cache, is_streaming, decodes=True))
            yield Way(how=f"{how}, images as bytes", samples=_loaded(folder, cache, is_streaming, decodes=False))


def _loaded(folder: str, cache: str, is_streaming: bool, decodes: bool) -> Iterator[Sample]:
    import datasets

    datasets.disable_progress_bars()
    rows = datasets.load_dataset(folder, split="train", streaming=is_streaming, cache_dir=cache)
    columns = [name for name, feature in rows.features.items() if isinstance(feature, datasets.Image)]
    assert columns == [f"{position:02d}.jpg" for position in range(len(columns))]
    if not decodes:
        for name in columns:
            rows = rows.cast_column(name, datasets.Image(decode=False))
    for row in rows:
        record = row["json"]
        assert row["__key__"] == record["key"]
        names = members(record)
        assert [name for name in columns if row[name] is not None] == names
        images = [_look(row[name]) if decodes else jpeg(row[name]["bytes"]) for name in names]
        yield sample(record, images, row["input_ids.npy"])


def _look(image: object) -> dict[str, list[float]]:
    from PIL import ImageStat

    return pixels(image.width, image.height, ImageStat.Stat(image.convert("RGB")).mean)  # type: ignore[attr-defined]


if __name__ == "__main__":
    say(version("datasets"), ways)
