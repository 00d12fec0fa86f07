"""SIGKILL at random moments, then resume: is the dataset the same, byte for byte?

    python benchmarks/kill_resume.py [--docs DOCS.jsonl --images FOLDER] [--kills 10] [--workers 2]

Builds once undisturbed, then once with the whole process group killed at random moments, spread over the time that the
undisturbed build took, each time resumed by the same command. Prints both digests, and exits with 1 if they differ.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import random
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
        if path.is_file() and path.name != "summary.json":
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
        num_killed, reached = 0, []
        for _ in range(arguments.kills):
            # A moment within what the whole build takes; what is left of the work shrinks from kill to kill.
            num_killed += kill_after(command(arguments, killed, arguments.workers), moments.uniform(0.2, 1) * seconds)
            work = killed.with_name("set.work")
            reached.append(
                max((path.stat().st_mtime, path.parent.name) for path in work.rglob("*"))[1] if work.exists() else "-"
            )
            if moments.random() < 0.3 and work.exists():
                # As if less had been reached: later kills must meet early stages too.
                for marker in list(work.rglob("*.done"))[::2]:
                    marker.unlink()
        subprocess.run(command(arguments, killed, arguments.workers), check=True, stdout=subprocess.DEVNULL)
        digests = digest(whole), digest(killed)
    print(f"{num_killed} of {arguments.kills} starts were killed; last at work on: {', '.join(reached)}")
    print(
        f"undisturbed  {digests[0]}\nkilled       {digests[1]}\n{'equal' if digests[0] == digests[1] else 'DIFFERENT'}"
    )
    sys.exit(digests[0] != digests[1])


if __name__ == "__main__":
    main()
