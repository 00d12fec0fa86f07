"""`interleave validate`: are shards sound?"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from interleave.commands.options import AsJson
from interleave.validate.level import Level
from interleave.validate.trainers.known import Trainer


def validate(
    path: Annotated[Path, typer.Argument(help="A dataset folder, or a .tar.", show_default=False)],
    level: Annotated[
        Level,
        typer.Option(
            help="How closely. `quick` opens no image, `full` reads every one through, `paranoid` also compares each "
            "with what the build measured, by two decoders."
        ),
    ] = Level.FULL,
    sample: Annotated[
        int | None,
        typer.Option(min=1, help="Look at so many samples, drawn at random.  [default: all]", show_default=False),
    ] = None,
    model: Annotated[
        Path | None,
        typer.Option(help="The folder of the model to be trained: do tokenizer and images fit?", show_default=False),
    ] = None,
    trainer: Annotated[
        Trainer | None,
        typer.Option(help="Make the first batches with the loader and collator of this trainer.", show_default=False),
    ] = None,
    readiness: Annotated[
        bool, typer.Option("--readiness", help="Also: is it what Stage 2 needs? With a table and reasons.")
    ] = False,
    world: Annotated[
        int | None,
        typer.Option(min=1, help="Ranks that a reader of whole shards is to have.", show_default=False),
    ] = None,
    loader_workers: Annotated[int, typer.Option(min=1, help="Its workers on each rank.")] = 1,
    workers: Annotated[
        int | None, typer.Option(min=1, help="Processes.  [default: one a core]", show_default=False)
    ] = None,
    junit: Annotated[Path | None, typer.Option(help="Write JUnit's XML, for CI.", show_default=False)] = None,
    as_json: AsJson = False,
) -> None:
    """Check that shards are sound.

    The exit code is 0 if they are, 1 if not, 2 if they could not be checked. A tar beside its manifest is checked
    against it; a tar alone as far as it speaks for itself. Nothing is fetched, and nothing in a shard is run.
    """
    from rich.console import Console

    from interleave.errors import InterleaveError, ShardError
    from interleave.executors import default_workers, open_executor
    from interleave.validate.dataset import validate as run_validate
    from interleave.validate.options import Options
    from interleave.validate.readiness.judge import judge
    from interleave.validate.readiness.observe import check_whole, observe
    from interleave.validate.readiness.show import show
    from interleave.validate.text import as_json as outcome_json
    from interleave.validate.text import as_junit, as_text

    options = Options(
        level=level, sample=sample, num_ranks=world, num_workers=loader_workers, model=model, trainer=trainer
    )
    try:
        if junit is not None and not junit.parent.is_dir():
            raise ShardError(f"--junit: there is no folder {junit.parent}")
        if readiness:
            check_whole(path)
        with open_executor(workers or default_workers()) as executor:
            outcome = run_validate(path, executor, options, quiet=as_json)
        ready = judge(observe(path)) if readiness and outcome.is_sound else None
        if readiness and ready is None:
            typer.echo("readiness is of sound shards, and not looked at", err=True)
    except InterleaveError as error:
        typer.echo(f"error: {error}", err=True)
        raise typer.Exit(2) from None
    if junit is not None:
        junit.write_bytes(as_junit(path, outcome))
    typer.echo(outcome_json(outcome, ready) if as_json else as_text(path, outcome))
    if trainer is not None and "trainer" not in outcome.counts and not as_json:
        typer.echo(
            f"  --trainer {trainer}: its loader and collator made the first batches, and they are as they should be"
        )
    if ready is not None and not as_json:
        show(ready, Console())
    raise typer.Exit(0 if outcome.is_sound else 1)
