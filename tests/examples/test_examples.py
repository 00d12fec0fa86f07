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


def test_two_ranks_learn_and_four_go_on_with_the_rows_that_are_left(data: Path, tmp_path: Path) -> None:
    def train(name: str, steps: int, ranks: int, *more: object) -> dict[int, str]:
        (tmp_path / name).mkdir()
        files = ("--checkpoint", tmp_path / name / "checkpoint.pt", "--seen", tmp_path / name)
        return run("train_ddp.py", "--data", data, "--steps", steps, "--every", 4, *files, *more, ranks=ranks)

    # An epoch: 23 rows, two a step.
    whole = train("whole", 12, 2)
    assert float(whole[12]) < float(whole[1]) - 0.3
    train("begun", 4, 2)
    # 8 rows are gone; four ranks take the other 15 in 4 steps.
    train("more", 8, 4, "--resume", tmp_path / "begun" / "checkpoint.pt")
    left = [key for step, keys in sorted(keys_of(tmp_path / "whole").items()) if step > 4 for key in keys]
    found = [key for _, keys in sorted(keys_of(tmp_path / "more").items()) for key in keys]
    assert found == left
    begun = [key for keys in keys_of(tmp_path / "begun").values() for key in keys]
    assert len(begun) + len(left) == len({*begun, *left}) == 44


def test_trainer_of_hugging_face_sees_each_row_once_on_two_ranks_and_resumes_exactly(
    data: Path, tmp_path: Path
) -> None:
    def train(name: str, steps: int, *more: object) -> tuple[dict[int, str], Counter[int]]:
        """The losses, and how often each row was seen."""
        (tmp_path / name).mkdir()
        arguments = ("--data", data, "--output", tmp_path / "output", "--steps", steps, "--seen", tmp_path / name)
        losses = run("train_hf_trainer.py", *arguments, *more, ranks=2)
        lines = [line for path in (tmp_path / name).iterdir() for line in path.read_text().splitlines()]
        return losses, Counter(int(line.split()[1]) for line in lines)

    train("begun", 5)
    resumed, rows = train("resumed", 12, "--resume")
    # accelerate fills the last round with the first row again.
    assert rows == Counter([*range(10, 23), 0])
    shutil.rmtree(tmp_path / "output")
    whole, rows = train("whole", 12)
    assert rows == Counter([*range(23), 0])
    assert float(whole[12]) < float(whole[1]) - 0.3
    assert [resumed[step] for step in range(6, 13)] == [whole[step] for step in range(6, 13)]
