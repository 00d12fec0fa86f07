"""Ranks x workers, stopped anywhere, resumed with other ranks x workers: the rows that follow are those that were left.

    python tests/stream/resume_matrix.py --stops 20

All of it runs in DataLoaders with real worker processes; a short form of it is a test.
"""

from __future__ import annotations

import argparse
import itertools
import random
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from torch.utils.data import DataLoader
from tqdm import tqdm

from interleave import StreamingDataset

RANKS = (1, 2, 4, 8)
WORKERS = (0, 1, 2, 4, 8)
# A row as its keys and its ids without padding.
Row = tuple[tuple[str, ...], tuple[int, ...]]
Batches = list[dict[str, Any]]


def run(data: Any, state: dict[str, Any] | None, num_ranks: int, num_workers: int, **options: Any) -> list[Batches]:
    """What each rank reads from a state on."""
    ranks = []
    for rank in range(num_ranks):
        dataset = StreamingDataset(
            data, rank=rank, world_size=num_ranks, images="bytes", num_threads=min(1, num_workers), **options
        )
        if state is not None:
            dataset.load_state_dict(state)
        ranks.append(list(DataLoader(dataset, batch_size=None, num_workers=num_workers)))
    return ranks


def rows_in_turn(ranks: list[Batches]) -> list[Row]:
    """The rows of all ranks in global order: a batch of each in turn. Rows of padding alone are left out."""
    assert len({len(batches) for batches in ranks}) == 1, "every rank has as many batches"
    return [
        (tuple(keys), tuple(ids[segments > 0].tolist()))
        for turn in zip(*ranks, strict=True)
        for batch in turn
        for keys, ids, segments in zip(batch["keys"], batch["input_ids"], batch["segment_ids"], strict=True)
        if keys
    ]


def check(
    data: Any, combinations: list[tuple[int, int]], num_stops: int, *, seed: int = 0, **options: Any
) -> Iterator[tuple[int, int, int]]:
    """Compares, for each number of ranks and workers, the whole epoch and what follows each of so many stops.

    Yields each combination, with how many resumed runs were equal.

    Raises:
        AssertionError: rows were lost, repeated, or came in another order.
    """
    choose = random.Random(seed)
    expected = rows_in_turn(run(data, None, 1, 0, **options))
    for num_ranks, num_workers in combinations:
        ranks = run(data, None, num_ranks, num_workers, **options)
        assert rows_in_turn(ranks) == expected, f"{num_ranks} ranks, {num_workers} workers: another order"
        for _ in range(num_stops):
            stop = choose.randrange(len(ranks[0]))
            before = rows_in_turn([batches[: stop + 1] for batches in ranks])
            state = choose.choice(ranks)[stop]["state"]
            other = (choose.choice(RANKS), choose.choice(WORKERS))
            after = rows_in_turn(run(data, state, *other, **options))
            assert before + after == expected, f"stopped behind batch {stop} of {num_ranks} ranks, resumed on {other}"
        yield num_ranks, num_workers, num_stops


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--stops", type=int, default=20, help="for each combination of ranks and workers")
    parser.add_argument("data", nargs="*", type=Path, default=[Path("shards/mmc4")], help="folders of datasets")
    arguments = parser.parse_args()
    # Workers that read ahead are more than a small machine has cores.
    warnings.filterwarnings("ignore", "This DataLoader will create", UserWarning)
    combinations = list(itertools.product(RANKS, WORKERS))
    for done in tqdm(check(arguments.data, combinations, arguments.stops, window=12), total=len(combinations)):
        tqdm.write("{} ranks x {} workers: {} stops, all equal".format(*done))


if __name__ == "__main__":
    main()
