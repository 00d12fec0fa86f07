"""`interleave profile`: the families of models that shards can be for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from interleave.encode.profiles.profile import Profile

profile_app = typer.Typer(help="Look at the models that shards can be for.", no_args_is_help=True)

_MOST_RUNS = 3
# In px: a thumbnail, a square, photographs on a page and from a camera, a strip.
_SIZES = ("64x64", "336x336", "640x480", "1024x768", "4032x3024", "1600x200")


@profile_app.command("list")
def list_profiles() -> None:
    """List the profiles that a recipe may name."""
    from rich.console import Console
    from rich.table import Table

    from interleave.encode.profiles.known import BROKEN, PROFILES

    table = Table(box=None, pad_edge=False)
    for column in ("profile", "context", "model"):
        table.add_column(column, overflow="fold")
    for profile in PROFILES.values():
        table.add_row(profile.name, f"{profile.context:,}", profile.summary)
    for name, reason in BROKEN.items():
        table.add_row(name, "", reason)
    Console().print(table, highlight=False, markup=False)


@profile_app.command("show")
def show_profile(
    name: Annotated[str, typer.Argument(help="One of `interleave profile list`.")],
    size: Annotated[
        list[str] | None,
        typer.Option(metavar="WxH", help="Size of an image in px; may be repeated.", show_default=False),
    ] = None,
    option: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="OPTION=NUMBER",
            help="As `encode.options` of a recipe; may be repeated.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Show what an image of some size becomes."""
    from interleave.encode.profiles.known import BROKEN, PROFILES
    from interleave.errors import RecipeError

    if name not in PROFILES:
        raise RecipeError(BROKEN.get(name, f"there is no profile {name!r}; there are {', '.join(PROFILES)}"))
    profile = PROFILES[name]
    options = {**profile.options, **dict(_option(text, profile) for text in option or ())}
    for line in (*_described(profile, options), *_tokens(profile, options, [_size(text) for text in size or _SIZES])):
        typer.echo(line)


def _option(text: str, profile: Profile) -> tuple[str, int]:
    from interleave.errors import RecipeError

    name, _, value = text.partition("=")
    if name not in profile.options or not value.isdecimal():
        known = ", ".join(profile.options) or "none"
        raise RecipeError(f"--set {text}: expected OPTION=NUMBER; the options of {profile.name} are: {known}")
    return name, int(value)


def _size(text: str) -> tuple[int, int]:
    from interleave.errors import RecipeError

    width, _, height = text.partition("x")
    if not (width.isdecimal() and height.isdecimal() and int(width) and int(height)):
        raise RecipeError(f"--size {text}: expected width and height in px, for example 640x480")
    return int(width), int(height)


def _described(profile: Profile, options: Mapping[str, int]) -> list[str]:
    around = f"{profile.text_before!r} before, {profile.text_after!r} behind"
    ends = {None: "none", "auto": "the tokenizer's"}
    side = f", images with a short side of at most {profile.image_side:,} px" if profile.image_side else ""
    return [
        f"{profile.name}",
        f"  {profile.summary}",
        f"  tokenizer      that of your model{f', for example {profile.tokenizer}' if profile.tokenizer else ''}",
        f"  placeholder    {profile.placeholder}",
        f"  text around    {around if profile.text_before + profile.text_after else 'none'}",
        f"  stored         {profile.stored}{side}",
        f"  context        {profile.context:,} tokens",
        f"  BOS            {ends.get(profile.bos, profile.bos)}",
        f"  EOS            {ends.get(profile.eos, profile.eos)}",
        f"  options        {', '.join(f'{name}={value}' for name, value in options.items()) or 'none'}",
    ]


def _tokens(profile: Profile, options: Mapping[str, int], sizes: Sequence[tuple[int, int]]) -> list[str]:
    lines = ["", "  an image of      alone  one of several   in the model, one of several"]
    for width, height in sizes:
        try:
            alone, beside = (profile.expand(width, height, number, options) for number in (1, 2))
        except (ValueError, ArithmeticError) as error:
            lines.append(f"  {f'{width} x {height}':<13} {'-':>8} {'-':>15}   {error}")
            continue
        numbers = [sum(times for _, times in runs) for runs in (alone, beside)]
        lines.append(f"  {f'{width} x {height}':<13} {numbers[0]:>8,} {numbers[1]:>15,}   {_shown(beside)}")
    return lines


def _shown(runs: Sequence[tuple[int | str, int]]) -> str:
    """ "<|vision_start|> <|image_pad|> x 144 <|vision_end|>"; of many runs the first ones."""
    pieces = [f"{str(token)!r}"[1:-1] + (f" x {times:,}" if times > 1 else "") for token, times in runs[:_MOST_RUNS]]
    return " ".join(pieces) + (" ..." if len(runs) > _MOST_RUNS else "")
