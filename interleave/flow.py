"""The whole way, from documents to a sealed dataset: the project's table of contents.

        map over splits      map        reduce     map        reduce     map over shards   reduce
input ─> measure ──────────> decide ──> dedup ───> encode ──> plan ────> write ──────────> seal

Each stage reads what earlier ones left in the spool; none looks back. A task's fingerprint covers the part of the
recipe that it depends on and the fingerprints of what it reads, so a changed threshold begins at `decide`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from importlib import metadata
from pathlib import Path
from typing import TypeVar

import orjson

from interleave import __version__
from interleave.acquire.listing import Split
from interleave.clean.decide import DecideTask, decide
from interleave.clean.rules import document_rules, image_rules
from interleave.dedup.dedup import DedupTask, dedup
from interleave.encode.encode import EncodeTask, encode
from interleave.encode.layout import LayoutSettings
from interleave.encode.model import TargetModel, target_model
from interleave.errors import RecipeError
from interleave.executors import open_executor
from interleave.identity import fingerprint
from interleave.images import ImageTarget
from interleave.inputs import list_inputs
from interleave.measure import MeasureTask, measure
from interleave.recipe import Recipe
from interleave.report import Report, check_something_is_left, finish
from interleave.run import Run, StageResult, Task, work_folder
from interleave.settings import identity
from interleave.shard.manifest import MANIFEST_NAME, InputEntry, ModelEntry, TokenizerEntry
from interleave.shard.plan import PlannedShard, PlanTask, plan, read_plan
from interleave.shard.seal import SealTask, seal
from interleave.shard.write import WriteTask, shard_name, write

Payload = TypeVar("Payload")

# Libraries whose version may change the bytes that a build writes.
SHAPING = (
    "ftfy",
    "numpy",
    "orjson",
    "pillow",
    "pyarrow",
    "rensa",
    "simplejpeg",
    "tokenizers",
    "sentencepiece",
    "tiktoken",
)


def build(recipe: Recipe, *, num_workers: int, fresh: bool = False, quiet: bool = False) -> Report:
    """Builds the dataset of a recipe, or goes on with what an earlier run began.

    Raises:
        RecipeError: the recipe names what is not there; nothing was written.
        TaskError: a task failed, or the input changed; run again to go on.
    """
    model = _target_model(recipe)
    output = Path(recipe.output)
    work = output.with_name(output.name + ".work")
    _check_output(output, work)
    with work_folder(work, fresh), open_executor(num_workers) as executor:
        run = Run(work, executor, quiet)
        splits = list_inputs(recipe, work, executor)
        measured = run.stage("measure", measure, _measure_tasks(recipe, splits, work))
        decided = run.stage("decide", decide, _decide_tasks(recipe, measured, work))
        unique = run.stage("dedup", dedup, _dedup_tasks(recipe, decided, work))
        encoded = run.stage("encode", encode, _encode_tasks(recipe, model, unique, len(splits), work))
        check_something_is_left(run.results)
        planned = run.stage("plan", plan, _plan_tasks(recipe, encoded, work))
        shards = read_plan(work / "plan")
        to_write = _write_tasks(recipe, shards, planned, len(splits), work)
        to_seal = _seal_tasks(recipe, model, to_write, shards, splits, work)
        if not run.is_done("seal", to_seal):
            _unseal(recipe, shards)
        run.stage("write", write, to_write)
        run.stage("seal", seal, to_seal)
        return finish(run.results, work, [folder for _, folder in _folders(recipe, shards)])


def _measure_tasks(recipe: Recipe, splits: Sequence[Split], work: Path) -> list[Task[MeasureTask]]:
    sources = {source.name: source for source in recipe.all_sources}
    target = ImageTarget(
        max_short_side=recipe.max_short_side,
        quality=recipe.images.quality,
        max_bytes=recipe.images.max_bytes,
        max_pixels=recipe.images.max_pixels,
    )
    tasks = []
    for number, split in enumerate(splits):
        source = sources[split.source]
        payload = MeasureTask(
            split=split,
            source=source,
            target=target,
            repair=recipe.clean.repair,
            spool=str(work / "measure"),
            name=_name(number),
        )
        # Where the images lie is no part of a dataset's identity, but other images must be measured again.
        depends = [
            "measure",
            _versions(),
            identity(source),
            source.images,
            asdict(target),
            asdict(split) | {"path": ""},
        ]
        depends.append(identity(recipe.clean.repair))
        tasks.append(_task(_name(number), payload, depends, _measured(work, number)))
    return tasks


def _decide_tasks(recipe: Recipe, measured: StageResult, work: Path) -> list[Task[DecideTask]]:
    rules = image_rules(recipe.clean.rules), document_rules(recipe.clean.rules)
    tasks = []
    for number, before in enumerate(measured.fingerprints):
        drops, signals = _file(work, "decide", number, "drops"), _file(work, "decide", number, "signals")
        payload = DecideTask(
            documents=_file(work, "measure", number, "documents"),
            drops=drops,
            signals=signals,
            image_rules=rules[0],
            document_rules=rules[1],
        )
        depends = ["decide", before, [identity(rule) for group in rules for rule in group]]
        tasks.append(_task(_name(number), payload, depends, (drops, signals)))
    return tasks


def _dedup_tasks(recipe: Recipe, decided: StageResult, work: Path) -> list[Task[DedupTask]]:
    numbers = range(len(decided.fingerprints))
    documents, images = recipe.dedup.documents, recipe.dedup.images
    payload = DedupTask(
        documents=tuple(_file(work, "measure", number, "documents") for number in numbers),
        decided=tuple(_file(work, "decide", number, "drops") for number in numbers),
        drops=tuple(_file(work, "dedup", number, "drops") for number in numbers),
        groups=str(work / "dedup" / "groups.parquet"),
        document_near=documents.near if documents else None,
        document_keep=documents.keep if documents else None,
        image_within=images.within_document if images else None,
        image_across=images.across if images else 0,
        image_max_copies=images.max_copies if images else None,
        image_policy=images.policy if images else "keep_n",
    )
    depends = ["dedup", identity(recipe.dedup), list(decided.fingerprints)]
    return [_task("all", payload, depends, (*payload.drops, payload.groups))]


def _encode_tasks(
    recipe: Recipe, model: TargetModel, unique: StageResult, num_splits: int, work: Path
) -> list[Task[EncodeTask]]:
    rules = document_rules(recipe.clean.rules)
    tasks = []
    for number in range(num_splits):
        drops, samples = _file(work, "encode", number, "drops"), _samples(work, number)
        payload = EncodeTask(
            documents=_file(work, "measure", number, "documents"),
            decided=_file(work, "decide", number, "drops"),
            duplicates=_file(work, "dedup", number, "drops"),
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
        tasks.append(_task(_name(number), payload, depends, (drops, samples)))
    return tasks


def _plan_tasks(recipe: Recipe, encoded: StageResult, work: Path) -> list[Task[PlanTask]]:
    payload = PlanTask(
        samples=tuple(_samples(work, number) for number in range(len(encoded.fingerprints))),
        groups=str(work / "dedup" / "groups.parquet"),
        folder=str(work / "plan"),
        seed=recipe.seed,
        max_bytes=recipe.shards.max_bytes,
        multiple_of=recipe.shards.multiple_of,
        shares=recipe.splits,
    )
    depends = ["plan", list(encoded.fingerprints), recipe.seed, identity(recipe.shards), recipe.splits]
    return [_task("all", payload, depends, (str(work / "plan" / "plan.json"),))]


def _write_tasks(
    recipe: Recipe, shards: Sequence[PlannedShard], planned: StageResult, num_splits: int, work: Path
) -> list[Task[WriteTask]]:
    tasks = []
    for shard in shards:
        name = _shard_task(shard)
        tar = str(Path(recipe.output) / shard.dataset / shard_name(shard.number))
        payload = WriteTask(
            shard=shard,
            plan=str(work / "plan"),
            samples=tuple(_samples(work, number) for number in range(num_splits)),
            spool=str(work / "measure"),
            tar=tar,
            index=str(work / "write" / f"{name}.arrow"),
        )
        depends = ["write", planned.fingerprints[0], shard.dataset, shard.number]
        tasks.append(_task(name, payload, depends, (tar, payload.index)))
    return tasks


def _seal_tasks(
    recipe: Recipe,
    model: TargetModel,
    to_write: Sequence[Task[WriteTask]],
    shards: Sequence[PlannedShard],
    splits: Sequence[Split],
    work: Path,
) -> list[Task[SealTask]]:
    numbers = range(len(splits))
    drops = tuple(_file(work, stage, number, "drops") for stage in _DROPPING for number in numbers)
    inputs = dict.fromkeys((split.source, split.name, split.sha256) for split in splits)
    tasks = []
    for dataset, folder in _folders(recipe, shards):
        written = [task for task, shard in zip(to_write, shards, strict=True) if shard.dataset == dataset]
        payload = SealTask(
            folder=str(folder),
            name=Path(recipe.output).name + (f"-{dataset}" if dataset else ""),
            indexes=tuple(task.payload.index for task in written),
            drops=drops,
            signals=tuple(_file(work, "decide", number, "signals") for number in numbers),
            tokenizer=_tokenizer_entry(model),
            model=_model_entry(model),
            recipe=orjson.dumps(recipe.plain(), option=orjson.OPT_SORT_KEYS).decode(),
            recipe_hash=recipe.hash(),
            inputs=tuple(InputEntry(source=source, name=name, sha256=sha256) for source, name, sha256 in inputs),
            made_with=tuple(_versions().items()),
        )
        depends = ["seal", [task.fingerprint for task in written], payload.name, payload.recipe]
        tasks.append(_task(dataset or "all", payload, depends, (str(folder / MANIFEST_NAME),)))
    return tasks


# Stages that leave drops for the ledger, in the order of the ledger.
_DROPPING = ("measure", "decide", "dedup", "encode")


def _task(name: str, payload: Payload, depends: object, outputs: Sequence[str]) -> Task[Payload]:
    return Task(name=name, payload=payload, fingerprint=fingerprint(depends), outputs=tuple(outputs))


def _name(number: int) -> str:
    return f"{number:05d}"


def _shard_task(shard: PlannedShard) -> str:
    return f"{shard.dataset or 'all'}-{_name(shard.number)}"


def _file(work: Path, stage: str, number: int, what: str) -> str:
    return str(work / stage / f"{_name(number)}.{what}.parquet")


def _samples(work: Path, number: int) -> str:
    return str(work / "encode" / f"{_name(number)}.samples.arrow")


def _measured(work: Path, number: int) -> tuple[str, ...]:
    blob = str(work / "measure" / f"{_name(number)}.blob")
    return blob, _file(work, "measure", number, "documents"), _file(work, "measure", number, "drops")


def _versions() -> dict[str, str]:
    """What shapes the bytes: a dataset says what it was made with, and an upgrade makes work anew."""
    return {"interleave": __version__} | {name: metadata.version(name) for name in SHAPING}


def _target_model(recipe: Recipe) -> TargetModel:
    return target_model(
        profile=recipe.profile,
        tokenizer=recipe.tokenizer,
        placeholder=recipe.placeholder,
        tokens_per_image=recipe.tokens_per_image,
        context=recipe.context,
        bos=recipe.encode.bos,
        eos=recipe.encode.eos,
    )


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


def _folders(recipe: Recipe, shards: Sequence[PlannedShard]) -> list[tuple[str, Path]]:
    return [(name, Path(recipe.output) / name) for name in dict.fromkeys(shard.dataset for shard in shards)]


def _check_output(output: Path, work: Path) -> None:
    """Refuses to mix a dataset with somebody's files."""
    if output.exists() and not output.is_dir():
        raise RecipeError(f"output: {output} is a file, expected a folder")
    if not output.is_dir() or work.is_dir():
        return
    inside = {item.name for item in output.iterdir()}
    if inside and not list(output.glob(MANIFEST_NAME)) and not list(output.glob(f"*/{MANIFEST_NAME}")):
        raise RecipeError(
            f"output: {output} holds other files ({', '.join(sorted(inside)[:3])} ...); give an empty or a new folder"
        )


def _unseal(recipe: Recipe, shards: Sequence[PlannedShard]) -> None:
    """A dataset that is being written again is none until it is sealed again."""
    for _, folder in _folders(recipe, shards):
        folder.mkdir(parents=True, exist_ok=True)
        (folder / MANIFEST_NAME).unlink(missing_ok=True)
