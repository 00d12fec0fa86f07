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
    assert shown.startswith(f"{name}: ")
    assert "336 x 336" in shown


def test_the_tokens_that_are_shown_are_those_of_the_profile() -> None:
    assert "336 x 336         146   <|vision_start|> <|image_pad|> x 144 <|vision_end|>" in run("show", "qwen2.5-vl")
    assert "4032 x 3024        576   -200 x 576" in run("show", "vila-1.0")


def test_an_unknown_profile_is_one_sentence_with_the_known_ones() -> None:
    with pytest.raises(RecipeError, match=r"there is no profile 'vila-9'; there are vila-1\.0, "):
        run("show", "vila-9")
