"""What a recipe says of a model, resolved to ids."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from fixtures_tokenizers import LLAMA, byte_level, save, write_sentencepiece

from interleave.encode.model import TargetModel, Wanted, target_model
from interleave.encode.profiles.known import PROFILES
from interleave.errors import RecipeError

WANTED = Wanted(
    profile="vila-1.0",
    layout="document",
    tokenizer=LLAMA,
    placeholder=None,
    tokens_per_image=None,
    form=None,
    options={},
    context=4096,
    bos="auto",
    eos="auto",
)
QWEN = PROFILES["qwen2-vl"]


def model(**changes: object) -> TargetModel:
    return target_model(replace(WANTED, **changes))


def placeholder(value: int | str) -> int:
    return model(placeholder=value).image.placeholder


def qwen(folder: Path, **changes: object) -> TargetModel:
    """With a tokenizer that has what Qwen2-VL needs, its marks after the vocabulary."""
    special = ["<|endoftext|>", str(QWEN.placeholder), *QWEN.marks]
    path = save(byte_level(special=special), folder / "tokenizer.json")
    return model(tokenizer=str(path), profile="qwen2-vl", **changes)


def test_a_placeholder_is_negative_special_or_after_the_vocabulary() -> None:
    assert model().image.placeholder == -200
    assert placeholder("<image>") == 32000
    assert placeholder("<unk>") == 0
    assert placeholder(32000) == 32000


@pytest.mark.parametrize("value", ["a", "the", "▁The", 450, 29871, 3, 258])
def test_a_placeholder_that_text_can_have_too_is_refused(value: int | str) -> None:
    with pytest.raises(RecipeError, match=r"encode\.placeholder"):
        placeholder(value)


def test_a_layout_fixes_the_placeholder_and_the_text_around_images() -> None:
    first, second = model(layout="vila-1.0"), model(layout="vila-2.0", profile="vila-1.5")
    assert (first.image.placeholder, first.text_before, first.text_after) == (-200, "", "")
    assert (second.image.placeholder, second.text_before, second.text_after) == (32000, "", "\n")
    assert second.image.stored(10, 10, 1).tolist() == [32000]
    assert second.image.expanded(10, 10, 1).tolist() == [32000] * 196


def test_a_model_with_marks_has_their_ids_and_both_forms(tmp_path: Path) -> None:
    compact, expanded = (qwen(tmp_path, form=form).image for form in ("compact", "expanded"))
    start, end = compact.ids["<|vision_start|>"], compact.ids["<|vision_end|>"]
    pad = (compact.placeholder,)
    assert len({start, end, pad}) == 3
    # 56 x 84 px are 2 x 3 squares of 28 px.
    assert compact.stored(84, 56, 1).tolist() == [*start, *pad, *end]
    assert expanded.stored(84, 56, 1).tolist() == [*start, *pad * 6, *end]
    assert compact.expanded(84, 56, 1).tolist() == expanded.stored(84, 56, 1).tolist()
    assert compact.has_grid and compact.grid(84, 56) == (2, 3)


def test_the_ends_are_the_profiles_unless_the_recipe_names_others(tmp_path: Path) -> None:
    found = qwen(tmp_path)
    assert found.bos is None and found.eos is not None
    assert qwen(tmp_path, bos="<|endoftext|>", eos=None).bos == found.eos


def test_a_tokenizer_without_the_marks_of_the_profile_is_refused() -> None:
    with pytest.raises(
        RecipeError,
        match=r"no special token '<\|vision_start\|>'.* own, for example `tokenizer: Qwen/Qwen2-VL-7B-Instruct`",
    ):
        model(profile="qwen2-vl")


def test_a_mark_that_the_file_calls_ordinary_is_no_text_all_the_same(tmp_path: Path) -> None:
    special = ["<|endoftext|>"]
    path = save(byte_level(special=special, ordinary=[str(QWEN.placeholder), *QWEN.marks]), tmp_path / "tokenizer.json")
    found = model(tokenizer=str(path), profile="qwen2-vl")
    assert set(found.reserved) == {QWEN.placeholder, *QWEN.marks, "<|endoftext|>"}


def test_options_are_those_of_the_profile(tmp_path: Path) -> None:
    small = qwen(tmp_path, options={"max_pixels": 28 * 28 * 4}).image
    assert len(small.expanded(1000, 1000, 1)) == 6


def test_a_number_of_tokens_for_every_image_needs_no_marks() -> None:
    image = model(profile="qwen2-vl", tokens_per_image=5, eos="</s>").image
    assert image.stored(84, 56, 1).tolist() == [image.placeholder] * 5
    assert not image.has_grid


def test_a_tokenizer_is_called_as_the_recipe_calls_it_but_without_the_folders_of_this_machine(tmp_path: Path) -> None:
    path = write_sentencepiece(tmp_path / "tokenizer.model")
    assert model(tokenizer=str(path)).tokenizer_name == "tokenizer.model"
    assert model().tokenizer_name == LLAMA
    here, there = model(tokenizer=str(path)), tmp_path / "there" / "tokenizer.model"
    there.parent.mkdir()
    there.write_bytes(path.read_bytes())
    assert model(tokenizer=str(there)).tokenizer_sha256 == here.tokenizer_sha256
    assert here.tokenizer_sha256 != model().tokenizer_sha256
