"""`interleave profile`, as somebody at a terminal sees it."""

from __future__ import annotations

import pytest
from typer.testing import CliRunner

from interleave.cli import app
from interleave.encode.profiles.known import PROFILES
from interleave.errors import RecipeError


def run(*arguments: str) -> str:
    ran = CliRunner().invoke(app, ["profile", *arguments], env={"COLUMNS": "80"})
    if ran.exception is not None and not isinstance(ran.exception, SystemExit):
        raise ran.exception
    assert ran.exit_code == 0
    return ran.output


def test_every_profile_is_listed_within_80_columns() -> None:
    shown = run("list")
    assert all(name in shown for name in PROFILES)
    assert max(map(len, shown.splitlines())) <= 80


@pytest.mark.parametrize("name", PROFILES)
def test_a_profile_is_shown_with_its_tokens_for_several_sizes(name: str) -> None:
    shown = run("show", name)
    assert shown.splitlines()[0] == name
    assert f"for example {PROFILES[name].tokenizer}" in shown
    assert all(size in shown for size in ("64 x 64", "336 x 336", "4032 x 3024"))


def test_the_tokens_that_are_shown_are_those_of_the_profile() -> None:
    shown = run("show", "qwen2.5-vl")
    assert "  336 x 336          146             146   <|vision_start|> <|image_pad|> x 144 <|vision_end|>" in shown
    assert "  4032 x 3024        576             576   -200 x 576" in run("show", "vila-1.0")
    assert "  640 x 480        2,929             730   <image> x 730" in run("show", "llava-onevision")


def test_sizes_and_options_may_be_given() -> None:
    shown = run("show", "qwen2.5-vl", "--size", "1024x768", "--set", "max_pixels=200704")
    assert "max_pixels=200704" in shown
    assert shown.splitlines()[-1].split()[:5] == ["1024", "x", "768", "236", "236"]
    assert run("show", "qwen2.5-vl", "--size", "5000x10").splitlines()[-1].split()[3:5] == ["-", "-"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--size", "big"), "--size big: expected width and height in px, for example 640x480"),
        (("--size", "0x5"), "--size 0x5: expected"),
        (("--set", "max_tiles=3"), "--set max_tiles=3: .* the options of qwen2.5-vl are: min_pixels, max_pixels"),
        (("--set", "max_pixels=x"), "--set max_pixels=x: expected OPTION=NUMBER"),
    ],
)
def test_what_is_no_size_and_no_option_is_refused_in_a_sentence(arguments: tuple[str, ...], message: str) -> None:
    with pytest.raises(RecipeError, match=message):
        run("show", "qwen2.5-vl", *arguments)


def test_an_unknown_profile_is_one_sentence_with_the_known_ones() -> None:
    with pytest.raises(RecipeError, match=r"there is no profile 'vila-9'; there are vila-1\.0, "):
        run("show", "vila-9")
