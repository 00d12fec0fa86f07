"""Work done ahead in threads, its results in order.

Decoding leaves Python's lock alone, so threads share the work without what it costs to send pixels from one process to
another.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from typing import TypeVar

Task = TypeVar("Task")
Result = TypeVar("Result")


def ahead(
    make: Callable[[Task], Result], tasks: Iterable[Task], *, num_threads: int, num_ahead: int
) -> Iterator[Result]:
    """`make(task)` of each task, in order, at most `num_ahead` of them made or being made before they are asked for.

    An error is raised where its result would have come. With no threads each is made when it is asked for.
    """
    if not num_threads:
        yield from map(make, tasks)
        return
    todo = iter(tasks)
    with ThreadPoolExecutor(num_threads, thread_name_prefix="interleave") as threads:
        made: deque[Future[Result]] = deque(threads.submit(make, task) for task in islice(todo, num_ahead))
        try:
            while made:
                result = made.popleft().result()
                made.extend(threads.submit(make, task) for task in islice(todo, 1))
                yield result
        finally:
            for future in made:
                future.cancel()
