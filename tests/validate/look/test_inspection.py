"""Looking into shards: sizes, one sample, and clear words about what cannot be read."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

import fsspec
import numpy as np
import orjson
import pytest
from fixtures_build import (
    copy_of,
    manifest_of,
    records,
    sample_dataset,
    small_dataset,
    tar_members,
    whole_documents,
    write_tar,
)
from rich.console import Console

from interleave.errors import ShardError
from interleave.stream.reader import DatasetReader
from interleave.validate.look.inspection import Inspection, inspect, show


def shown(inspection: Inspection, width: int = 80) -> str:
    console = Console(file=io.StringIO(), width=width)
    show(inspection, console)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_sums_of_a_dataset_are_those_of_its_manifest() -> None:
    manifest, plain = manifest_of(sample_dataset()), inspect(sample_dataset()).as_plain()
    assert plain["num_shards"] == len(manifest["shards"])
    assert plain["num_samples"] == manifest["num_samples"]
    for name in ("num_images", "num_ids", "num_tokens"):
        assert plain["sums"][name] == manifest[name]
    assert plain["profile"]["profile"] == "vila-1.0"


def test_quantiles_are_least_median_and_most() -> None:
    tokens = DatasetReader(sample_dataset()).num_tokens()
    found = inspect(sample_dataset()).as_plain()["quantiles"]["num_tokens"]
    assert found == [tokens.min(), np.quantile(tokens, 0.5, method="lower"), tokens.max()]


def test_tars_one_by_one_add_up_to_the_dataset() -> None:
    tars = [inspect(path) for path in sorted(sample_dataset().glob("*.tar"))]
    whole = inspect(sample_dataset())
    for name in ("key", "source", "doc_id", "num_texts", "num_images", "num_ids", "num_tokens", "num_pixels"):
        found = [value for tar in tars for value in tar.opened.rows[name].to_pylist()]
        assert found == whole.opened.rows[name].to_pylist()


def test_a_tar_far_from_its_manifest_is_shown_all_the_same(tmp_path: Path) -> None:
    (tmp_path / "alone.tar").write_bytes((small_dataset() / "shard-0000.tar").read_bytes())
    found = inspect(tmp_path / "alone.tar")
    assert found.opened.manifest is None and found.record.key == "0000000000"


@pytest.mark.parametrize("key", ["3", "0000000003"])
def test_the_sample_that_was_asked_for_is_shown_with_texts_and_images_in_reading_order(key: str) -> None:
    record = next(record for record, _, _ in records(sample_dataset()) if record.key == "0000000003")
    found = inspect(sample_dataset(), key)
    assert found.record == record
    text = shown(found, width=100_000)
    places = [text.index(part) for part in (t or i or "" for t, i in zip(record.texts, record.images, strict=True))]
    assert places == sorted(places) and len(places) > 3
    assert "576 tokens" in text and " px, " in text


def test_without_a_key_the_first_sample_is_shown() -> None:
    for path in (sample_dataset(), sample_dataset() / "shard-0000.tar"):
        assert inspect(path).record.key == "0000000000"


def test_whole_documents_are_said_to_be_whole() -> None:
    assert "whole documents" in shown(inspect(whole_documents()))


def test_a_key_that_is_not_there_is_refused_with_the_keys_that_are() -> None:
    with pytest.raises(ShardError, match=r"has no sample 0000000099; keys go from 0000000000 to 0000000043"):
        inspect(sample_dataset(), "99")
    with pytest.raises(ShardError, match=r"no sample nonsense"):
        inspect(sample_dataset() / "shard-0000.tar", "nonsense")


def test_markup_and_control_characters_in_a_page_do_not_reach_the_terminal(tmp_path: Path) -> None:
    members = tar_members(small_dataset() / "shard-0000.tar")
    fields = orjson.loads(members[0][1])
    at = next(position for position, text in enumerate(fields["texts"]) if text is not None)
    fields["texts"][at] = "[bold]loud[/bold] \x1b]0;owned\x07\x1b[2J end"
    members[0] = (members[0][0], orjson.dumps(fields))
    write_tar(tmp_path / "hostile.tar", members)
    text = shown(inspect(tmp_path / "hostile.tar"))
    assert "[bold]loud[/bold]" in text
    assert "\x1b" not in text and "\x07" not in text


def test_a_tar_of_somebody_else_is_said_to_be_none_of_ours(tmp_path: Path) -> None:
    write_tar(tmp_path / "theirs.tar", [("a.txt", b"hello"), ("a.png", b"...")])
    with pytest.raises(ShardError, match=r"theirs\.tar: .*no sample of interleave's"):
        inspect(tmp_path / "theirs.tar")


def test_an_empty_tar_has_no_sample(tmp_path: Path) -> None:
    write_tar(tmp_path / "empty.tar", [])
    with pytest.raises(ShardError, match="has no sample"):
        inspect(tmp_path / "empty.tar")


def test_a_tar_that_is_cut_off_says_so(tmp_path: Path) -> None:
    whole = (small_dataset() / "shard-0000.tar").read_bytes()
    (tmp_path / "half.tar").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ShardError, match=r"cut off.*interleave validate"):
        inspect(tmp_path / "half.tar")


def test_image_sizes_that_are_no_numbers_are_a_clear_error(tmp_path: Path) -> None:
    members = tar_members(small_dataset() / "shard-0000.tar")
    fields = orjson.loads(members[0][1])
    assert fields["image_info"]
    for info in fields["image_info"]:
        info["width"] = "wide"
    members[0] = (members[0][0], orjson.dumps(fields))
    write_tar(tmp_path / "odd.tar", members)
    with pytest.raises(ShardError, match=r"odd\.tar"):
        inspect(tmp_path / "odd.tar")


def test_a_dataset_whose_shard_is_missing_is_a_clear_error(tmp_path: Path) -> None:
    dataset = copy_of(small_dataset(), tmp_path / "six")
    (dataset / "shard-0000.tar").unlink()
    with pytest.raises(ShardError, match=r"shard-0000\.tar"):
        inspect(dataset)


@pytest.fixture
def elsewhere() -> Iterator[str]:
    """A URL under which the small dataset lies."""
    memory = fsspec.filesystem("memory")
    memory.put(str(small_dataset()), "/elsewhere/six", recursive=True)
    yield "memory://elsewhere/six"
    memory.rm("/elsewhere", recursive=True)


def test_datasets_and_tars_behind_urls_are_shown_as_they_are_here(
    elsewhere: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("INTERLEAVE_CACHE", str(tmp_path))
    here = inspect(small_dataset(), "2")
    assert (inspect(elsewhere, "2").record, inspect(elsewhere, "2").jpegs) == (here.record, here.jpegs)
    tar = inspect(f"{elsewhere}/shard-0000.tar", "0")
    assert (tar.record, tar.jpegs) == (inspect(small_dataset(), "0").record, inspect(small_dataset(), "0").jpegs)
    assert not list(tmp_path.rglob("*.tar")), "a look brings no whole shards"


def test_a_url_that_leads_nowhere_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INTERLEAVE_CACHE", str(tmp_path))
    for url in ("memory://nowhere/six", "memory://nowhere/shard-0000.tar", "nonsense://a/b.tar"):
        with pytest.raises(ShardError, match=r"nowhere|nonsense"):
            inspect(url)
