"""What a build of many documents takes, stage by stage: time, memory, disk. Documents are made up, images are shared.

    python benchmarks/scale.py [--documents 20000 200000 1000000] [--images 100000] [--workers 2] [--folder FOLDER]

Documents have four to twelve sentences of the sample's words and one to three of the images; one in fifty is an earlier
one with a word more. Each stage's line gives seconds, documents a second, the memory that its largest process and all
its processes together held for themselves (without mapped files), and what it left on disk; the last line is the whole
build, with the page that it ends with. Of several numbers of documents each is compared with the one before it. Each
build begins in a process of its own: what one left in memory is not the next one's.
"""

from __future__ import annotations

import argparse
import io
import multiprocessing
import os
import random
import shutil
import sys
import tempfile
import threading
import time
from collections import deque
from concurrent.futures import ProcessPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import orjson
from PIL import Image

ROOT = Path(__file__).parent.parent
SAMPLE = ROOT / "recipes/sample/docs.jsonl"
PER_FILE = 20_000
SIDE = 160
_INTERVAL_S = 0.25


@dataclass(slots=True)
class Memory:
    """What the processes of this one hold for themselves, looked at a few times a second."""

    looks: list[tuple[float, int, int]] = field(default_factory=list)
    # (time, bytes of the largest process, of all processes)
    _over: threading.Event = field(default_factory=threading.Event)

    def watch(self) -> None:
        while not self._over.wait(_INTERVAL_S):
            found = [anonymous_bytes(pid) for pid in family(os.getpid())]
            self.looks.append((time.time(), max(found), sum(found)))

    def stop(self) -> None:
        self._over.set()

    def peak(self, begin: float, end: float) -> tuple[int, int]:
        # A stage that is over between two looks had what was there at the next one.
        inside = [look for look in self.looks if begin - _INTERVAL_S <= look[0] <= end + _INTERVAL_S]
        return max((look[1] for look in inside), default=0), max((look[2] for look in inside), default=0)


def family(pid: int) -> list[int]:
    """A process and its children's children."""
    found, waiting = [], [pid]
    while waiting:
        found.append(waiting.pop())
        for task in Path(f"/proc/{found[-1]}/task").glob("*/children"):
            try:
                waiting.extend(map(int, task.read_text().split()))
            except OSError:
                continue
    return found


def anonymous_bytes(pid: int) -> int:
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0
    return sum(1024 * int(line.split()[1]) for line in lines if line.startswith("RssAnon:"))


def make_images(folder: Path, numbers: range) -> None:
    for number in numbers:
        few = np.random.default_rng(number).integers(0, 256, (6, 6, 3), dtype=np.uint8)
        data = io.BytesIO()
        Image.fromarray(few).resize((SIDE, SIDE), Image.Resampling.BICUBIC).save(data, "JPEG", quality=70)
        (folder / image_name(number)).write_bytes(data.getvalue())


def image_name(number: int) -> str:
    return f"{number // 1000:05d}-{number % 1000:03d}.jpg"


def make_documents(folder: Path, num_images: int, numbers: range) -> None:
    words = sample_words()
    recent: deque[dict[str, Any]] = deque(maxlen=200)
    with (folder / f"docs-{numbers.start:09d}.jsonl").open("wb") as file:
        for number in numbers:
            draw = random.Random(number)
            if recent and draw.random() < 0.02:
                document = changed(draw.choice(recent), number, draw, words)
            else:
                document = new_document(number, num_images, draw, words)
            recent.append(document)
            file.write(orjson.dumps(document) + b"\n")


def sample_words() -> list[str]:
    found: set[str] = set()
    for line in SAMPLE.read_bytes().splitlines():
        with suppress(ValueError):  # the sample has broken lines, on purpose
            found.update(word for text in orjson.loads(line)["text_list"] for word in text.split() if word.isalpha())
    return sorted(found)


def new_document(number: int, num_images: int, draw: random.Random, words: list[str]) -> dict[str, Any]:
    texts = [" ".join(draw.choices(words, k=draw.randint(8, 24))) + "." for _ in range(draw.randint(4, 12))]
    images = []
    for sentence in sorted(draw.sample(range(len(texts)), draw.randint(1, 3))):
        name = image_name(draw.randrange(num_images))
        info = {"image_name": name, "raw_url": f"https://pictures.example/{name}", "matched_text_index": sentence}
        images.append(info | {"matched_sim": round(draw.uniform(0.2, 0.35), 4)})
    similarity = [
        [info["matched_sim"] if place == info["matched_text_index"] else 0.1 for place in range(len(texts))]
        for info in images
    ]
    url = f"https://site-{number % 9973}.example/{number}"
    return {"url": url, "text_list": texts, "image_info": images, "similarity_matrix": similarity}


def changed(document: dict[str, Any], number: int, draw: random.Random, words: list[str]) -> dict[str, Any]:
    texts = list(document["text_list"])
    texts[0] = f"{draw.choice(words)} {texts[0]}"
    return document | {"url": f"https://mirror-{number % 97}.example/{number}", "text_list": texts}


def make_input(folder: Path, num_documents: int, num_images: int, num_workers: int) -> None:
    for name in ("docs", "images"):
        (folder / name).mkdir(parents=True)
    pieces = [range(start, min(start + 1000, num_images)) for start in range(0, num_images, 1000)]
    files = [range(start, min(start + PER_FILE, num_documents)) for start in range(0, num_documents, PER_FILE)]
    with ProcessPoolExecutor(num_workers) as pool:
        list(pool.map(partial(make_images, folder / "images"), pieces))
        list(pool.map(partial(make_documents, folder / "docs", num_images), files))


def bytes_below(folder: Path) -> int:
    return sum(path.lstat().st_size for path in folder.rglob("*") if path.is_file())


def run_build(folder: Path, num_workers: int) -> dict[str, Any]:
    from interleave.flow import build
    from interleave.recipe_file import load_recipe

    overrides = [f"source.path={folder / 'docs'}", f"source.images={folder / 'images'}", f"output={folder / 'set'}"]
    overrides += ["dedup.images={within_document: 5, across: 2, max_copies: 1000, policy: keep_n}"]
    overrides += ["shards.max_bytes=250000000"]
    memory = Memory()
    watcher = threading.Thread(target=memory.watch, daemon=True)
    watcher.start()
    began = time.time()
    report = build(load_recipe(ROOT / "recipes/mmc4.yaml", overrides), num_workers=num_workers)
    over = time.time()
    memory.stop()
    watcher.join()
    work = folder / "set.work"
    stages = []
    for line in report.stages:
        if not line.num_tasks:
            continue
        ended = max(path.stat().st_mtime for path in (work / line.stage).glob("*.done"))
        largest, together = memory.peak(ended - line.seconds, ended)
        on_disk = bytes_below(work / line.stage) + (bytes_below(folder / "set") if line.stage == "write" else 0)
        stages.append(
            {
                "stage": line.stage,
                "tasks": line.num_tasks,
                "seconds": line.seconds,
                "largest_bytes": largest,
                "together_bytes": together,
                "disk_bytes": on_disk,
            }
        )
    return {
        "documents": report.documents_in,
        "images": report.images_in,
        "samples": report.samples,
        "input_bytes": bytes_below(folder / "docs"),
        "seconds": over - began,
        "peak_bytes": memory.peak(began, over),
        "digest": report.datasets[0].digest,
        "stages": stages,
    }


def show(found: dict[str, Any]) -> None:
    print(f"{found['documents']:,} documents, {found['images']:,} images, {found['input_bytes'] / 1e6:,.0f} MB of JSON")
    print(f"{'stage':12} {'tasks':>6} {'seconds':>8} {'documents/s':>12} {'largest':>10} {'together':>10} {'disk':>11}")
    for line in found["stages"]:
        rate = found["documents"] / max(line["seconds"], 1e-3)
        sizes = in_mb(line["largest_bytes"], line["together_bytes"])
        disk = f"{line['disk_bytes'] / 1e6:>8,.0f} MB"
        print(f"{line['stage']:12} {line['tasks']:>6,} {line['seconds']:>8.1f} {rate:>12,.0f} {sizes} {disk}")
    rate = found["documents"] / found["seconds"]
    print(f"{'all':12} {'':>6} {found['seconds']:>8.1f} {rate:>12,.0f} {in_mb(*found['peak_bytes'])}", flush=True)


def in_mb(largest: int, together: int) -> str:
    return f"{largest / 1e6:>7,.0f} MB {together / 1e6:>7,.0f} MB"


def compare(before: dict[str, Any], found: dict[str, Any]) -> None:
    """What grew with the documents, and what did not."""
    peaks = [one["peak_bytes"][1] for one in (before, found)]
    print(
        f"{found['documents'] / before['documents']:.1f} x the documents: {peaks[1] / peaks[0]:.2f} x the memory,",
        end=" ",
    )
    print(f"{found['seconds'] / before['seconds']:.2f} x the time; by stage (time, largest process)")
    for one, other in zip(before["stages"], found["stages"], strict=True):
        seconds, size = (
            other["seconds"] / max(one["seconds"], 1e-3),
            other["largest_bytes"] / max(one["largest_bytes"], 1),
        )
        print(f"{one['stage']:12} {seconds:>8.2f} {size:>8.2f}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--documents", type=int, nargs="+", default=[20_000, 200_000, 1_000_000])
    parser.add_argument("--images", type=int, default=100_000)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--folder", type=Path, help="where input and dataset lie; removed at the end")
    arguments = parser.parse_args()
    before: dict[str, Any] | None = None
    for num_documents in arguments.documents:
        folder = Path(tempfile.mkdtemp(dir=arguments.folder))
        try:
            made = time.monotonic()
            make_input(folder, num_documents, arguments.images, arguments.workers)
            print(f"input made in {time.monotonic() - made:.0f} s", file=sys.stderr)
            with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as fresh:
                found = fresh.submit(run_build, folder, arguments.workers).result()
        finally:
            shutil.rmtree(folder)
        show(found)
        if before is not None:
            compare(before, found)
        before = found


if __name__ == "__main__":
    main()
