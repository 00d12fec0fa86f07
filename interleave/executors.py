"""Ways to map a function over tasks. One task is one split or one shard, never one document.

An executor yields what each task came to, as it comes; which executor it was changes nothing in what the tasks write.
Tasks on the machines of a cluster are in `ray_tasks`.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from types import TracebackType
from typing import Protocol, TypeVar

from interleave.errors import TaskError

Task = TypeVar("Task")
Result = TypeVar("Result")
# Bytes that a task over one split or one shard stays below.
TASK_MEMORY = 1024**3
# Which of those that were running it was, nobody can say.
_DIED = (
    "its process or that of a task beside it died, perhaps for want of memory; run the same command again to go on, "
    "with fewer --workers if it dies again"
)


@dataclass(frozen=True, slots=True)
class Died:
    """In the place of a result: whoever did the task did not live to answer."""

    reason: str


class Executor(Protocol):
    """Maps a module-level function over picklable tasks."""

    def map(
        self, function: Callable[[Task], Result], tasks: Sequence[Task], *, memory: int = TASK_MEMORY
    ) -> Iterator[tuple[int, Result | Died]]:
        """(position of the task, its result), in order of completion.

        memory: bytes that a task may need, for executors that place tasks by it.
        """


class InProcess(AbstractContextManager["InProcess"]):
    """One task after another, here."""

    def map(
        self, function: Callable[[Task], Result], tasks: Sequence[Task], *, memory: int = TASK_MEMORY
    ) -> Iterator[tuple[int, Result | Died]]:
        for position, task in enumerate(tasks):
            yield position, function(task)

    def __exit__(self, *_: object) -> None:
        return None


class ProcessPool(AbstractContextManager["ProcessPool"]):
    """Processes on this machine, started afresh (`spawn`): a fork would copy locks that other threads hold."""

    def __init__(self, num_workers: int) -> None:
        context = multiprocessing.get_context("spawn")
        self._num_workers = num_workers
        # Closed when the pool is, and when this process ends, however it does.
        lifeline, self._lifeline = context.Pipe(duplex=False)
        self._pool = ProcessPoolExecutor(
            num_workers, mp_context=context, initializer=_begin_worker, initargs=(lifeline,)
        )

    def map(
        self, function: Callable[[Task], Result], tasks: Sequence[Task], *, memory: int = TASK_MEMORY
    ) -> Iterator[tuple[int, Result | Died]]:
        waiting = iter(enumerate(tasks))
        running: dict[Future[Result], int] = {}
        try:
            while True:
                # A task or two ahead for each worker: no worker waits, and an interruption leaves little behind.
                while len(running) < 2 * self._num_workers and (following := next(waiting, None)):
                    position, task = following
                    with _no_interrupts_for_children():
                        running[self._pool.submit(function, task)] = position
                if not running:
                    return
                for future in wait(running, return_when=FIRST_COMPLETED).done:
                    result = future.result()
                    yield running.pop(future), result
        except BrokenProcessPool:
            for future, position in running.items():
                yield position, Died(_DIED) if future.exception() else future.result()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is not None:
            self._lifeline.close()  # what runs is not waited for
        self._pool.shutdown(cancel_futures=True)
        self._lifeline.close()


@contextmanager
def _no_interrupts_for_children() -> Iterator[None]:
    """Ctrl-C reaches every process of a terminal: workers leave it to the one that waits for them, which ends them."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})  # a child begins with it
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _begin_worker(lifeline: Connection) -> None:
    one_thread()
    threading.Thread(target=_end_with, args=(lifeline,), daemon=True).start()


def _end_with(lifeline: Connection) -> None:
    """Ends this worker with its pool. One that outlived it would write where a later run writes."""
    with suppress(EOFError, OSError):
        lifeline.recv_bytes()
    os._exit(1)


def open_executor(num_workers: int | None, ray_address: str | None = None) -> AbstractContextManager[Executor]:
    """This process or several on this machine, or the machines of a cluster.

    num_workers: tasks at a time; None: one a core, of this machine or of the cluster.
    """
    if ray_address is not None:
        from interleave.ray_tasks import RayTasks

        return RayTasks(ray_address, num_workers)
    num_workers = num_workers or default_workers()
    return InProcess() if num_workers == 1 else ProcessPool(num_workers)


def results(found: Iterator[tuple[int, Result | Died]]) -> Iterator[tuple[int, Result]]:
    """What `map` yields, where no task may be missing.

    Raises:
        TaskError: a task's worker died.
    """
    for position, result in found:
        if isinstance(result, Died):
            raise TaskError(result.reason)
        yield position, result


def default_workers() -> int:
    """The cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def one_thread() -> None:
    """Workers are the parallelism: libraries that start a thread a core would only make them wait for each other."""
    os.environ["RAYON_NUM_THREADS"] = "1"
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    import pyarrow as pa

    pa.set_cpu_count(1)
    pa.set_io_thread_count(1)
