"""Full validation against its limit: nothing but hashing every shard and decoding every image, in the same run.

    python benchmarks/validation.py [DATASET] [--workers 2] [--rounds 5] [--quick]

The two are measured in turn; ratios are of medians. Both sides get a shard at a time, in the same number of processes.
Without a dataset the recipe's sample is built, which is so small that much of the time is spent beside images.

--quick takes that one, and exits with 1 below a quarter of the limit. A round takes hundredths of a second then, and
anything else that runs decides a median: ten rounds, and each side's best.
"""

from __future__ import annotations

import argparse
import hashlib
import statistics
import tempfile
import time
from pathlib import Path

import numpy as np
import simplejpeg

from interleave.executors import Executor, open_executor
from interleave.flow import build
from interleave.recipe_file import load_recipe
from interleave.shard.manifest import read_manifest
from interleave.shard.tar import read_members
from interleave.validate.dataset import validate
from interleave.validate.level import Level
from interleave.validate.options import Options

QUICK_FLOOR, QUICK_ROUNDS = 0.25, 10
RECIPE = Path(__file__).parent.parent / "recipes" / "mmc4.yaml"


def images_of(path: Path) -> tuple[str, list[tuple[int, int]]]:
    """Where the images of a shard lie: known beforehand, for the limit."""
    with path.open("rb") as file:
        members = [member for member in read_members(file, path.stat().st_size) if member.name.endswith(".jpg")]
    return str(path), [(member.data, member.data + member.num_bytes) for member in members]


def bare_work(task: tuple[str, list[tuple[int, int]]]) -> int:
    """Hashes a shard and decodes its images, from memory into memory that is there already."""
    path, images = task
    data = Path(path).read_bytes()
    hashlib.sha256(data).digest()
    memory = np.empty(1 << 24, dtype=np.uint8)
    for start, end in images:
        simplejpeg.decode_jpeg(data[start:end], buffer=memory)
    return len(images)


def timed_limit(dataset: Path, executor: Executor) -> float:
    tasks = [images_of(dataset / shard.name) for shard in read_manifest(dataset).shards]
    start = time.perf_counter()
    assert sum(num_images for _, num_images in executor.map(bare_work, tasks))
    return time.perf_counter() - start


def timed_validation(dataset: Path, executor: Executor, level: Level) -> float:
    start = time.perf_counter()
    assert validate(dataset, executor, Options(level=level), quiet=True).is_sound
    return time.perf_counter() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("dataset", type=Path, nargs="?")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--quick", action="store_true")
    options = parser.parse_args()
    num_rounds, typical = (QUICK_ROUNDS, min) if options.quick else (options.rounds, statistics.median)
    with tempfile.TemporaryDirectory() as scratch:
        dataset = options.dataset or Path(scratch) / "mmc4"
        if options.dataset is None:
            build(load_recipe(RECIPE, [f"output={dataset}"]), num_workers=options.workers, quiet=True)
        limit: list[float] = []
        took: dict[Level, list[float]] = {level: [] for level in Level}
        with open_executor(options.workers) as executor:
            # Processes have imported everything then, and pages are in memory.
            timed_validation(dataset, executor, Level.PARANOID)
            for _ in range(num_rounds):
                limit.append(timed_limit(dataset, executor))
                for level in Level:
                    took[level].append(timed_validation(dataset, executor, level))
        manifest = read_manifest(dataset)
    ratios = {level: typical(limit) / typical(times) for level, times in took.items()}
    print(f"{manifest.num_images:,} images in {len(manifest.shards)} shards")
    for level, ratio in ratios.items():
        print(f"{level:10} {ratio:6.2f} of the speed of hashing and decoding")
    if options.quick and ratios[Level.FULL] < QUICK_FLOOR:
        raise SystemExit(f"full validation is below {QUICK_FLOOR} of the limit")


if __name__ == "__main__":
    main()
