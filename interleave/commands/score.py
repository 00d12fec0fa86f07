"""`interleave score`: what models say of a recipe's images and texts, computed once and kept as tables."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from interleave.commands.options import AsJson


def score(
    recipe: Annotated[Path, typer.Argument(help="A recipe with `scores`.", show_default=False)],
    overrides: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="Override a key of the recipe. May be repeated."),
    ] = None,
    device: Annotated[
        str | None,
        typer.Option(help="cpu, cuda, cuda:1 ...  [default: a GPU where there is one]", show_default=False),
    ] = None,
    batch_size: Annotated[int, typer.Option(min=1, max=65_536, help="Images or texts a batch.")] = 32,
    workers: Annotated[
        int | None, typer.Option(min=1, help="Processes that measure.  [default: one a core]", show_default=False)
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Compute what a recipe's models say of it. Images and texts get their scores, kept as tables.

    Measures what is not measured yet, as the build will. Builds read the tables and run no model. After an interruption
    the same command goes on; later it adds what is new.
    """
    from dataclasses import asdict

    import orjson

    from interleave.errors import RecipeError
    from interleave.executors import default_workers
    from interleave.flow import measure_only
    from interleave.recipe_file import load_recipe
    from interleave.score import Running
    from interleave.score import score as run_score
    from interleave.work_folder import SUFFIX

    loaded = load_recipe(recipe, overrides or ())
    if not any(settings.scorings() for settings in loaded.scores):
        raise RecipeError(f"{recipe} has no `scores` that a model computes")
    running = Running(device=device, batch_size=batch_size, quiet=as_json)
    images = {"max_short_side": loaded.max_short_side}
    measure_only(loaded, num_workers=workers or default_workers(), quiet=as_json)
    found = run_score(loaded.scores, Path(loaded.output + SUFFIX), images, running)
    if as_json:
        typer.echo(orjson.dumps([asdict(table) for table in found], option=orjson.OPT_INDENT_2))
        return
    for table in found:
        typer.echo(f"{table.table}: {table.computed:,} computed, {table.known:,} known before")
