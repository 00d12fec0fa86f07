"""`interleave profile`: the families of models that shards can be for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import typer

profile_app = typer.Typer(help="Look at the models that shards can be for.", no_args_is_help=True)

_MOST_RUNS = 5
# Sizes in px that `show` prints the tokens of: a thumbnail, a photograph on a page, one from a camera, a strip.
_SIZES = ((64, 64), (336, 336), (640, 480), (1024, 768), (4032, 3024), (1600, 200))


@profile_app.command("list")
def list_profiles() -> None:
    """List the profiles that a recipe may name."""
    from rich.console import Console
    from rich.table import Table

    from interleave.encode.profiles.known import PROFILES

    table = Table(box=None, pad_edge=False)
    for column in ("profile", "context", "model"):
        table.add_column(column, overflow="fold")
    for profile in PROFILES.values():
        table.add_row(profile.name, f"{profile.context:,}", profile.summary)
    Console().print(table, highlight=False)


@profile_app.command("show")
def show_profile(name: Annotated[str, typer.Argument(help="One of `interleave profile list`.")]) -> None:
    """Show what a profile makes of an image: its ids, its options, and its tokens for images of several sizes."""
    from rich.console import Console

    from interleave.encode.profiles.known import PROFILES
    from interleave.errors import RecipeError

    if name not in PROFILES:
        raise RecipeError(f"there is no profile {name!r}; there are {', '.join(PROFILES)}")
    console = Console()
    for line in _lines(name):
        console.print(line, highlight=False, markup=False, soft_wrap=True)


def _lines(name: str) -> list[str]:
    from interleave.encode.profiles.known import PROFILES

    profile = PROFILES[name]
    lines = [
        f"{profile.name}: {profile.summary}",
        f"  placeholder     {profile.placeholder}",
        f"  in a prompt     {_shown([(token, 1) for token in profile.written])}",
        f"  stored          {profile.stored}",
        f"  text around     {profile.text_before!r} and {profile.text_after!r}",
        f"  context         {profile.context:,} tokens",
        f"  images stored   {_side(profile.image_side)}",
        f"  BOS, EOS        {profile.bos or 'none'}, {profile.eos or 'none'}",
        f"  options         {', '.join(f'{key}={value}' for key, value in profile.options.items()) or 'none'}",
        "",
        "  width x height   tokens   as the model sees it, one of two images in a document",
    ]
    for width, height in _SIZES:
        try:
            runs = profile.expand(width, height, 2, profile.options)
        except ValueError as error:
            lines.append(f"  {width:>5} x {height:<6}        -   {error}")
            continue
        lines.append(f"  {width:>5} x {height:<6} {sum(times for _, times in runs):>8,}   {_shown(runs)}")
    return lines


def _shown(runs: Sequence[tuple[int | str, int]]) -> str:
    """ "<|vision_start|> <|image_pad|> x 144 <|vision_end|>"; of many runs the first ones."""
    pieces = [f"{str(token)!r}"[1:-1] + (f" x {times:,}" if times > 1 else "") for token, times in runs[:_MOST_RUNS]]
    return " ".join(pieces) + (f" ... ({len(runs):,} runs)" if len(runs) > _MOST_RUNS else "")


def _side(side: int | None) -> str:
    return "as they are" if side is None else f"with a short side of {side} px at most"
