from typing import get_args

import pytest
from pydantic import TypeAdapter

from interleave.clean.presets import PRESETS, Name
from interleave.clean.rules import Rule, sort_rules
from interleave.clean.text_view import Text

PROSE = {
    "en": (
        "The first ships of the year came into the harbour on a cold morning, and half of the town went to see them.",
        "Nobody knew what they had on board, but it was said that one of them had been as far as the coast of Brazil.",
        "By noon the captain had told his story to the mayor, who did not believe a word of it and asked for more.",
    ),
    "zh": (
        "今年的第一批船在一个寒冷的早晨驶进了港口，半个城市的人都跑去看它们。",
        "没有人知道船上装的是什么，不过大家都说其中有一艘曾经到过巴西的海岸。",
        "到了中午，船长已经把他的故事讲给了市长听，市长一个字也不相信，却还想再听下去。",
    ),
}
NOISE = {
    "en": ("Home # Products # About # Contact # 12 # 13 # 14 ...",) * 12,
    "zh": ("首页 # 产品 # 关于 # 联系 # 12 # 13 # 14 ……",) * 12,
}


def broken(preset: Name, lines: tuple[str, ...]) -> list[str]:
    """Rules on text that the lines break, one by one or as a document."""
    document = Text(lines)
    rules = sort_rules(PRESETS[preset])
    found = [
        name
        for name, rule, _ in rules.paragraph
        for text in (Text((line,), document=document) for line in lines)
        if rule.judge(rule.measure(text), text)
    ]
    return found + [
        name
        for name, rule, subject in rules.document
        if subject == "text" and rule.judge(rule.measure(document), document)  # type: ignore[arg-type]
    ]


@pytest.mark.parametrize("language", PROSE)
@pytest.mark.parametrize("preset", get_args(Name))
def test_plain_prose_passes_every_preset(preset: Name, language: str) -> None:
    assert broken(preset, PROSE[language]) == []


@pytest.mark.parametrize("language", NOISE)
@pytest.mark.parametrize("preset", ["obelics", "gopher", "c4"])
def test_a_menu_passes_none(preset: Name, language: str) -> None:
    assert broken(preset, NOISE[language]) != []


@pytest.mark.parametrize("preset", get_args(Name))
def test_a_preset_unfolds_to_rules_that_a_recipe_could_give(preset: Name) -> None:
    one = TypeAdapter(Rule).validate_python({"kind": "preset", "name": preset})
    rules = sort_rules([one])
    assert rules == sort_rules(PRESETS[preset])
    for rule in PRESETS[preset]:
        assert TypeAdapter(Rule).validate_python(rule.model_dump(exclude_none=True)) == rule


def test_every_preset_is_documented() -> None:
    assert set(PRESETS) == set(get_args(Name))
