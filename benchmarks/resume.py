"""How long a loader takes to go on at any place of a large dataset: to open it, load a state, and plan the next batch.

    python benchmarks/resume.py --samples 10_000_000

The index is made up (sizes as in benchmarks/packing.py, no shards behind it): what is measured looks at nothing else.
Goal: less than a second, wherever the place is, and a state of less than 4 kB.
"""

from __future__ import annotations

import argparse
import resource
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import orjson
import pyarrow as pa

from interleave import StreamingDataset
from interleave.sample import key_of
from interleave.shard.index import INDEX_NAME, SCHEMA, write_index
from interleave.shard.manifest import read_manifest, write_manifest
from interleave.stream.batches import Position
from interleave.stream.mix import Cursor

_SHARD = 5_000
_CONTEXT = 4_096


def index_batches(num_samples: int) -> Iterator[pa.RecordBatch]:
    """Samples of up to a context, a shard each batch: their places are there, their bytes are not."""
    random = np.random.default_rng(0)
    for first in range(0, num_samples, _SHARD):
        number = min(_SHARD, num_samples - first)
        images = random.poisson(2.5, number).clip(1, 6)
        tokens = (random.lognormal(6.2, 1.0, number).astype(int) + 576 * images).clip(10, _CONTEXT)
        columns = {
            "key": [key_of(first + at) for at in range(number)],
            "shard": np.full(number, first // _SHARD),
            "offset": np.arange(number) * 120_000,
            "num_bytes": np.full(number, 120_000),
            "member_offsets": [[at * 120_000 + 512 * part for part in range(5)] for at in range(number)],
            "member_bytes": [[512] * 5] * number,
            "num_ids": tokens - 575 * images,
            "num_tokens": tokens,
            "num_content_tokens": tokens - 2,
            "num_images": images,
            "num_pixels": images * 336 * 448,
            "num_texts": images,
            "source": ["mmc4"] * number,
            "doc_id": [f"{first + at:032x}" for at in range(number)],
            "part": np.zeros(number, dtype=int),
            **{
                name: [[]] * number
                for name in ("cuts", *(f"span_{of}" for of in ("starts", "lengths", "tokens", "pixels")))
            },
        }
        yield pa.RecordBatch.from_arrays([pa.array(columns[field.name], field.type) for field in SCHEMA], schema=SCHEMA)


def made_up(folder: Path, like: Path, num_samples: int) -> Path:
    """A dataset of so many samples without its shards; the manifest is that of a real one but for the numbers."""
    folder.mkdir(parents=True)
    write_index(folder / INDEX_NAME, index_batches(num_samples))
    write_manifest(folder, read_manifest(like).model_copy(update={"num_samples": num_samples}))
    return folder


def seconds_to_go_on(folder: Path, window: int) -> tuple[float, float, int]:
    """To open the dataset, to plan the first batch behind a state, and bytes of that state."""
    begin = time.perf_counter()
    dataset = StreamingDataset(folder, batch_size=8, rank=0, world_size=1)
    opened = time.perf_counter()
    place = Cursor(turn=0, window=window, row=100)
    state = dataset.state_dict() | {"cursors": [list(place)]}
    dataset.load_state_dict(state)
    rows, _ = next(dataset.plan.rounds(0, Position((place,)), 0, 1))
    assert [row.row for row in rows] == list(range(100, 108))
    return opened - begin, time.perf_counter() - opened, len(orjson.dumps(state))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--samples", type=int, default=10_000_000)
    parser.add_argument("--like", type=Path, default=Path("shards/mmc4"), help="a dataset whose manifest is taken")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = made_up(Path(scratch) / "made-up", arguments.like, arguments.samples)
        size = (folder / INDEX_NAME).stat().st_size
        print(f"{arguments.samples:,} samples, an index of {size / 1e9:.2f} GB")
        num_windows = -(-arguments.samples // 1000)
        for name, window in {"begin": 0, "middle": num_windows // 2, "end": num_windows - 2}.items():
            opened, planned, num_bytes = seconds_to_go_on(folder, max(0, window))
            print(f"{name:>8}: opened in {opened:.3f} s, next batch in {planned:.3f} s, a state of {num_bytes} bytes")
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(f"peak memory {peak:,.0f} MiB, of which the mapped index is what was touched")


if __name__ == "__main__":
    main()
