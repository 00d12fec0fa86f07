"""The whole build against its limit: nothing but decoding, resizing and encoding the same images, in the same run.

    python benchmarks/build.py [--docs DOCS.jsonl --images FOLDER] [--workers 2] [--rounds 3]

The two are measured in turn; ratios are of medians. Both sides start the same number of processes anew. The
limit decodes, resizes and encodes each distinct image once, with the same filter and quality, and writes nothing.
"""

from __future__ import annotations

import argparse
import io
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import simplejpeg
from PIL import Image

from interleave.executors import open_executor
from interleave.images.resize import reduce

ROOT = Path(__file__).parent.parent
SHORT_SIDE, QUALITY = 336, 90  # what the recipe's profile asks for


def image_files(docs: Path, images: Path) -> list[str]:
    """Each image that the documents refer to, once."""
    names: dict[str, None] = {}
    for line in docs.read_bytes().splitlines():
        try:
            infos = json.loads(line)["image_info"]
            names.update(dict.fromkeys(str(images / info["image_name"]) for info in infos))
        except (ValueError, KeyError, TypeError):
            continue
    return [name for name in names if Path(name).is_file()]


def bare_work(names: Sequence[str]) -> int:
    """Decode, resize, encode: what no build can do without. The same filter and quality, no check and no fallback."""
    done = 0
    for name in names:
        try:
            image = _decode(Path(name).read_bytes())
        except (ValueError, OSError):
            continue
        shrink = SHORT_SIDE / min(image.size)
        if shrink < 1:
            image = reduce(image, (round(image.width * shrink), round(image.height * shrink)))
        simplejpeg.encode_jpeg(np.asarray(image), QUALITY, "RGB", "420")
        done += 1
    return done


def _decode(data: bytes) -> Image.Image:
    if data.startswith(b"\xff\xd8"):
        return Image.fromarray(simplejpeg.decode_jpeg(data, "RGB", strict=False))
    return Image.open(io.BytesIO(data)).convert("RGB")


def time_limit(names: Sequence[str], workers: int) -> float:
    size = max(1, len(names) // (8 * workers))
    batches = [names[start : start + size] for start in range(0, len(names), size)]
    began = time.perf_counter()
    with open_executor(workers) as executor:
        for _ in executor.map(bare_work, batches):
            pass
    return time.perf_counter() - began


def time_build(docs: Path, images: Path, workers: int) -> tuple[float, dict[str, float]]:
    """Seconds of the whole command, and of each stage."""
    with tempfile.TemporaryDirectory() as folder:
        overrides = [
            f"source.path={docs}",
            f"source.images={images}",
            f"output={folder}/out",
            "clean.rules=[{kind: aspect_ratio, min: 0.2, max: 5.0}]",
            "shards.max_bytes=20000000",
        ]
        command = [str(Path(sys.executable).with_name("interleave")), "build", str(ROOT / "recipes/mmc4.yaml")]
        command += ["--workers", str(workers), "--json", *(part for text in overrides for part in ("--set", text))]
        began = time.perf_counter()
        output = subprocess.run(command, check=True, capture_output=True).stdout
        return time.perf_counter() - began, {line["stage"]: line["seconds"] for line in json.loads(output)["stages"]}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--docs", type=Path, default=ROOT / "recipes/sample/docs.jsonl")
    parser.add_argument("--images", type=Path, default=ROOT / "recipes/sample/images")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    names = image_files(arguments.docs.absolute(), arguments.images.absolute())
    limits, builds, stages = [], [], []
    for _ in range(arguments.rounds):
        limits.append(time_limit(names, arguments.workers))
        whole, by_stage = time_build(arguments.docs.absolute(), arguments.images.absolute(), arguments.workers)
        builds.append(whole)
        stages.append(by_stage)
    limit, build = statistics.median(limits), statistics.median(builds)
    print(f"{len(names)} images, {arguments.workers} workers, {arguments.rounds} rounds, medians")
    print(f"limit (decode, resize, encode)   {limit:7.2f} s  {len(names) / limit:8.0f} images/s")
    print(f"whole build, start to seal       {build:7.2f} s  {len(names) / build:8.0f} images/s")
    for stage in stages[0]:
        print(f"  {stage:<30} {statistics.median(by[stage] for by in stages):7.2f} s")
    measure = statistics.median(by["measure"] for by in stages)
    print(f"measure reaches {limit / measure:.0%} of the limit, the whole build {limit / build:.0%}")


if __name__ == "__main__":
    main()
