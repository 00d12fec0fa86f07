"""webdataset and Hugging Face `datasets`, as installed, see every sample and every image, in order."""

from __future__ import annotations

import copy
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from environments import observe, run_documented, with_an_empty_shard
from fixtures_build import sample_dataset, whole_documents
from reader_expected import differences, expected

SCRIPTS = ("check_webdataset.py", "check_datasets.py")


@cache
def wanted() -> list[dict[str, Any]]:
    return expected(sample_dataset())


@pytest.mark.parametrize("script", SCRIPTS)
@pytest.mark.parametrize("which", ["as built", "whole documents", "one shard taken down"])
def test_a_reader_sees_what_the_dataset_holds_in_every_way(tmp_path: Path, script: str, which: str) -> None:
    makers: dict[str, Callable[[], Path]] = {
        "as built": sample_dataset,
        "whole documents": whole_documents,
        "one shard taken down": lambda: with_an_empty_shard(tmp_path / "taken-down"),
    }
    dataset = makers[which]()
    seen = observe(Path(sys.executable), script, dataset)
    assert len(seen) >= 2
    for way in seen:
        assert list(differences(expected(dataset), way["samples"])) == [], way["how"]


@pytest.mark.parametrize("script", SCRIPTS)
def test_what_the_docs_show_runs(script: str) -> None:
    run_documented(Path(sys.executable), script, sample_dataset())


def swap_images(sample: dict[str, Any]) -> None:
    at = [number for number, part in enumerate(sample["parts"]) if isinstance(part, dict)]
    sample["parts"][at[0]], sample["parts"][at[-1]] = sample["parts"][at[-1]], sample["parts"][at[0]]


@pytest.mark.parametrize(
    ("edit", "expected_words"),
    [
        (lambda seen: seen.pop(), "samples, expected"),
        (lambda seen: seen.insert(0, seen.pop(1)), "expected 0000000000"),
        (lambda seen: swap_images(seen[0]), "other texts or images"),
        (lambda seen: seen[0]["parts"].pop(), "texts and images, expected"),
        (lambda seen: seen[0]["ids"].append(7), "other ids"),
    ],
)
def test_what_a_reader_sees_otherwise_is_found(
    edit: Callable[[list[dict[str, Any]]], object], expected_words: str
) -> None:
    seen = copy.deepcopy(wanted())
    assert list(differences(wanted(), seen)) == []
    edit(seen)
    assert any(expected_words in found for found in differences(wanted(), seen))


def test_samples_out_of_order_are_told_from_samples_that_need_none() -> None:
    seen = wanted()[::-1]
    assert list(differences(wanted(), seen)) and not list(differences(wanted(), seen, is_ordered=False))
