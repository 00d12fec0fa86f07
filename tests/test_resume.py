"""Interrupted builds, repeated builds, and builds of a changed recipe or input."""

from __future__ import annotations

import os
import random
import resource
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest
from fixtures_build import (
    RECIPE,
    SAMPLE,
    TIMEOUT_S,
    build_sample,
    build_small,
    built_files,
    cli,
    copy_of,
    sample_dataset,
    split_input,
    write_split_input,
)

from interleave.errors import TaskError
from interleave.report import Report
from interleave.work_folder import work_folder

NUM_KILLS = 4


def done_before(report: Report) -> dict[str, tuple[int, int]]:
    return {line.stage: (line.num_done_before, line.num_tasks) for line in report.stages}


def num_files(folders: list[Path]) -> int:
    return sum(len(names) for folder in folders for _, _, names in os.walk(folder))


def kill_when(process: subprocess.Popen[bytes], folders: list[Path], wanted: int) -> None:
    """Ends the whole process group as soon as so many files are there."""
    deadline = time.monotonic() + TIMEOUT_S
    while num_files(folders) < wanted and process.poll() is None:
        assert time.monotonic() < deadline
        time.sleep(0.001)
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
    process.wait(TIMEOUT_S)


def test_a_build_that_was_killed_again_and_again_ends_with_the_same_bytes(tmp_path: Path) -> None:
    recipe = (f"source.path={split_input()}", "shards.max_bytes=700000")
    straight, killed = tmp_path / "straight" / "mmc4", tmp_path / "killed" / "mmc4"
    build_sample(straight, *recipe)
    total = num_files([straight, straight.with_name("mmc4.work")])
    assert total > 60
    moments = sorted(random.Random(20).sample(range(3, total - 6), NUM_KILLS))
    num_killed = 0
    for num_workers, wanted in zip((1, 2, 1, 2), moments, strict=True):
        arguments = ["build", str(RECIPE), "--workers", str(num_workers), "--set", f"output={killed}"]
        for override in recipe:
            arguments += ["--set", override]
        process = subprocess.Popen(
            [*cli(), *arguments], start_new_session=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        kill_when(process, [killed, killed.with_name("mmc4.work")], wanted)
        num_killed += process.returncode == -signal.SIGKILL
    assert num_killed >= NUM_KILLS - 1, "the build must have been interrupted, or nothing is shown"
    build_sample(killed, *recipe)
    assert built_files(killed) == built_files(straight)
    assert not list(killed.parent.rglob("*.partial"))


def test_a_second_run_does_nothing_again(tmp_path: Path) -> None:
    output = tmp_path / "mmc4"
    build_small(output)
    files = [output / name for name in built_files(output)]
    times = [path.stat().st_mtime_ns for path in files]
    again = build_small(output)
    assert all(done == total for done, total in done_before(again).values())
    assert [path.stat().st_mtime_ns for path in files] == times


def test_a_second_run_reports_the_same_numbers(tmp_path: Path) -> None:
    first, second = (build_small(tmp_path / "mmc4") for _ in range(2))
    assert (first.documents_out, first.images_out, first.tokens_out, first.drops, first.datasets) == (
        second.documents_out,
        second.images_out,
        second.tokens_out,
        second.drops,
        second.datasets,
    )


def test_another_threshold_decodes_no_image_and_the_old_recipe_gives_the_old_bytes_again(tmp_path: Path) -> None:
    output = tmp_path / "mmc4"
    build_small(output)
    before = built_files(output)
    changed = build_small(output, "dedup.images.within_document=null")
    assert done_before(changed)["measure"] == (1, 1)
    assert done_before(changed)["decide"] == (1, 1)
    assert done_before(changed)["dedup"] == (0, 1)
    assert built_files(output) != before
    straight = tmp_path / "straight" / "mmc4"
    build_small(straight, "dedup.images.within_document=null")
    assert built_files(output) == built_files(straight)
    build_small(output)
    assert built_files(output) == before


@pytest.mark.parametrize(
    ("override", "first_stage"),
    [
        ("images.quality=80", "measure"),
        ("clean.rules=[{kind: num_images, min: 3}]", "decide"),
        ("dedup.images=null", "dedup"),
        ("align.place=after", "encode"),
        ("seed=5", "plan"),
        ("shards.multiple_of=4", "plan"),
    ],
)
def test_a_changed_recipe_is_done_again_from_the_stage_that_depends_on_it(
    tmp_path: Path, override: str, first_stage: str
) -> None:
    output = tmp_path / "mmc4"
    build_small(output)
    again = done_before(build_small(output, override))
    stages = ["measure", "decide", "fingerprint", "dedup", "encode", "plan", "write", "seal"]
    at = stages.index(first_stage)
    assert {stage for stage in stages if again[stage][0] == again[stage][1]} == set(stages[:at])
    straight = tmp_path / "straight" / "mmc4"
    build_small(straight, override)
    assert built_files(output) == built_files(straight)


def test_fewer_shards_than_before_leave_none_of_the_old_ones(tmp_path: Path) -> None:
    output = tmp_path / "mmc4"
    build_small(output, "shards.multiple_of=5")
    assert len(list(output.glob("*.tar"))) == 5
    build_small(output)
    assert len(list(output.glob("*.tar"))) == 2


def test_a_recipe_with_splits_leaves_nothing_of_the_dataset_without_them(tmp_path: Path) -> None:
    output = tmp_path / "mmc4"
    build_small(output)
    build_small(output, "splits={val: 0.5}")
    assert sorted(path.name for path in output.iterdir()) == ["train", "val"]


def test_a_recipe_without_splits_leaves_nothing_of_the_datasets_with_them(tmp_path: Path) -> None:
    output = tmp_path / "mmc4"
    build_small(output, "splits={val: 0.5}")
    build_small(output)
    assert not (output / "train" / "manifest.json").exists()
    assert not (output / "val" / "manifest.json").exists()


def test_a_lost_shard_is_written_again(tmp_path: Path) -> None:
    output = tmp_path / "mmc4"
    build_small(output)
    before = built_files(output)
    (output / "shard-0001.tar").unlink()
    assert done_before(build_small(output))["write"] == (1, 2)
    assert built_files(output) == before


# Other input


def built_from_five_files(folder: Path) -> tuple[Path, Path]:
    """Documents in five files, and the dataset made of them."""
    docs, output = folder / "docs", folder / "mmc4"
    write_split_input(docs, num_lines=3)
    build_sample(output, f"source.path={docs}")
    return docs, output


def test_changed_input_is_refused_by_name_until_fresh_is_said(tmp_path: Path) -> None:
    docs, output = built_from_five_files(tmp_path)
    before = built_files(output)
    lines = (docs / "docs_3.jsonl").read_bytes().splitlines()
    (docs / "docs_3.jsonl").write_bytes(b"\n".join(lines[:-2]) + b"\n")
    with pytest.raises(TaskError, match=r"(?s)changed: mmc4/docs_3\.jsonl.*--fresh") as caught:
        build_sample(output, f"source.path={docs}")
    assert "docs_1" not in str(caught.value)
    assert built_files(output) == before
    assert build_sample(output, f"source.path={docs}", fresh=True).documents_in == 13


def test_files_that_came_and_went_are_named(tmp_path: Path) -> None:
    docs, output = built_from_five_files(tmp_path)
    (docs / "docs_0.jsonl").rename(docs / "later.jsonl")
    with pytest.raises(TaskError, match=r"(?s)gone: mmc4/docs_0\.jsonl.*new: mmc4/later\.jsonl"):
        build_sample(output, f"source.path={docs}")


def test_touched_or_moved_input_is_the_same_input(tmp_path: Path) -> None:
    docs, output = built_from_five_files(tmp_path)
    os.utime(docs / "docs_1.jsonl", ns=(10**18, 10**18))
    shutil.move(docs, tmp_path / "moved")
    again = build_sample(output, f"source.path={tmp_path / 'moved'}")
    assert all(done == total for done, total in done_before(again).values())


def test_other_images_are_measured_again(tmp_path: Path) -> None:
    output = tmp_path / "mmc4"
    build_small(output)
    shutil.copytree(SAMPLE / "images", tmp_path / "images")
    again = build_small(output, f"source.images={tmp_path / 'images'}")
    assert done_before(again)["measure"] == (0, 1)


# In between


def test_a_dataset_that_is_being_written_again_has_no_manifest(tmp_path: Path) -> None:
    output = copy_of(sample_dataset(), tmp_path / "mmc4")
    before = built_files(output)
    # Nothing but the tars is larger than this, so that writing them again fails.
    script = (
        f"import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, {resource.RLIM_INFINITY})); "
        "from interleave.cli import main; main()"
    )
    arguments = ["build", str(RECIPE), "--set", f"output={output}", "--set", "seed=9", "--workers", "1"]
    ran = subprocess.run(
        [cli()[0], "-c", script, *arguments], capture_output=True, text=True, timeout=TIMEOUT_S, check=False
    )
    assert ran.returncode == 1 and "write" in ran.stderr
    assert not (output / "manifest.json").exists()
    assert not list(output.rglob("*.partial"))
    build_sample(output, "seed=9")
    straight = tmp_path / "straight" / "mmc4"
    build_sample(straight, "seed=9")
    assert built_files(output) == built_files(straight) != before


def test_a_second_build_does_not_take_the_work_folder_of_the_first_even_with_fresh(tmp_path: Path) -> None:
    output, work = tmp_path / "mmc4", tmp_path / "mmc4.work"
    with work_folder(work, fresh=False):
        (work / "measure").mkdir()
        with pytest.raises(TaskError, match="another build is at work"):
            build_small(output, fresh=True)
        assert (work / "measure").is_dir()
