"""The run loop: tasks of a stage, markers of those that are done, progress, and errors with their place.

A task that succeeded leaves a marker with a fingerprint of everything it depended on. The next run repeats it only if
that fingerprint is another one. The marker is written after the task's files have their final names.

A slice of a build does its share of each stage, and reads the markers of the others where a stage needs them all.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any, Generic, TypeVar

import orjson
import pyarrow as pa
from tqdm import tqdm

from interleave.artifact_store import ArtifactStore, SharedFolder
from interleave.counts import Counts
from interleave.errors import InterleaveError, TaskError, Unfinished, explain_missing, explain_os_error
from interleave.executors import TASK_MEMORY, Died, Executor
from interleave.files import sweep, sync_folder
from interleave.work_folder import WHOLE, Slice

Payload = TypeVar("Payload")
_POLL_S = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Task(Generic[Payload]):
    """One unit of work."""

    name: str
    payload: Payload
    fingerprint: str
    # Of everything that its result depends on.
    outputs: tuple[str, ...]
    # Files that must be there for the task to count as done.
    memory: int = TASK_MEMORY
    # Bytes that it may need.
    inputs: tuple[str, ...] = ()
    # Files of earlier tasks that it reads, but for images.


@dataclass(frozen=True, slots=True, kw_only=True)
class StageResult:
    """What a stage came to; in a slice what is known of it, until the slices are joined."""

    name: str
    counts: Counts
    num_tasks: int
    num_done_before: int
    seconds: float
    fingerprints: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Joint(Generic[Payload]):
    """A stage of which other slices have a share."""

    at: int
    # Of its result.
    tasks: Sequence[Task[Payload]]
    counts: dict[int, Counts]
    # By position, of those that are done.


@dataclass(slots=True)
class Run:
    """One run of a build in its work folder."""

    work: Path
    executor: Executor
    quiet: bool = False
    part: Slice = WHOLE
    wait_s: float = 0.0
    # How long a slice waits for the others.
    artifacts: ArtifactStore = field(default_factory=SharedFolder)
    results: list[StageResult] = field(default_factory=list)
    _unjoined: list[_Joint[Any]] = field(default_factory=list)

    def stage(self, name: str, function: Callable[[Payload], Counts], tasks: Sequence[Task[Payload]]) -> StageResult:
        """Does the tasks that are not done yet; all are tried before the first failure is raised.

        A slice does its own; see `join`.

        Raises:
            TaskError: one or more tasks failed.
        """
        began = time.monotonic()
        markers = [self._marker(name, task) for task in tasks]
        counts = self._done(name, tasks, range(len(tasks)))
        mine = list(filter(self.part.owns, range(len(tasks))))
        todo = [position for position in mine if position not in counts]
        # Before any file is written again: a marker must never vouch for files of another recipe.
        self.artifacts.each(self.artifacts.remove, [markers[position] for position in todo])
        if todo and (self.work / name).is_dir():
            sync_folder(self.work / name)
        outputs = [Path(output) for position in todo for output in tasks[position].outputs]
        sweep(outputs)
        failures: list[str] = []
        attempt = partial(_attempt, function, self.artifacts.during_stage())
        with tqdm(
            total=len(mine),
            initial=len(mine) - len(todo),
            desc=f"{name:>8}",
            unit="task",
            disable=self._silent(),
            leave=False,
        ) as bar:
            memory = max((tasks[position].memory for position in todo), default=TASK_MEMORY)
            for at, outcome in self.executor.map(attempt, [tasks[position] for position in todo], memory=memory):
                position = todo[at]
                if isinstance(outcome, str | Died):
                    why = outcome.reason if isinstance(outcome, Died) else outcome
                    failures.append(f"{name} {tasks[position].name}: {why}")
                else:
                    self._mark(name, tasks[position], outcome)
                    counts[position] = outcome
                bar.update()
        sweep(outputs)  # of workers that died, where others did their tasks again
        if failures:
            raise TaskError(_explain(failures, len(tasks)))
        result = StageResult(
            name=name,
            counts=_sum(counts),
            num_tasks=len(tasks),
            num_done_before=len(counts) - len(todo),
            seconds=time.monotonic() - began,
            fingerprints=tuple(task.fingerprint for task in tasks),
        )
        self.results.append(result)
        if len(counts) < len(tasks):
            self._unjoined.append(_Joint(at=len(self.results) - 1, tasks=tasks, counts=counts))
        return result

    def join(self) -> None:
        """Waits, in a slice, until the others have done their shares of all stages so far.

        Raises:
            Unfinished: they have not, and no more is to be waited.
        """
        deadline = time.monotonic() + self.wait_s
        for joint in self._unjoined:
            name = self.results[joint.at].name
            while missing := self._look_again(name, joint):
                if time.monotonic() >= deadline:
                    raise Unfinished(
                        f"slice {self.part.index}/{self.part.count} has done its share of `{name}`; {missing:,} of "
                        f"{len(joint.tasks):,} tasks are other slices' and not done yet. Run this slice again when "
                        "they are, let it wait for them (--wait MINUTES), or run the same command without --slice, "
                        "which does all that is left"
                    )
                time.sleep(_POLL_S)
            self.results[joint.at] = replace(self.results[joint.at], counts=_sum(joint.counts))
        self._unjoined.clear()

    def _look_again(self, name: str, joint: _Joint[Payload]) -> int:
        """Reads the markers that have come since; the number of those that have not."""
        joint.counts.update(self._done(name, joint.tasks, set(range(len(joint.tasks))) - joint.counts.keys()))
        return len(joint.tasks) - len(joint.counts)

    def here(
        self, name: str, function: Callable[[Payload], Counts], task: Task[Payload], *, again: bool
    ) -> StageResult:
        """Does a stage in this process; again: every time, for it knows by itself what of it is done.

        Of slices the first that comes does it, and the others take what it left.
        """
        began = time.monotonic()
        with self.alone():
            counts: Counts | str | None = None if again and self.part.is_whole else self._done_one(name, task)
            if counts is None:
                counts = _attempt(function, self.artifacts, task)
            if isinstance(counts, str):
                raise TaskError(f"{name}: {counts}")
            self._mark(name, task, counts)
        seconds = time.monotonic() - began
        result = StageResult(name=name, counts=counts, num_tasks=1, num_done_before=0, seconds=seconds, fingerprints=())
        self.results.append(result)
        return result

    def alone(self) -> AbstractContextManager[None]:
        """For what one slice may do at a time."""
        return self.artifacts.alone(self.work, self.part, self.wait_s)

    def is_done(self, name: str, tasks: Sequence[Task[Payload]]) -> bool:
        """Whether a stage has nothing left to do."""
        return len(self._done(name, tasks, range(len(tasks)))) == len(tasks)

    def _done(self, name: str, tasks: Sequence[Task[Any]], positions: Iterable[int]) -> dict[int, Counts]:
        """What those of the tasks came to that are done."""
        looked_at = list(positions)
        found = self.artifacts.each(lambda position: self._done_one(name, tasks[position]), looked_at)
        return {position: counts for position, counts in zip(looked_at, found, strict=True) if counts is not None}

    def _done_one(self, name: str, task: Task[Any]) -> Counts | None:
        try:
            fields = orjson.loads(self.artifacts.read(self._marker(name, task)) or b"")
        except ValueError:
            return None
        if not isinstance(fields, dict) or not isinstance(fields.get("counts"), dict):
            return None
        if fields.get("fingerprint") != task.fingerprint or not all(map(self.artifacts.has, task.outputs)):
            return None
        return Counts(fields["counts"])

    def _mark(self, name: str, task: Task[Any], counts: Counts) -> None:
        self.artifacts.write(
            self._marker(name, task), orjson.dumps({"fingerprint": task.fingerprint, "counts": dict(counts)})
        )

    def _marker(self, name: str, task: Task[Payload]) -> Path:
        return self.work / name / f"{task.name}.done"

    def _silent(self) -> bool:
        return self.quiet or not sys.stderr.isatty()


def _attempt(function: Callable[[Payload], Counts], artifacts: ArtifactStore, task: Task[Payload]) -> Counts | str:
    """The border of a task: its errors become sentences, and the other tasks go on."""
    try:
        artifacts.bring(task.inputs)
        counts = function(task.payload)
        artifacts.keep(task.outputs)
        return counts
    except InterleaveError as error:
        return str(error)
    except OSError as error:
        return explain_os_error(error)
    except ModuleNotFoundError as error:
        return explain_missing(error)
    except Exception as error:  # noqa: BLE001 - a fault of ours in one task must not take the others with it
        trace = error.__traceback__
        while trace is not None and trace.tb_next is not None:
            trace = trace.tb_next
        where = f"{Path(trace.tb_frame.f_code.co_filename).name}:{trace.tb_lineno}" if trace else "?"
        return f"{type(error).__name__}: {error} ({where}); this is a fault of interleave, please report it"
    finally:
        pa.default_memory_pool().release_unused()  # Arrow keeps what it once had, and the next task needs other sizes


def _explain(failures: Sequence[str], num_tasks: int) -> str:
    shown = [f"  {failure}" for failure in failures[:5]]
    more = [f"  ... and {len(failures) - 5} more"] if len(failures) > 5 else []
    head = f"{len(failures)} of {num_tasks} tasks failed; what the others did is kept"
    return "\n".join([head, *shown, *more])


def _sum(counts: Mapping[int, Counts]) -> Counts:
    """In the order of the tasks, whichever came first."""
    total = Counts()
    for position in sorted(counts):
        total.update(counts[position])
    return total
