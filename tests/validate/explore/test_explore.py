"""`interleave explore` on the sample: what it prints, and what other bounds would do."""

import shutil
from pathlib import Path

import orjson
import pytest
from fixtures_build import build_again
from typer.testing import CliRunner

from interleave.cli import app
from interleave.validate.explore.ledger import Ledger
from interleave.validate.explore.view import explore


def run(*arguments: str) -> str:
    result = CliRunner().invoke(app, ["explore", *arguments], env={"COLUMNS": "80", "NO_COLOR": "1"})
    assert result.exit_code == 0, result.output
    return result.output


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    output = tmp_path_factory.mktemp("explore") / "mmc4"
    build_again(output, "clean.rules=[{kind: image_side, min: 330}, {kind: num_words, of: sentence, min: 12}]")
    return output


def num_kept(dataset: Path) -> int:
    """Images that no stage removed."""
    measured = Ledger(dataset).measured("image_side")
    assert measured is not None
    return int((~(measured.by_this | measured.by_other)).sum())


def test_the_funnel_and_the_rules_are_printed(dataset: Path) -> None:
    shown = run(str(dataset))
    summary = orjson.loads((dataset / "summary.json").read_bytes())
    assert f"{summary['documents_in']:,}" in shown
    assert "clean image_side" in shown
    assert "clean sentence.num_words" in shown
    assert max(map(len, shown.splitlines())) <= 80


def test_a_rule_is_shown_with_its_bound_its_alternatives_and_examples_of_both_sides(dataset: Path) -> None:
    shown = run(str(dataset), "image_side", "--bound", "300", "--examples", "2")
    assert "image_side: keeps 330 and more" in shown
    assert "min 330" in shown
    assert "330 (now)" in shown
    assert "300 " in shown
    assert shown.count("image ") >= 4
    assert "Removed, next to the bound first" in shown
    assert "Kept, next to the bound first" in shown


def test_what_another_bound_would_do_is_what_it_does(tmp_path: Path) -> None:
    # Duplicates are found among what the rules left: what follows there from another bound is not foretold.
    rules = "clean.rules=[{{kind: image_side, min: {}}}, {{kind: num_words, of: sentence, min: 12}}]"
    alone = ("dedup.images=null", "dedup.documents=null")
    build_again(tmp_path / "now", rules.format(330), *alone)
    (view,) = explore(tmp_path / "now", ["image_side"], bounds=(300.0, 400.0), num_examples=0).rules
    stricter = next(each for each in view.effects if each.minimum == 400)
    looser = next(each for each in view.effects if each.minimum == 300)
    assert stricter.num_more > 0
    assert looser.num_fewer > 0
    for bound, change in ((400, -stricter.num_more), (300, looser.num_fewer)):
        again = tmp_path / str(bound)
        build_again(again, rules.format(bound), *alone)
        assert num_kept(again) == num_kept(tmp_path / "now") + change


def test_examples_show_the_sentence_that_was_removed(dataset: Path) -> None:
    (view,) = explore(dataset, ["sentence.num_words"], num_examples=3).rules
    assert all(len(example.text.split()) < 14 for example in view.removed)
    assert all(example.unit.sentence is not None for example in (*view.removed, *view.kept))


def test_without_the_work_folder_there_are_no_examples_and_all_else(dataset: Path, tmp_path: Path) -> None:
    alone = tmp_path / "alone"
    shutil.copytree(dataset, alone)
    (view,) = explore(alone, ["image_side"]).rules
    assert (view.removed, view.kept) == ((), ())
    assert view.num_removed > 0


def test_json_has_the_same_numbers(dataset: Path) -> None:
    plain = orjson.loads(run(str(dataset), "image_side", "--json"))
    (rule,) = plain["rules"]
    assert rule["num_removed"] == explore(dataset, ["image_side"]).rules[0].num_removed
    assert "jpeg" not in rule["removed"][0]
