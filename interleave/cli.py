"""The command line: one function a command, each a few lines over the library."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from interleave import __version__
from interleave.errors import InterleaveError

app = typer.Typer(
    name="interleave",
    help="Turns interleaved image-text documents into training data for vision-language models.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
recipe_app = typer.Typer(help="Look at recipes.", no_args_is_help=True)
app.add_typer(recipe_app, name="recipe")

RecipeFile = Annotated[Path, typer.Argument(help="A recipe, for example recipes/mmc4.yaml.", show_default=False)]
Overrides = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="KEY=VALUE",
        help="Override a key of the recipe, for example shards.multiple_of=8. VALUE is YAML. May be repeated.",
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")]


@app.command()
def build(
    recipe: RecipeFile,
    overrides: Overrides = None,
    workers: Annotated[
        int | None, typer.Option(min=1, help="Processes.  [default: one a core]", show_default=False)
    ] = None,
    fresh: Annotated[bool, typer.Option("--fresh", help="Forget what an earlier run began.")] = False,
    as_json: AsJson = False,
) -> None:
    """Build the dataset of a recipe.

    Run the same command again after an interruption, and it goes on; after a change of the recipe, and only the stages
    that depend on the change are done again. The bytes do not depend on the number of workers.
    """
    from rich.console import Console

    from interleave.executors import default_workers
    from interleave.flow import build as run_build
    from interleave.recipe_file import load_recipe

    report = run_build(
        load_recipe(recipe, overrides or ()), num_workers=workers or default_workers(), fresh=fresh, quiet=as_json
    )
    if as_json:
        typer.echo(report.as_json(), nl=False)
    else:
        report.print(Console())


@recipe_app.command("check")
def recipe_check(recipe: RecipeFile, overrides: Overrides = None) -> None:
    """Check a recipe, and name everything that is wrong with it."""
    from interleave.recipe_file import load_recipe

    loaded = load_recipe(recipe, overrides or ())
    typer.echo(f"{recipe}: sound; recipe hash {loaded.hash()[:16]}, output {loaded.output}")


@recipe_app.command("schema")
def recipe_schema() -> None:
    """Print the JSON Schema of recipes: every key, its type, default and meaning."""
    import orjson

    from interleave.recipe import Recipe

    typer.echo(orjson.dumps(Recipe.model_json_schema(), option=orjson.OPT_INDENT_2))


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"interleave {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Turns interleaved image-text documents into training data for vision-language models."""


def main() -> None:
    """Runs the command line; our own errors become one sentence and an exit code."""
    try:
        app()
    except InterleaveError as error:
        typer.echo(f"error: {error}", err=True)
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        typer.echo("interrupted; run the same command again to go on", err=True)
        sys.exit(130)
    except ModuleNotFoundError as error:
        typer.echo(f"error: {error.name} is not installed; pip install 'interleave-vlm[build]'", err=True)
        sys.exit(2)
