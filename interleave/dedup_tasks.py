"""The tasks between the rules and encoding: what is an evaluation set's, fingerprints of what is left, duplicates."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from interleave.dedup.corpus import EarlierDataset
from interleave.dedup.decontaminate import DecontaminateTask, EvaluationTask
from interleave.dedup.dedup import DedupTask
from interleave.dedup.fingerprint import FingerprintTask
from interleave.dedup.tables import FingerprintFiles
from interleave.input_tasks import image_target
from interleave.recipe import Recipe, evaluation_identity
from interleave.run import StageResult, Task
from interleave.settings import identity
from interleave.task_names import CORPUS_MEMORY, groups_file, make_task, spool_file, task_name, versions


def evaluation_tasks(recipe: Recipe, work: Path) -> list[Task[EvaluationTask]]:
    """One for each evaluation set whose fingerprints are to be taken."""
    if recipe.decontaminate is None:
        return []
    target = image_target(recipe)
    tasks = []
    for number, evaluation in enumerate(recipe.decontaminate.sets):
        if evaluation.kind != "fingerprints":
            table = spool_file(work, "evaluation", number, "fingerprints")
            depends = ["evaluation", versions(), evaluation_identity(evaluation), asdict(target)]
            payload = EvaluationTask(set=evaluation, target=target, table=table)
            tasks.append(make_task(task_name(number), payload, depends, (), (table,)))
    return tasks


def decontaminate_tasks(
    recipe: Recipe, decided: StageResult, evaluation: StageResult, work: Path
) -> list[Task[DecontaminateTask]]:
    assert recipe.decontaminate is not None
    tables = tuple(
        item.path if item.kind == "fingerprints" else spool_file(work, "evaluation", number, "fingerprints")
        for number, item in enumerate(recipe.decontaminate.sets)
    )
    known = [evaluation_identity(item) for item in recipe.decontaminate.sets]
    tasks = []
    for number, before in enumerate(decided.fingerprints):
        drops = spool_file(work, "decontaminate", number, "drops")
        payload = DecontaminateTask(
            documents=spool_file(work, "measure", number, "documents"),
            decided=spool_file(work, "decide", number, "drops"),
            tables=tables,
            settings=recipe.decontaminate,
            drops=drops,
        )
        depends = ["decontaminate", before, list(evaluation.fingerprints), known, identity(recipe.decontaminate)]
        reads = (payload.documents, payload.decided, *tables)
        tasks.append(make_task(task_name(number), payload, depends, reads, (drops,)))
    return tasks


def fingerprint_tasks(recipe: Recipe, left: StageResult, work: Path) -> list[Task[FingerprintTask]]:
    tasks = []
    for number, before in enumerate(left.fingerprints):
        files = fingerprint_files(work, number)
        stages = ("decide", "decontaminate") if recipe.decontaminate else ("decide",)
        payload = FingerprintTask(
            documents=spool_file(work, "measure", number, "documents"),
            dropped=tuple(spool_file(work, stage, number, "drops") for stage in stages),
            into=files,
        )
        reads = (payload.documents, *payload.dropped)
        tasks.append(make_task(task_name(number), payload, ["fingerprint", before], reads, fingerprint_paths(files)))
    return tasks


def dedup_tasks(
    recipe: Recipe, fingerprinted: StageResult, earlier: Sequence[EarlierDataset], work: Path
) -> list[Task[DedupTask]]:
    numbers = range(len(fingerprinted.fingerprints))
    payload = DedupTask(
        splits=tuple(fingerprint_files(work, number) for number in numbers),
        earlier=tuple(earlier),
        drops=tuple(spool_file(work, "dedup", number, "drops") for number in numbers),
        groups=tuple(groups_file(work, number) for number in numbers),
        settings=recipe.dedup,
    )
    depends = ["dedup", identity(recipe.dedup), [dataset.digest for dataset in earlier]]
    depends += [list(fingerprinted.fingerprints)]
    reads = (path for files in payload.splits for path in fingerprint_paths(files))
    return [make_task("all", payload, depends, reads, (*payload.drops, *payload.groups), CORPUS_MEMORY)]


def fingerprint_paths(files: FingerprintFiles) -> tuple[str, ...]:
    return files.documents, files.images, str(files.paragraphs)


def fingerprint_files(work: Path, number: int) -> FingerprintFiles:
    documents, images, paragraphs = (
        spool_file(work, "fingerprint", number, what) for what in ("documents", "images", "paragraphs")
    )
    return FingerprintFiles(documents=documents, images=images, paragraphs=paragraphs)
