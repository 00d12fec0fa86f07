"""What the tasks of each stage are, and what each depends on.

A task's fingerprint covers the part of the recipe that it depends on and the fingerprints of what it reads. So a
changed threshold begins at `decide`, a changed tokenizer at `encode`, and an upgraded image library at `measure`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from itertools import chain
from pathlib import Path
from typing import TypeVar

import orjson

from interleave.acquire.listing import Split
from interleave.align.similarity import Similarity
from interleave.clean.decide import SIGNALS, DecideTask
from interleave.clean.document_rules import Sample
from interleave.clean.rules import Rules, rules_identity, sort_rules
from interleave.clean.scores import IndexedScores, index_files, scores_identity
from interleave.dedup_tasks import fingerprint_files, fingerprint_paths
from interleave.encode.encode import EncodeTask
from interleave.encode.faces import FaceBlur
from interleave.encode.fit import Fit
from interleave.encode.layout import LayoutSettings
from interleave.encode.layouts import LAYOUTS
from interleave.encode.model import TargetModel
from interleave.recipe import Recipe
from interleave.run import StageResult, Task
from interleave.settings import identity
from interleave.shard.manifest import MANIFEST_NAME, InputEntry, ModelEntry, TokenizerEntry
from interleave.shard.plan import PlannedShard, PlanTask, places_file, plan_file
from interleave.shard.seal import SealTask
from interleave.shard.write import WriteTask, hash_file, shard_name
from interleave.task_names import (
    CORPUS_MEMORY,
    JUDGING,
    PLAN_FORMAT,
    groups_file,
    library_versions,
    make_task,
    samples_file,
    spool_file,
    task_name,
    versions,
)

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
            align=recipe.align,
            scores=scores,
            seed=recipe.seed,
        )
        depends: list[object] = ["decide", before, rules_identity(rules), _lot(recipe, rules)]
        depends += [library_versions(JUDGING), known, *_aligned(recipe, rules)]
        reads = (payload.documents, *index_files(scores))
        tasks.append(make_task(task_name(number), payload, depends, reads, (drops, *signals.values())))
    return tasks


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
            reserved=model.reserved,
            fit=_fit(recipe, model),
            layout=_layout(recipe, model),
            context=recipe.context,
            policy=recipe.encode.split,
            loss=recipe.encode.loss,
            source_weights=recipe.encode.source_weights,
            faces=_faces(recipe, number, work),
        )
        # The tokenizer counts by its content: the same file elsewhere changes nothing.
        depends = ["encode", unique.fingerprints[0], rules_identity(rules), _lot(recipe, rules), identity(recipe.align)]
        depends += [library_versions(JUDGING)]
        depends += [recipe.images.blur_faces or "", recipe.images.quality if recipe.images.blur_faces else 0]
        depends += [identity(recipe.encode), asdict(model) | {"tokenizer_file": ""}]
        blurred = (str(work / payload.faces.blob),) if payload.faces else ()
        reads = (payload.documents, payload.decided, *payload.since, *index_files(scores))
        tasks.append(make_task(task_name(number), payload, depends, reads, (drops, samples, *blurred)))
    return tasks


def plan_tasks(recipe: Recipe, encoded: StageResult, work: Path) -> list[Task[PlanTask]]:
    payload = PlanTask(
        samples=tuple(samples_file(work, number) for number in range(len(encoded.fingerprints))),
        groups=tuple(groups_file(work, number) for number in range(len(encoded.fingerprints))),
        folder=str(work / "plan"),
        seed=recipe.seed,
        max_bytes=recipe.shards.max_bytes,
        multiple_of=recipe.shards.multiple_of,
        shares=recipe.splits,
    )
    depends = ["plan", PLAN_FORMAT, list(encoded.fingerprints), recipe.seed, identity(recipe.shards), recipe.splits]
    reads, writes = (
        (*payload.samples, *payload.groups),
        (str(places_file(payload.folder)), str(plan_file(payload.folder))),
    )
    return [make_task("all", payload, depends, reads, writes, CORPUS_MEMORY)]


def write_tasks(
    recipe: Recipe, shards: Sequence[PlannedShard], planned: StageResult, num_splits: int, work: Path
) -> list[Task[WriteTask]]:
    samples = tuple(samples_file(work, number) for number in range(num_splits))
    tasks = []
    for shard in shards:
        name = _shard_task(shard)
        tar = str(Path(recipe.output) / shard.dataset / shard_name(shard.number))
        payload = WriteTask(
            shard=shard,
            plan=str(work / "plan"),
            samples=samples,
            work=str(work),
            tar=tar,
            index=str(work / "write" / f"{name}.arrow"),
        )
        depends = ["write", planned.fingerprints[0], shard.dataset, shard.number]
        reads, writes = (str(places_file(payload.plan)), *samples), (tar, *_parts(payload))
        tasks.append(make_task(name, payload, depends, reads, writes))
    return tasks


def seal_tasks(
    recipe: Recipe,
    model: TargetModel,
    to_write: Sequence[Task[WriteTask]],
    shards: Sequence[PlannedShard],
    splits: Sequence[Split],
    work: Path,
    *,
    has_shards: bool,
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
            fingerprints=tuple(fingerprint_files(work, number) for number in numbers),
            drops_since=tuple(
                tuple(spool_file(work, stage, number, "drops") for stage in ("dedup", "encode")) for number in numbers
            ),
            tokenizer=_tokenizer_entry(model),
            model=_model_entry(recipe, model),
            recipe=orjson.dumps(recipe.plain(), option=orjson.OPT_SORT_KEYS).decode(),
            recipe_hash=recipe.hash(),
            inputs=tuple(InputEntry(source=source, name=name, sha256=sha256) for source, name, sha256 in inputs),
            made_with=tuple(versions().items()),
            has_shards=has_shards,
        )
        depends = ["seal", [task.fingerprint for task in written], payload.name, payload.recipe]
        reads = [path for task in written for path in _parts(task.payload)]
        reads += [*drops, *chain(*payload.signals.values()), *chain(*payload.drops_since)]
        reads += chain(*map(fingerprint_paths, payload.fingerprints))
        writes = (str(folder / MANIFEST_NAME),)
        tasks.append(make_task(dataset or "all", payload, depends, reads, writes, CORPUS_MEMORY))
    return tasks


def _parts(written: WriteTask) -> tuple[str, str]:
    """What is known of a shard besides its tar."""
    return written.index, str(hash_file(written.index))


def _aligned(recipe: Recipe, rules: Rules) -> list[str]:
    """What rules depend on of where images stand: their place only where a rule looks at the text around them."""
    around = any(named.subject == "text" for named in rules.image)
    return [recipe.align.similarity, recipe.align.assign, recipe.align.place if around else ""]


def _lot(recipe: Recipe, rules: Rules) -> int | None:
    """The seed, where a rule draws."""
    return recipe.seed if any(isinstance(named.rule, Sample) for named in rules.document) else None


def _faces(recipe: Recipe, number: int, work: Path) -> FaceBlur | None:
    table = next((item.path for item in recipe.scores if item.name == recipe.images.blur_faces), None)
    if table is None:
        return None
    return FaceBlur(table=table, quality=recipe.images.quality, work=str(work), blob=f"encode/{task_name(number)}.blob")


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


def _fit(recipe: Recipe, model: TargetModel) -> Fit:
    layout = LAYOUTS[model.layout]
    return Fit(
        max_images=layout.max_images,
        tokens=model.image,
        room=None if recipe.context is None else recipe.context - 2,
        may_end=not layout.as_vila or model.eos is not None or bool(model.text_after),
        keep_empty=layout.as_vila,
    )


def _layout(recipe: Recipe, model: TargetModel) -> LayoutSettings:
    return LayoutSettings(
        image=model.image,
        separator=recipe.encode.separator,
        text_before=model.text_before,
        text_after=model.text_after,
        strip=LAYOUTS[model.layout].as_vila,
        bos=model.bos,
        eos=model.eos,
        longest_sentence=None if recipe.context is None else recipe.context - 2,
    )


def _tokenizer_entry(model: TargetModel) -> TokenizerEntry:
    return TokenizerEntry(
        name=model.tokenizer_name,
        sha256=model.tokenizer_sha256,
        vocab_size=model.vocab_size,
        bos=model.bos,
        eos=model.eos,
    )


def _model_entry(recipe: Recipe, model: TargetModel) -> ModelEntry:
    return ModelEntry(
        profile=model.image.profile,
        layout=model.layout,
        placeholder=model.image.placeholder,
        form=model.image.form,
        options=dict(model.image.options),
        marks=dict(model.image.ids),
        tokens_per_image=model.image.tokens_per_image,
        loss=recipe.encode.loss,
        context=model.context,
    )
