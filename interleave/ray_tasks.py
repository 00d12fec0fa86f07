"""Tasks on the machines of a cluster, by Ray: the only file that imports it.

    driver:   map ─> [window of tasks] ─> ray ─> worker: function(task) ─> result ─┐
                 └──────────── (position, result), as they come <──────────────────┘

Tasks read and write files, as everywhere: the work folder, the output and the input lie where every machine sees them
under one path. A task whose worker or machine dies is done again elsewhere, a few times.
"""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, redirect_stdout
from types import TracebackType
from typing import Any, TypeVar

from interleave.errors import InterleaveError, TaskError
from interleave.executors import TASK_MEMORY, Died, default_workers, one_thread
from interleave.files import call_writer

Task = TypeVar("Task")
Result = TypeVar("Result")

LOCAL = "local"
# Times that Ray does a task again whose worker or machine died.
_MAX_RETRIES = 3
_CONNECT_S = 10.0


class RayTasks(AbstractContextManager["RayTasks"]):
    """Tasks by Ray: on a cluster that runs, or on one of this machine alone that ends with the build."""

    def __init__(self, address: str, num_workers: int | None) -> None:
        """
        address: of a cluster ("auto", "HOST:PORT", "ray://HOST:PORT"), or "local".
        num_workers: tasks at a time; None: as many as the cluster has cores.

        Raises:
            TaskError: there is no cluster at the address, or Ray does not start.
        """
        # Nothing is reported to anybody unless its user asks for that.
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
        # A task that needs more memory than there is would be tried for ever.
        os.environ.setdefault("RAY_task_oom_retries", str(_MAX_RETRIES))
        import ray

        self._ray: Any = ray
        self._num_workers = num_workers
        self._is_ours = not ray.is_initialized()
        if self._is_ours:
            _connect(ray, address, num_workers or default_workers())

    def __enter__(self) -> RayTasks:
        # Ray prints what happens to nodes and workers where a report, perhaps JSON, is to come.
        self._printed = redirect_stdout(sys.stderr)
        self._printed.__enter__()
        return self

    def map(
        self, function: Callable[[Task], Result], tasks: Sequence[Task], *, memory: int = TASK_MEMORY
    ) -> Iterator[tuple[int, Result | Died]]:
        ray = self._ray
        work = ray.remote(_work).options(
            num_cpus=1, memory=min(memory, self._largest_memory()), max_retries=_MAX_RETRIES
        )
        shared = ray.put(function)
        waiting = iter(enumerate(tasks))
        running: dict[Any, int] = {}
        while True:
            # Asked again and again: machines come and go.
            while len(running) < self._window() and (following := next(waiting, None)):
                position, task = following
                running[work.remote(shared, task)] = position
            if not running:
                return
            done, _ = ray.wait(list(running), num_returns=1, fetch_local=True)
            for reference in done:
                yield running.pop(reference), self._result(reference)

    def _result(self, reference: Any) -> Any:
        errors = self._ray.exceptions
        try:
            return self._ray.get(reference)
        except errors.RayTaskError as error:
            if isinstance(error.cause, InterleaveError):
                raise error.cause from None
            return Died(_first_line(error.cause))
        except errors.RayError as error:
            return Died(f"{_why(errors, error)} ({type(error).__name__}); run the same command again to go on")

    def _window(self) -> int:
        """Tasks that are given to Ray at a time: a few more than run, so that no worker waits."""
        return 2 * (self._num_workers or max(1, int(self._ray.cluster_resources().get("CPU", 1))))

    def _largest_memory(self) -> int:
        """Bytes of the largest machine: a task that asks for more would wait for one for ever."""
        found = [int(node["Resources"].get("memory", 0)) for node in self._ray.nodes() if node["Alive"]]
        return max(found, default=TASK_MEMORY) or TASK_MEMORY

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._is_ours:
            self._ray.shutdown()
        self._printed.__exit__(kind, error, trace)


def _connect(ray: Any, address: str, num_workers: int) -> None:
    local = {"num_cpus": num_workers, "include_dashboard": False} if address == LOCAL else {}
    try:
        _knock(address)
        ray.init(address=address, log_to_driver=False, logging_level="warning", **local)
    except (ConnectionError, ValueError, RuntimeError, OSError, TimeoutError) as error:
        why = getattr(error, "strerror", None) or _first_line(error)
        raise TaskError(
            f"no Ray cluster at {address}: {why}; start one with `ray start --head`, or leave out --ray-address to "
            "have one on this machine"
        ) from None


def _knock(address: str) -> None:
    """Ray would try for minutes where nobody answers."""
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if host and port.isdecimal():
        socket.create_connection((host.strip("[]"), int(port)), timeout=_CONNECT_S).close()


def _work(function: Callable[[Task], Result], task: Task) -> Result:
    """What a worker does."""
    import ray

    one_thread()
    call_writer(ray.get_runtime_context().get_worker_id()[:16])
    return function(task)


def _why(errors: Any, error: Exception) -> str:
    if isinstance(error, errors.OutOfMemoryError):
        return "its worker was ended for want of memory, each time it was tried"
    if isinstance(error, errors.NodeDiedError):
        return "the machine that did it died, each time it was tried"
    if isinstance(error, errors.WorkerCrashedError):
        return "the worker that did it died, each time it was tried"
    return f"Ray could not do it: {_first_line(error)}"


def _first_line(error: BaseException | None) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:300]
