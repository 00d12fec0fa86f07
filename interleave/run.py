"""The run loop: tasks of a stage, markers of those that are done, progress, and errors with their place.

A task that succeeded leaves a marker with a fingerprint of everything it depended on. The next run repeats it only if
that fingerprint is another one. The marker is written after the task's files have their final names.
"""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Generic, TypeVar

import orjson
from tqdm import tqdm

from interleave.counts import Counts
from interleave.errors import InterleaveError, TaskError, explain_missing
from interleave.executors import Executor
from interleave.files import sync_folder, write_bytes

Payload = TypeVar("Payload")
_LOCK = "lock"


@dataclass(frozen=True, slots=True, kw_only=True)
class Task(Generic[Payload]):
    """One unit of work."""

    name: str
    payload: Payload
    fingerprint: str
    # Of everything that its result depends on.
    outputs: tuple[str, ...]
    # Files that must be there for the task to count as done.


@dataclass(frozen=True, slots=True, kw_only=True)
class StageResult:
    """What a stage came to."""

    name: str
    counts: Counts
    num_tasks: int
    num_done_before: int
    seconds: float
    fingerprints: tuple[str, ...]


@dataclass(slots=True)
class Run:
    """One run of a build in its work folder."""

    work: Path
    executor: Executor
    quiet: bool = False
    results: list[StageResult] = field(default_factory=list)

    def stage(self, name: str, function: Callable[[Payload], Counts], tasks: Sequence[Task[Payload]]) -> StageResult:
        """Does the tasks that are not done yet; all are tried before the first failure is raised.

        Raises:
            TaskError: one or more tasks failed.
        """
        began = time.monotonic()
        markers = [self.work / name / f"{task.name}.done" for task in tasks]
        counts = {
            position: found
            for position, task in enumerate(tasks)
            if (found := _done(markers[position], task)) is not None
        }
        todo = [position for position in range(len(tasks)) if position not in counts]
        for position in todo:
            # Before any file is written again: a marker must never vouch for files of another recipe.
            markers[position].unlink(missing_ok=True)
        if todo and (self.work / name).is_dir():
            sync_folder(self.work / name)
        failures: list[str] = []
        attempt = partial(_attempt, function)
        with tqdm(
            total=len(tasks), initial=len(counts), desc=f"{name:>8}", unit="task", disable=self._silent(), leave=False
        ) as bar:
            for at, outcome in self.executor.map(attempt, [tasks[position].payload for position in todo]):
                position = todo[at]
                if isinstance(outcome, str):
                    failures.append(f"{name} {tasks[position].name}: {outcome}")
                else:
                    _mark(markers[position], tasks[position], outcome)
                    counts[position] = outcome
                bar.update()
        if failures:
            raise TaskError(_explain(failures, len(tasks)))
        total = Counts()
        for position in range(len(tasks)):
            total.update(counts[position])
        result = StageResult(
            name=name,
            counts=total,
            num_tasks=len(tasks),
            num_done_before=len(tasks) - len(todo),
            seconds=time.monotonic() - began,
            fingerprints=tuple(task.fingerprint for task in tasks),
        )
        self.results.append(result)
        return result

    def here(self, name: str, function: Callable[[Payload], Counts], payload: Payload) -> StageResult:
        """Does a stage in this process, every time: it knows by itself what of it is done."""
        began = time.monotonic()
        counts = _attempt(function, payload)
        if isinstance(counts, str):
            raise TaskError(f"{name}: {counts}")
        seconds = time.monotonic() - began
        result = StageResult(name=name, counts=counts, num_tasks=1, num_done_before=0, seconds=seconds, fingerprints=())
        self.results.append(result)
        return result

    def is_done(self, name: str, tasks: Sequence[Task[Payload]]) -> bool:
        """Whether a stage has nothing left to do."""
        return all(_done(self.work / name / f"{task.name}.done", task) is not None for task in tasks)

    def _silent(self) -> bool:
        return self.quiet or not sys.stderr.isatty()


@contextmanager
def work_folder(work: Path, fresh: bool) -> Iterator[None]:
    """Holds the work folder for this process alone.

    Raises:
        TaskError: another build holds it, or it cannot be written.
    """
    try:
        work.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(work / _LOCK, os.O_CREAT | os.O_RDWR, 0o644)
    except OSError as error:
        raise TaskError(f"cannot work in {work}: {error.strerror}; give another --set output=FOLDER") from None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        raise TaskError(
            f"another build is at work in {work}; wait for it, or give another --set output=FOLDER"
        ) from None
    try:
        if fresh:
            _clear(work)
        yield
    finally:
        os.close(descriptor)


def _clear(work: Path) -> None:
    """Removes everything but the lock, which this process holds."""
    for path in work.iterdir():
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        elif path.name != _LOCK:
            path.unlink()


def _attempt(function: Callable[[Payload], Counts], payload: Payload) -> Counts | str:
    """The border of a task: its errors become sentences, and the other tasks go on."""
    try:
        return function(payload)
    except InterleaveError as error:
        return str(error)
    except OSError as error:
        return _explain_os_error(error)
    except ModuleNotFoundError as error:
        return explain_missing(error)
    except Exception as error:  # noqa: BLE001 - a fault of ours in one task must not take the others with it
        trace = error.__traceback__
        while trace is not None and trace.tb_next is not None:
            trace = trace.tb_next
        where = f"{Path(trace.tb_frame.f_code.co_filename).name}:{trace.tb_lineno}" if trace else "?"
        return f"{type(error).__name__}: {error} ({where}); this is a fault of interleave, please report it"


def _explain_os_error(error: OSError) -> str:
    where = f" at {error.filename}" if error.filename else ""
    if error.errno == errno.ENOSPC:
        return f"the disk is full{where}; make room, then run the same command again to go on"
    return f"{error.strerror or error}{where}"


def _explain(failures: Sequence[str], num_tasks: int) -> str:
    shown = [f"  {failure}" for failure in failures[:5]]
    more = [f"  ... and {len(failures) - 5} more"] if len(failures) > 5 else []
    head = f"{len(failures)} of {num_tasks} tasks failed; what the others did is kept"
    return "\n".join([head, *shown, *more])


def _done(marker: Path, task: Task[Payload]) -> Counts | None:
    try:
        fields = orjson.loads(marker.read_bytes())
    except (OSError, ValueError):
        return None
    if not isinstance(fields, dict) or not isinstance(fields.get("counts"), dict):
        return None
    if fields.get("fingerprint") != task.fingerprint or not all(Path(output).exists() for output in task.outputs):
        return None
    return Counts(fields["counts"])


def _mark(marker: Path, task: Task[Payload], counts: Counts) -> None:
    write_bytes(marker, orjson.dumps({"fingerprint": task.fingerprint, "counts": dict(counts)}))
