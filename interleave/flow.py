"""The whole way, from documents to a sealed dataset: the project's table of contents.

        map over splits      map        map            reduce     map        reduce     map over shards   reduce
input ─> measure ──────────> decide ──> fingerprint ─> dedup ───> encode ──> plan ────> write ──────────> seal
  └─> wanted ─> fetch ─┘  (with `fetch` in the recipe: images that are known by URL alone, from the store or the web)

Each stage reads what earlier ones left in the spool; none looks back. What a stage's tasks are, and which part of the
recipe they depend on, stands in `tasks`.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import orjson

from interleave import dedup_tasks, input_tasks, tasks
from interleave.access.store_writer import forget_images
from interleave.acquire.listing import Split
from interleave.artifact_store import ArtifactStore, SharedFolder
from interleave.clean.decide import decide
from interleave.clean.private import check_private
from interleave.clean.scores import IndexedScores, index_files, index_scores
from interleave.dedup.decontaminate import decontaminate, fingerprint_set
from interleave.dedup.dedup import dedup
from interleave.dedup.evaluation.fingerprints import read_fingerprints
from interleave.dedup.fingerprint import fingerprint
from interleave.download import download
from interleave.earlier import earlier_datasets
from interleave.encode.encode import encode
from interleave.encode.faces import check_boxes
from interleave.encode.model import TargetModel, Wanted, target_model
from interleave.errors import RecipeError, TaskError
from interleave.executors import open_executor
from interleave.inputs import list_inputs
from interleave.measure import MeasureTask, measure
from interleave.prepare import prepare_sources
from interleave.recipe import Recipe
from interleave.remote.bring import bring_in
from interleave.remote.depot import open_depot
from interleave.report import Report, check_something_is_left, finish
from interleave.run import Run, StageResult, Task
from interleave.settings import is_url
from interleave.shard.manifest import MANIFEST_NAME, REPORT_NAME
from interleave.shard.plan import PlannedShard, plan, plan_file, read_plan
from interleave.shard.seal import ledger_files, seal
from interleave.shard.sides import TRAIN
from interleave.shard.takedown_swap import RECORD_NAME
from interleave.shard.write import write
from interleave.stream.storage.cache import Cache
from interleave.validate.look.file import write_report
from interleave.wanted import list_wanted
from interleave.work_folder import DATASETS, SUFFIX, WHOLE, Slice, work_folder


def build(
    recipe: Recipe,
    *,
    num_workers: int | None = 1,
    ray_address: str | None = None,
    part: Slice = WHOLE,
    wait_s: float = 0.0,
    fresh: bool = False,
    scratch: Path | None = None,
    take_over: bool = False,
    quiet: bool = False,
    pages: bool = True,
) -> Report:
    """Builds the dataset of a recipe, or goes on with what an earlier run began.

    num_workers: tasks at a time; None: one a core, of this machine or of the cluster.
    ray_address: of a Ray cluster that does the tasks; None: processes of this machine do.
    part: which share of the tasks to do; wait_s: how long to wait for other shares where a stage needs them all.
    scratch: where copies lie of what is in an object store, where the output is a URL; None: in the loader's cache.
    take_over: there, somebody else's claim on the output is set aside.
    pages: each dataset gets its `report.html`.

    Raises:
        RecipeError: the recipe names what is not there; nothing was written.
        TaskError: a task failed, or the input changed; run again to go on.
        Unfinished: this part is done, others are not.
    """
    model = model_of(recipe)
    artifacts, recipe = _artifact_store(recipe, scratch, take_over=take_over)
    earlier = earlier_datasets(recipe.dedup.against, Path(recipe.output))
    if recipe.clean.private:
        check_private(recipe.clean.private)
    work = Path(recipe.output + SUFFIX)
    if artifacts.is_shared:
        _check_output(recipe, work)
    held = artifacts.hold(work, part, recipe.hash()[:16], fresh=fresh)
    with held, open_executor(num_workers, ray_address) as executor:
        run = Run(work, executor, quiet, part, wait_s, artifacts)
        with run.alone():
            recipe = _bring_in(recipe, run)
            scores = _index_scores(recipe, run)
        _check_tables(recipe)
        evaluation = run.stage("evaluation", fingerprint_set, dedup_tasks.evaluation_tasks(recipe, work))
        splits, measured = _measure(recipe, run)
        decided = run.stage("decide", decide, tasks.decide_tasks(recipe, scores, measured, work))
        left = _decontaminate(recipe, run, decided, evaluation)
        fingerprinted = run.stage("fingerprint", fingerprint, dedup_tasks.fingerprint_tasks(recipe, left, work))
        run.join()
        unique = run.stage("dedup", dedup, dedup_tasks.dedup_tasks(recipe, fingerprinted, earlier, work))
        run.join()
        encoded = run.stage("encode", encode, tasks.encode_tasks(recipe, scores, model, unique, len(splits), work))
        run.join()
        check_something_is_left(run.results)
        planned = run.stage("plan", plan, tasks.plan_tasks(recipe, encoded, work))
        run.join()
        run.artifacts.bring([plan_file(work / "plan")])
        shards = read_plan(work / "plan")
        to_write = tasks.write_tasks(recipe, shards, planned, len(splits), work)
        to_seal = tasks.seal_tasks(recipe, model, to_write, shards, splits, work, has_shards=artifacts.is_shared)
        folders = [folder for _, folder in tasks.folders(recipe, shards)]
        with run.alone():
            is_sealed = run.is_done("seal", to_seal)
            if not is_sealed:
                _check_takedowns(recipe, folders, run.artifacts)
                _unseal(recipe, shards, run)
        run.stage("write", write, to_write)
        run.join()
        with run.alone():
            run.stage("seal", seal, to_seal)
        run.join()
        with run.alone():
            run.artifacts.bring(folder / MANIFEST_NAME for folder in folders)
            report = finish(run.results, work, folders, model, run.artifacts)
            for folder in folders if pages else ():
                if not (is_sealed and run.artifacts.has(folder / REPORT_NAME)):
                    _write_page(folder, run.artifacts)
        return report


def measure_only(recipe: Recipe, *, num_workers: int, quiet: bool = False) -> None:
    """The first stage alone: what models are to see. A build goes on from there.

    Raises: as `build`.
    """
    if is_url(recipe.output):
        raise RecipeError(f"output: {recipe.output} is a URL; models look at images in a folder: --set output=FOLDER")
    work = Path(recipe.output + SUFFIX)
    _check_output(recipe, work)
    with work_folder(work, fresh=False), open_executor(num_workers) as executor:
        run = Run(work, executor, quiet)
        _measure(_bring_in(recipe, run), run)


def _write_page(folder: Path, artifacts: ArtifactStore) -> None:
    artifacts.bring(ledger_files(folder))
    write_report(folder, artifacts.location(folder))
    artifacts.keep([folder / REPORT_NAME])


def _artifact_store(recipe: Recipe, scratch: Path | None, *, take_over: bool) -> tuple[ArtifactStore, Recipe]:
    """Where tasks leave their files, and the recipe with a path on this machine as its output."""
    if not is_url(recipe.output):
        if scratch is not None or take_over:
            raise RecipeError("--scratch and --take-over are for an output that is a URL")
        return SharedFolder(), recipe
    artifacts, output = open_depot(recipe.output, scratch or Cache().place / "scratch", take_over=take_over)
    return artifacts, recipe.model_copy(update={"output": str(output)})


def _bring_in(recipe: Recipe, run: Run) -> Recipe:
    """Input behind URLs is on this machine then."""
    recipe, urls = bring_in(recipe, run.work, quiet=run.quiet)
    run.artifacts = run.artifacts.with_sources(urls)
    return recipe


def _index_scores(recipe: Recipe, run: Run) -> dict[str, IndexedScores]:
    """The tables of scores, ready to be looked up by every task."""
    scores = index_scores(recipe.scores, run.work / "scores")
    run.artifacts.keep(index_files(scores))
    return scores


def _check_tables(recipe: Recipe) -> None:
    """What the recipe names and later stages read is opened before the long work."""
    for settings in recipe.scores:
        if settings.name == recipe.images.blur_faces:
            check_boxes(Path(settings.path))
    for evaluation in recipe.decontaminate.sets if recipe.decontaminate else ():
        if evaluation.kind == "fingerprints":
            read_fingerprints(Path(evaluation.path))


def _measure(recipe: Recipe, run: Run) -> tuple[Sequence[Split], StageResult]:
    """The input in splits, and everything in them measured."""
    with run.alone():
        prepare_sources(recipe, quiet=run.quiet)
        splits = list_inputs(recipe, run.work, run.executor, run.artifacts)
    _fetch(recipe, run, splits)
    measured = run.stage("measure", measure, _measure_tasks(recipe, splits, run))
    if recipe.fetch and recipe.fetch.keep == "none":
        run.join()
        forget_images(input_tasks.store_folder(recipe, run.work))
    return splits, measured


def _measure_tasks(recipe: Recipe, splits: Sequence[Split], run: Run) -> list[Task[MeasureTask]]:
    return input_tasks.measure_tasks(recipe, splits, run.work, has_store=run.artifacts.is_shared)


def _decontaminate(recipe: Recipe, run: Run, decided: StageResult, evaluation: StageResult) -> StageResult:
    """What is an evaluation set's goes, where the recipe names any."""
    if recipe.decontaminate is None:
        return decided
    run.join()
    found = dedup_tasks.decontaminate_tasks(recipe, decided, evaluation, run.work)
    return run.stage("decontaminate", decontaminate, found)


def _fetch(recipe: Recipe, run: Run, splits: Sequence[Split]) -> None:
    """What is known by URL alone, into the store; nothing to do where images were measured and are not kept."""
    if recipe.fetch is None:
        return
    wanted = input_tasks.wanted_tasks(recipe, splits, run.work)
    run.stage("wanted", list_wanted, wanted)
    run.join()
    task = input_tasks.download_task(recipe, wanted, run.work, quiet=run.quiet, has_store=run.artifacts.is_shared)
    run.artifacts.bring(map(str, task.payload.outcomes))
    is_over = recipe.fetch.keep == "none" and all(map(run.artifacts.has, task.outputs))
    if not (is_over and run.is_done("measure", _measure_tasks(recipe, splits, run))):
        run.here("fetch", download, task, again=run.artifacts.is_shared)
        run.artifacts.bring(map(str, task.payload.outcomes))


def model_of(recipe: Recipe) -> TargetModel:
    """The model of a recipe, its tokenizer opened.

    Raises:
        RecipeError: the tokenizer cannot be had, or is not the model's.
    """
    encode = recipe.encode
    return target_model(
        Wanted(
            profile=recipe.profile,
            layout=encode.layout,
            tokenizer=recipe.tokenizer,
            placeholder=None if encode.placeholder == "profile" else encode.placeholder,
            tokens_per_image=None if encode.tokens_per_image == "profile" else encode.tokens_per_image,
            form=None if encode.form == "profile" else encode.form,
            options=encode.options,
            context=recipe.longest_sample,
            bos=encode.bos,
            eos=encode.eos,
        )
    )


def _check_output(recipe: Recipe, work: Path) -> None:
    """Refuses to mix a dataset with somebody's files."""
    output = Path(recipe.output)
    if output.exists() and not output.is_dir():
        raise RecipeError(f"output: {output} is a file, expected a folder")
    if not output.is_dir() or work.is_dir() or (output / MANIFEST_NAME).is_file():
        return
    inside = sorted(item.name for item in output.iterdir())
    if set(inside) - ({TRAIN, *recipe.splits} if recipe.splits else set()):
        raise RecipeError(
            f"output: {output} holds other files ({', '.join(inside[:3])} ...); give an empty or a new folder"
        )


def _check_takedowns(recipe: Recipe, folders: Sequence[Path], artifacts: ArtifactStore) -> None:
    """What was taken down must not come back unseen."""
    for folder in folders:
        record = folder / RECORD_NAME
        artifacts.bring([record])
        if record.is_file() and str(record) not in map(os.path.realpath, recipe.blocklists):
            raise TaskError(
                f"{record} says what was taken down, and this build would bring it back: name the file in "
                "`blocklists`, or remove it"
            )


def _unseal(recipe: Recipe, shards: Sequence[PlannedShard], run: Run) -> None:
    """A dataset that is being written again is none until it is sealed again; one of an earlier recipe goes.

    Which datasets earlier runs wrote stands in the work folder: nothing else below the output is touched.
    """
    wanted = [dataset for dataset, _ in tasks.folders(recipe, shards)]
    known = run.work / DATASETS
    for dataset in orjson.loads(run.artifacts.read(known) or b'[""]'):
        if dataset not in wanted:
            run.artifacts.unseal(Path(recipe.output) / dataset, is_wanted=False)
    run.artifacts.write(known, orjson.dumps(wanted))
    for dataset in wanted:
        run.artifacts.unseal(Path(recipe.output) / dataset, is_wanted=True)
