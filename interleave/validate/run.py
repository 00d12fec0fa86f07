"""One task a shard, side by side, with progress."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import TypeVar

from tqdm import tqdm

from interleave.executors import Executor, results

Task = TypeVar("Task")
Result = TypeVar("Result")


def run(executor: Executor, function: Callable[[Task], Result], tasks: Sequence[Task], quiet: bool) -> list[Result]:
    """The results, in the order of the tasks."""
    found: dict[int, Result] = {}
    silent = quiet or not sys.stderr.isatty()
    with tqdm(total=len(tasks), desc="validate", unit="shard", disable=silent, leave=False) as bar:
        for position, result in results(executor.map(function, tasks)):
            found[position] = result
            bar.update()
    return [found[position] for position in range(len(tasks))]
