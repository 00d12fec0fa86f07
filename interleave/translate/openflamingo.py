"""OpenFlamingo's MMC4 shards: tars of `<key>.json`, images in the JSON as plain base64.

OpenFlamingo puts each image in front of the sentence that it is most similar to, so it reads the matrix, not where the
image stands. It leaves out images below its `--mmc4_textsim_threshold` and those of less than 11 kB.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import orjson

from interleave.errors import RecipeError
from interleave.translate.mmc4_fields import STAND_INS, mmc4_record, numbered
from interleave.translate.passages import Passages
from interleave.translate.summary import Tally
from interleave.translate.tars import Members, write_tars

# `len(bytes) // 1000 <= MIN_KB`, which is 10, in open_flamingo/train/data.py of 2.0.1.
_SKIPPED_BYTES = 11_000


def write_openflamingo(
    passages: Passages, folder: Path, tally: Tally, *, max_shard_bytes: int, as_placed: bool
) -> None:
    """Writes the tars, a sample of the dataset a JSON. as_placed: similarities that lead each image to its place.

    Raises:
        RecipeError: no sample has an image.
    """
    write_tars(folder, _samples(passages, tally, as_placed), max_bytes=max_shard_bytes)
    if not tally.num_items:
        raise RecipeError("no sample of the dataset has an image; OpenFlamingo reads none without")


def _samples(passages: Passages, tally: Tally, as_placed: bool) -> Iterator[Members]:
    for passage in passages.samples("write"):
        tally.saw(passage.parts)
        if not passage.pictures:
            tally.left_out("samples without an image", passage.parts)
            continue
        record, num_made_up = mmc4_record(passage, numbered(passage.parts), as_placed=as_placed)
        yield [(f"{passage.key}.json", orjson.dumps(record))]
        tally.wrote(passage.parts)
        tally.notes[STAND_INS] += num_made_up
        tally.notes["images of less than 11 kB, which OpenFlamingo leaves out"] += sum(
            len(picture.jpeg) < _SKIPPED_BYTES for picture in passage.pictures
        )
