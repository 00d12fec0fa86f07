"""How long the page of a large dataset waits for each answer, beside one pass over the columns that it shows.

    python benchmarks/view.py [--samples 1_000_000] [--quick]

Index and ledger are made up (sizes as in benchmarks/resume.py, three images a document, one in ten removed by its size;
no shards behind them): what is measured looks at nothing else. Each answer is asked for once, as by somebody who has
just opened the page. Goal: none takes more than a second, but for the first look at a rule, which reads its level of
the ledger.
--quick takes 100,000 samples, and exits with 1 where that goal is missed.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from resume import made_up

from interleave.drops import DROPS
from interleave.shard.manifest import LEDGER
from interleave.validate.look.answers import Answers
from interleave.validate.look.opened import ROWS, open_samples
from interleave.validate.look.query import read_query

GOAL_S = 1.0
_IMAGES = 3
_MIN_SIDE = 150


def write_ledger(folder: Path, num_documents: int) -> None:
    """What a build of so many documents would have measured and dropped."""
    folder.mkdir()
    random = np.random.default_rng(0)
    doc_ids = pa.array([f"{number:032x}" for number in range(num_documents)])
    counts = pa.array(random.poisson(2.5, num_documents).astype(np.float32))
    pq.write_table(pa.table({"doc_id": doc_ids, "rule.num_images": counts}), folder / "documents.parquet")
    nothing = pa.table({"doc_id": pa.array([], pa.string()), "sentence": pa.array([], pa.int32())})
    pq.write_table(nothing, folder / "sentences.parquet")
    of_images = doc_ids.take(np.repeat(np.arange(num_documents), _IMAGES))
    indices = np.tile(np.arange(_IMAGES, dtype=np.int32), num_documents)
    sides = random.integers(_MIN_SIDE - 100, _MIN_SIDE + 900, len(indices)).astype(np.float32)
    images = pa.table({"doc_id": of_images, "image": indices, "rule.image_side": sides})
    pq.write_table(images, folder / "images.parquet")
    small = images.filter(sides < _MIN_SIDE)
    columns = {
        "doc_id": small["doc_id"],
        "image": small["image"],
        "sentence": pa.nulls(len(small), pa.int32()),
        "stage": pa.array(["clean"] * len(small)),
        "rule": pa.array(["image_side"] * len(small)),
        "value": small["rule.image_side"].cast(pa.float64()),
        "threshold": pa.array(np.full(len(small), float(_MIN_SIDE))),
        "detail": pa.array([""] * len(small)),
    }
    pq.write_table(pa.table([columns[field.name] for field in DROPS], schema=DROPS), folder / "drops.parquet")


def answers_of(folder: Path) -> dict[str, Callable[[], object]]:
    """Name -> what the page asks."""
    answers = Answers(open_samples(folder))

    def page(start: int = 0, **words: str) -> Callable[[], object]:
        return lambda: answers.samples(read_query(words), start, 100)

    middle = len(open_samples(folder).rows) // 2
    return {
        "overview and charts": answers.overview,
        "samples, first page": page(),
        "samples, from the middle": page(middle),
        "by size": page(min_tokens="1000", max_tokens="2000", min_images="2"),
        "longest first": page(order="-num_tokens"),
        "that lost images to a rule": page(rule="image_side"),
        "packed row of one in the middle": lambda: answers.packed(middle),
        "a rule, for the first time": lambda: answers.rule("image_side"),
        "the same rule again": lambda: answers.rule("image_side"),
    }


def seconds(work: Callable[[], object]) -> float:
    begin = time.perf_counter()
    work()
    return time.perf_counter() - begin


def one_pass(folder: Path) -> None:
    """Touches every value that lists of samples show."""
    rows = open_samples(folder).rows
    for name in ROWS.names:
        rows[name].combine_chunks()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--samples", type=int, default=1_000_000)
    parser.add_argument("--like", type=Path, default=Path("shards/mmc4"), help="a dataset whose manifest is taken")
    parser.add_argument("--quick", action="store_true")
    arguments = parser.parse_args()
    num_samples = 100_000 if arguments.quick else arguments.samples
    with tempfile.TemporaryDirectory() as scratch:
        folder = made_up(Path(scratch) / "made-up", arguments.like, num_samples)
        write_ledger(folder / LEDGER, num_samples)
        limit = seconds(lambda: one_pass(folder))
        print(f"{num_samples:,} samples, {_IMAGES * num_samples:,} images; a pass over the columns: {limit:.3f} s")
        slow = []
        for name, work in answers_of(folder).items():
            took = seconds(work)
            print(f"{name:<32} {took:7.3f} s  {took / limit:6.1f} passes")
            if took > GOAL_S and "first time" not in name:
                slow.append(name)
    print(f"more than {GOAL_S:g} s: {', '.join(slow) or 'none'}")
    if arguments.quick and slow:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
