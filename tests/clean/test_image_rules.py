"""Rules on images: what each one measures, where its bound lies, and what it lets pass."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError
from records import LOOKS, make_image

from interleave.clean.bounds import Verdict
from interleave.clean.rules import Rule
from interleave.clean.signals import image_signals

RULE: TypeAdapter[Any] = TypeAdapter(Rule)


def judge(rule: dict[str, Any], num_before: int = 0, **image: Any) -> Verdict | None:
    signals, validated = image_signals(make_image(**image), num_before), RULE.validate_python(rule)
    return validated.judge(validated.measure(signals), signals)


@pytest.mark.parametrize(
    ("kind", "bound", "figure", "kept", "dropped"),
    [
        ("sharpness", "min", "sharpness", 0.9, 0.89),
        ("entropy", "min", "entropy", 0.1, 0.09),
        ("blank", "max", "flat", 0.995, 0.9951),
        ("text_banner", "max", "text", 0.7, 0.71),
        ("animated", "max", "num_frames", 1, 2),
    ],
)
def test_a_figure_of_the_picture_is_kept_up_to_its_bound(
    kind: str, bound: str, figure: str, kept: float, dropped: float
) -> None:
    assert judge({"kind": kind}, looks=replace(LOOKS, **{figure: kept})) is None
    assert judge({"kind": kind}, looks=replace(LOOKS, **{figure: dropped})) == Verdict(dropped, kept)
    assert judge({"kind": kind, bound: dropped}, looks=replace(LOOKS, **{figure: dropped})) is None


def test_a_photograph_passes_every_rule_on_looks() -> None:
    for kind in ("sharpness", "entropy", "blank", "text_banner", "animated"):
        assert judge({"kind": kind}) is None


def test_the_budget_counts_the_images_before_that_stay() -> None:
    assert [judge({"kind": "image_budget", "max": 2}, num_before) for num_before in (0, 1, 2)] == [
        None,
        None,
        Verdict(3, 2),
    ]


DECORATION = """
    logo logos siteLogo sitelogo hyattlogo WOlogo 2008LOGO logo2x logotype site-logo_v2 buttonset1 favicon fileicon
    icon@2x plugins Widgets my%20logo my%4cogo HTMLLogo
"""
CONTENT = """
    silicon-valley Silicone lexicon Rubicon iconic iconography Iconoclasm analogous catalogo prologo psicologo
    logotherapy technology dialogue buttonhole buttonwood Helicon logic
"""


@pytest.mark.parametrize("name", DECORATION.split())
def test_decoration_is_told_by_words_and_what_is_made_with_them(name: str) -> None:
    assert judge({"kind": "url_tokens"}, url=f"https://e.org/img/{name}.png") is not None
    assert judge({"kind": "url_tokens"}, url=f"https://e.org/{name}/photo.png") is not None


@pytest.mark.parametrize("name", CONTENT.split())
def test_words_of_languages_that_hold_a_token_are_no_decoration(name: str) -> None:
    assert judge({"kind": "url_tokens"}, url=f"https://e.org/img/{name}.jpg") is None


def test_a_short_token_is_found_as_a_word_alone() -> None:
    rule = {"kind": "url_tokens", "tokens": ["ad", "图标"]}
    assert judge(rule, url="https://e.org/ads/top-ad.png") == Verdict(1, 0, "ad")
    assert judge(rule, url="https://e.org/road/address.png") is None
    assert judge(rule, url="https://e.org/%E5%85%AC%E5%8F%B8%E5%9B%BE%E6%A0%87.png") == Verdict(1, 0, "图标")


def test_as_many_tokens_are_counted_as_are_found() -> None:
    assert judge({"kind": "url_tokens"}, url="https://e.org/icons/logo-button.png") == Verdict(3, 0, "logo")


@pytest.mark.parametrize(
    "rule",
    [
        {"kind": "url_tokens", "tokens": ["Logo"]},
        {"kind": "url_tokens", "tokens": ["site-logo"]},
        {"kind": "url_tokens", "tokens": [""]},
        {"kind": "sharpness", "min": -1.0},
        {"kind": "entropy", "min": 8.5},
        {"kind": "blank", "max": 1.5},
        {"kind": "text_banner", "max": -0.1},
        {"kind": "animated", "max": 0},
        {"kind": "image_budget"},
        {"kind": "image_budget", "max": -1},
    ],
)
def test_bounds_that_cannot_be_meant_are_refused(rule: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        RULE.validate_python(rule)
