"""What a build came to: a table for people, the same numbers as JSON, and the proof that nothing was lost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import orjson

from interleave.artifact_store import ArtifactStore
from interleave.counts import Counts, DropLine
from interleave.encode.model import TargetModel
from interleave.errors import TaskError
from interleave.files import write_bytes
from interleave.run import StageResult
from interleave.shard.manifest import SUMMARY_NAME, read_manifest
from interleave.shard.seal import dataset_digest


@dataclass(frozen=True, slots=True, kw_only=True)
class StageLine:
    """A stage's line in the summary."""

    stage: str
    documents: int | None
    images: int | None
    # Left after it.
    num_tasks: int
    num_done_before: int
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class DatasetLine:
    """A dataset that was sealed."""

    folder: str
    digest: str
    num_shards: int
    num_samples: int
    num_images: int
    num_tokens: int
    num_bytes: int
    num_removed_samples: int
    num_removed_images: int
    # Taken down since it was built.


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What a build came to."""

    documents_in: int
    documents_out: int
    images_in: int
    images_out: int
    images_repeated: int
    # Once more in the part behind (`encode.split.overlap`).
    sentences_in: int
    sentences_out: int
    # Those of documents that were dropped are in none of the drops: they went with their document.
    tokens_in: int
    tokens_dropped: int
    tokens_out: int
    # Of text; dropped with their documents.
    samples: int
    documents_cut: int
    documents_kept_whole: int
    # Longer than the context: those with several (image, sentence) pairs.
    cuts_inside_sentences: int
    added_placeholder: int | None
    # The id of the placeholder, where the tokenizer lacks it and it was put after the vocabulary.
    placeholders_escaped: int
    faces_blurred: int
    replaced: dict[str, int]
    # Pieces of personal data, by kind.
    evaluation_items: int
    evaluation_items_refused: int
    # Images and questions of evaluation sets to stay clear of, and those that could not be read.
    urls_fetched: int
    urls_not_fetched: int
    urls_to_retry: int
    # Of those not fetched: failed for a reason that may pass. All three are 0 where nothing was asked for.
    stages: tuple[StageLine, ...]
    drops: tuple[DropLine, ...]
    datasets: tuple[DatasetLine, ...]
    work: str

    def as_json(self) -> bytes:
        return orjson.dumps(asdict(self), option=orjson.OPT_INDENT_2) + b"\n"


def check_something_is_left(results: Sequence[StageResult]) -> None:
    """Raises:
    TaskError: no document is left; the sentence names the rule that took the most.
    """
    counts = {result.name: result.counts for result in results}
    if counts["encode"]["documents_out"]:
        return
    total = counts["measure"]["documents_in"]
    if not total:
        raise TaskError("the input holds no document")
    drops = _drops(results)
    worst = max(drops, key=lambda line: line.documents)
    images = max(drops, key=lambda line: line.images)
    of_images = f"; {images.stage}/{images.rule} took most images ({images.images:,})" if images.images else ""
    raise TaskError(
        f"nothing is left of {total:,} documents; {worst.stage}/{worst.rule} took {worst.documents:,} of them"
        f"{of_images}: loosen that rule (in `clean.rules` or `dedup`), or mend the input"
    )


def finish(
    results: Sequence[StageResult], work: Path, folders: Sequence[Path], model: TargetModel, artifacts: ArtifactStore
) -> Report:
    """The report of a finished build, written beside each dataset as `summary.json`."""
    report = _account(results, work, folders, None if model.has_placeholder else model.image.placeholder, artifacts)
    for folder in folders:
        write_bytes(folder / SUMMARY_NAME, report.as_json())
        artifacts.keep([folder / SUMMARY_NAME])
    return report


def _account(
    results: Sequence[StageResult],
    work: Path,
    folders: Sequence[Path],
    added_placeholder: int | None,
    artifacts: ArtifactStore,
) -> Report:
    counts = {result.name: result.counts for result in results}
    measured, encoded, fetched = counts["measure"], counts["encode"], counts.get("fetch", Counts())
    evaluation = counts.get("evaluation", Counts())
    drops = _drops(results)
    report = Report(
        documents_in=measured["documents_in"],
        documents_out=encoded["documents_out"],
        images_in=measured["images_in"],
        images_out=encoded["images_out"],
        images_repeated=encoded["images_repeated"],
        sentences_in=encoded["sentences_in"],
        sentences_out=encoded["sentences_out"],
        tokens_in=encoded["tokens_in"],
        tokens_dropped=encoded["tokens_dropped"],
        tokens_out=encoded["tokens_out"],
        samples=encoded["samples"],
        documents_cut=encoded["documents_cut"],
        documents_kept_whole=encoded["documents_kept_whole"],
        cuts_inside_sentences=encoded["cuts_inside_sentences"],
        added_placeholder=added_placeholder,
        placeholders_escaped=encoded["placeholders_escaped"],
        faces_blurred=encoded["faces_blurred"],
        replaced=_named(measured, "replaced/"),
        evaluation_items=evaluation["evaluation_images"] + evaluation["evaluation_questions"],
        evaluation_items_refused=evaluation["evaluation_refused"],
        urls_fetched=fetched["images_fetched"],
        urls_not_fetched=fetched["images_not_fetched"],
        urls_to_retry=fetched["images_to_retry"],
        stages=tuple(_stage_line(result) for result in results),
        drops=tuple(drops),
        datasets=tuple(_dataset_line(folder, artifacts.location(folder)) for folder in folders),
        work=artifacts.location(work),
    )
    _check(report)
    return report


def _check(report: Report) -> None:
    """Invariant 1: what went in came out, or is in the ledger."""
    dropped_documents = sum(line.documents for line in report.drops)
    dropped_images = sum(line.images for line in report.drops)
    assert report.documents_in == report.documents_out + dropped_documents, "documents are lost"
    assert report.images_in == report.images_out + dropped_images, "images are lost"
    assert report.tokens_in == report.tokens_out + report.tokens_dropped, "tokens are lost"
    images = sum(line.num_images + line.num_removed_images for line in report.datasets)
    samples = sum(line.num_samples + line.num_removed_samples for line in report.datasets)
    if (images, samples) != (report.images_out + report.images_repeated, report.samples):
        raise TaskError(
            f"{', '.join(line.folder for line in report.datasets)}: {samples:,} samples with {images:,} images, this "
            f"build wrote {report.samples:,} with {report.images_out + report.images_repeated:,}; somebody exchanged "
            "the dataset since: give another output, or --fresh to write it again"
        )


def _drops(results: Sequence[StageResult]) -> list[DropLine]:
    total = Counts()
    for result in results:
        total.update({name: number for name, number in result.counts.items() if name.startswith("drop/")})
    rules = dict.fromkeys(tuple(name.split("/")[2:]) for name in total)
    return [
        DropLine(
            stage=stage,
            rule=rule,
            documents=total[f"drop/document/{stage}/{rule}"],
            images=total[f"drop/image/{stage}/{rule}"],
            sentences=total[f"drop/sentence/{stage}/{rule}"],
        )
        for stage, rule in rules
    ]


def _named(counts: Counts, prefix: str) -> dict[str, int]:
    """Counts whose name begins with the prefix, by the rest of the name."""
    return {name.removeprefix(prefix): count for name, count in sorted(counts.items()) if name.startswith(prefix)}


def _stage_line(result: StageResult) -> StageLine:
    counts: dict[str, Any] = dict(result.counts)
    return StageLine(
        stage=result.name,
        documents=counts.get("documents_out"),
        images=counts.get("images_out"),
        num_tasks=result.num_tasks,
        num_done_before=result.num_done_before,
        seconds=round(result.seconds, 3),
    )


def _dataset_line(folder: Path, location: str) -> DatasetLine:
    manifest = read_manifest(folder)
    return DatasetLine(
        folder=location,
        digest=dataset_digest(folder),
        num_shards=len(manifest.shards),
        num_samples=manifest.num_samples,
        num_images=manifest.num_images,
        num_tokens=manifest.num_tokens,
        num_bytes=sum(shard.num_bytes for shard in manifest.shards),
        num_removed_samples=manifest.num_removed_samples,
        num_removed_images=manifest.num_removed_images,
    )
