"""The two steps that see all documents at once, `dedup` and `plan`: time and memory as documents grow.

    python benchmarks/global_steps.py [--documents 250000 1000000 4000000] [--images 4] [--folder FOLDER] [--quick]

Fingerprints and sizes are made up, as the stages before leave them: one document in twenty is another one with a word
changed, one image in ten is another's. Each step runs in a process of its own. Its memory is what it held for itself at
most, without mapped files and without what the process held before it began.
"""

from __future__ import annotations

import argparse
import multiprocessing
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from interleave.dedup.columns import binaries, fixed_binary, write_columns
from interleave.dedup.dedup import DedupTask, dedup
from interleave.dedup.settings import Dedup
from interleave.dedup.tables import BANDS, DOCUMENTS, IMAGES, NO_DATE, PARAGRAPHS, FingerprintFiles
from interleave.dedup.text_fingerprints import fingerprint_texts
from interleave.dedup.word_hashes import mix
from interleave.encode.encode import SAMPLES
from interleave.shard.plan import PlanTask, plan

PER_FILE = 50_000
WORDS = 60
SETTINGS = Dedup.model_validate(
    {
        "documents": {"url": "first", "near": 0.8, "keep": "longest", "same_images": 2},
        "paragraphs": {"within": "domain"},
        "images": {"within_document": 5, "across": 2, "max_copies": 10, "max_copies_per_domain": 5, "policy": "keep_n"},
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """What a step took."""

    seconds: float
    num_bytes: int


def make_fingerprints(folder: Path, number: int, num_documents: int, per_document: int) -> FingerprintFiles:
    draw = np.random.default_rng(number)
    words = draw.integers(0, 2**64, (num_documents, WORDS), dtype=np.uint64)
    is_changed = draw.random(num_documents) < 0.05
    is_changed[0] = False
    of = np.flatnonzero(is_changed)
    words[of] = words[of - 1]
    words[of, 0] = draw.integers(0, 2**64, len(of), dtype=np.uint64)
    prints = fingerprint_texts(words.ravel(), np.arange(num_documents + 1) * WORDS)
    ids = draw.integers(0, 256, (num_documents, 16), dtype=np.uint8)
    # A hundred documents each; spread as hashes are.
    domains = mix((number * num_documents + np.arange(num_documents, dtype=np.uint64)) // np.uint64(100))
    columns: dict[str, Any] = {
        "id": fixed_binary(ids, 16),
        "url": draw.integers(1, 2**64, num_documents, dtype=np.uint64),
        "domain": domains,
        "date": np.full(num_documents, NO_DATE),
        "num_characters": draw.integers(100, 5000, num_documents),
        "digest_0": prints.digests[:, 0],
        "digest_1": prints.digests[:, 1],
        "image_set": draw.integers(0, 2**64, num_documents, dtype=np.uint64),
        "num_images": np.full(num_documents, per_document, dtype=np.int32),
        "num_shingles": np.diff(prints.offsets).astype(np.int32),
    }
    columns |= {name: prints.bands[:, place] for place, name in enumerate(BANDS)}
    columns |= {"shingles": binaries(prints.shingles.astype("<u4"), prints.offsets), "host": [""] * num_documents}
    num_images = num_documents * per_document
    phash = draw.integers(0, 2**64, num_images, dtype=np.uint64)
    again = np.flatnonzero(draw.random(num_images) < 0.1)
    phash[again] = phash[again - again % 100]  # of a page of the same domain
    pictures = {
        "document": np.repeat(np.arange(num_documents, dtype=np.int32), per_document),
        "image": np.tile(np.arange(per_document, dtype=np.int32), num_documents),
        "sha256": fixed_binary(np.repeat(phash, 4), 32),
        "phash": phash,
    }
    paragraphs = {
        "document": np.repeat(np.arange(num_documents, dtype=np.int32), 3),
        "hash": draw.integers(0, 2**64, 3 * num_documents, dtype=np.uint64),
        "num_words": np.full(3 * num_documents, 20, dtype=np.int32),
        "sentences": pa.ListArray.from_arrays(
            np.arange(3 * num_documents + 1, dtype=np.int32), np.tile(np.arange(3, dtype=np.int32), num_documents)
        ),
    }
    files = FingerprintFiles(
        documents=str(folder / f"{number}.documents"),
        images=str(folder / f"{number}.images"),
        paragraphs=str(folder / f"{number}.paragraphs"),
    )
    for path, schema, table in (
        (files.documents, DOCUMENTS, columns),
        (files.images, IMAGES, pictures),
        (str(files.paragraphs), PARAGRAPHS, paragraphs),
    ):
        with write_columns(Path(path), schema) as file:
            whole = pa.table(table, schema=schema)
            for start in range(0, whole.num_rows, 4096):
                file.append(whole.slice(start, 4096))
    make_samples(folder / f"{number}.samples", ids, domains, draw)
    return files


def make_samples(path: Path, ids: Any, domains: Any, draw: np.random.Generator) -> None:
    names = [row.tobytes().hex() for row in ids]
    urls = [f"https://site-{domain}.example/" for domain in domains.tolist()]
    known = {"doc_id": names, "url": urls, "num_bytes": draw.integers(10_000, 200_000, len(names))}
    columns = [
        pa.array(known[field.name]) if field.name in known else pa.nulls(len(names), field.type) for field in SAMPLES
    ]
    with pa.ipc.new_file(path, SAMPLES) as writer:
        writer.write_table(pa.table(columns, schema=SAMPLES), max_chunksize=4096)


def anonymous_bytes() -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return sum(1024 * int(line.split()[1]) for line in lines if line.startswith("RssAnon:"))


def measure(step: Any, task: Any, results: Any) -> None:
    """In a process of its own: runs a step and looks at its memory a hundred times a second."""
    before, peak, over = anonymous_bytes(), 0, threading.Event()

    def watch() -> None:
        nonlocal peak
        while not over.wait(0.01):
            peak = max(peak, anonymous_bytes())

    watcher = threading.Thread(target=watch)
    watcher.start()
    began = time.perf_counter()
    try:
        step(task)
    finally:
        over.set()
        watcher.join()
    results.put(Measured(seconds=time.perf_counter() - began, num_bytes=peak - before))


def alone(step: Any, task: Any) -> Measured:
    context = multiprocessing.get_context("spawn")
    results = context.Queue()
    process = context.Process(target=measure, args=(step, task, results))
    process.start()
    process.join()
    if process.exitcode:
        sys.exit(f"{step.__name__} ended with {process.exitcode}")
    found: Measured = results.get()
    return found


def run(folder: Path, num_documents: int, per_document: int) -> dict[str, Measured]:
    starts = range(0, num_documents, PER_FILE)
    files = [
        make_fingerprints(folder, number, min(PER_FILE, num_documents - start), per_document)
        for number, start in enumerate(starts)
    ]
    to_dedup = DedupTask(
        splits=tuple(files),
        earlier=(),
        drops=tuple(str(folder / f"{number}.drops") for number in range(len(files))),
        groups=tuple(str(folder / f"{number}.groups") for number in range(len(files))),
        settings=SETTINGS,
    )
    found = {"dedup": alone(dedup, to_dedup)}
    for name, shares in (("plan", None), ("plan, with splits", {"val": 0.01})):
        to_plan = PlanTask(
            samples=tuple(str(folder / f"{number}.samples") for number in range(len(files))),
            groups=to_dedup.groups,
            folder=str(folder / "plan"),
            seed=0,
            max_bytes=500_000_000,
            multiple_of=2,
            shares=shares,
        )
        found[name] = alone(plan, to_plan)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--documents", type=int, nargs="+", default=[250_000, 1_000_000, 4_000_000])
    parser.add_argument("--images", type=int, default=4, help="of each document")
    parser.add_argument("--folder", type=Path, help="where the tables lie; removed at the end")
    parser.add_argument("--quick", action="store_true")
    arguments = parser.parse_args()
    print(f"{'step':18} {'documents':>11} {'seconds':>8} {'documents/s':>12} {'memory':>10} {'a document':>11}")
    for num_documents in [20_000, 100_000] if arguments.quick else arguments.documents:
        with tempfile.TemporaryDirectory(dir=arguments.folder) as folder:
            for step, found in run(Path(folder), num_documents, arguments.images).items():
                rate, share = num_documents / found.seconds, found.num_bytes / num_documents
                sizes = f"{found.num_bytes / 1e6:>7,.0f} MB {share:>9,.0f} B"
                print(f"{step:18} {num_documents:>11,} {found.seconds:>8.1f} {rate:>12,.0f} {sizes}", flush=True)


if __name__ == "__main__":
    main()
