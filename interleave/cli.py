"""The command line: one function a command, each a few lines over the library."""

from __future__ import annotations

import sys
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from interleave import __version__
from interleave.commands.estimate import estimate
from interleave.commands.explore import explore
from interleave.commands.export import export_app
from interleave.commands.look import inspect, view
from interleave.commands.mixture import build_mixture, check_mixture
from interleave.commands.options import AsJson
from interleave.commands.profile import profile_app
from interleave.commands.publish import publish
from interleave.commands.purge import purge
from interleave.commands.score import score
from interleave.commands.stage2 import stage2
from interleave.commands.store import store_app
from interleave.commands.takedown import takedown
from interleave.commands.validate import validate
from interleave.errors import InterleaveError, RecipeError, explain_missing, explain_os_error
from interleave.interrupted import in_order
from interleave.work_folder import WHOLE, Slice, parse_slice

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
app.add_typer(store_app, name="store")
app.add_typer(profile_app, name="profile")
app.add_typer(export_app, name="export")

RecipeFile = Annotated[Path, typer.Argument(help="A recipe, for example recipes/mmc4.yaml.", show_default=False)]
Overrides = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="KEY=VALUE",
        help="Override a key of the recipe, for example shards.multiple_of=8. VALUE is YAML. May be repeated. "
        "In a mixture it is a key of all recipes; NAME.KEY is of one dataset's, mixture.KEY of the mixture.",
    ),
]


class ExecutorName(StrEnum):
    """Who does the tasks of a build."""

    PROCESSES = "processes"
    RAY = "ray"


@app.command()
def build(
    recipe: RecipeFile,
    overrides: Overrides = None,
    workers: Annotated[
        int | None, typer.Option(min=1, help="Processes.  [default: one a core]", show_default=False)
    ] = None,
    executor: Annotated[
        ExecutorName, typer.Option(help="Who does the tasks: processes of this machine, or a Ray cluster.")
    ] = ExecutorName.PROCESSES,
    ray_address: Annotated[
        str | None,
        typer.Option(
            metavar="ADDRESS",
            help="Of the Ray cluster: auto, HOST:PORT or ray://HOST:PORT.  [default: one of this machine alone]",
            show_default=False,
        ),
    ] = None,
    part: Annotated[
        str | None,
        typer.Option(
            "--slice", metavar="I/N", help="Do one of N shares of the tasks, I from 0 to N-1.", show_default=False
        ),
    ] = None,
    wait: Annotated[
        float, typer.Option(min=0, metavar="MINUTES", help="How long a slice waits where it needs the others.")
    ] = 0.0,
    fresh: Annotated[bool, typer.Option("--fresh", help="Forget what an earlier run began.")] = False,
    scratch: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER",
            help="Of an output that is a URL: where machines keep copies of what lies there.  [default: the cache]",
            show_default=False,
        ),
    ] = None,
    take_over: Annotated[
        bool, typer.Option("--take-over", help="With such an output: set aside the claim of one who died elsewhere.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Build the dataset of a recipe, or the datasets of a mixture.

    Run the same command again after an interruption, and it goes on; after a change of the recipe, and only the stages
    that depend on the change are done again. The bytes do not depend on workers, executor or slices.
    """
    from rich.console import Console

    from interleave.flow import build as run_build
    from interleave.mixture import is_mixture
    from interleave.recipe_file import load_recipe
    from interleave.report_text import print_report

    build_one = partial(
        run_build,
        num_workers=workers,
        ray_address=_ray_address(executor, ray_address),
        part=_part(part, wait, fresh=fresh),
        wait_s=60 * wait,
        fresh=fresh,
        scratch=scratch,
        take_over=take_over,
        quiet=as_json,
    )
    if is_mixture(recipe):
        build_mixture(recipe, overrides or (), build_one, as_json=as_json)
        return
    report = build_one(load_recipe(recipe, overrides or ()))
    if as_json:
        typer.echo(report.as_json(), nl=False)
    else:
        print_report(report, Console())


def _ray_address(executor: ExecutorName, address: str | None) -> str | None:
    if executor is ExecutorName.RAY:
        return address or "local"
    if address is not None:
        raise RecipeError("--ray-address is for --executor ray")
    return None


def _part(text: str | None, wait: float, *, fresh: bool) -> Slice:
    if text is None:
        if wait:
            raise RecipeError("--wait is for slices: give --slice I/N as well")
        return WHOLE
    if fresh:
        raise RecipeError("--fresh: a slice cannot start over, since the others may be at work; remove the work folder")
    return parse_slice(text)


app.command()(estimate)
app.command()(validate)
app.command()(inspect)
app.command()(view)


@app.command()
def crawl(
    recipe: RecipeFile,
    overrides: Overrides = None,
    again: Annotated[bool, typer.Option("--again", help="Try once more what failed and may pass.")] = False,
    as_json: AsJson = False,
) -> None:
    """Crawl the pages of a recipe into WARC files. The dataset is not built.

    `interleave build` crawls, too, where that has not been done. After an interruption the same command goes on.
    """
    from dataclasses import asdict

    import orjson

    from interleave.acquire.crawl import CrawlSource
    from interleave.acquire.crawling.bounds import CrawlReport, as_text
    from interleave.prepare import prepare_sources
    from interleave.recipe_file import load_recipe

    loaded = load_recipe(recipe, overrides or ())
    archives = {source.name: source.archive for source in loaded.all_sources if isinstance(source, CrawlSource)}
    if not archives:
        raise RecipeError(f"{recipe} has no source of kind `crawl`")
    found = prepare_sources(loaded, quiet=as_json, again=again)
    reports = {name: report for name, report in found.items() if isinstance(report, CrawlReport)}
    if as_json:
        plain = {name: asdict(report) for name, report in reports.items()}
        typer.echo(orjson.dumps(plain, option=orjson.OPT_INDENT_2))
        return
    for name, report in reports.items():
        typer.echo(as_text(name, report, archives[name]))


app.command()(score)
app.command()(explore)
app.command()(takedown)
app.command()(stage2)
app.command()(purge)
app.command()(publish)


@recipe_app.command("check")
def recipe_check(recipe: RecipeFile, overrides: Overrides = None) -> None:
    """Check a recipe, and name everything that is wrong with it; its tokenizer is opened."""
    from interleave.flow import model_of
    from interleave.mixture import is_mixture
    from interleave.recipe_file import load_recipe

    if is_mixture(recipe):
        check_mixture(recipe, overrides or ())
        return
    loaded = load_recipe(recipe, overrides or ())
    model = model_of(loaded)
    typer.echo(f"{recipe}: sound; recipe hash {loaded.hash()[:16]}, output {loaded.output}")
    typer.echo(f"for {model.image.profile}; tokenizer {model.tokenizer_name}, {model.vocab_size:,} ids")


@recipe_app.command("schema")
def recipe_schema(
    mixture: Annotated[bool, typer.Option("--mixture", help="Of mixtures of recipes.")] = False,
) -> None:
    """Print the JSON Schema of recipes: every key, its type, default and meaning."""
    import orjson

    from interleave.mixture import MixtureFile
    from interleave.recipe import Recipe

    schema = (MixtureFile if mixture else Recipe).model_json_schema()
    typer.echo(orjson.dumps(schema, option=orjson.OPT_INDENT_2))


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
        with in_order():
            app()
    except InterleaveError as error:
        typer.echo(f"error: {error}", err=True)
        sys.exit(error.exit_code)
    except OSError as error:
        typer.echo(f"error: {explain_os_error(error)}", err=True)
        sys.exit(1)
    except ModuleNotFoundError as error:
        typer.echo(f"error: {explain_missing(error)}", err=True)
        sys.exit(2)
