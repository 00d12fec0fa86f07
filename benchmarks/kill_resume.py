"""SIGKILL at random moments of each stage, then resume: is the dataset the same, byte for byte?

    python benchmarks/kill_resume.py [--docs DOCS.jsonl --images FOLDER] [--kills 10] [--workers 2] [--depot]

Builds once undisturbed. Then, for each kill, begins a new build, kills its whole process group in the stage whose turn
it is, at a random moment of the time that this stage took undisturbed, and resumes it with the same command. Exits with
1 if any digest differs.

--depot: builds into a URL, and what one machine was killed at another goes on with: its scratch folder is a new one.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from interleave.remote.publish import MARKS

ROOT = Path(__file__).parent.parent


def command(arguments: argparse.Namespace, output: Path, machine: int | None = None) -> list[str]:
    """machine: builds into a URL, with a scratch folder of this number."""
    overrides = [f"source.path={arguments.docs.absolute()}", f"source.images={arguments.images.absolute()}"]
    overrides += [f"output={output if machine is None else f'file://{output}'}", "shards.max_bytes=2000000"]
    program = [str(Path(sys.executable).with_name("interleave")), "build", str(ROOT / "recipes/mmc4.yaml")]
    if machine is not None:
        program += ["--scratch", str(output.parent / f"machine-{machine}"), "--take-over"]
    program += ["--workers", str(arguments.workers), "--json"]
    return [*program, *(word for text in overrides for word in ("--set", text))]


def digest(folder: Path) -> str:
    """Of every file that a build determines, by name and content."""
    total = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path.name not in ("summary.json", "report.html") and MARKS not in path.parts:
            total.update(f"{path.relative_to(folder)}\0".encode() + hashlib.sha256(path.read_bytes()).digest())
    return total.hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """A stage of the undisturbed build."""

    name: str
    num_tasks: int
    seconds: float
    # From the end of the one before it.


def stages_of(work: Path, began: float) -> list[Stage]:
    """In the order in which they ended; began: when the build did, in seconds since 1970."""
    ends = {}
    for folder in work.iterdir():
        if markers := list(folder.glob("*.done")):
            ends[folder.name] = (max(marker.stat().st_mtime for marker in markers), len(markers))
    found = []
    for name, (ended, num_tasks) in sorted(ends.items(), key=lambda item: item[1]):
        found.append(Stage(name=name, num_tasks=num_tasks, seconds=max(ended - began, 0.0)))
        began = ended
    return found


def num_done(work: Path, stage: str) -> int:
    return len(list((work / stage).glob("*.done")))


def kill_in(words: list[str], work: Path, before: Stage | None, seconds: float) -> bool:
    """Starts a build and kills it with all its workers so long after a stage was done; False if it was over before."""
    process = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
    while before is not None and num_done(work, before.name) < before.num_tasks and process.poll() is None:
        time.sleep(0.001)
    try:
        process.wait(seconds)
        return False
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        return True


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--docs", type=Path, default=ROOT / "recipes/sample/docs.jsonl")
    parser.add_argument("--images", type=Path, default=ROOT / "recipes/sample/images")
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--depot", action="store_true")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    moments = random.Random(arguments.seed)
    first, second = (0, 1) if arguments.depot else (None, None)
    with tempfile.TemporaryDirectory() as folder:
        whole, killed = Path(folder) / "whole" / "set", Path(folder) / "killed" / "set"
        work = killed.with_name("set.work")
        began = time.time()
        subprocess.run(command(arguments, whole, first), check=True, stdout=subprocess.DEVNULL)
        stages = stages_of(whole.with_name("set.work"), began)
        expected = digest(whole)
        print(f"undisturbed   {expected}")
        num_killed = num_tried = num_different = 0
        while num_killed < arguments.kills:
            turn = num_tried % len(stages)
            num_tried += 1
            shutil.rmtree(killed.parent, ignore_errors=True)
            moment = moments.uniform(0, 1) * stages[turn].seconds
            before = stages[turn - 1] if turn else None
            if not kill_in(command(arguments, killed, first), work, before, moment):
                continue  # it was done before: no kill
            num_killed += 1
            left = next((stage for stage in stages if num_done(work, stage.name) < stage.num_tasks), stages[-1])
            place = f"{num_done(work, left.name)} of {left.num_tasks} tasks of {left.name}"
            subprocess.run(command(arguments, killed, second), check=True, stdout=subprocess.DEVNULL)
            same = digest(killed) == expected
            num_different += not same
            print(f"kill {num_killed:2}, {place:30} done   {'equal' if same else 'DIFFERENT'}", flush=True)
    print(f"{num_killed} kills, {num_different} different")
    sys.exit(num_different > 0)


if __name__ == "__main__":
    main()
