"""Whole builds with settings of `encode` that change what a sample is: sound shards, and nothing lost."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from fixtures_build import build_small
from typer.testing import CliRunner

from interleave.cli import app
from interleave.executors import InProcess
from interleave.report import Report
from interleave.sample import Record
from interleave.shard.takedown import take_down
from interleave.shard.takedown_request import read_request
from interleave.stream.dataset import StreamingDataset
from interleave.stream.reader import DatasetReader
from interleave.translate.passages import Passages


def built(output: Path, *settings: str) -> tuple[Report, list[Record]]:
    """A sound dataset in which everything is accounted for."""
    report = build_small(output, *settings)
    assert report.tokens_in == report.tokens_out + report.tokens_dropped
    assert report.images_in == report.images_out + sum(line.images for line in report.drops)
    ran = CliRunner().invoke(app, ["validate", str(output), "--workers", "1"])
    assert ran.exit_code == 0, ran.output
    reader = DatasetReader(output)
    return report, [reader.read(sample)[0] for sample in range(len(reader))]


def test_parts_that_overlap_count_what_they_repeat_once_and_do_not_learn_it(tmp_path: Path) -> None:
    plain, _ = built(tmp_path / "plain", "encode.context=800")
    report, records = built(tmp_path / "overlap", "encode.context=800", "encode.split.overlap=2")
    assert (report.tokens_out, report.images_out) == (plain.tokens_out, plain.images_out)
    repeating = [record for record in records if record.num_repeated]
    assert repeating and all(record.part > 0 for record in repeating)
    assert all(start >= record.num_repeated for record in repeating for start, _ in record.loss_spans)
    assert all(record.num_repeated_parts for record in repeating)
    # An export has each text and image once.
    whole = {name: list(Passages(DatasetReader(tmp_path / name)).documents("test")) for name in ("plain", "overlap")}
    words = {name: sorted("|".join(item.texts) for _, item in found) for name, found in whole.items()}
    assert words["plain"] == words["overlap"]
    assert sum(len(item.pictures) for _, item in whole["overlap"]) == report.images_out
    manifest = DatasetReader(tmp_path / "overlap").manifest
    assert manifest.num_tokens > DatasetReader(tmp_path / "plain").manifest.num_tokens


def test_images_that_stand_in_two_parts_are_counted_as_repeated(tmp_path: Path) -> None:
    settings = ("encode.context=160", "encode.tokens_per_image=16", "encode.split.overlap=3")
    report, records = built(tmp_path / "overlap", *settings)
    assert report.images_repeated > 0
    assert sum(len(record.image_members) for record in records) == report.images_out + report.images_repeated


def test_what_a_part_repeats_of_one_that_was_taken_down_is_in_an_export(tmp_path: Path) -> None:
    settings = ("encode.context=160", "encode.tokens_per_image=16", "encode.split.overlap=3")
    _, records = built(tmp_path / "overlap", *settings)
    of = [{info["sha256"] for info in record.image_info} for record in records]
    number, only_before = next(
        (number, of[number - 1] - of[number])
        for number, record in enumerate(records)
        if record.num_repeated_parts and of[number - 1] - of[number]
    )
    with InProcess() as executor:
        take_down(tmp_path / "overlap", read_request(sha256=only_before), executor, quiet=True)
    reader = DatasetReader(tmp_path / "overlap")
    assert reader.removed()[number - 1] and not reader.removed()[number]
    kept = next(item for item in Passages(reader).samples("test") if item.key == records[number].key)
    assert list(kept.texts) == [text for text in records[number].texts if text is not None]


def test_documents_with_several_pairs_stay_whole_beside_a_shorter_context(tmp_path: Path) -> None:
    report, records = built(
        tmp_path / "few", "encode.context=800", "encode.split.few_shot={min_pairs: 2, context: 4096}"
    )
    plain, _ = built(tmp_path / "plain", "encode.context=800")
    assert report.documents_cut < plain.documents_cut
    assert any(sum(record.span_tokens) > 800 for record in records)
    with pytest.raises(Exception, match="do not fit seq_len=800"):
        StreamingDataset(tmp_path / "few", seq_len=800)
    assert StreamingDataset(tmp_path / "few").seq_len == 4096


def test_only_sentences_behind_images_are_learned_where_the_recipe_says_so(tmp_path: Path) -> None:
    _, all_text = built(tmp_path / "text")
    _, behind = built(tmp_path / "behind", "encode.loss=after_image")
    learned = [sum(length for _, length in record.loss_spans) for record in behind]
    assert sum(learned) < sum(length for record in all_text for _, length in record.loss_spans) / 2
    for record, number in zip(behind, learned, strict=True):
        assert bool(number) == bool(record.image_members)
        ends = [start + length for start, length in record.spans]
        assert {start for start, _ in record.loss_spans} <= set(ends)


def test_a_source_may_count_for_less_and_rows_know_it(tmp_path: Path) -> None:
    _, records = built(tmp_path / "weighted", "encode.source_weights={mmc4: 0.25}")
    assert {record.loss_weight for record in records} == {0.25}
    batch = next(iter(StreamingDataset(tmp_path / "weighted", images="bytes")))
    assert {source for row in batch["sources"] for source in row} == {"mmc4"}
    assert np.unique(batch["loss_weights"]).tolist() == [0, 0.25]
    assert np.array_equal(batch["loss_weights"] > 0, batch["labels"] != -100)


def test_short_neighbours_become_one_segment_in_a_loader_that_asks_for_it(tmp_path: Path) -> None:
    build_small(tmp_path / "small")
    plain = list(StreamingDataset(tmp_path / "small", seq_len=8192, images="bytes", shuffle=False))
    grouped = list(StreamingDataset(tmp_path / "small", seq_len=8192, images="bytes", shuffle=False, group_below=8192))
    for one, other in zip(plain, grouped, strict=True):
        assert np.array_equal(one["input_ids"], other["input_ids"])
        assert [keys[0].split("+") for keys in other["keys"]] == one["keys"]
        assert np.unique(other["segment_ids"]).tolist() in ([0, 1], [1])
