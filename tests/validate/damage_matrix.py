"""Damages sound datasets again and again, and counts what validation finds.

    python tests/validate/damage_matrix.py --damages 1000 --faults 500

Damages change bytes; faults change meaning, and every checksum, count and place is made right again. Found is what has
one of the codes that its kind must have. Exits with 1 if anything was not found.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from fixtures_build import build_small, copy_of, sample_dataset, small_dataset
from fixtures_damage import DAMAGES, FAULTS, Kind, Unsuited
from fixtures_tokenizers import byte_level, save

from interleave.errors import ShardError
from interleave.executors import InProcess
from interleave.validate.dataset import validate
from interleave.validate.level import Level
from interleave.validate.options import Options

QWEN = ("<|image_pad|>", "<|vision_start|>", "<|vision_end|>", "<|endoftext|>")


@dataclass(frozen=True, slots=True)
class Source:
    """A sound dataset, and where its tokenizer lies if the manifest does not lead to it."""

    folder: Path
    model: Path | None = None


def sources(scratch: Path) -> Iterator[Source]:
    """Of several shapes: samples as they are, whole documents, cut ones, images written out."""
    yield Source(small_dataset())
    yield Source(sample_dataset())
    build_small(scratch / "whole", "encode.context=null")
    yield Source(scratch / "whole")
    build_small(scratch / "cut", "encode.context=700", "encode.split={overlap: 1}")
    yield Source(scratch / "cut")
    (scratch / "tokenizer").mkdir()
    tokenizer = save(byte_level(special=list(QWEN)), scratch / "tokenizer" / "tokenizer.json")
    build_small(scratch / "qwen", "profile=qwen2-vl", f"tokenizer={tokenizer}", "images.max_short_side=112")
    yield Source(scratch / "qwen", tokenizer.parent)


def found_codes(dataset: Path, model: Path | None, level: Level) -> set[str]:
    """What validation finds; a manifest that cannot be read is a finding, too."""
    with InProcess() as executor:
        try:
            return set(validate(dataset, executor, Options(level=level, model=model), quiet=True).counts)
        except ShardError as error:
            return {"manifest"} if "manifest.json" in str(error) else set()


def is_found(kind: Kind, source: Source, attempt: int, level: Level) -> bool | None:
    """Whether a damage was found; None where this dataset has nothing to be damaged so."""
    with tempfile.TemporaryDirectory() as scratch:
        dataset = copy_of(source.folder, Path(scratch) / source.folder.name)
        try:
            kind.apply(dataset, random.Random(f"{kind.name} {attempt}"))
        except Unsuited:
            return None
        codes = found_codes(dataset, source.model, level)
        if not codes & kind.codes:
            print(f"not found: {kind.name}, attempt {attempt} on {source.folder.name}: {sorted(codes)}", flush=True)
        return bool(codes & kind.codes)


def try_out(kinds: Sequence[Kind], number: int, datasets: Sequence[Source], level: Level) -> Counter[bool]:
    """How many of so many damages were found, and how many not; kinds and datasets in turn."""
    results: Counter[bool] = Counter()
    for attempt in count():
        if results.total() == number:
            return results
        source = datasets[attempt // len(kinds) % len(datasets)]
        found = is_found(kinds[attempt % len(kinds)], source, attempt, level)
        if found is not None:
            results[found] += 1
    raise AssertionError("unreachable")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--damages", type=int, default=1000)
    parser.add_argument("--faults", type=int, default=500)
    parser.add_argument("--level", type=Level, default=Level.PARANOID)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        datasets = list(sources(Path(scratch)))
        missed = 0
        for source in datasets:
            codes = found_codes(source.folder, source.model, options.level) - {"image-small"}
            print(f"{source.folder.name}, sound: {sorted(codes) or 'nothing found'}", flush=True)
            missed += len(codes)
        for name, kinds, number in (("damages", DAMAGES, options.damages), ("faults", FAULTS, options.faults)):
            results = try_out(kinds, number, datasets, options.level)
            print(f"{name}: {results[True]} of {number} found, of {len(kinds)} kinds", flush=True)
            missed += results[False]
    sys.exit(1 if missed else 0)


if __name__ == "__main__":
    main()
