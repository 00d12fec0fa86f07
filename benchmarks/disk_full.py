"""Builds on disks that are too small, of many sizes: is the full disk named, and does the build go on with room?

    python benchmarks/disk_full.py [--docs DOCS.jsonl --images FOLDER] [--points 20] [--quick]

Needs root, to mount small disks (tmpfs). Builds once to see how much room it takes; then on a disk of each of so many
sizes below that, evenly spaced. Such a build has to exit with 1, name the full disk and a path on it, and leave no
half-written file, nor a manifest unless all that it vouches for is there; enlarged, the same command has to give the
same bytes as the build with room. Exits with 1 if any does not.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from kill_resume import ROOT, command, digest


def on_disk(folder: Path) -> int:
    """Bytes of the blocks that its files take."""
    return sum(512 * path.lstat().st_blocks for path in folder.rglob("*"))


def mount(folder: Path, num_bytes: int, *options: str) -> None:
    words = ["mount", "-t", "tmpfs", "-o", ",".join([*options, f"size={num_bytes}"]), "none", str(folder)]
    subprocess.run(words, check=True)


def faults_of(ran: subprocess.CompletedProcess[str], disk: Path, expected: str) -> list[str]:
    found = []
    if ran.returncode != 1:
        found.append(f"exit {ran.returncode}")
    if "the disk is full" not in ran.stderr:
        found.append("the full disk is not named")
    if str(disk) not in ran.stderr or "Traceback" in ran.stderr or "fault of interleave" in ran.stderr:
        found.append(f"said {ran.stderr[-300:]!r}")
    if list(disk.rglob("*.partial")):
        found.append("something half-written is left")
    if (disk / "set" / "manifest.json").exists() and digest(disk / "set") != expected:
        found.append("a manifest vouches for other bytes")
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--docs", type=Path, default=ROOT / "recipes/sample/docs.jsonl")
    parser.add_argument("--images", type=Path, default=ROOT / "recipes/sample/images")
    parser.add_argument("--points", type=int, default=20)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--quick", action="store_true")
    arguments = parser.parse_args()
    if os.geteuid() or not shutil.which("mount"):
        print("only root can mount small disks: nothing was tried")
        return
    num_points = 3 if arguments.quick else arguments.points
    num_wrong = 0
    with tempfile.TemporaryDirectory() as folder:
        disk = Path(folder)
        mount(disk, 1 << 33)
        try:
            subprocess.run(command(arguments, disk / "set"), check=True, capture_output=True)
            needed, expected = on_disk(disk), digest(disk / "set")
        finally:
            subprocess.run(["umount", str(disk)], check=True)
        print(f"with room     {needed:>12,} bytes")
        for point in range(num_points):
            size = max(1 << 16, needed * (point + 1) // (num_points + 1))
            mount(disk, size)
            try:
                words = command(arguments, disk / "set")
                ran = subprocess.run(words, capture_output=True, text=True, check=False)
                faults = faults_of(ran, disk, expected)
                stage = max(
                    (path for path in disk.rglob("*.done")), key=lambda path: path.stat().st_mtime_ns, default=None
                )
                mount(disk, 1 << 33, "remount")
                subprocess.run(words, check=True, capture_output=True)
                if digest(disk / "set") != expected:
                    faults.append("other bytes")
            finally:
                subprocess.run(["umount", str(disk)], check=True)
            num_wrong += bool(faults)
            where = stage.parent.name if stage else "start"
            print(
                f"disk of       {size:>12,} bytes, last task done in {where:<12} {'; '.join(faults) or 'equal'}",
                flush=True,
            )
    print(f"{num_points} full disks, {num_wrong} wrong")
    sys.exit(num_wrong > 0)


if __name__ == "__main__":
    main()
