"""Mixture recipes: what they say, what is wrong with them, and that `build` and the loader read the same file."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import orjson
import pytest
from fixtures_build import RECIPE, ROOT, build_small, command, sample_dataset, six_documents, small_dataset
from test_imports import BUILDING, modules_after
from typer.testing import CliRunner

from interleave import StreamingDataset
from interleave.alike import check_alike
from interleave.cli import app
from interleave.errors import RecipeError, ShardError
from interleave.mixture import epochs_of_an_epoch, is_mixture, read_mixture
from interleave.recipe_file import load_recipe
from interleave.shard.manifest import read_manifest

run = CliRunner().invoke


def written(folder: Path, text: str) -> Path:
    path = folder / "mixture.yaml"
    path.write_text(text)
    return path


def two_small(folder: Path, *, more: str = "") -> Path:
    """The six documents as one dataset, the sample that is built already as the other."""
    return written(
        folder,
        f"""
mixture:
  by: samples
  until: all
  set: {{profile: vila-1.0}}
  datasets:
    six:
      recipe: {RECIPE}
      set: {{source.path: {six_documents()}, images.max_short_side: 64, output: {folder}/six}}
      weight: 1
      max_epochs: 2
    sample: {{folder: {sample_dataset()}, weight: 3}}
{more}""",
    )


def test_building_a_mixture_builds_its_recipes_and_says_what_they_amount_to(tmp_path: Path) -> None:
    path = two_small(tmp_path)
    ran = run(app, ["build", str(path), "--workers", "1"])
    assert ran.exit_code == 0, ran.output
    assert (tmp_path / "six" / "manifest.json").exists()
    table = ran.output[ran.output.index("shares of samples") :].splitlines()
    assert table[0] == "shares of samples, until each dataset is used up"
    assert [line.split() for line in table[1:5]] == [
        ["dataset", "samples", "images", "tokens", "weight", "share", "epochs", "end"],
        ["six", "6", "14", table[2].split()[3], "1", "25.0%", "2.00", "used", "up"],
        ["sample", "44", "103", table[3].split()[3], "3", "75.0%", "1.00", "used", "up"],
        ["An", "epoch", "of", "the", "mixture", "is", "about", "56", "samples."],
    ]
    assert max(map(len, table)) <= 100
    assert f"sample: {sample_dataset()}, built elsewhere" in ran.output
    # A second run says that it is done.
    assert "1 done before" in run(app, ["build", str(path), "--workers", "1"]).output.replace("(", "").replace(")", "")
    as_json = orjson.loads(run(app, ["build", str(path), "--json"]).stdout)
    assert [(row["dataset"], row["num_samples"], row["epochs"]) for row in as_json["datasets"]] == [
        ("six", 6, 2),
        ("sample", 44, 1),
    ]
    assert as_json["reports"]["six"]["documents_out"] == 6


def test_the_summary_says_which_dataset_ends_the_epoch_and_how_much_of_the_others_is_used(tmp_path: Path) -> None:
    parts = f"six: {{folder: {small_dataset()}, weight: 3}}, all: {{folder: {sample_dataset()}}}"
    path = written(tmp_path, f"mixture: {{by: samples, datasets: {{{parts}}}}}")
    lines = run(app, ["build", str(path)]).output.splitlines()
    assert lines[-3].split()[-6:] == ["1.00", "used", "up:", "ends", "the", "epoch"]
    assert lines[-2].split()[-3:] == ["0.05", "4.5%", "used"]
    assert lines[-1] == "An epoch of the mixture is about 8 samples."


def test_a_mixture_without_end_and_one_that_lies_elsewhere_say_so(tmp_path: Path) -> None:
    endless = written(tmp_path, f"mixture: {{datasets: {{six: {{folder: {small_dataset()}, max_epochs: null}}}}}}")
    ran = run(app, ["build", str(endless)])
    assert ran.exit_code == 0 and "never" in ran.output and "has no end" in ran.output.splitlines()[-1]
    parts = f"six: {{folder: {small_dataset()}}}, far: {{folder: 's3://bucket/far'}}"
    far = run(app, ["build", str(written(tmp_path, f"mixture: {{datasets: {{{parts}}}}}"))])
    assert far.exit_code == 0 and far.output.splitlines()[-1] == "Not on this machine, so not counted: far."


def test_the_loader_reads_the_same_file(tmp_path: Path) -> None:
    path = two_small(tmp_path)
    assert run(app, ["build", str(path), "--workers", "1"]).exit_code == 0
    data = StreamingDataset(path, seq_len=4096, images="bytes", rank=0, world_size=1)
    used = Counter((row.source, sample) for row in data.planned_rows() for sample, _, _ in row.items)
    assert used == Counter({(0, sample): 2 for sample in range(6)} | {(1, sample): 1 for sample in range(44)})
    assert data.plan.settings.mix_by == "samples" and data.plan.settings.until == "all"
    assert StreamingDataset(str(path), seq_len=4096, until="first").plan.settings.until == "first"


def test_the_recipe_of_stage_2_is_sound_and_for_one_model() -> None:
    path = ROOT / "recipes" / "vila-stage2.yaml"
    ran = run(app, ["recipe", "check", str(path)])
    assert ran.exit_code == 0, ran.output
    assert [line.split(":")[0] for line in ran.output.splitlines()[:-1]] == ["mmc4", "coyo"]
    assert ran.output.splitlines()[-1] == f"{path}: sound; shares of tokens, until the first dataset is used up"
    mixture = read_mixture(path)
    assert [(part.name, part.weight, part.max_epochs) for part in mixture.parts] == [("mmc4", 1, 1), ("coyo", 1, 1)]
    assert mixture.parts[0].folder == str(ROOT / "shards" / "mmc4")
    assert is_mixture(path) and not is_mixture(RECIPE)


def test_the_recipe_of_stage_2_builds_on_the_samples_that_come_with_the_project(tmp_path: Path) -> None:
    path = ROOT / "recipes" / "vila-stage2.yaml"
    outputs = [f"--set={name}.output={tmp_path / name}" for name in ("mmc4", "coyo")]
    ran = run(app, ["build", str(path), "--workers", "1", "--json", *outputs])
    assert ran.exit_code == 0, ran.output
    rows = orjson.loads(ran.stdout)["datasets"]
    assert [(row["dataset"], row["num_samples"], row["num_images"]) for row in rows] == [
        ("mmc4", 44, 103),
        ("coyo", 109, 109),
    ]
    assert [row["end"] for row in rows] == ["95.4% used", "used up: ends the epoch"]
    assert sorted(item.name for item in tmp_path.iterdir()) == ["coyo", "coyo.work", "mmc4", "mmc4.work"]


def test_recipes_for_two_models_are_refused_before_anything_is_built(tmp_path: Path) -> None:
    text = "mixture: {{set: {{images.max_short_side: 64}}, datasets: {{one: {one}, two: {two}}}}}"
    one = f"{{recipe: {RECIPE}, set: {{output: {tmp_path}/one}}}}"
    for keys, said in {
        "profile: vila-1.5": "model.profile is vila-1.0 and vila-1.5",
        "encode.tokens_per_image: 100": "model.tokens_per_image is None and 100",
    }.items():
        two = f"{{recipe: {RECIPE}, set: {{output: {tmp_path}/two, {keys}}}}}"
        path = written(tmp_path, text.format(one=one, two=two))
        for words in (["recipe", "check"], ["build"]):
            ran = command(*words, path)
            assert ran.returncode == 2
            assert f"one and two cannot be mixed: {said}; build both for one model" in ran.stderr
    assert [item.name for item in tmp_path.iterdir()] == ["mixture.yaml"]


def test_tokenizers_of_one_name_are_told_apart_by_their_content(tmp_path: Path) -> None:
    from wordllama import __file__ as package

    original = Path(package).parent / "tokenizers" / "l2_supercat_tokenizer_config.json"
    other = orjson.loads(original.read_bytes())
    other["added_tokens"][0]["content"] += "x"
    datasets = []
    for name, data in {"one": original.read_bytes(), "two": orjson.dumps(other)}.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "tokenizer.json").write_bytes(data)
        keys = f"tokenizer: {tmp_path}/{name}/tokenizer.json, output: {tmp_path}/out/{name}, encode.bos: null"
        datasets.append(f"{name}: {{recipe: {RECIPE}, set: {{{keys}}}}}")
    ran = run(app, ["recipe", "check", str(written(tmp_path, f"mixture: {{datasets: {{{', '.join(datasets)}}}}}"))])
    assert "cannot be mixed: tokenizer is tokenizer.json (SHA-256 " in str(ran.exception)


def test_datasets_for_two_models_are_refused_where_one_was_built_elsewhere(tmp_path: Path) -> None:
    build_small(tmp_path / "other", "profile=vila-1.5")
    parts = f"six: {{folder: {small_dataset()}}}, other: {{folder: {tmp_path}/other}}"
    ran = run(app, ["build", str(written(tmp_path, f"mixture: {{datasets: {{{parts}}}}}"))])
    assert isinstance(ran.exception, ShardError)
    assert "six and other cannot be mixed: model.profile is vila-1.0 and vila-1.5" in str(ran.exception)


def test_datasets_of_other_contexts_are_alike_since_rows_are_packed() -> None:
    manifest = read_manifest(small_dataset())
    for context in (2048, None):
        model = manifest.model.model_copy(update={"context": context})
        check_alike({"one": manifest, "two": manifest.model_copy(update={"model": model})})


def test_two_datasets_in_one_folder_are_refused(tmp_path: Path) -> None:
    path = written(tmp_path, f"mixture: {{datasets: {{one: {{recipe: {RECIPE}}}, two: {{recipe: {RECIPE}}}}}}}")
    with pytest.raises(RecipeError, match=f"one and two both lie in {ROOT / 'shards' / 'mmc4'}; give one of them"):
        read_mixture(path)


def test_what_is_wrong_with_each_recipe_is_said_at_once(tmp_path: Path) -> None:
    faulty = (f"{name}: {{recipe: {RECIPE}, set: {{output: {name}, {key}: 1}}}}" for name, key in KEYS.items())
    ran = run(app, ["build", str(written(tmp_path, f"mixture: {{datasets: {{{', '.join(faulty)}}}}}"))])
    assert isinstance(ran.exception, RecipeError)
    assert "sed: unknown key; did you mean 'seed'?" in str(ran.exception)
    assert "shards.multiple: unknown key; did you mean 'multiple_of'?" in str(ran.exception)


KEYS = {"one": "sed", "two": "shards.multiple"}


def test_a_build_that_fails_names_its_dataset(tmp_path: Path) -> None:
    keys = f"output: {tmp_path}/a, source.path: {tmp_path}/none.jsonl"
    ran = run(
        app, ["build", str(written(tmp_path, f"mixture: {{datasets: {{a: {{recipe: {RECIPE}, set: {{{keys}}}}}}}}}"))]
    )
    assert isinstance(ran.exception, RecipeError) and str(ran.exception).startswith("a: source mmc4: ")


@pytest.mark.parametrize(
    ("text", "faults"),
    [
        ("mixture: {datasets: {}}", ["mixture.datasets: Dictionary should have at least 1 item"]),
        ("mixture: {datasets: {a: {weight: 1}}}", ["mixture.datasets.a: give either `recipe` or `folder`"]),
        (
            "mixture: {datasets: {a: {folder: x, set: {seed: 1}}}}",
            ["mixture.datasets.a: `set` is for a recipe; a folder is what it is"],
        ),
        (
            "mixture: {bye: tokens, datasets: {a: {folder: x, wait: 1}, b: {folder: y, weight: 0}}}",
            [
                "mixture.bye: unknown key; did you mean 'by'?",
                "mixture.datasets.a.wait: unknown key; did you mean 'weight'?",
                "mixture.datasets.b.weight: Input should be greater than 0",
            ],
        ),
        ("mixture: {datasets: {a: {folder: x, max_epochs: 0}}}", ["mixture.datasets.a.max_epochs: Input should be"]),
        (
            "mixture: {datasets: {a: {folder: x}}}\nseed: 1",
            ["seed: stands beside `mixture`; keys of recipes go under mixture.set"],
        ),
        ("mixture: {datasets: {a: {recipe: none.yaml}}}", ["cannot read the recipe"]),
        ("mixture:", ["mixture: Input should be a valid dictionary"]),
        ("mixture: {datasets: {a b: {folder: x}}}", ["mixture.datasets.a b: String should match pattern"]),
        ("mixture: {datasets: {mixture: {folder: x}}}", ["a dataset cannot be called `mixture`"]),
        (
            "mixture: {datasets: {a: {folder: x, weight: '2'}}}",
            ["datasets.a.weight: Input should be a valid number (got '2')"],
        ),
        ("mixture: {datasets: {a: {folder: x, weight: .inf}}}", ["datasets.a.weight: Input should be a finite number"]),
        ("mixture: {set: {a..b: 1}, datasets: {a: {folder: x}}}", ["set: 'a..b' is no key"]),
        ("mixture: {datasets: {a: {recipe: mixture.yaml}}}", ["mixture.yaml is a mixture itself"]),
        ("datasets: {a: {folder: x}}", ["is no mixture: it has no key `mixture`"]),
    ],
)
def test_all_that_is_wrong_is_said_with_its_place(tmp_path: Path, text: str, faults: list[str]) -> None:
    with pytest.raises(RecipeError) as error:
        read_mixture(written(tmp_path, text))
    for fault in faults:
        assert fault in str(error.value)


def test_overrides_are_of_the_mixture_of_one_recipe_or_of_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    recipes = ", ".join(f"{name}: {{recipe: {RECIPE}, set: {{output: out/{name}}}}}" for name in ("one", "two"))
    path = written(tmp_path, f"mixture: {{set: {{seed: 1}}, datasets: {{{recipes}, three: {{folder: there}}}}}}")
    overrides = ["mixture.by=samples", "mixture.datasets.two.weight=2", "two.output=here", "one.seed=3", "seed=2"]
    mixture = read_mixture(path, overrides)
    assert (mixture.by, [part.weight for part in mixture.parts]) == ("samples", [1, 2, 1])
    folders = [ROOT / "recipes" / "out" / "one", tmp_path / "here", tmp_path / "there"]
    assert [part.folder for part in mixture.parts] == list(map(str, folders))
    one, two = (load_recipe(RECIPE, part.overrides, part.settings) for part in mixture.parts[:2])
    assert (one.seed, two.seed) == (3, 2)
    # The loader looks up where a recipe puts its dataset without reading the rest of it; both agree.
    assert [one.output, two.output] == [part.folder for part in mixture.parts[:2]]
    with pytest.raises(RecipeError, match=r"--set three\.output=x: three has no recipe"):
        read_mixture(path, ["three.output=x"])


def test_a_loader_needs_no_variable_of_a_recipe_but_those_of_its_output(tmp_path: Path) -> None:
    (tmp_path / "one.yaml").write_text(
        f"source: {{path: '${{NOT_SET_HERE}}'}}\noutput: '${{OUT:-{small_dataset()}}}'\n"
    )
    path = written(tmp_path, "mixture: {datasets: {six: {recipe: one.yaml}}}")
    assert StreamingDataset(path, seq_len=4096).reader.folder == small_dataset()


def test_a_loader_reads_a_mixture_without_what_builds() -> None:
    code = f"from interleave.mixture import read_mixture\nread_mixture({str(ROOT / 'recipes' / 'vila-stage2.yaml')!r})"
    loaded = modules_after(code.replace("read_mixture('", "read_mixture(__import__('pathlib').Path('") + ")")
    assert not loaded & (BUILDING | {"torch"})


def test_the_schema_of_mixtures_names_every_key_with_its_meaning() -> None:
    schema = orjson.loads(run(app, ["recipe", "schema", "--mixture"]).output)
    parts = [part["properties"] for part in (schema, *schema["$defs"].values())]
    assert {"by", "until", "set", "datasets", "recipe", "folder", "weight", "max_epochs"} <= set().union(*parts)
    assert all("description" in key for part in parts for key in part.values())


def test_a_dataset_that_is_not_built_is_named_by_the_loader(tmp_path: Path) -> None:
    with pytest.raises(Exception, match="six is no finished dataset"):
        StreamingDataset(two_small(tmp_path), seq_len=4096)


def test_a_recipe_with_splits_gives_its_training_part(tmp_path: Path) -> None:
    path = written(
        tmp_path, f"mixture: {{datasets: {{a: {{recipe: {RECIPE}, set: {{output: /x/y, splits: {{val: 0.1}}}}}}}}}}"
    )
    assert read_mixture(path).parts[0].folder == "/x/y/train"


def test_a_folder_is_relative_to_the_mixture_and_a_url_stays_one(tmp_path: Path) -> None:
    path = written(tmp_path, "mixture: {datasets: {a: {folder: ../shards/a}, b: {folder: s3://bucket/b}}}")
    assert [part.folder for part in read_mixture(path).parts] == [str(tmp_path.parent / "shards/a"), "s3://bucket/b"]


def test_how_often_a_dataset_is_used(tmp_path: Path) -> None:
    def mixture(until: str, one: str = "1", two: str = "1") -> dict[str, float]:
        datasets = f"{{a: {{folder: x, max_epochs: {one}}}, b: {{folder: y, max_epochs: {two}}}}}"
        path = written(tmp_path, f"mixture: {{until: {until}, datasets: {datasets}}}")
        return epochs_of_an_epoch(read_mixture(path), {"a": 100, "b": 300})

    assert mixture("first") == pytest.approx({"a": 1, "b": 1 / 3})
    assert mixture("all") == pytest.approx({"a": 1, "b": 1})
    assert mixture("first", one="null") == pytest.approx({"a": 3, "b": 1})
    assert mixture("all", one="3") == pytest.approx({"a": 3, "b": 1})
