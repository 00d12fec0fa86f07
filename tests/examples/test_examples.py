"""The trainers of `examples/` really train: the loss falls, and what was killed goes on to the very same numbers."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections import Counter
from functools import cache
from pathlib import Path

import pytest
from fixtures_build import ROOT, TIMEOUT_S, build_sample

pytest.importorskip("transformers")
pytest.importorskip("accelerate")

EXAMPLES = ROOT / "examples"
STEP = re.compile(r"^step (\d+) loss (\S+)$", re.MULTILINE)


@pytest.fixture(scope="module")
def data() -> Path:
    return dataset()


@cache
def dataset() -> Path:
    folder = Path(tempfile.mkdtemp())
    import atexit

    atexit.register(shutil.rmtree, folder)
    build_sample(folder / "llava", "profile=llava-1.5-hf", "encode.tokens_per_image=4", "encode.context=512")
    return folder / "llava"


def command(script: str, *arguments: object, ranks: int = 0) -> list[str]:
    """How to run an example, under torchrun where ranks are given."""
    launch = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(ranks)] if ranks else []
    return [sys.executable, *launch, str(EXAMPLES / script), *map(str, arguments)]


def run(script: str, *arguments: object, ranks: int = 0) -> dict[int, str]:
    """Runs an example to its end; the loss of each step, to the last digit."""
    ran = subprocess.run(
        command(script, *arguments, ranks=ranks),
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
        env=os.environ | {"OMP_NUM_THREADS": "1", "TOKENIZERS_PARALLELISM": "false"},
    )
    assert ran.returncode == 0, ran.stdout[-500:] + ran.stderr[-3000:]
    return {int(step): loss for step, loss in STEP.findall(ran.stdout)}


def killed_after(num_steps: int, *arguments: object, script: str) -> dict[int, str]:
    """Starts an example and kills it once it has printed so many steps; their losses."""
    process = subprocess.Popen(
        command(script, *arguments),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env=os.environ | {"OMP_NUM_THREADS": "1", "PYTHONUNBUFFERED": "1"},
    )
    assert process.stdout is not None
    losses = {}
    for line in process.stdout:
        if found := STEP.match(line):
            losses[int(found[1])] = found[2]
        if len(losses) == num_steps:
            break
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stdout.close()
    return losses


def test_a_plain_loop_learns_and_goes_on_after_a_kill_to_the_very_same_numbers(data: Path, tmp_path: Path) -> None:
    whole = run("train_pytorch.py", "--data", data, "--epochs", 1, "--checkpoint", tmp_path / "whole.pt")
    assert len(whole) == 12 and float(whole[len(whole)]) < float(whole[1]) - 0.5
    arguments = ("--data", data, "--epochs", 1, "--checkpoint", tmp_path / "killed.pt", "--every", 4)
    before = killed_after(7, *arguments, script="train_pytorch.py")
    after = run("train_pytorch.py", *arguments, "--resume", tmp_path / "killed.pt")
    assert min(after) == 5 and before | after == whole


def keys_of(folder: Path) -> dict[int, list[str]]:
    """The samples of each step, rank by rank."""
    steps: dict[int, list[str]] = {}
    for path in sorted(folder.glob("rank-*.txt")):
        for line in path.read_text().splitlines():
            step, *keys = line.split()
            steps.setdefault(int(step), []).extend(key for key in keys if key != "dummy")
    return steps


def test_two_ranks_go_on_to_the_very_same_numbers_and_four_with_the_rows_that_are_left(
    data: Path, tmp_path: Path
) -> None:
    def train(name: str, steps: int, ranks: int, *more: object) -> tuple[dict[int, str], dict[int, list[str]]]:
        """The losses, and the samples of each step."""
        (tmp_path / name).mkdir()
        files = ("--checkpoint", tmp_path / "checkpoint.pt", "--seen", tmp_path / name)
        losses = run("train_ddp.py", "--data", data, "--steps", steps, "--every", 8, *files, *more, ranks=ranks)
        return losses, keys_of(tmp_path / name)

    # An epoch: 23 rows, two a step; a checkpoint behind 16 of them.
    losses, whole = train("two", 12, 2)
    assert float(losses[12]) < float(losses[1]) - 0.3
    seen = [key for _, keys in sorted(whole.items()) for key in keys]
    assert len(seen) == len({*seen}) == 44
    resume = ("--resume", tmp_path / "checkpoint.pt")
    again, _ = train("two again", 11, 2, *resume)
    assert again == {step: losses[step] for step in (9, 10, 11)}
    # Four ranks take the other 7 in 2 steps.
    _, more = train("four", 10, 4, *resume)
    found = [key for _, keys in sorted(more.items()) for key in keys]
    assert found == [key for step, keys in sorted(whole.items()) if step > 8 for key in keys]


def test_trainer_of_hugging_face_sees_each_row_once_on_two_ranks_and_resumes_exactly(
    data: Path, tmp_path: Path
) -> None:
    output = tmp_path / "output"

    def train(name: str, *more: object) -> tuple[dict[int, str], Counter[int]]:
        """The losses, and how often each row was seen."""
        (tmp_path / name).mkdir()
        arguments = ("--data", data, "--output", output, "--steps", 12, "--seen", tmp_path / name)
        losses = run("train_hf_trainer.py", *arguments, *more, ranks=2)
        lines = [line for path in (tmp_path / name).iterdir() for line in path.read_text().splitlines()]
        return losses, Counter(int(line.split()[1]) for line in lines)

    whole, rows = train("whole")
    # accelerate fills the last round with the first row again.
    assert rows == Counter([*range(23), 0])
    assert float(whole[12]) < float(whole[1]) - 0.3
    for later in {*output.glob("checkpoint-*")} - {output / "checkpoint-5"}:
        shutil.rmtree(later)
    resumed, rows = train("resumed", "--resume")
    assert rows == Counter([*range(10, 23), 0])
    assert [resumed[step] for step in range(6, 13)] == [whole[step] for step in range(6, 13)]
