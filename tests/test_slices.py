"""A build in slices, one after another or side by side: the dataset is that of one build."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from fixtures_build import RECIPE, TIMEOUT_S, build_sample, built_files, cli, command, split_input

from interleave.counts import Counts
from interleave.errors import Unfinished
from interleave.executors import InProcess
from interleave.flow import build
from interleave.recipe_file import load_recipe
from interleave.run import Run, Task
from interleave.work_folder import Slice

NUM_SLICES = 4


@pytest.fixture(scope="module")
def straight(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The dataset as one process builds it."""
    output = tmp_path_factory.mktemp("straight") / "mmc4"
    build_sample(output, *overrides())
    return output


def overrides() -> tuple[str, ...]:
    return f"source.path={split_input()}", "shards.max_bytes=700000"


def arguments(output: Path, index: int, *more: str) -> list[str]:
    sets = [word for override in (f"output={output}", *overrides()) for word in ("--set", override)]
    return ["build", str(RECIPE), "--workers", "1", "--slice", f"{index}/{NUM_SLICES}", *sets, *more]


def test_slices_one_after_another_go_on_where_the_others_left_off(straight: Path, tmp_path: Path) -> None:
    output = tmp_path / "mmc4"
    ends = []
    while not ends or any(ends[-1]):
        assert len(ends) < 8
        runs = [command(*arguments(output, index)) for index in range(NUM_SLICES)]
        ends.append([run.returncode for run in runs])
        assert all(
            run.stderr == "" if run.returncode == 0 else "Run this slice again when" in run.stderr for run in runs
        )
        assert set(ends[-1]) <= {0, 75}
    assert built_files(output) == built_files(straight)


def test_slices_side_by_side_wait_for_each_other(straight: Path, tmp_path: Path) -> None:
    output = tmp_path / "mmc4"
    runs = [
        subprocess.Popen(
            [*cli(), *arguments(output, index, "--wait", "2", "--json")],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for index in range(NUM_SLICES)
    ]
    texts = [run.communicate(timeout=TIMEOUT_S) for run in runs]
    assert [run.returncode for run in runs] == [0] * NUM_SLICES, texts
    assert built_files(output) == built_files(straight)
    # Each says what the whole build came to.
    reports = {out.partition('"stages"')[0] for out, _ in texts}
    assert len(reports) == 1


def test_a_slice_that_is_lost_is_made_up_for_by_a_build_of_all(straight: Path, tmp_path: Path) -> None:
    output = tmp_path / "mmc4"
    recipe = load_recipe(RECIPE, [f"output={output}", *overrides()])
    with pytest.raises(Unfinished, match=r"slice 1/4 has done its share of `measure`; 4 of 5 tasks are other slices'"):
        build(recipe, part=Slice(1, NUM_SLICES), quiet=True, pages=False)
    report = build(recipe, quiet=True, pages=False)
    measured = next(line for line in report.stages if line.stage == "measure")
    assert (measured.num_done_before, measured.num_tasks) == (1, 5)
    assert built_files(output) == built_files(straight)


def test_a_slice_that_comes_late_leaves_the_sealed_dataset_as_it_is(straight: Path, tmp_path: Path) -> None:
    output = tmp_path / "mmc4"
    build_sample(output, *overrides())
    before = {path: path.stat().st_mtime_ns for path in output.rglob("*") if path.name != "summary.json"}
    assert command(*arguments(output, 2)).returncode == 0
    assert {path: path.stat().st_mtime_ns for path in before} == before
    assert built_files(output) == built_files(straight)


@pytest.mark.parametrize(
    ("more", "why"),
    [
        (["--fresh"], "a slice cannot start over, since the others may be at work"),
        (["--slice", "4/4"], "expected I/N with I from 0 to N-1"),
    ],
)
def test_slices_that_cannot_be_are_refused(tmp_path: Path, more: list[str], why: str) -> None:
    done = command(*arguments(tmp_path / "mmc4", 0, *more))
    assert done.returncode == 2
    assert why in done.stderr
    assert not list(tmp_path.iterdir())


def test_waiting_is_for_slices() -> None:
    done = command("build", str(RECIPE), "--wait", "3")
    assert (done.returncode, done.stderr) == (2, "error: --wait is for slices: give --slice I/N as well\n")


def test_a_slice_does_its_own_tasks_and_counts_those_of_others_when_they_are_done(tmp_path: Path) -> None:
    tasks = [Task(name=f"t{number}", payload=number, fingerprint="f", outputs=()) for number in range(5)]
    done: list[int] = []

    def count(number: int) -> Counts:
        done.append(number)
        return Counts(tasks=1, numbers=number)

    first, second = (Run(tmp_path, InProcess(), quiet=True, part=Slice(index, 2), wait_s=0.1) for index in range(2))
    first.stage("stage", count, tasks)
    assert done == [0, 2, 4]
    with pytest.raises(Unfinished, match="slice 0/2 has done its share of `stage`; 2 of 5 tasks are other slices'"):
        first.join()
    assert second.stage("stage", count, tasks).counts == Counts(tasks=5, numbers=10)
    assert done == [0, 2, 4, 1, 3]
    second.join()
    first.join()
    assert [result.counts for result in first.results] == [Counts(tasks=5, numbers=10)]
