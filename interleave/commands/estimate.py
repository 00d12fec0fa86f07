"""`interleave estimate`: what a build would come to, before a long run."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from interleave.commands.options import AsJson


def estimate(
    recipe: Annotated[Path, typer.Argument(help="A recipe, for example recipes/mmc4.yaml.", show_default=False)],
    overrides: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Override a key, as for `build`.")
    ] = None,
    documents: Annotated[int, typer.Option(min=10, help="Documents to build, evenly out of the input.")] = 1000,
    workers: Annotated[
        int | None, typer.Option(min=1, help="Processes.  [default: one a core]", show_default=False)
    ] = None,
    machines: Annotated[int, typer.Option(min=1, help="Machines like this one that would share the work.")] = 1,
    as_json: AsJson = False,
) -> None:
    """Estimate what a build would come to.

    That is documents, images, tokens, disk, and hours by stage. A sample is built in a temporary folder; nothing is
    written to the recipe's output. With `fetch` in the recipe the sample's images are downloaded.
    """
    import orjson
    from rich.console import Console

    from interleave.errors import RecipeError
    from interleave.estimate import estimate as look
    from interleave.estimate_text import print_estimate
    from interleave.executors import default_workers
    from interleave.mixture import is_mixture
    from interleave.recipe_file import load_recipe

    if is_mixture(recipe):
        raise RecipeError(f"{recipe} is a mixture: estimate each of its recipes")
    found = look(
        load_recipe(recipe, overrides or ()),
        num_documents=documents,
        num_workers=workers or default_workers(),
        num_machines=machines,
    )
    if as_json:
        typer.echo(orjson.dumps(found.as_plain(), option=orjson.OPT_INDENT_2))
    else:
        print_estimate(found, Console())
