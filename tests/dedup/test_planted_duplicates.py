"""A whole build finds planted copies of pictures and texts, every pair that is near enough, and drops nothing else."""

from __future__ import annotations

import importlib.util
import sys
from functools import cache
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "planted_duplicates.py"


@cache
def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("planted_duplicates", SCRIPT)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def sample_pictures(num: int) -> list[Path]:
    return list(script().readable_jpegs(script().SAMPLE / "images"))[:num]


@pytest.mark.parametrize(
    ("one", "other", "similarity"),
    [
        (["a b c d e", "f"], ["A, b; c", "d-e f!"], 1.0),
        (["a b c d e f"], ["a b c d e x"], 1 / 3),
        (["a b"], ["a c"], 0.0),
    ],
)
def test_similarity_is_of_words_in_runs_of_five_over_all_sentences(
    one: list[str], other: list[str], similarity: float
) -> None:
    assert script().jaccard(script().shingles(one), script().shingles(other)) == pytest.approx(similarity)


def test_all_pairs_of_hashes_within_the_distance_are_compared() -> None:
    hashes = np.array([0, 0b11, 0b111, 0, 0xFF], dtype=np.uint64)
    assert script().near_pairs(hashes, 2).tolist() == [[0, 1], [0, 3], [1, 2], [1, 3]]


def test_planted_pictures_are_found_and_no_others(tmp_path: Path) -> None:
    found = script().find_images(sample_pictures(6), 3, (0, 6), tmp_path, 1)
    for place in ("across", "within"):
        strict, loose = found[place][0], found[place][6]
        assert strict.recall["same"] == loose.recall["same"] == 1
        assert loose.recall["JPEG quality 20"] == loose.recall["resized to 50 %"] == 1
        assert sum(strict.recall.values()) < sum(loose.recall.values())
        assert loose.recall["mirrored"] == loose.recall["rotated by 90 degrees"] == 0
        assert strict.precision == loose.precision == 1
        assert strict.pairs_found == loose.pairs_found == strict.as_compared == loose.as_compared == 1
        assert 0 < strict.num_pairs < loose.num_pairs


def test_planted_texts_are_found_and_no_others(tmp_path: Path) -> None:
    texts = script().read_texts(script().SAMPLE / "docs.jsonl")[:10]
    by_near, _ = script().find_texts(texts, 5, (0.8,), tmp_path, 1)
    found = by_near[0.8]
    assert found.recall["same"] == found.recall["case and punctuation"] == found.recall["last 10 % cut off"] == 1
    assert found.recall["20 % of words changed"] == 0
    assert found.precision == 1
    assert found.num_pairs > 20
    assert found.pairs_found == 1
