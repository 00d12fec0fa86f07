import time
from pathlib import Path
from typing import Any

import pytest

from interleave.errors import RecipeError
from interleave.recipe import Recipe
from interleave.recipe_file import load_recipe
from interleave.recipe_yaml import MAX_BYTES

BASE = """
source:
  kind: mmc4
  path: docs.jsonl
  images: images
output: out
tokenizer: tok/tokenizer.json
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The recipe's folder; the current one is another."""
    (tmp_path / "here").mkdir()
    (tmp_path / "recipes").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    return tmp_path / "recipes"


def load(folder: Path, text: str, *overrides: str) -> Recipe:
    (folder / "recipe.yaml").write_text(text)
    return load_recipe(folder / "recipe.yaml", overrides)


def faults(folder: Path, text: str, *overrides: str) -> str:
    with pytest.raises(RecipeError) as caught:
        load(folder, text, *overrides)
    return str(caught.value)


def test_many_faults_take_hardly_longer_than_one_and_the_first_hundred_are_said(folder: Path) -> None:
    rules = "".join("    - {kind: num_images, mim: 1}\n" for _ in range(200))
    faults(folder, BASE + "sed: 1")
    began = time.process_time()
    said = faults(folder, f"{BASE}clean:\n  rules:\n{rules}")
    assert time.process_time() - began < 1
    assert "200 fault(s)" in said and said.count("did you mean 'min'") == 100 and said.endswith("and 100 more")


def test_a_short_recipe_gets_the_documented_defaults(folder: Path) -> None:
    recipe = load(folder, BASE)
    assert (recipe.profile, recipe.context, recipe.encode.layout) == ("vila-1.0", 4096, "document")
    assert recipe.max_short_side == 336
    assert recipe.seed == 0
    assert recipe.clean.rules == ()


def test_settings_of_the_recipe_come_before_those_of_its_profile(folder: Path) -> None:
    recipe = load(
        folder,
        BASE + "encode: {context: 1000, tokens_per_image: 64, placeholder: '<image>'}\nimages: {max_short_side: null}",
    )
    assert (recipe.context, recipe.encode.tokens_per_image, recipe.encode.placeholder) == (1000, 64, "<image>")
    assert recipe.max_short_side is None
    assert load(folder, BASE + "encode: {context: null}").context is None


@pytest.mark.parametrize(
    ("options", "fault"),
    [
        ("{max_tiles: 3}", "the profile qwen2-vl has no 'max_tiles'; there are: min_pixels, max_pixels"),
        ("{max_pixels: 0}", "encode.options: max_pixels is 0, expected 1 or more"),
        ("{max_pixels: -1}", "max_pixels"),
        ("{max_pixels: 1e9}", "max_pixels"),
        ("{min_pixels: 4000000}", "min_pixels (4,000,000) is more than max_pixels (1,003,520)"),
        ("{min_pixels: 4000000, max_pixels: 4000000}", "an image takes"),
    ],
)
def test_options_are_those_of_the_profile_and_leave_room_in_the_context(folder: Path, options: str, fault: str) -> None:
    assert fault in faults(folder, BASE + f"profile: qwen2-vl\nencode: {{context: 1000, options: {options}}}")


@pytest.mark.parametrize(
    ("settings", "fault"),
    [
        ("encode: {layout: vila-1.0, placeholder: -5}", "encode.layout vila-1.0 has a placeholder"),
        ("encode: {separator: ' <image> '}", "encode.separator: <image> stands for images"),
        ("encode: {tokens_per_image: 5, options: {a: 1}}", "encode.tokens_per_image says it all"),
        ("encode: {layout: vila-2.0}\nalign: {place: after}", "has images before sentences"),
        ("profile: qwen2-vl\nencode: {layout: vila-1.0}", "is VILA's, and qwen2-vl no model of its kind"),
        ("encode: {split: {few_shot: {context: 512}}}", "context is 512, others have 4,096"),
        ("encode: {source_weights: {coyo: 0.5}}", "encode.source_weights: there is no source 'coyo'"),
        ("encode: {context: null, split: {overlap: 1}}", "with encode.context null the loader cuts"),
    ],
)
def test_settings_of_encode_that_contradict_each_other_are_faults(folder: Path, settings: str, fault: str) -> None:
    assert fault in faults(folder, BASE + settings)


def test_a_value_where_a_list_is_wanted_is_said_so_in_words_of_yaml(folder: Path) -> None:
    assert "clean.rules: Input should be a list (got 3)" in faults(folder, BASE, "clean.rules=3")


def test_paths_in_a_recipe_are_relative_to_the_recipe(folder: Path) -> None:
    recipe = load(folder, BASE.replace("docs.jsonl", "../data/docs.jsonl"))
    assert recipe.output == str(folder / "out")
    assert recipe.all_sources[0].path == str(folder.parent / "data" / "docs.jsonl")
    assert recipe.all_sources[0].images == str(folder / "images")
    assert recipe.tokenizer == str(folder / "tok" / "tokenizer.json")


def test_paths_on_the_command_line_are_relative_to_the_current_folder(folder: Path) -> None:
    recipe = load(folder, BASE, "output=build", "source.path=../d.jsonl", "tokenizer=./t.model")
    assert recipe.output == str(folder.parent / "here" / "build")
    assert recipe.all_sources[0].path == str(folder.parent / "d.jsonl")
    assert recipe.all_sources[0].images == str(folder / "images")
    assert recipe.tokenizer == str(folder.parent / "here" / "t.model")


def test_paths_inside_a_list_on_the_command_line_are_relative_to_the_current_folder_too(folder: Path) -> None:
    recipe = load(folder, "output: out\ntokenizer: a/b", "sources=[{kind: mmc4, path: d.jsonl, images: i}]")
    assert recipe.all_sources[0].path == str(folder.parent / "here" / "d.jsonl")


def test_a_home_folder_and_an_absolute_path_stay_what_they_are(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/me")
    recipe = load(folder, BASE, "output=~/build", "source.path=/data/d.jsonl")
    assert recipe.output == "/home/me/build"
    assert recipe.all_sources[0].path == "/data/d.jsonl"


@pytest.mark.parametrize("name", ["package:wordllama/tokenizers/x.json", "lmsys/vicuna-7b-v1.5"])
def test_a_tokenizer_that_is_no_path_stays_a_name(folder: Path, name: str) -> None:
    assert load(folder, BASE, f"tokenizer={name}").tokenizer == name
    assert load(folder, BASE.replace("tok/tokenizer.json", name)).tokenizer == name


def test_a_tokenizer_folder_that_exists_is_a_path(folder: Path) -> None:
    (folder / "lmsys" / "vicuna").mkdir(parents=True)
    text = BASE.replace("tok/tokenizer.json", "lmsys/vicuna")
    assert load(folder, text).tokenizer == str(folder / "lmsys" / "vicuna")


def test_an_unknown_key_is_named_with_the_nearest_one(folder: Path) -> None:
    message = faults(
        folder,
        BASE
        + """
sed: 1
shards: {multiple: 8}
clean:
  repair: {encodin: false}
  rules: [{kind: image_side, mim: 150}]
""",
    )
    assert "sed: unknown key; did you mean 'seed'?" in message
    assert "shards.multiple: unknown key; did you mean 'multiple_of'?" in message
    assert "clean.repair.encodin: unknown key; did you mean 'encoding'?" in message
    assert "mim: unknown key; did you mean 'min'?" in message


def test_an_unknown_key_that_is_near_to_nothing_is_answered_with_all_names(folder: Path) -> None:
    message = faults(folder, BASE + "align: {zzzz: 1}")
    assert "align.zzzz: unknown key; there are assign, min_similarity, place" in message


def test_an_unknown_kind_of_rule_is_named_with_the_nearest_one(folder: Path) -> None:
    message = faults(folder, BASE + "clean: {rules: [{kind: imageside}]}")
    assert "clean.rules.0: unknown kind 'imageside'; did you mean 'image_side'?" in message


def test_all_faults_are_reported_at_once_with_their_places(folder: Path) -> None:
    text = "source: {kind: mmc4, images: 5}\nseed: 1e-5\nencode: {separator: no}\nprofile: vila\nwrong: 1"
    message = faults(folder, text)
    for fault in (
        "source.path: missing",
        "source.images: ",
        "output: missing",
        "tokenizer: missing",
        "seed: ",
        "encode.separator: ",
        "profile: no such profile (did you mean 'nvila'?); there are vila-1.0",
        "wrong: unknown key",
    ):
        assert fault in message
    assert "8 fault(s)" in message


@pytest.mark.parametrize(
    ("override", "place", "got"),
    [
        ("seed=1e-5", "seed", "'1e-5'"),
        ("seed=1.0", "seed", "1.0"),
        ("seed=true", "seed", "True"),
        ("seed=-1", "seed", "-1"),
        ("output=5", "output", "5"),
        ("encode.eos=no", "encode.eos", "False"),
        ("images.quality=101", "images.quality", "101"),
        ("align.place=befor", "align.place", "'befor'"),
        ("splits.val=1", "splits.val", "1"),
        ("clean=5", "clean", "5"),
        ("dedup.documents.near=high", "dedup.documents.near", "'high'"),
    ],
)
def test_values_are_not_coerced(folder: Path, override: str, place: str, got: str) -> None:
    message = faults(folder, BASE, override)
    assert f"  {place}: " in message
    assert f"(got {got})" in message


@pytest.mark.parametrize(
    ("override", "read"),
    [
        ("seed=7", lambda recipe: recipe.seed == 7),
        ("splits.val=0.01", lambda recipe: recipe.splits == {"val": 0.01}),
        ("dedup.documents=null", lambda recipe: recipe.dedup.documents is None),
        ("clean.repair.encoding=false", lambda recipe: recipe.clean.repair.encoding is False),
        ("encode.separator=' | '", lambda recipe: recipe.encode.separator == " | "),
        ("clean.rules=[{kind: faces, max: 3}]", lambda recipe: [rule.max for rule in recipe.clean.rules] == [3]),
        ("encode.context=null", lambda recipe: recipe.context is None),
    ],
)
def test_overrides_are_yaml(folder: Path, override: str, read: Any) -> None:
    assert not read(load(folder, BASE))
    assert read(load(folder, BASE, override))


def test_the_last_of_two_overrides_counts(folder: Path) -> None:
    assert load(folder, BASE + "seed: 1", "seed=2", "seed=3").seed == 3


@pytest.mark.parametrize("override", ["seed", "=1", "a..b=1", ".seed=1", "seed.=1", "seed=[1", "seed.deep=1"])
def test_an_override_that_is_none_is_refused_by_name(folder: Path, override: str) -> None:
    assert f"--set {override}" in faults(folder, BASE + "seed: 1", override)


def test_an_override_that_yaml_takes_for_an_impossible_date_is_a_fault_of_the_recipe(folder: Path) -> None:
    assert "output" in faults(folder, BASE, "output=2024-13-45")


@pytest.mark.parametrize("output", ['""', "~no-such-user-here/out", '"a\\0b"'])
def test_a_path_that_no_file_can_have_is_a_fault_of_the_recipe(folder: Path, output: str) -> None:
    assert "output" in faults(folder, BASE.replace("output: out", f"output: {output}"))


@pytest.mark.parametrize("rule", ["{kind: best_similarity, min: .nan}", "{kind: best_similarity, min: .inf}"])
def test_a_threshold_is_a_finite_number(folder: Path, rule: str) -> None:
    assert "best_similarity.min" in faults(folder, BASE, f"clean.rules=[{rule}]")


def test_variables_come_from_the_environment_or_their_default(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = BASE.replace("docs.jsonl", "${DOCS:-sample}/x${TAIL:-}.jsonl").replace("output: out", "output: ${OUT}")
    monkeypatch.delenv("DOCS", raising=False)
    monkeypatch.delenv("TAIL", raising=False)
    monkeypatch.setenv("OUT", "/built")
    assert load(folder, text).all_sources[0].path == str(folder / "sample" / "x.jsonl")
    assert load(folder, text).output == "/built"
    monkeypatch.setenv("DOCS", "/mmc4")
    monkeypatch.setenv("TAIL", "${OUT}")  # a value is not expanded again
    assert load(folder, text).all_sources[0].path == "/mmc4/x${OUT}.jsonl"


def test_a_variable_without_a_value_is_refused_by_name(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NOT_SET_HERE", raising=False)
    message = faults(folder, BASE.replace("docs.jsonl", "${NOT_SET_HERE}"))
    assert "${NOT_SET_HERE} is not set; export NOT_SET_HERE or write ${NOT_SET_HERE:-default}" in message


def test_a_key_given_twice_is_refused_at_any_depth(folder: Path) -> None:
    assert "key 'seed' twice" in faults(folder, BASE + "seed: 1\nseed: 2")
    assert "key 'near' twice" in faults(folder, BASE + "dedup: {documents: {near: 0.8, near: 0.9}}")


def test_a_key_that_a_merge_brings_and_the_mapping_gives_is_not_given_twice(folder: Path) -> None:
    two = """
sources:
  - &one {kind: mmc4, name: one, path: a.jsonl, images: i}
  - {<<: *one, name: two}
output: out
tokenizer: tok.json
"""
    assert [source.name for source in load(folder, two).all_sources] == ["one", "two"]


def test_a_small_file_that_unfolds_to_a_huge_tree_is_refused(folder: Path) -> None:
    bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n"
    bomb += "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 10))
    assert "unfolds to more than 100,000 values" in faults(folder, BASE + bomb)


@pytest.mark.parametrize("text", ["a: &a [*a]", "a: " + "[" * 3000 + "]" * 3000])
def test_nesting_without_end_is_refused(folder: Path, text: str) -> None:
    assert "nested too deeply" in faults(folder, BASE + text)


@pytest.mark.parametrize(
    "text", ["a: !!python/object/apply:os.getcwd []", "a: [", "\x07", "a: 2024-13-45", "? [a]\n: b"]
)
def test_what_is_no_safe_yaml_is_refused(folder: Path, text: str) -> None:
    assert "is not YAML" in faults(folder, BASE + text)


@pytest.mark.parametrize("text", ["", "5", "[a, b]", "text"])
def test_a_recipe_is_a_mapping(folder: Path, text: str) -> None:
    assert "expected a mapping" in faults(folder, text)


def test_a_file_of_another_kind_is_no_recipe(folder: Path) -> None:
    with pytest.raises(RecipeError, match=r"cannot read the recipe .*No such file"):
        load_recipe(folder / "none.yaml")
    with pytest.raises(RecipeError, match="is a folder"):
        load_recipe(folder)
    (folder / "big.yaml").write_bytes(b"#" * (MAX_BYTES + 1))
    with pytest.raises(RecipeError, match="larger than"):
        load_recipe(folder / "big.yaml")
    (folder / "binary.yaml").write_bytes(b"\xff\xfe\x00\xd8")
    with pytest.raises(RecipeError, match="is not YAML"):
        load_recipe(folder / "binary.yaml")


def test_one_source_or_several_with_different_names(folder: Path) -> None:
    rest = "\noutput: out\ntokenizer: tok.json"
    one = "{kind: mmc4, path: a.jsonl, images: i}"
    assert "`source` or `sources`" in faults(folder, BASE + f"sources: [{one}]")
    assert "`source` or `sources`" in faults(folder, rest)
    assert "different names, got mmc4, mmc4" in faults(folder, f"sources: [{one}, {one}]{rest}")


@pytest.mark.parametrize("splits", ["{train: 0.1}", "{val: 0.5, test: 0.5}"])
def test_splits_are_shares_besides_train(folder: Path, splits: str) -> None:
    assert "add up to less than 1" in faults(folder, BASE + f"splits: {splits}")


def test_a_context_has_room_for_an_image_and_both_ends(folder: Path) -> None:
    assert "576 tokens, the context has only 577" in faults(folder, BASE, "encode.context=577")
    assert load(folder, BASE, "encode.context=578").context == 578


def test_where_things_lie_is_not_in_the_hash(folder: Path) -> None:
    here = load(folder, BASE)
    there = load(
        folder, BASE, "source.path=/x/docs.jsonl", "source.images=/x/i", "output=/x/out", "tokenizer=/x/tokenizer.json"
    )
    assert here.hash() == there.hash()
    assert str(folder) not in str(here.plain())


@pytest.mark.parametrize(
    "override",
    [
        "seed=1",
        "source.name=other",
        "profile=llava-1.5",
        "tokenizer=/x/other.json",
        "align.place=after",
        "encode.separator=''",
        "clean.rules=[{kind: faces}]",
        "clean.repair.whitespace=false",
        "dedup.images=null",
        "images.quality=91",
        "shards.multiple_of=2",
        "splits.val=0.01",
    ],
)
def test_what_shapes_a_dataset_is_in_the_hash(folder: Path, override: str) -> None:
    assert load(folder, BASE).hash() != load(folder, BASE, override).hash()


def test_a_default_that_is_written_out_gives_the_same_hash_from_the_file_and_from_the_command_line(
    folder: Path,
) -> None:
    plain = load(folder, BASE).hash()
    assert load(folder, BASE + "seed: 0\nalign: {place: before}").hash() == plain
    assert load(folder, BASE, "seed=0", "align.place=before").hash() == plain


def test_the_order_of_rules_is_in_the_hash(folder: Path) -> None:
    there = load(folder, BASE, "clean.rules=[{kind: faces}, {kind: url_tokens}]")
    back = load(folder, BASE, "clean.rules=[{kind: url_tokens}, {kind: faces}]")
    assert there.hash() != back.hash()


def test_the_recipe_in_the_repository_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    path = Path(__file__).parent.parent / "recipes" / "mmc4.yaml"
    monkeypatch.delenv("MMC4_DOCS", raising=False)
    assert Path(load_recipe(path).all_sources[0].path).is_file()
