"""What the tasks of each stage are, and what each depends on.

A task's fingerprint covers the part of the recipe that it depends on and the fingerprints of what it reads. So a
changed threshold begins at `decide`, a changed tokenizer at `encode`, and an upgraded image library at `measure`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TypeVar

import orjson

from interleave.acquire.listing import Split
from interleave.clean.decide import DecideTask
from interleave.clean.rules import document_rules, image_rules
from interleave.dedup.dedup import DedupTask
from interleave.encode.encode import EncodeTask
from interleave.encode.layout import LayoutSettings
from interleave.encode.model import TargetModel
from interleave.recipe import Recipe
from interleave.run import StageResult, Task
from interleave.settings import identity
from interleave.shard.manifest import MANIFEST_NAME, InputEntry, ModelEntry, TokenizerEntry
from interleave.shard.plan import PlannedShard, PlanTask
from interleave.shard.seal import SealTask
from interleave.shard.write import WriteTask, shard_name
from interleave.task_names import make_task, samples_file, spool_file, task_name, versions

Payload = TypeVar("Payload")


def decide_tasks(recipe: Recipe, measured: StageResult, work: Path) -> list[Task[DecideTask]]:
    rules = image_rules(recipe.clean.rules), document_rules(recipe.clean.rules)
    tasks = []
    for number, before in enumerate(measured.fingerprints):
        drops, signals = spool_file(work, "decide", number, "drops"), spool_file(work, "decide", number, "signals")
        payload = DecideTask(
            documents=spool_file(work, "measure", number, "documents"),
            drops=drops,
            signals=signals,
            image_rules=rules[0],
            document_rules=rules[1],
        )
        depends = ["decide", before, [identity(rule) for group in rules for rule in group]]
        tasks.append(make_task(task_name(number), payload, depends, (drops, signals)))
    return tasks


def dedup_tasks(recipe: Recipe, decided: StageResult, work: Path) -> list[Task[DedupTask]]:
    numbers = range(len(decided.fingerprints))
    documents, images = recipe.dedup.documents, recipe.dedup.images
    payload = DedupTask(
        documents=tuple(spool_file(work, "measure", number, "documents") for number in numbers),
        decided=tuple(spool_file(work, "decide", number, "drops") for number in numbers),
        drops=tuple(spool_file(work, "dedup", number, "drops") for number in numbers),
        groups=str(work / "dedup" / "groups.parquet"),
        document_near=documents.near if documents else None,
        document_keep=documents.keep if documents else None,
        image_within=images.within_document if images else None,
        image_across=images.across if images else 0,
        image_max_copies=images.max_copies if images else None,
        image_policy=images.policy if images else "keep_n",
    )
    depends = ["dedup", identity(recipe.dedup), list(decided.fingerprints)]
    return [make_task("all", payload, depends, (*payload.drops, payload.groups))]


def encode_tasks(
    recipe: Recipe, model: TargetModel, unique: StageResult, num_splits: int, work: Path
) -> list[Task[EncodeTask]]:
    rules = document_rules(recipe.clean.rules)
    tasks = []
    for number in range(num_splits):
        drops, samples = spool_file(work, "encode", number, "drops"), samples_file(work, number)
        payload = EncodeTask(
            documents=spool_file(work, "measure", number, "documents"),
            decided=spool_file(work, "decide", number, "drops"),
            duplicates=spool_file(work, "dedup", number, "drops"),
            drops=drops,
            samples=samples,
            document_rules=rules,
            place=recipe.align.place,
            tokenizer_file=model.tokenizer_file,
            tokenizer_name=model.tokenizer_name,
            profile=model.profile,
            layout=_layout(recipe, model),
            context=model.context,
        )
        # The tokenizer counts by its content: the same file elsewhere changes nothing.
        depends = ["encode", unique.fingerprints[0], [identity(rule) for rule in rules], identity(recipe.align)]
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
    drops = tuple(spool_file(work, stage, number, "drops") for stage in _DROPPING for number in numbers)
    inputs = dict.fromkeys((split.source, split.name, split.sha256) for split in splits)
    tasks = []
    for dataset, folder in folders(recipe, shards):
        written = [task for task, shard in zip(to_write, shards, strict=True) if shard.dataset == dataset]
        payload = SealTask(
            folder=str(folder),
            name=Path(recipe.output).name + (f"-{dataset}" if dataset else ""),
            indexes=tuple(task.payload.index for task in written),
            drops=drops,
            signals=tuple(spool_file(work, "decide", number, "signals") for number in numbers),
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


# Stages that leave drops for the ledger, in the order of the ledger.
_DROPPING = ("measure", "decide", "dedup", "encode")


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
