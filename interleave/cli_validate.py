"""`interleave validate`: are shards sound?"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from interleave.validate.level import Level


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
    world: Annotated[
        int | None,
        typer.Option(min=1, help="Ranks that a reader of whole shards is to have.", show_default=False),
    ] = None,
    loader_workers: Annotated[int, typer.Option(min=1, help="Its workers on each rank.")] = 1,
    workers: Annotated[
        int | None, typer.Option(min=1, help="Processes.  [default: one a core]", show_default=False)
    ] = None,
    junit: Annotated[Path | None, typer.Option(help="Write JUnit's XML, for CI.", show_default=False)] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")] = False,
) -> None:
    """Check that shards are sound.

    The exit code is 0 if they are, 1 if not, 2 if they could not be checked. A tar beside its manifest is checked
    against it; a tar alone as far as it speaks for itself. Nothing is fetched, and nothing in a shard is run.
    """
    from interleave.errors import InterleaveError, ShardError
    from interleave.executors import default_workers, open_executor
    from interleave.validate.dataset import validate as run_validate
    from interleave.validate.options import Options
    from interleave.validate.text import as_json as outcome_json
    from interleave.validate.text import as_junit, as_text

    options = Options(level=level, sample=sample, num_ranks=world, num_workers=loader_workers, model=model)
    try:
        if junit is not None and not junit.parent.is_dir():
            raise ShardError(f"--junit: there is no folder {junit.parent}")
        with open_executor(workers or default_workers()) as executor:
            outcome = run_validate(path, executor, options, quiet=as_json)
    except InterleaveError as error:
        typer.echo(f"error: {error}", err=True)
        raise typer.Exit(2) from None
    if junit is not None:
        junit.write_bytes(as_junit(path, outcome))
    typer.echo(outcome_json(outcome) if as_json else as_text(path, outcome))
    raise typer.Exit(0 if outcome.is_sound else 1)
