"""Whole builds for every profile: sound shards, and the same rows from both forms in which an image may be stored."""

from __future__ import annotations

import atexit
import shutil
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pytest
from fixtures_build import Members, build_small, copy_of, edit_shard, small_dataset
from fixtures_tokenizers import LLAMA, byte_level, save
from typer.testing import CliRunner

from interleave.cli import app
from interleave.encode.profiles.known import PROFILES
from interleave.errors import ShardError
from interleave.executors import InProcess
from interleave.pack.row import Row, build_row
from interleave.sample import read_ids, write_ids
from interleave.stream.dataset import StreamingDataset
from interleave.stream.reader import DatasetReader
from interleave.validate.dataset import validate
from interleave.validate.invariants import Severity


@cache
def folder() -> Path:
    made = Path(tempfile.mkdtemp())
    atexit.register(shutil.rmtree, made)
    return made


@cache
def tokenizer() -> Path:
    """One with the marks of all profiles."""
    marks = {mark for profile in PROFILES.values() for mark in profile.marks if mark.strip()}
    marks |= {str(profile.placeholder) for profile in PROFILES.values() if isinstance(profile.placeholder, str)}
    marks |= {end for profile in PROFILES.values() for end in (profile.bos, profile.eos) if end not in (None, "auto")}
    return save(byte_level(special=["<s>", "</s>", *sorted(marks - {"<s>", "</s>"})]), folder() / "tokenizer.json")


@cache
def dataset(profile: str, form: str) -> Path:
    output = folder() / f"{profile}-{form}"
    build_small(output, f"profile={profile}", f"encode.form={form}", f"tokenizer={tokenizer()}")
    return output


def rows(path: Path) -> list[Row]:
    reader = DatasetReader(path)
    segments = [reader.segment(sample) for sample in range(len(reader))]
    sizes = reader.num_tokens().tolist()
    return [build_row([segment], size, 0) for segment, size in zip(segments, sizes, strict=True) if segment]


@pytest.mark.parametrize("name", PROFILES)
def test_shards_of_every_profile_are_sound(name: str) -> None:
    ran = CliRunner().invoke(app, ["validate", str(dataset(name, "profile")), "--workers", "1", "--level", "paranoid"])
    assert (ran.exit_code, "sound" in ran.output) == (0, True), ran.output


@pytest.mark.parametrize("name", PROFILES)
def test_both_forms_of_an_image_give_the_same_rows(name: str) -> None:
    compact, expanded = rows(dataset(name, "compact")), rows(dataset(name, "expanded"))
    assert sum(len(row.images) for row in compact) == DatasetReader(dataset(name, "compact")).manifest.num_images > 0
    for one, other in zip(compact, expanded, strict=True):
        assert np.array_equal(one.token_ids, other.token_ids)
        assert np.array_equal(one.loss_mask, other.loss_mask)
        assert np.array_equal(one.image_tokens, other.image_tokens)
        assert (one.mrope_positions is None) == (PROFILES[name].grid is None)
        if one.mrope_positions is not None and other.mrope_positions is not None:
            assert np.array_equal(one.mrope_positions, other.mrope_positions)


def damaged(folder: Path, name: str, change: Callable[[dict[str, Any], Any], object]) -> set[str]:
    """Codes of what is found in a dataset of a profile after its first sample was changed, all checksums made right."""
    path = copy_of(dataset(name, "expanded"), folder / "damaged")

    def edit(members: Members) -> Members:
        data = dict(members)
        first, second = list(data)[:2]
        record, ids = orjson.loads(data[first]), read_ids(data[second]).copy()
        change(record, ids)
        return list((data | {first: orjson.dumps(record), second: write_ids(ids)}).items())

    edit_shard(path, edit)
    with InProcess() as executor:
        findings = validate(path, executor, quiet=True).findings
    return {finding.code for finding in findings if finding.severity is Severity.ERROR}


def test_ids_of_an_image_that_are_not_what_its_size_gives_are_found(tmp_path: Path) -> None:
    def one_mark_less(record: dict[str, Any], ids: Any) -> None:
        start, length = record["spans"][0]
        ids[start + length - 1] = ids[start + length - 2]

    assert damaged(tmp_path, "qwen2-vl", one_mark_less) == {"span-placeholder"}


def test_a_mark_of_an_image_in_the_text_is_found(tmp_path: Path) -> None:
    def mark_in_text(record: dict[str, Any], ids: Any) -> None:
        start, length = record["spans"][0]
        ids[start + length] = ids[start]

    assert damaged(tmp_path, "qwen2-vl", mark_in_text) == {"span-placeholder"}


def test_an_image_that_is_said_to_have_another_size_is_found_among_the_ids_too(tmp_path: Path) -> None:
    def larger(record: dict[str, Any], ids: Any) -> None:
        record["image_info"][0]["width"] += 28

    assert {"span-placeholder", "image-size"} <= damaged(tmp_path, "qwen2-vl", larger)


def test_an_image_that_the_profile_gives_too_many_tokens_for_the_context_is_a_counted_drop(tmp_path: Path) -> None:
    settings = ["profile=qwen2-vl", f"tokenizer={tokenizer()}", "encode.context=24", "images.max_short_side=112"]
    report = build_small(tmp_path / "small", *settings)
    (line,) = [line for line in report.drops if line.rule == "image_tokens"]
    assert line.images > 0
    assert report.images_in == report.images_out + sum(line.images for line in report.drops)


def test_a_loader_that_is_asked_for_another_tokenizer_refuses() -> None:
    StreamingDataset(small_dataset(), tokenizer=LLAMA)
    with pytest.raises(ShardError, match=r"has the ids of the tokenizer package:wordllama.* asked for is .*json"):
        StreamingDataset(small_dataset(), tokenizer=tokenizer())
