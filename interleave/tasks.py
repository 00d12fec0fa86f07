"""What the tasks of each stage are, and what each depends on.

A task's fingerprint covers the part of the recipe that it depends on and the fingerprints of what it reads. So a
changed threshold begins at `decide`, a changed tokenizer at `encode`, and an upgraded image library at `measure`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import TypeVar

import orjson

from interleave import __version__
from interleave.access.blocklist import read_blocklists
from interleave.access.store import ORIGINAL
from interleave.acquire.listing import Split
from interleave.acquire.source import Source
from interleave.clean.decide import DecideTask
from interleave.clean.rules import document_rules, image_rules
from interleave.dedup.dedup import DedupTask
from interleave.download import Download
from interleave.encode.encode import EncodeTask
from interleave.encode.layout import LayoutSettings
from interleave.encode.model import TargetModel
from interleave.files import sha256_of
from interleave.identity import fingerprint
from interleave.images import ImageTarget
from interleave.kept_images import form_of
from interleave.measure import MeasureTask
from interleave.recipe import Recipe
from interleave.run import StageResult, Task
from interleave.settings import Settings, identity, locations
from interleave.shard.manifest import MANIFEST_NAME, InputEntry, ModelEntry, TokenizerEntry
from interleave.shard.plan import PlannedShard, PlanTask
from interleave.shard.seal import SealTask
from interleave.shard.write import WriteTask, shard_name
from interleave.wanted import WantedTask

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


def wanted_tasks(recipe: Recipe, splits: Sequence[Split], work: Path) -> list[Task[WantedTask]]:
    sources = {source.name: source for source in recipe.all_sources}
    tasks = []
    for number, split in enumerate(splits):
        source = sources[split.source]
        table = _file(work, "wanted", number, "urls")
        payload = WantedTask(split=split, source=source, max_image_bytes=recipe.images.max_bytes, table=table)
        depends = ["wanted", _versions(), *_reading(source, split)]
        tasks.append(_task(_name(number), payload, depends, (table,)))
    return tasks


def download_task(recipe: Recipe, wanted: Sequence[Task[WantedTask]], work: Path, *, quiet: bool) -> Download:
    assert recipe.fetch is not None
    return Download(
        settings=recipe.fetch,
        store=store_folder(recipe, work),
        wanted=tuple(Path(task.payload.table) for task in wanted),
        outcomes=tuple(Path(_file(work, "fetch", number, "outcomes")) for number in range(len(wanted))),
        target=_target(recipe),
        form=_form(recipe),
        blocklist=read_blocklists(recipe.blocklists),
        quiet=quiet,
    )


def _target(recipe: Recipe) -> ImageTarget:
    return ImageTarget(
        max_short_side=recipe.max_short_side,
        quality=recipe.images.quality,
        max_bytes=recipe.images.max_bytes,
        max_pixels=recipe.images.max_pixels,
    )


def _form(recipe: Recipe) -> str:
    is_normalised = recipe.fetch is not None and recipe.fetch.keep == "normalised"
    return form_of(_target(recipe)) if is_normalised else ORIGINAL


def store_folder(recipe: Recipe, work: Path) -> Path:
    """Where downloaded images are kept: a place of the user's, or the work folder."""
    store = recipe.fetch.store if recipe.fetch else None
    return Path(store) if store else work / "store"


def measure_tasks(recipe: Recipe, splits: Sequence[Split], work: Path) -> list[Task[MeasureTask]]:
    sources = {source.name: source for source in recipe.all_sources}
    blocklist = read_blocklists(recipe.blocklists)
    blocked = [sha256_of(Path(path)) for path in recipe.blocklists]
    target = _target(recipe)
    tasks = []
    for number, split in enumerate(splits):
        source = sources[split.source]
        outcomes = _file(work, "fetch", number, "outcomes") if recipe.fetch else None
        payload = MeasureTask(
            split=split,
            source=source,
            target=target,
            repair=recipe.clean.repair,
            spool=str(work / "measure"),
            name=_name(number),
            outcomes=outcomes,
            store=str(store_folder(recipe, work)) if recipe.fetch else None,
            form=_form(recipe),
            blocklist=blocklist,
        )
        depends = ["measure", _versions(), *_reading(source, split), asdict(target), identity(recipe.clean.repair)]
        depends += [blocked, outcomes and sha256_of(Path(outcomes))]
        tasks.append(_task(_name(number), payload, depends, _measured(work, number)))
    return tasks


def decide_tasks(recipe: Recipe, measured: StageResult, work: Path) -> list[Task[DecideTask]]:
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


def dedup_tasks(recipe: Recipe, decided: StageResult, work: Path) -> list[Task[DedupTask]]:
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


def encode_tasks(
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


def plan_tasks(recipe: Recipe, encoded: StageResult, work: Path) -> list[Task[PlanTask]]:
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
            samples=tuple(_samples(work, number) for number in range(num_splits)),
            spool=str(work / "measure"),
            tar=tar,
            index=str(work / "write" / f"{name}.arrow"),
        )
        depends = ["write", planned.fingerprints[0], shard.dataset, shard.number]
        tasks.append(_task(name, payload, depends, (tar, payload.index)))
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
    drops = tuple(_file(work, stage, number, "drops") for stage in _DROPPING for number in numbers)
    inputs = dict.fromkeys((split.source, split.name, split.sha256) for split in splits)
    tasks = []
    for dataset, folder in folders(recipe, shards):
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


def _reading(source: Source, split: Split) -> list[object]:
    """What the records of a split depend on. Where its images lie, too: others there must be measured again."""
    assert isinstance(source, Settings), "a source is its own settings"
    return [identity(source), locations(source) | {"path": ""}, asdict(split) | {"path": ""}]


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


@cache
def _versions() -> dict[str, str]:
    """What shapes the bytes: a dataset says what it was made with, and an upgrade makes work anew."""
    return {"interleave": __version__} | {name: metadata.version(name) for name in SHAPING}


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
