"""What the page and the terminal are made of: histograms, tokens, packed rows, effects of bounds, reports."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import orjson
import pytest
from fixtures_build import (
    RECIPE,
    build_small,
    copy_of,
    records,
    sample_dataset,
    small_dataset,
    small_overrides,
    whole_documents,
)
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from interleave.cli import app
from interleave.flow import build
from interleave.recipe_file import load_recipe
from interleave.sample import marked
from interleave.stream.reader import DatasetReader
from interleave.validate.explore.effect import curve, effect
from interleave.validate.explore.ledger import Bounds, Ledger
from interleave.validate.look.file import write_report
from interleave.validate.look.histogram import histogram
from interleave.validate.look.opened import open_samples
from interleave.validate.look.packed import RowFinder
from interleave.validate.look.tokens import ImageRun, Token, open_speller, token_view


@given(st.lists(st.integers(0, 100_000), min_size=1), st.integers(1, 40))
def test_a_histogram_counts_every_value_once_in_stretches_that_touch(values: list[int], most: int) -> None:
    found = histogram(np.array(values), most)
    assert sum(stretch.count for stretch in found) == len(values)
    assert all(one.high + 1 == two.low for one, two in pairwise(found))
    assert found[0].low <= min(values) and found[-1].high == max(values)
    for stretch in found:
        assert stretch.count == sum(stretch.low <= value <= stretch.high for value in values)
    assert len(found) <= most + 2


def test_the_tokens_of_a_sample_are_its_ids_pieces_and_what_is_learned() -> None:
    speller, reason = open_speller(DatasetReader(sample_dataset()).manifest)
    assert speller is not None and reason == ""
    for record, ids, _ in records(sample_dataset()):
        view = list(token_view(record, ids, speller))
        stored: list[int] = []
        for token in view:
            runs = token.runs if isinstance(token, ImageRun) else ((token.token_id, 1),)
            stored += [token_id for token_id, times in runs for _ in range(times)]
        assert stored == ids.tolist()
        texts = [token for token in view if isinstance(token, Token)]
        learned = marked(record.loss_spans, len(ids))
        assert [token.is_learned for token in texts] == [bool(learned[token.position]) for token in texts]
        spelled = "".join("".join((token.piece or "").split()) for token in texts)
        assert all("".join(text.split()) in spelled for text in record.texts if text and text.isascii())
        assert [token.image for token in view if isinstance(token, ImageRun)] == list(range(len(record.spans)))
        begins = {token.position for one, token in pairwise(view) if one.segment != token.segment}
        assert begins == set(record.cuts) - {record.cuts[0]} - {0}


def test_without_the_tokenizer_ids_are_shown_and_the_reason(tmp_path: Path) -> None:
    (tmp_path / "alone.tar").write_bytes((small_dataset() / "shard-0000.tar").read_bytes())
    assert open_speller(open_samples(tmp_path / "alone.tar").manifest) == (
        None,
        "no manifest beside the tar says which tokenizer made the ids",
    )


@pytest.mark.parametrize("make", [sample_dataset, whole_documents])
def test_every_sample_is_in_rows_that_hold_all_of_its_tokens(make: object) -> None:
    reader = DatasetReader(make())  # type: ignore[operator]
    finder = RowFinder(reader)
    for number, tokens in enumerate(reader.num_tokens().tolist()):
        rows = finder.rows_of(number)
        mine = [size for row in rows for at, size in zip(row.samples, row.sizes, strict=True) if at == number]
        assert sum(mine) == tokens
        assert all(sum(row.sizes) == row.num_tokens <= row.seq_len for row in rows)


def test_the_curve_of_a_rule_says_what_each_bound_says_alone() -> None:
    ledger = Ledger(sample_dataset())
    for _, name in ledger.rules():
        measured = ledger.measured(name)
        assert measured is not None
        found = curve(measured)
        if found is None:
            continue
        for low in range(0, len(found.bounds), 7):
            for high in range(low, len(found.bounds), 5):
                alone = effect(measured, Bounds(minimum=found.bounds[low], maximum=found.bounds[high]))
                outside = [side.below[low] + side.above[high] for side in (found.broken, found.kept, found.removed)]
                assert outside[:2] == [alone.num_broken, alone.num_more], name
                assert found.removed.num - outside[2] == alone.num_fewer, name


def test_a_build_leaves_a_report_that_neither_the_digest_nor_validate_minds(tmp_path: Path) -> None:
    output = tmp_path / "six"
    build_small(output)
    before = (output / "manifest.json").read_bytes()
    build(load_recipe(RECIPE, [f"output={output}", *small_overrides()]), num_workers=1, quiet=True)
    page = (output / "report.html").read_text()
    assert "default-src &#39;none&#39;" in page and '"num_samples":6' in page
    assert (output / "manifest.json").read_bytes() == before
    assert CliRunner().invoke(app, ["validate", str(output)]).exit_code == 0


def test_a_report_is_written_where_the_dataset_is_new_or_has_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    output = tmp_path / "six"
    report = output / "report.html"

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    def build_six(*overrides: str) -> None:
        build(load_recipe(RECIPE, [f"output={output}", *small_overrides(), *overrides]), num_workers=1, quiet=True)

    build_six()
    report.write_text("of before")
    build_six()
    assert report.read_text() == "of before"
    with monkeypatch.context() as killed, pytest.raises(KeyboardInterrupt):
        killed.setattr("interleave.flow.write_report", interrupt)
        build_six("seed=5")
    assert (output / "manifest.json").is_file() and not report.exists(), "it would show the dataset of before"
    build_six("seed=5")
    assert '"num_samples":6' in report.read_text()
    report.unlink()
    build_six("seed=5")
    assert '"num_samples":6' in report.read_text()


def test_a_take_down_writes_the_report_anew_without_what_went(tmp_path: Path) -> None:
    dataset = copy_of(small_dataset(), tmp_path / "six")
    write_report(dataset)
    record = next(records(dataset))[0]
    assert record.url is not None and record.url in (dataset / "report.html").read_text()
    found = CliRunner().invoke(app, ["takedown", str(dataset), "--url", record.url, "--workers", "1"])
    assert found.exit_code == 0, found.output
    page = (dataset / "report.html").read_text()
    assert record.url not in page and '"num_samples":5' in page


def test_tokens_and_lengths_are_printed_within_80_columns_and_as_json() -> None:
    words = ["inspect", str(sample_dataset()), "--key", "3", "--tokens"]
    shown = CliRunner().invoke(app, words, env={"COLUMNS": "80", "NO_COLOR": "1"}).output
    assert max(map(len, shown.splitlines())) <= 80
    assert "-200" in shown and "576 tokens" in shown and "learned" in shown
    plain = orjson.loads(CliRunner().invoke(app, [*words, "--json"]).output)
    assert sum(stretch["count"] for stretch in plain["lengths"]) == plain["num_samples"]
    assert {"position", "token_id", "piece", "segment", "is_learned"} == set(plain["tokens"][0])


def test_pictures_are_drawn_where_they_are_asked_for() -> None:
    words = ["inspect", str(sample_dataset()), "--key", "0"]
    env = {"COLUMNS": "80"}
    plain, drawn = (CliRunner().invoke(app, [*words, *more], env=env).output for more in ([], ["--images"]))
    assert "▄" not in plain and drawn.count("▄") > 1000
