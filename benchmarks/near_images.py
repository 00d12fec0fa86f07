"""Near-duplicate perceptual hashes: time, memory and recall, against what sorting alone costs and against plain blocks.

    python benchmarks/near_images.py [--hashes 20_000_000] [--distance 3] [--skewed] [--quick]

Every measurement is a fresh process that maps the same hashes from a file; the programs are measured in turn.

- limit: the same number of values sorted in memory, once for each choice of blocks that hamming_pairs made.
- plain blocks: distance + 1 blocks of bits, all that share one are compared, in numpy. It is quadratic in the end, so
  it is measured on two parts of the hashes, and a n + b n^2 is fitted.
- all pairs: measured on a part, extrapolated with n^2.

Planted are pairs of 1 to `distance` bits, one for every thousand hashes. Skewed: each bit is 1 with a chance of 0.2,
and 1,000 balls of 200 hashes lie within 4 bits of a centre. (A chance of 0.15 would force 2 billion true pairs.) Peak
memory is of the whole process; `own` is without files that it maps, which the system may take back.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from interleave.dedup import hamming
from interleave.dedup.bit_blocks import best_borders, choices

Hashes = npt.NDArray[np.uint64]
Report = dict[str, Any]

CHANCE_OF_ONE = 0.2
NUM_BALLS, BALL_SIZE, BALL_BITS = 1_000, 200, 4
BRUTE_FORCE = 20_000


def some_hashes(num_hashes: int, skewed: bool, rng: np.random.Generator) -> Hashes:
    if not skewed:
        return rng.integers(0, 2**64, num_hashes, dtype=np.uint64)
    hashes = np.empty(num_hashes, dtype=np.uint64)
    for start in range(0, num_hashes, 100_000):
        bits = rng.random((min(100_000, num_hashes - start), 64), dtype=np.float32) < CHANCE_OF_ONE
        hashes[start : start + len(bits)] = np.packbits(bits, axis=1).view(np.uint64).ravel()
    in_balls = hashes[: min(NUM_BALLS * BALL_SIZE, num_hashes // 10)]
    in_balls[:] = flipped(np.resize(hashes[-NUM_BALLS:], len(in_balls)), BALL_BITS, rng)
    return hashes


def flipped(hashes: Hashes, most_bits: int, rng: np.random.Generator) -> Hashes:
    """Each with one bit changed to `most_bits`."""
    changed = hashes.copy()
    num_bits = rng.integers(1, most_bits + 1, len(hashes))
    for count in range(most_bits):
        bit = np.uint64(1) << rng.integers(0, 64, len(hashes), dtype=np.uint64)
        changed[num_bits > count] ^= bit[num_bits > count]
    return changed


def make(folder: Path, distance: int, num_hashes: int, skewed: bool) -> Report:
    """Writes the hashes, each once and ascending, and the planted pairs of them."""
    rng = np.random.default_rng(0)
    hashes = some_hashes(num_hashes, skewed, rng)
    one = rng.choice(hashes, num_hashes // 1_000, replace=False)
    other = flipped(one, distance, rng)
    hashes[rng.choice(num_hashes, len(one), replace=False)] = other
    hashes = np.concatenate([hashes, one, other])
    hashes.sort()
    np.save(folder / "hashes.npy", hashes[np.concatenate([[True], hashes[1:] != hashes[:-1]])])
    np.save(folder / "planted.npy", np.stack([one, other], axis=1)[one != other])
    return {}


def run_ours(folder: Path, distance: int, max_in_memory: int) -> Report:
    hashes = np.load(folder / "hashes.npy", mmap_mode="r")
    pairs, report = measured(
        lambda: hamming.hamming_pairs(hashes, distance, max_in_memory=max_in_memory, folder=folder)
    )
    keys = pairs[:, 0].astype(np.uint64) << np.uint64(32) | pairs[:, 1].astype(np.uint64)
    planted = np.searchsorted(hashes, np.sort(np.load(folder / "planted.npy"), axis=1)).astype(np.uint64)
    wanted = planted[:, 0] << np.uint64(32) | planted[:, 1]
    found = (
        keys[np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)] == wanted if len(keys) else wanted == wanted + 1
    )
    return {**report, "pairs": len(pairs), "planted": len(wanted), "found": int(found.sum())}


def run_limit(folder: Path, distance: int, max_in_memory: int) -> Report:
    """Bare sorts, in pieces that memory holds; the hashes are mixed first, for sorted ones would be sorted faster."""
    hashes = np.load(folder / "hashes.npy", mmap_mode="r")
    borders = best_borders(hashes, 0, distance)
    num_choices = 1 if borders is None else sum(1 for _ in choices(borders, distance))
    buffer = np.empty(min(len(hashes), max_in_memory), dtype=np.uint64)
    seconds = 0.0
    for _ in range(num_choices):
        for start in range(0, len(hashes), len(buffer)):
            part = buffer[: len(hashes) - start]
            np.multiply(hashes[start : start + len(part)], np.uint64(0x9E3779B97F4A7C15), out=part)
            seconds += measured(part.sort)[1]["seconds"]
    return {"seconds": seconds, "choices": num_choices}


def run_plain_blocks(folder: Path, distance: int, num_hashes: int) -> Report:
    return measured(lambda: plain_blocks(subset(folder, num_hashes), distance))[1]


def run_all_pairs(folder: Path, distance: int, num_hashes: int) -> Report:
    """All pairs of a part, and whether hamming_pairs finds the same ones in it."""
    hashes = subset(folder, num_hashes)
    pairs, report = measured(lambda: all_pairs(hashes, distance))
    return {**report, "pairs": len(pairs), "same": bool(np.array_equal(pairs, hamming.hamming_pairs(hashes, distance)))}


RUNS: dict[str, Callable[[Path, int, int], Report]] = {
    "random": lambda folder, distance, num_hashes: make(folder, distance, num_hashes, skewed=False),
    "skewed": lambda folder, distance, num_hashes: make(folder, distance, num_hashes, skewed=True),
    "ours": run_ours,
    "limit": run_limit,
    "plain blocks": run_plain_blocks,
    "all pairs": run_all_pairs,
}


def subset(folder: Path, num_hashes: int) -> Hashes:
    """Spread over all hashes, half of it planted pairs."""
    planted = np.load(folder / "planted.npy").ravel()[: num_hashes // 2]
    hashes = np.load(folder / "hashes.npy", mmap_mode="r")
    return np.unique(np.concatenate([planted, hashes[:: max(1, len(hashes) // (num_hashes - len(planted)))]]))


def all_pairs(hashes: Hashes, distance: int) -> npt.NDArray[np.int64]:
    found = []
    for start in range(0, len(hashes), 64):
        i, j = np.nonzero(np.bitwise_count(hashes[start : start + 64, None] ^ hashes) <= distance)
        found.append(np.stack([i + start, j], axis=1)[i + start < j])
    return np.concatenate(found)


def plain_blocks(hashes: Hashes, distance: int) -> npt.NDArray[np.int64]:
    found = [np.empty((0, 2), dtype=np.int64)]
    for low, high in pairwise(round(64 * block / (distance + 1)) for block in range(distance + 2)):
        key = hashes >> np.uint64(low) & np.uint64((1 << (high - low)) - 1)
        order = np.argsort(key)
        key, values, lag = key[order], hashes[order], 1
        while (same := key[lag:] == key[:-lag]).any():
            near = np.flatnonzero(same & (np.bitwise_count(values[lag:] ^ values[:-lag]) <= distance))
            found.append(np.sort(np.stack([order[near], order[near + lag]], axis=1), axis=1))
            lag += 1
    return np.unique(np.concatenate(found), axis=0)


def measured(work: Callable[[], Any]) -> tuple[Any, Report]:
    """What a piece of work gives, and its time and peak memory, that of before included."""
    own, done = [0], threading.Event()

    def watch() -> None:
        while not done.wait(0.02):
            own.append(own_memory())

    watcher = threading.Thread(target=watch)
    watcher.start()
    began = time.perf_counter()
    try:
        result = work()
        seconds = time.perf_counter() - began
    finally:
        done.set()
        watcher.join()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return result, {"seconds": seconds, "peak": peak, "own": max(own)}


def own_memory() -> int:
    """Bytes that are not mapped files; 0 where the system does not tell."""
    try:
        lines = Path("/proc/self/status").read_text().splitlines()
    except OSError:
        return 0
    return sum(1024 * int(line.split()[1]) for line in lines if line.startswith("RssAnon:"))


def fresh(name: str, folder: Path, distance: int, number: int) -> Report:
    """The report of a run in a process of its own."""
    command = [sys.executable, __file__, "--run", name, str(folder), str(distance), str(number)]
    report: Report = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
    return report


def print_report(folder: Path, distance: int, num_hashes: int, max_in_memory: int, parts: tuple[int, int]) -> None:
    ours = fresh("ours", folder, distance, max_in_memory)
    limit = fresh("limit", folder, distance, max_in_memory)
    few, many = (fresh("plain blocks", folder, distance, part)["seconds"] for part in parts)
    every = fresh("all pairs", folder, distance, BRUTE_FORCE)
    grows = max(0.0, (many / parts[1] - few / parts[0]) / (parts[1] - parts[0]))
    plain = num_hashes * (max(0.0, few / parts[0] - grows * parts[0]) + grows * num_hashes)
    memory = f"peak {ours['peak'] / 1e6:,.0f} MB, own {ours['own'] / 1e6:,.0f} MB"
    print(f"hamming_pairs  {ours['seconds']:9.2f} s, {memory}, {ours['pairs']:,} pairs")
    print(
        f"recall         {ours['found']:,} of {ours['planted']:,} planted pairs; of a part of {BRUTE_FORCE:,}:", end=" "
    )
    print(f"{every['pairs']:,} pairs, {'the same' if every['same'] else 'NOT the same'} as comparing all")
    print(
        f"limit          {limit['seconds']:9.2f} s, {limit['choices']} sorts: {limit['seconds'] / ours['seconds']:.0%}"
    )
    for part, seconds in zip(parts, (few, many), strict=True):
        print(f"plain blocks   {seconds:9.2f} s for {part:,}")
    print(f"plain blocks   {plain:9.0f} s for all, extrapolated: {plain / ours['seconds']:.0f} times as long")
    total = every["seconds"] * (num_hashes / BRUTE_FORCE) ** 2
    print(f"all pairs      {total:9.0f} s for all, extrapolated: {total / ours['seconds']:.0f} times as long")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hashes", type=int, default=20_000_000)
    parser.add_argument("--distance", type=int, default=3)
    parser.add_argument("--skewed", action="store_true")
    parser.add_argument("--max-in-memory", type=int, default=hamming.MAX_IN_MEMORY)
    parser.add_argument("--quick", action="store_true", help="a million hashes")
    parser.add_argument("--run", nargs=4, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.run:
        name, folder, distance, number = args.run
        print(json.dumps(RUNS[name](Path(folder), int(distance), int(number))))
        return
    num_hashes = 1_000_000 if args.quick else args.hashes
    part = (50_000 if args.skewed else 200_000) if args.quick else (200_000 if args.skewed else 2_000_000)
    with tempfile.TemporaryDirectory() as folder:
        kind = "skewed" if args.skewed else "random"
        fresh(kind, Path(folder), args.distance, num_hashes)
        print(f"{num_hashes:,} {kind} hashes, distance {args.distance}")
        print_report(Path(folder), args.distance, num_hashes, args.max_in_memory, (part, 2 * part))


if __name__ == "__main__":
    main()
