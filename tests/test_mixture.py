"""Mixture recipes: what they say, what is wrong with them, and that `build` and the loader read the same file."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import orjson
import pytest
from fixtures_build import RECIPE, ROOT, sample_dataset, six_documents
from typer.testing import CliRunner

from interleave import StreamingDataset
from interleave.cli import app
from interleave.errors import RecipeError
from interleave.mixture import epochs_of_an_epoch, is_mixture, read_mixture

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
    assert table[0].endswith("an epoch goes on until each dataset is used up")
    assert [line.split() for line in table[1:4]] == [
        ["dataset", "samples", "images", "tokens", "share", "epochs"],
        ["six", "6", "14", table[2].split()[3], "25.0%", "2.00"],
        ["sample", "44", "103", table[3].split()[3], "75.0%", "1.00"],
    ]
    assert max(map(len, table)) <= 100
    as_json = run(app, ["build", str(path), "--json"])
    assert [row["samples"] for row in orjson.loads(as_json.stdout)["datasets"]] == [6, 44]


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
    assert [line.split(":")[0] for line in ran.output.splitlines()] == ["mmc4", "coyo"]
    mixture = read_mixture(path)
    assert [(part.name, part.weight, part.max_epochs) for part in mixture.parts] == [("mmc4", 1, 1), ("coyo", 1, 1)]
    assert mixture.parts[0].folder == str(ROOT / "shards" / "mmc4")
    assert is_mixture(path) and not is_mixture(RECIPE)


def test_datasets_for_two_models_are_refused_before_and_after_building(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        f"mixture: {{datasets: {{one: {{recipe: {RECIPE}}}, two: {{recipe: {RECIPE}, set: {{profile: vila-1.5}}}}}}}}",
    )
    ran = run(app, ["recipe", "check", str(path)])
    assert isinstance(ran.exception, RecipeError) and "set both under mixture.set" in str(ran.exception)


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
                "mixture.bye: unknown key; there are by, until, set, datasets",
                "mixture.datasets.a.wait: unknown key; there are recipe, folder, weight, max_epochs, set",
                "mixture.datasets.b.weight: Input should be greater than 0",
            ],
        ),
        ("mixture: {datasets: {a: {folder: x, max_epochs: 0}}}", ["mixture.datasets.a.max_epochs: Input should be"]),
        ("mixture: {datasets: {a: {folder: x}}}\nseed: 1", ["beside `mixture` stands 'seed'"]),
        ("mixture: {datasets: {a: {recipe: none.yaml}}}", ["cannot read the recipe"]),
    ],
)
def test_all_that_is_wrong_is_said_with_its_place(tmp_path: Path, text: str, faults: list[str]) -> None:
    with pytest.raises(RecipeError) as error:
        read_mixture(written(tmp_path, text))
    for fault in faults:
        assert fault in str(error.value)


def test_an_override_of_a_mixture_is_refused(tmp_path: Path) -> None:
    ran = run(app, ["build", str(two_small(tmp_path)), "--set", "seed=3"])
    assert isinstance(ran.exception, RecipeError) and "under mixture.set" in str(ran.exception)


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
