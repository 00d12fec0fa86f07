"""SIGKILL at random moments, then resume: is the dataset the same, byte for byte?

    python benchmarks/kill_resume.py [--docs DOCS.jsonl --images FOLDER] [--kills 10] [--workers 2]

Builds once undisturbed. Then, for each kill, begins a new build, kills its whole process group at a random moment of
the time that the undisturbed build took, and resumes it with the same command. Exits with 1 if any digest differs.
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
from pathlib import Path

ROOT = Path(__file__).parent.parent


def command(arguments: argparse.Namespace, output: Path, workers: int) -> list[str]:
    overrides = [f"source.path={arguments.docs.absolute()}", f"source.images={arguments.images.absolute()}"]
    overrides += [f"output={output}", "shards.max_bytes=2000000"]
    program = [str(Path(sys.executable).with_name("interleave")), "build", str(ROOT / "recipes/mmc4.yaml")]
    return [*program, "--workers", str(workers), "--json", *(word for text in overrides for word in ("--set", text))]


def digest(folder: Path) -> str:
    """Of every file that a build determines, by name and content."""
    total = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path.name not in ("summary.json", "report.html"):
            total.update(f"{path.relative_to(folder)}\0".encode() + hashlib.sha256(path.read_bytes()).digest())
    return total.hexdigest()


def kill_after(words: list[str], seconds: float) -> bool:
    """Starts a build and kills it with all its workers; False if it was done before."""
    process = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
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
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    moments = random.Random(arguments.seed)
    with tempfile.TemporaryDirectory() as folder:
        whole, killed = Path(folder) / "whole" / "set", Path(folder) / "killed" / "set"
        began = time.perf_counter()
        subprocess.run(command(arguments, whole, arguments.workers), check=True, stdout=subprocess.DEVNULL)
        seconds = time.perf_counter() - began
        expected = digest(whole)
        print(f"undisturbed   {expected}")
        num_killed = num_different = 0
        while num_killed < arguments.kills:
            shutil.rmtree(killed.parent, ignore_errors=True)
            moment = moments.uniform(0.05, 1) * seconds
            if not kill_after(command(arguments, killed, arguments.workers), moment):
                continue  # it was done before: no kill
            num_killed += 1
            done = {path: path.stat().st_mtime for path in killed.parent.rglob("*.done")}
            stage = max(done, key=lambda path: done[path]).parent.name if done else "start"
            subprocess.run(command(arguments, killed, arguments.workers), check=True, stdout=subprocess.DEVNULL)
            same = digest(killed) == expected
            num_different += not same
            verdict = "equal" if same else "DIFFERENT"
            print(f"kill {num_killed:2} at {moment:6.2f} s, last task done in {stage:<8} {verdict}")
    print(f"{num_killed} kills, {num_different} different")
    sys.exit(num_different > 0)


if __name__ == "__main__":
    main()
