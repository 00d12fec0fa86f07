"""`interleave store`: what lies in a store of downloaded images, and how to fill and shrink it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from interleave.commands.options import AsJson

if TYPE_CHECKING:
    from tqdm import tqdm

store_app = typer.Typer(help="Look at, fill and shrink stores of downloaded images.", no_args_is_help=True)

StoreFolder = Annotated[Path, typer.Argument(help="The store's folder: `fetch.store` of a recipe.", show_default=False)]


@store_app.command()
def show(store: StoreFolder, as_json: AsJson = False) -> None:
    """Show what a store holds: URLs by outcome, images, bytes."""
    from interleave.access.compact import summarise

    _check_exists(store)
    found = summarise(store)
    if as_json:
        _print_json(found)
        return
    typer.echo(f"{store}: {found.urls:,} URLs, {found.images:,} images, {found.image_bytes:,} bytes")
    for outcome, number in found.outcomes.items():
        typer.echo(f"  {number:>12,} {outcome}")
    if spare := found.file_bytes - found.image_bytes:
        typer.echo(f"  {spare:,} bytes of files hold no image; `interleave store compact` gives them back")


@store_app.command()
def adopt(
    path: Annotated[Path, typer.Argument(help="img2dataset's output: a folder or a .tar.", show_default=False)],
    store: StoreFolder,
    as_json: AsJson = False,
) -> None:
    """Take what img2dataset has downloaded into a store, so that builds do not download it again.

    Reads the output formats `webdataset` and `files`. Failures are left out: builds try them again.
    """
    from tqdm import tqdm

    from interleave.adopt import adopt as run_adopt

    with tqdm(desc="   adopt", unit="", disable=None, leave=False) as bar:
        found = run_adopt(path, store, lambda: _tick(bar))
    if as_json:
        _print_json(found)
        return
    typer.echo(f"{store}: {found.images:,} images adopted, {found.known:,} known before")
    for reason, number in found.left_out.items():
        typer.echo(f"  left out: {number:,} {reason}")


@store_app.command()
def compact(store: StoreFolder, as_json: AsJson = False) -> None:
    """Give back the room of images that no URL of a store leads to any more."""
    from tqdm import tqdm

    from interleave.access.compact import compact as run_compact

    _check_exists(store)
    with tqdm(desc="   compact", unit="", disable=None, leave=False) as bar:
        found = run_compact(store, lambda: _tick(bar))
    if as_json:
        _print_json(found)
        return
    typer.echo(f"{store}: {found.before_bytes:,} bytes before, {found.after_bytes:,} bytes now")
    if found.forgotten:
        typer.echo(f"  {found.forgotten:,} images removed that no URL leads to")
    if found.damaged:
        typer.echo(f"  {found.damaged:,} damaged images removed; builds download them again")


def _tick(bar: tqdm[NoReturn]) -> None:
    bar.update()


def _check_exists(store: Path) -> None:
    from interleave.access.store import LEDGER_NAME
    from interleave.errors import RecipeError

    if not (store / LEDGER_NAME).is_file():
        raise RecipeError(f"{store} is no store of images: it has no {LEDGER_NAME}; name the recipe's `fetch.store`")


def _print_json(found: object) -> None:
    from dataclasses import asdict

    import orjson

    typer.echo(orjson.dumps(asdict(found), option=orjson.OPT_INDENT_2))  # type: ignore[call-overload]
