"""What a build would come to: a small one of a sample is done for real, and its figures are carried over.

    files -> up to 16 of them -> count records -> every Nth -> three builds, each of more records -> straight lines

An input that is no larger than the sample is built once, and the figures are exact.

Time: a stage takes a fixed part and a part by the document; two sizes tell them apart, after one that only warms up.
Duplicates grow with the corpus: of two copies a sample of one in ten holds both once in a hundred times. They are
carried over as if copies came in pairs, which is exact for pairs, and too little for pictures that a site repeats
thousands of times: a sample hardly ever holds enough copies of those.
"""

from __future__ import annotations

import math
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

from interleave.acquire.listing import SourceFile, Split, split_bytes
from interleave.acquire.source import Limits, Source
from interleave.errors import RecipeError, TaskError
from interleave.executors import Executor, open_executor, results
from interleave.flow import build
from interleave.recipe import Recipe
from interleave.report import Report, StageLine
from interleave.sampled import Sampled
from interleave.shard.index import INDEX_NAME, read_index

MAX_FILES = 16
# The builds before the largest have one record of so many that it has.
_PARTS = (9, 3)
# Small, so that writing a sample keeps as many workers busy as writing all of it.
_SHARD_BYTES = 2_000_000
# Stages with one task whatever the input: another machine does not make them faster.
_FETCH = "fetch"
_SINGLE = ("dedup", "plan", "seal", "evaluation", _FETCH)
# Rules that find no more in a larger corpus.
_STEADY = ("image_within_document", "image_in_dataset")
# What each stage's time goes into, and the setting that bounds it.
_SETTINGS = {
    "measure": "images are decoded, reduced and written: `images.max_short_side`, `images.quality`",
    "fetch": "the web answers: `fetch`, politeness and connections",
    "decide": "rules: `clean.rules`",
    "fingerprint": "hashes of texts and paragraphs: `dedup.documents`, `dedup.paragraphs`",
    "dedup": "near duplicates: `dedup.documents`, `dedup.images.across`",
    "encode": "tokens: `tokenizer`, and the borders of sentences",
    "write": "images are copied into shards: the disk",
    "seal": "checksums, and the ledger",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """One stage of the whole build."""

    name: str
    seconds: float
    # On this machine.
    seconds_on_several: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Loss:
    """What one rule would take."""

    stage: str
    rule: str
    documents: int
    images: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """What the whole build would come to."""

    num_files: int
    input_bytes: int
    num_files_read: int
    is_counted: bool
    # Whether every record was counted, or those of some files alone.
    documents_in: int
    images_in: int
    sample_documents: int
    # Of the largest of the builds.
    documents_out: int
    images_out: int
    samples: int
    text_tokens: int
    tokens: int
    # With images.
    losses: tuple[Loss, ...]
    # The largest first.
    dataset_bytes: int
    work_bytes: int
    stages: tuple[Stage, ...]
    num_workers: int
    num_machines: int
    most_expensive: str
    setting: str

    @property
    def seconds(self) -> float:
        return sum(stage.seconds for stage in self.stages)

    @property
    def seconds_on_several(self) -> float:
        return sum(stage.seconds_on_several for stage in self.stages)

    def as_plain(self) -> dict[str, Any]:
        return asdict(self) | {"seconds": self.seconds, "seconds_on_several": self.seconds_on_several}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Input:
    """What there is to read, and what of it was counted."""

    num_files: int
    num_bytes: int
    names: dict[str, tuple[str, ...]]
    # Files of each source that are read.
    num_records: int
    # In these files.
    scale: float
    # All files to those that are read, by their bytes.


@dataclass(frozen=True, slots=True, kw_only=True)
class _Built:
    """A build of a sample."""

    report: Report
    image_bytes: int
    other_bytes: int
    # Of the shards.
    work_bytes: int


def estimate(recipe: Recipe, *, num_documents: int, num_workers: int, num_machines: int) -> Estimate:
    """Builds samples of up to `num_documents` in a temporary folder, and carries their figures over.

    Raises:
        RecipeError, TaskError: as `build`; or there is nothing to build a sample of.
    """
    with open_executor(num_workers) as executor:
        found = _look(recipe, executor)
    every = max(1, found.num_records // num_documents)
    # Where all of the input is built, one build says everything.
    smaller = [] if every == 1 and found.scale == 1 else [every * part for part in _PARTS]
    with tempfile.TemporaryDirectory(prefix="interleave-") as scratch:
        build_every = partial(_build_sample, _with_store(recipe, scratch), found, Path(scratch), num_workers)
        builds = []
        for step in smaller:
            # So few documents that none is left say nothing: the largest sample speaks for itself.
            with suppress(TaskError):
                builds.append(build_every(step))
        builds.append(build_every(every))
    return _carry_over(found, builds, num_workers, num_machines)


def _with_store(recipe: Recipe, scratch: str) -> Recipe:
    """Samples share what they download, so that each URL is asked once: in the recipe's store if it has one to keep."""
    if recipe.fetch is None or (recipe.fetch.store is not None and recipe.fetch.keep != "none"):
        return recipe
    keep = "original" if recipe.fetch.keep == "none" else recipe.fetch.keep
    fetch = recipe.fetch.model_copy(update={"store": f"{scratch}/store", "keep": keep})
    return recipe.model_copy(update={"fetch": fetch})


def _look(recipe: Recipe, executor: Executor) -> _Input:
    files, chosen = [], []
    for source in recipe.all_sources:
        of_source = source.files()
        files += of_source
        chosen += _spread(of_source, max(1, MAX_FILES // len(recipe.all_sources)))
    sources: dict[str, Source] = {source.name: source for source in recipe.all_sources}
    count = partial(_count, sources=sources, num_bytes=split_bytes(files), max_image_bytes=recipe.images.max_bytes)
    num_records = sum(number for _, number in results(executor.map(count, chosen)))
    if not num_records:
        raise RecipeError("the input holds no record, so nothing can be estimated")
    read_bytes, all_bytes = (sum(file.num_bytes for file in some) for some in (chosen, files))
    return _Input(
        num_files=len(files),
        num_bytes=all_bytes,
        names={name: tuple(file.name for file in chosen if file.source == name) for name in sources},
        num_records=num_records,
        scale=all_bytes / read_bytes if read_bytes else 1.0,
    )


def _spread(files: Sequence[SourceFile], most: int) -> list[SourceFile]:
    """Up to `most` files, evenly from the first to the last."""
    step = max(1.0, len(files) / most)
    return [files[int(number * step)] for number in range(min(most, len(files)))]


def _count(file: SourceFile, *, sources: dict[str, Source], num_bytes: int, max_image_bytes: int) -> int:
    source, limits = sources[file.source], Limits(max_image_bytes=max_image_bytes)
    splits: list[Split] = source.cut(file, num_bytes)
    return sum(1 for split in splits for _ in source.read(split, limits))


def _build_sample(recipe: Recipe, found: _Input, scratch: Path, num_workers: int, every: int) -> _Built:
    sampled = tuple(Sampled(inner=source, names=found.names[source.name], every=every) for source in recipe.all_sources)
    shards = recipe.shards.model_copy(update={"max_bytes": min(_SHARD_BYTES, recipe.shards.max_bytes)})
    output = str(scratch / f"every-{every}")
    small = recipe.model_copy(update={"source": None, "sources": sampled, "output": output, "shards": shards})
    report = build(small, num_workers=num_workers, quiet=True, pages=False)
    work = Path(report.work)
    image_bytes = sum(_image_bytes(Path(line.folder)) for line in report.datasets)
    shard_bytes = sum(line.num_bytes for line in report.datasets)
    return _Built(
        report=report,
        image_bytes=image_bytes,
        other_bytes=shard_bytes - image_bytes,
        work_bytes=sum(path.stat().st_size for path in work.rglob("*") if path.is_file()),
    )


def _image_bytes(dataset: Path) -> int:
    members = read_index(dataset / INDEX_NAME)["member_bytes"].to_pylist()
    return sum(sum(lengths[2:]) for lengths in members)


def _carry_over(found: _Input, builds: Sequence[_Built], num_workers: int, num_machines: int) -> Estimate:
    largest = builds[-1]
    report = largest.report
    documents_in = round(found.num_records * found.scale)
    share = report.documents_in / documents_in
    losses = _losses(report, share)
    documents_out = documents_in - sum(loss.documents for loss in losses)
    images_in = round(report.images_in / share)
    images_out = images_in - sum(loss.images for loss in losses)
    by_document = documents_out / max(report.documents_out, 1)
    by_image = images_out / max(report.images_out, 1)
    tokens = sum(line.num_tokens for line in report.datasets)
    text_tokens = round(report.tokens_out * by_document)
    stages = tuple(_stages(builds, documents_in, found.scale, num_machines))
    worst = max(stages, key=lambda stage: stage.seconds).name
    return Estimate(
        num_files=found.num_files,
        input_bytes=found.num_bytes,
        num_files_read=sum(map(len, found.names.values())),
        is_counted=found.scale == 1,
        documents_in=documents_in,
        images_in=images_in,
        sample_documents=report.documents_in,
        documents_out=documents_out,
        images_out=images_out,
        samples=round(report.samples * by_document),
        text_tokens=text_tokens,
        tokens=text_tokens + round((tokens - report.tokens_out) * by_image),
        losses=losses,
        dataset_bytes=round(largest.image_bytes * by_image + largest.other_bytes * by_document),
        work_bytes=round(largest.work_bytes / share),
        stages=stages,
        num_workers=num_workers,
        num_machines=num_machines,
        most_expensive=worst,
        setting=_SETTINGS.get(worst, ""),
    )


def _losses(report: Report, share: float) -> tuple[Loss, ...]:
    """What each rule takes of the whole, of whose documents a `share` was built."""
    losses = []
    for line in report.drops:
        grows = line.stage == "dedup" and line.rule not in _STEADY
        documents, images = (
            _of_whole(number, total, share, grows=grows)
            for number, total in ((line.documents, report.documents_in), (line.images, report.images_in))
        )
        losses.append(Loss(stage=line.stage, rule=line.rule, documents=documents, images=images))
    return tuple(sorted(losses, key=lambda loss: (-loss.images - loss.documents, loss.rule)))


def _of_whole(number: int, total: int, share: float, *, grows: bool) -> int:
    """`number` of `total` fell in the sample.

    Of 1,000 in a tenth of a corpus 10 were copies: 1 %, so 10 % of the corpus are, or a little less, since those that
    fall are not counted twice: 1 - exp(-0.1).
    """
    if not total:
        return 0
    fallen = number / total
    return round(total / share * (1 - math.exp(-fallen / share) if grows and share < 1 else fallen))


def _stages(builds: Sequence[_Built], documents: int, scale: float, num_machines: int) -> list[Stage]:
    """Straight lines through the two largest builds, stage by stage."""
    last = builds[-1].report
    before = builds[-2].report if len(builds) > 1 else last
    earlier = {line.stage: line.seconds for line in before.stages}
    found = []
    for line in last.stages:
        if line.stage == _FETCH:
            # Each build asked for what those before had not.
            seconds = sum(each.seconds for build in builds for each in build.report.stages if each.stage == _FETCH)
            found.append(_on_machines(_FETCH, seconds * documents / last.documents_in, num_machines))
        else:
            numbers = before.documents_in, last.documents_in, documents
            found.append(_stage(line, earlier[line.stage], *numbers, scale, num_machines))
    return found


def _stage(
    line: StageLine, earlier: float, num_before: int, num_last: int, documents: int, scale: float, num_machines: int
) -> Stage:
    slope = max(0.0, (line.seconds - earlier) / (num_last - num_before)) if num_last > num_before else 0.0
    fixed = max(0.0, line.seconds - slope * num_last)
    seconds = line.seconds if num_last == documents else fixed * scale + slope * documents
    return _on_machines(line.stage, seconds, num_machines)


def _on_machines(stage: str, seconds: float, num_machines: int) -> Stage:
    machines = 1 if stage in _SINGLE else num_machines
    return Stage(name=stage, seconds=round(seconds, 3), seconds_on_several=round(seconds / machines, 3))
