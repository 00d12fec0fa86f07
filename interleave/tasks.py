"""What the tasks of each stage are, and what each depends on.

A task's fingerprint covers the part of the recipe that it depends on and the fingerprints of what it reads. So a
changed threshold begins at `decide`, a changed tokenizer at `encode`, and an upgraded image library at `measure`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TypeVar

import orjson

from interleave.acquire.listing import Split
from interleave.align.similarity import Similarity
from interleave.clean.decide import SIGNALS, DecideTask
from interleave.clean.document_rules import Sample
from interleave.clean.rules import Rules, rules_identity, sort_rules
from interleave.clean.scores import IndexedScores, scores_identity
from interleave.dedup.corpus import EarlierDataset
from interleave.dedup.decontaminate import DecontaminateTask, EvaluationTask
from interleave.dedup.dedup import DedupTask
from interleave.dedup.fingerprint import FingerprintTask
from interleave.dedup.tables import FingerprintFiles
from interleave.encode.encode import EncodeTask
from interleave.encode.layout import LayoutSettings
from interleave.encode.model import TargetModel
from interleave.input_tasks import image_target
from interleave.recipe import Recipe, evaluation_identity
from interleave.run import StageResult, Task
from interleave.settings import identity
from interleave.shard.manifest import MANIFEST_NAME, InputEntry, ModelEntry, TokenizerEntry
from interleave.shard.plan import PlannedShard, PlanTask
from interleave.shard.seal import SealTask
from interleave.shard.write import WriteTask, shard_name
from interleave.task_names import JUDGING, library_versions, make_task, samples_file, spool_file, task_name, versions

Payload = TypeVar("Payload")


def decide_tasks(
    recipe: Recipe, scores: Mapping[str, IndexedScores], measured: StageResult, work: Path
) -> list[Task[DecideTask]]:
    rules = sort_rules(recipe.clean.rules)
    known = [scores_identity(settings) for settings in recipe.scores]
    tasks = []
    for number, before in enumerate(measured.fingerprints):
        drops, signals = spool_file(work, "decide", number, "drops"), _signals(work, number)
        payload = DecideTask(
            documents=spool_file(work, "measure", number, "documents"),
            drops=drops,
            signals=signals,
            rules=rules,
            similarity=_similarity(recipe, scores),
            assign=recipe.align.assign,
            scores=scores,
            seed=recipe.seed,
        )
        depends: list[object] = ["decide", before, rules_identity(rules), _lot(recipe, rules)]
        depends += [library_versions(JUDGING), known, recipe.align.similarity, recipe.align.assign]
        tasks.append(make_task(task_name(number), payload, depends, (drops, *signals.values())))
    return tasks


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
            tasks.append(make_task(task_name(number), payload, depends, (table,)))
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
        tasks.append(make_task(task_name(number), payload, depends, (drops,)))
    return tasks


def fingerprint_tasks(recipe: Recipe, left: StageResult, work: Path) -> list[Task[FingerprintTask]]:
    tasks = []
    for number, before in enumerate(left.fingerprints):
        files = _fingerprint_files(work, number)
        stages = ("decide", "decontaminate") if recipe.decontaminate else ("decide",)
        payload = FingerprintTask(
            documents=spool_file(work, "measure", number, "documents"),
            dropped=tuple(spool_file(work, stage, number, "drops") for stage in stages),
            into=files,
        )
        outputs = (files.documents, files.images, str(files.paragraphs))
        tasks.append(make_task(task_name(number), payload, ["fingerprint", before], outputs))
    return tasks


def dedup_tasks(
    recipe: Recipe, fingerprinted: StageResult, earlier: Sequence[EarlierDataset], work: Path
) -> list[Task[DedupTask]]:
    numbers = range(len(fingerprinted.fingerprints))
    payload = DedupTask(
        splits=tuple(_fingerprint_files(work, number) for number in numbers),
        earlier=tuple(earlier),
        drops=tuple(spool_file(work, "dedup", number, "drops") for number in numbers),
        groups=str(work / "dedup" / "groups.parquet"),
        settings=recipe.dedup,
    )
    depends = ["dedup", identity(recipe.dedup), [dataset.digest for dataset in earlier]]
    depends += [list(fingerprinted.fingerprints)]
    return [make_task("all", payload, depends, (*payload.drops, payload.groups))]


def encode_tasks(
    recipe: Recipe,
    scores: Mapping[str, IndexedScores],
    model: TargetModel,
    unique: StageResult,
    num_splits: int,
    work: Path,
) -> list[Task[EncodeTask]]:
    rules = sort_rules(recipe.clean.rules)
    tasks = []
    for number in range(num_splits):
        drops, samples = spool_file(work, "encode", number, "drops"), samples_file(work, number)
        since = ("decontaminate", "dedup") if recipe.decontaminate else ("dedup",)
        payload = EncodeTask(
            documents=spool_file(work, "measure", number, "documents"),
            decided=spool_file(work, "decide", number, "drops"),
            since=tuple(spool_file(work, stage, number, "drops") for stage in since),
            drops=drops,
            samples=samples,
            rules=rules,
            seed=recipe.seed,
            align=recipe.align,
            similarity=_similarity(recipe, scores),
            scores=scores,
            tokenizer_file=model.tokenizer_file,
            tokenizer_name=model.tokenizer_name,
            profile=model.profile,
            layout=_layout(recipe, model),
            context=model.context,
        )
        # The tokenizer counts by its content: the same file elsewhere changes nothing.
        depends = ["encode", unique.fingerprints[0], rules_identity(rules), _lot(recipe, rules), identity(recipe.align)]
        depends += [library_versions(JUDGING)]
        depends += [identity(recipe.encode), asdict(model) | {"tokenizer_file": ""}]
        tasks.append(make_task(task_name(number), payload, depends, (drops, samples)))
    return tasks


def plan_tasks(recipe: Recipe, encoded: StageResult, work: Path) -> list[Task[PlanTask]]:
    payload = PlanTask(
        samples=tuple(samples_file(work, number) for number in range(len(encoded.fingerprints))),
        groups=str(work / "dedup" / "groups.parquet"),
        folder=str(work / "plan"),
        seed=recipe.seed,
        max_bytes=recipe.shards.max_bytes,
        multiple_of=recipe.shards.multiple_of,
        shares=recipe.splits,
    )
    depends = ["plan", list(encoded.fingerprints), recipe.seed, identity(recipe.shards), recipe.splits]
    return [make_task("all", payload, depends, (str(work / "plan" / "plan.json"),))]


def write_tasks(
    recipe: Recipe, shards: Sequence[PlannedShard], planned: StageResult, num_splits: int, work: Path
) -> list[Task[WriteTask]]:
    tasks = []
    for shard in shards:
        name = _shard_task(shard)
        tar = str(Path(recipe.output) / shard.dataset / shard_name(shard.number))
        payload = WriteTask(
            shard=shard,
            plan=str(work / "plan"),
            samples=tuple(samples_file(work, number) for number in range(num_splits)),
            spool=str(work / "measure"),
            tar=tar,
            index=str(work / "write" / f"{name}.arrow"),
        )
        depends = ["write", planned.fingerprints[0], shard.dataset, shard.number]
        tasks.append(make_task(name, payload, depends, (tar, payload.index)))
    return tasks


def seal_tasks(
    recipe: Recipe,
    model: TargetModel,
    to_write: Sequence[Task[WriteTask]],
    shards: Sequence[PlannedShard],
    splits: Sequence[Split],
    work: Path,
) -> list[Task[SealTask]]:
    numbers = range(len(splits))
    dropping = ("measure", "decide", *(("decontaminate",) if recipe.decontaminate else ()), "dedup", "encode")
    drops = tuple(spool_file(work, stage, number, "drops") for stage in dropping for number in numbers)
    inputs = dict.fromkeys((split.source, split.name, split.sha256) for split in splits)
    tasks = []
    for dataset, folder in folders(recipe, shards):
        written = [task for task, shard in zip(to_write, shards, strict=True) if shard.dataset == dataset]
        payload = SealTask(
            folder=str(folder),
            name=Path(recipe.output).name + (f"-{dataset}" if dataset else ""),
            indexes=tuple(task.payload.index for task in written),
            drops=drops,
            signals={level: tuple(_signals(work, number)[level] for number in numbers) for level in SIGNALS},
            fingerprints=tuple(_fingerprint_files(work, number) for number in numbers),
            drops_since=tuple(
                tuple(spool_file(work, stage, number, "drops") for stage in ("dedup", "encode")) for number in numbers
            ),
            tokenizer=_tokenizer_entry(model),
            model=_model_entry(model),
            recipe=orjson.dumps(recipe.plain(), option=orjson.OPT_SORT_KEYS).decode(),
            recipe_hash=recipe.hash(),
            inputs=tuple(InputEntry(source=source, name=name, sha256=sha256) for source, name, sha256 in inputs),
            made_with=tuple(versions().items()),
        )
        depends = ["seal", [task.fingerprint for task in written], payload.name, payload.recipe]
        tasks.append(make_task(dataset or "all", payload, depends, (str(folder / MANIFEST_NAME),)))
    return tasks


def _fingerprint_files(work: Path, number: int) -> FingerprintFiles:
    documents, images, paragraphs = (
        spool_file(work, "fingerprint", number, what) for what in ("documents", "images", "paragraphs")
    )
    return FingerprintFiles(documents=documents, images=images, paragraphs=paragraphs)


def _lot(recipe: Recipe, rules: Rules) -> int | None:
    """The seed, where a rule draws."""
    return recipe.seed if any(isinstance(named.rule, Sample) for named in rules.document) else None


def _similarity(recipe: Recipe, scores: Mapping[str, IndexedScores]) -> Similarity:
    name = recipe.align.similarity
    return Similarity(name=name, indexes=scores[name].indexes if name in scores else ())


def _signals(work: Path, number: int) -> dict[str, str]:
    """Files of a split's signals, by level."""
    return {level: spool_file(work, "decide", number, level) for level in SIGNALS}


def _shard_task(shard: PlannedShard) -> str:
    return f"{shard.dataset or 'all'}-{task_name(shard.number)}"


def folders(recipe: Recipe, shards: Sequence[PlannedShard]) -> list[tuple[str, Path]]:
    return [(name, Path(recipe.output) / name) for name in dict.fromkeys(shard.dataset for shard in shards)]


def _layout(recipe: Recipe, model: TargetModel) -> LayoutSettings:
    return LayoutSettings(
        placeholder=model.placeholder,
        tokens_per_image=model.tokens_per_image,
        separator=recipe.encode.separator,
        bos=model.bos,
        eos=model.eos,
        longest_sentence=None if model.context is None else model.context - 2,
    )


def _tokenizer_entry(model: TargetModel) -> TokenizerEntry:
    return TokenizerEntry(
        name=model.tokenizer_name,
        sha256=model.tokenizer_sha256,
        vocab_size=model.vocab_size,
        bos=model.bos,
        eos=model.eos,
    )


def _model_entry(model: TargetModel) -> ModelEntry:
    return ModelEntry(
        profile=model.profile,
        placeholder=model.placeholder,
        tokens_per_image=model.tokens_per_image,
        context=model.context,
    )
