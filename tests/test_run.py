import errno
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import orjson
import pytest

from interleave.counts import Counts
from interleave.document import Drop
from interleave.errors import TaskError, Unreadable
from interleave.executors import InProcess, ProcessPool
from interleave.run import Run, Task
from interleave.work_folder import work_folder


@dataclass
class Stage:
    """A stage whose tasks write their recipe's text into a file, which fails where it is told to."""

    work: Path
    failing: dict[str, BaseException] = field(default_factory=dict)
    done: list[str] = field(default_factory=list)

    def __call__(self, payload: tuple[str, str]) -> Counts:
        name, text = payload
        self.done.append(name)
        self.file(name).parent.mkdir(parents=True, exist_ok=True)
        self.file(name).write_text(text)
        if name in self.failing:
            raise self.failing[name]
        return Counts({"documents_out": len(text), f"task_{name}": 1})

    def file(self, name: str) -> Path:
        return self.work / "stage" / f"{name}.out"

    def run(self, *names: str, recipe: str = "one") -> Counts:
        """Runs the stage as a new process would; what it did is in `done`."""
        self.done.clear()
        return Run(self.work, InProcess(), quiet=True).stage("stage", self, self.tasks(*names, recipe=recipe)).counts

    def tasks(self, *names: str, recipe: str = "one") -> list[Task[tuple[str, str]]]:
        return [
            Task(name=name, payload=(name, recipe), fingerprint=f"{recipe} {name}", outputs=(str(self.file(name)),))
            for name in names
        ]


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    with work_folder(tmp_path / "out.work", fresh=False):
        yield Stage(tmp_path / "out.work")


def test_a_task_that_is_done_is_not_done_again_and_counts_as_before(stage: Stage) -> None:
    first = stage.run("a", "b")
    assert stage.done == ["a", "b"]
    assert first == {"documents_out": 6, "task_a": 1, "task_b": 1}
    assert stage.run("a", "b") == first
    assert stage.done == []


def test_a_new_task_beside_done_ones_is_done_alone(stage: Stage) -> None:
    stage.run("a", "c")
    assert stage.run("a", "b", "c") == {"documents_out": 9, "task_a": 1, "task_b": 1, "task_c": 1}
    assert stage.done == ["b"]


def test_another_fingerprint_does_a_task_again(stage: Stage) -> None:
    stage.run("a", "b")
    assert stage.run("a", "b", recipe="second") == {"documents_out": 12, "task_a": 1, "task_b": 1}
    assert stage.done == ["a", "b"]
    assert stage.file("a").read_text() == "second"


def test_a_task_whose_file_is_gone_is_done_again(stage: Stage) -> None:
    stage.run("a", "b")
    stage.file("b").unlink()
    stage.run("a", "b")
    assert stage.done == ["b"]


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"null", b"{}", b'{"fingerprint": "one a"}'])
def test_a_marker_that_cannot_be_read_is_none(stage: Stage, content: bytes) -> None:
    stage.run("a")
    (stage.work / "stage" / "a.done").write_bytes(content)
    assert stage.run("a") == {"documents_out": 3, "task_a": 1}
    assert stage.done == ["a"]


def test_a_marker_of_an_older_recipe_never_vouches_for_files_written_since(stage: Stage) -> None:
    stage.run("a", "b")
    stage.failing = {"a": OSError("the second recipe fails when its file is already there")}
    with pytest.raises(TaskError):
        stage.run("a", "b", recipe="second")
    assert stage.file("a").read_text() == "second"
    stage.failing = {}
    stage.run("a", "b", recipe="one")
    assert stage.done == ["a", "b"]
    assert (stage.file("a").read_text(), stage.file("b").read_text()) == ("one", "one")


@pytest.mark.parametrize("interruption", [KeyboardInterrupt(), SystemExit(1)])
def test_an_interruption_leaves_no_marker_of_tasks_that_were_not_finished(
    stage: Stage, interruption: BaseException
) -> None:
    stage.run("a", "b", "c")
    stage.failing = {"b": interruption}
    with pytest.raises(type(interruption)):
        stage.run("a", "b", "c", recipe="second")
    assert stage.done == ["a", "b"]
    stage.failing = {}
    stage.run("a", "b", "c", recipe="second")
    assert stage.done == ["b", "c"]
    assert stage.file("c").read_text() == "second"


def test_a_failing_task_stops_no_other_and_is_all_that_a_second_run_does(stage: Stage) -> None:
    stage.failing = {"b": TaskError("cannot read docs.jsonl")}
    with pytest.raises(TaskError) as caught:
        stage.run("a", "b", "c")
    assert stage.done == ["a", "b", "c"]
    assert "1 of 3 tasks failed" in str(caught.value)
    assert "stage b: cannot read docs.jsonl" in str(caught.value)
    stage.failing = {}
    assert stage.run("a", "b", "c") == {"documents_out": 9, "task_a": 1, "task_b": 1, "task_c": 1}
    assert stage.done == ["b"]


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (OSError(errno.ENOSPC, "No space left on device", "/out/x"), "the disk is full at /out/x; make room"),
        (PermissionError(errno.EACCES, "Permission denied", "/in/x"), "Permission denied at /in/x"),
        (
            ZeroDivisionError("by zero"),
            r"ZeroDivisionError: by zero \(test_run\.py:\d+\); this is a fault of interleave",
        ),
        (Unreadable("bad_json", "at 5"), "bad_json: at 5"),
    ],
)
def test_a_failure_is_a_sentence_with_its_place(stage: Stage, error: Exception, message: str) -> None:
    stage.failing = {"a": error}
    with pytest.raises(TaskError, match=message):
        stage.run("a")


def test_of_many_failures_the_first_five_are_shown(stage: Stage) -> None:
    names = [f"t{number}" for number in range(9)]
    stage.failing = {name: TaskError(f"broken {name}") for name in names[:8]}
    with pytest.raises(TaskError) as caught:
        stage.run(*names)
    message = str(caught.value)
    assert "8 of 9 tasks failed" in message
    assert [name for name in names if f"broken {name}" in message] == names[:5]
    assert "... and 3 more" in message


def test_a_stage_tells_what_it_did(stage: Stage) -> None:
    stage.run("a")
    run = Run(stage.work, InProcess(), quiet=True)
    tasks = stage.tasks("a", "b")
    assert not run.is_done("stage", tasks)
    result = run.stage("stage", stage, tasks)
    assert (result.name, result.num_tasks, result.num_done_before) == ("stage", 2, 1)
    assert result.fingerprints == ("one a", "one b")
    assert run.results == [result]
    assert run.is_done("stage", tasks)
    assert not run.is_done("stage", stage.tasks("a", "b", recipe="second"))


def write_length(path: str) -> Counts:
    Path(path).write_text(path)
    return Counts({"characters": len(path)})


def test_a_process_pool_leaves_the_same_files_counts_and_markers_as_one_process(tmp_path: Path) -> None:
    def run(folder: Path, executor: InProcess | ProcessPool) -> tuple[Counts, dict[str, bytes]]:
        folder.mkdir()
        os.chdir(folder)
        tasks = [Task(name=f"t{n}", payload=f"{n}", fingerprint=f"f{n}", outputs=(f"{folder}/{n}",)) for n in range(5)]
        with executor:
            result = Run(folder / "work", executor, quiet=True).stage("stage", write_length, tasks)
        return result.counts, {item.name: item.read_bytes() for item in sorted(folder.rglob("*")) if item.is_file()}

    before = Path.cwd()
    try:
        assert run(tmp_path / "one", InProcess()) == run(tmp_path / "two", ProcessPool(2))
    finally:
        os.chdir(before)
    assert len(list(tmp_path.rglob("*.done"))) == 10


def test_a_work_folder_that_cannot_be_made_is_an_error_that_names_it(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    for work in (tmp_path / "file", tmp_path / "file" / "out.work"):
        with pytest.raises(TaskError, match=f"cannot work in {work}"), work_folder(work, fresh=False):
            pass


def test_counts_add_up_and_know_their_drops() -> None:
    counts = Counts(documents_in=3)
    counts.add_drops(
        [
            Drop(doc_id="a", image=None, stage="clean", rule="num_words"),
            Drop(doc_id="a", image=0, stage="clean", rule="document_dropped"),
            Drop(doc_id="b", image=1, stage="clean", rule="faces"),
            Drop(doc_id="c", image=1, stage="clean", rule="faces"),
        ]
    )
    assert (counts.dropped("document"), counts.dropped("image")) == (1, 3)
    assert counts["drop/image/clean/faces"] == 2
    total = Counts(orjson.loads(orjson.dumps(dict(counts))))
    total.update(counts)
    assert (total["documents_in"], total.dropped("image")) == (6, 6)
