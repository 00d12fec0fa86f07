"""What a meter says of a loader."""

from __future__ import annotations

import time
from itertools import islice

import pytest
from fixtures_build import manifest_of, sample_dataset

from interleave import Meter, StreamingDataset


def test_it_counts_an_epoch_exactly() -> None:
    meter = Meter()
    batches = list(meter.watch(StreamingDataset(sample_dataset(), batch_size=2, images="bytes")))
    found, manifest = meter.as_dict(), manifest_of(sample_dataset())
    assert found["num_batches"] == len(batches)
    assert (found["num_tokens"], found["num_images"]) == (manifest["num_tokens"], manifest["num_images"])
    assert found["padding"] == pytest.approx(1 - manifest["num_tokens"] / sum(b["num_positions"] for b in batches))
    assert found["mixture"] == {"mmc4": 1.0}
    assert found["num_skipped"] == 0


def test_it_tells_whether_the_trainer_or_the_loader_is_waited_for() -> None:
    def slow() -> object:
        for batch in islice(StreamingDataset(sample_dataset(), images="bytes"), 3):
            time.sleep(0.05)
            yield batch

    waiting = Meter()
    for _ in waiting.watch(slow()):  # type: ignore[arg-type]
        pass
    assert waiting.as_dict()["waiting"] > 0.8
    working = Meter()
    for _ in working.watch(islice(StreamingDataset(sample_dataset(), images="bytes"), 3)):
        time.sleep(0.05)
    assert working.as_dict()["waiting"] < 0.6


def test_its_short_form_fits_a_progress_bar() -> None:
    meter = Meter()
    list(meter.watch(StreamingDataset(sample_dataset(), images="bytes")))
    assert list(meter.postfix()) == ["tok/s", "img/s", "wait", "pad"]
    assert len(str(meter.postfix())) < 90
