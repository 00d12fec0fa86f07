"""The whole way, from documents to a sealed dataset: the project's table of contents.

        map over splits      map        reduce     map        reduce     map over shards   reduce
input ─> measure ──────────> decide ──> dedup ───> encode ──> plan ────> write ──────────> seal

Each stage reads what earlier ones left in the spool; none looks back. What a stage's tasks are, and which part of the
recipe they depend on, stands in `tasks`.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from interleave import tasks
from interleave.clean.decide import decide
from interleave.dedup.dedup import dedup
from interleave.encode.encode import encode
from interleave.encode.model import TargetModel, target_model
from interleave.errors import RecipeError
from interleave.executors import open_executor
from interleave.inputs import list_inputs
from interleave.measure import measure
from interleave.recipe import Recipe
from interleave.report import Report, check_something_is_left, finish
from interleave.run import Run, work_folder
from interleave.shard.manifest import MANIFEST_NAME
from interleave.shard.plan import PlannedShard, plan, read_plan
from interleave.shard.seal import seal
from interleave.shard.write import write


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
        measured = run.stage("measure", measure, tasks.measure_tasks(recipe, splits, work))
        decided = run.stage("decide", decide, tasks.decide_tasks(recipe, measured, work))
        unique = run.stage("dedup", dedup, tasks.dedup_tasks(recipe, decided, work))
        encoded = run.stage("encode", encode, tasks.encode_tasks(recipe, model, unique, len(splits), work))
        check_something_is_left(run.results)
        planned = run.stage("plan", plan, tasks.plan_tasks(recipe, encoded, work))
        shards = read_plan(work / "plan")
        to_write = tasks.write_tasks(recipe, shards, planned, len(splits), work)
        to_seal = tasks.seal_tasks(recipe, model, to_write, shards, splits, work)
        if not run.is_done("seal", to_seal):
            _unseal(recipe, shards)
        run.stage("write", write, to_write)
        run.stage("seal", seal, to_seal)
        return finish(run.results, work, [folder for _, folder in tasks.folders(recipe, shards)])


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
    for _, folder in tasks.folders(recipe, shards):
        folder.mkdir(parents=True, exist_ok=True)
        (folder / MANIFEST_NAME).unlink(missing_ok=True)
