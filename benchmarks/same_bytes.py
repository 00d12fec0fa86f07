"""One recipe, one input: are the bytes the same whatever the workers, the start method, the hash seed, the listing?

    python benchmarks/same_bytes.py [--docs DOCS.jsonl --images FOLDER] [--quick]

Builds with 1, 2, 3 and 8 workers, under processes that start by `spawn` and by `fork`, with three hash seeds of Python,
and with folders listed in order and shuffled; the documents lie in several files. Exits with 1 if any digest differs.
"""

from __future__ import annotations

import argparse
import itertools
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from kill_resume import ROOT, digest

NUM_FILES = 7
WORKERS, METHODS, HASH_SEEDS, LISTINGS = (1, 2, 3, 8), ("spawn", "fork"), (0, 1, 2), ("sorted", "shuffled")

_RUN = """
import multiprocessing, os, random, sys

class Shuffled:
    def __init__(self, found):
        with found:
            self.items = list(found)
        random.shuffle(self.items)
    def __enter__(self): return iter(self.items)
    def __exit__(self, *_): pass
    def __iter__(self): return iter(self.items)
    def close(self): pass

if __name__ == "__main__":
    method, listing = sys.argv[1:3]
    del sys.argv[1:3]
    multiprocessing.set_start_method(method)
    if listing == "shuffled":
        scandir, listdir = os.scandir, os.listdir
        os.scandir = lambda *path: Shuffled(scandir(*path))
        os.listdir = lambda *path: random.sample(found := listdir(*path), len(found))
    from interleave.cli import main
    main()
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--docs", type=Path, default=ROOT / "recipes/sample/docs.jsonl")
    parser.add_argument("--images", type=Path, default=ROOT / "recipes/sample/images")
    parser.add_argument("--quick", action="store_true")
    arguments = parser.parse_args()
    every = list(itertools.product(WORKERS, METHODS, HASH_SEEDS, LISTINGS))
    if arguments.quick:
        every = [(1, "spawn", 0, "sorted"), (3, "fork", 1, "shuffled")]
    digests: dict[str, int] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "docs").mkdir()
        lines = arguments.docs.read_bytes().splitlines(keepends=True)
        for number in range(NUM_FILES):
            (folder / "docs" / f"docs-{number}.jsonl").write_bytes(b"".join(lines[number::NUM_FILES]))
        (folder / "run.py").write_text(_RUN)
        for place, (workers, method, hash_seed, listing) in enumerate(every):
            output = folder / str(place) / "set"
            words = [sys.executable, str(folder / "run.py"), method, listing, "build", str(ROOT / "recipes/mmc4.yaml")]
            words += ["--workers", str(workers), "--set", f"source.path={folder / 'docs'}"]
            words += ["--set", f"source.images={arguments.images.absolute()}", "--set", f"output={output}"]
            env = os.environ | {"PYTHONHASHSEED": str(hash_seed)}
            subprocess.run(words, check=True, env=env, capture_output=True)
            found = digest(output)
            digests[found] = digests.get(found, 0) + 1
            print(f"{workers} workers, {method}, hash seed {hash_seed}, listing {listing:8} {found[:16]}", flush=True)
    print(f"{len(every)} builds, {len(digests)} digest{'s' if len(digests) > 1 else ''}")
    sys.exit(len(digests) > 1)


if __name__ == "__main__":
    main()
