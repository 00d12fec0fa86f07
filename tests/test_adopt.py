"""What img2dataset downloaded becomes a store, and a build by URL asks for nothing that is in it."""

from __future__ import annotations

import tarfile
from pathlib import Path

import pytest
from fixtures_pairs import sample_pairs, write_img2dataset
from typer.testing import CliRunner

from interleave.access.store import Store
from interleave.adopt import adopt
from interleave.cli import app
from interleave.errors import RecipeError


@pytest.mark.parametrize("output_format", ["webdataset", "files"])
def test_every_image_is_in_the_store_under_its_url(tmp_path: Path, output_format: str) -> None:
    pairs = list({pair.url: pair for pair in sample_pairs()[:20]}.values())
    folder = write_img2dataset(tmp_path / "out", pairs[:-2], output_format, errors=pairs[-2:])
    found = adopt(folder, tmp_path / "store")
    usable = [pair for pair in pairs[:-2] if not pair.image.startswith(b"<")]
    assert found.images == len(usable) and found.known == 0
    assert sum(found.left_out.values()) == len(pairs) - len(usable)
    with Store(tmp_path / "store") as store:
        for pair in usable:
            entry = store.entry(pair.url)
            assert entry is not None and entry.outcome == "ok" and entry.sha256 is not None
            assert store.read(entry.sha256) == pair.image
        assert all(store.entry(pair.url) is None for pair in pairs[-2:]), "failures are left to be tried"


def test_adopting_twice_changes_nothing(tmp_path: Path) -> None:
    folder = write_img2dataset(tmp_path / "out", sample_pairs()[:5], "webdataset")
    first = adopt(folder, tmp_path / "store")
    size = sum(path.stat().st_size for path in (tmp_path / "store" / "blobs").iterdir())
    second = adopt(folder, tmp_path / "store")
    assert (second.images, second.known) == (0, first.images + first.known)
    assert size == sum(path.stat().st_size for path in (tmp_path / "store" / "blobs").iterdir())


def test_a_tar_that_is_cut_off_gives_what_is_whole(tmp_path: Path) -> None:
    folder = write_img2dataset(tmp_path / "out", sample_pairs()[:5], "webdataset")
    (tar,) = folder.rglob("*.tar")
    with tarfile.open(tar) as opened:
        last = opened.getmembers()[-3].offset_data
    tar.write_bytes(tar.read_bytes()[: last + 5])
    found = adopt(folder, tmp_path / "store")
    assert found.images == 4
    assert found.left_out["damaged_file"] == 1


def test_tars_and_folders_beside_each_other_are_both_adopted(tmp_path: Path) -> None:
    pairs = list({pair.url: pair for pair in sample_pairs()[:12]}.values())
    write_img2dataset(tmp_path / "out" / "tars", pairs[:6], "webdataset")
    write_img2dataset(tmp_path / "out" / "folders", pairs[6:], "files")
    found = adopt(tmp_path / "out", tmp_path / "store")
    assert found.images + found.known + sum(found.left_out.values()) == len(pairs)
    with Store(tmp_path / "store") as store:
        had = {entry.url for entry in store.entries()}
    assert had == {pair.url for pair in pairs if not pair.image.startswith(b"<")}


def test_a_folder_of_something_else_is_one_clear_sentence(tmp_path: Path) -> None:
    (tmp_path / "notes.md").write_text("nothing")
    with pytest.raises(RecipeError, match="holds no folder with"):
        adopt(tmp_path, tmp_path / "store")
    with pytest.raises(RecipeError, match="is not there"):
        adopt(tmp_path / "nowhere", tmp_path / "store")
    assert not (tmp_path / "store").exists()


def test_the_command_says_what_it_did(tmp_path: Path) -> None:
    folder = write_img2dataset(tmp_path / "out", sample_pairs()[:3], "webdataset", errors=sample_pairs()[3:4])
    result = CliRunner().invoke(app, ["store", "adopt", str(folder), str(tmp_path / "store")])
    assert result.exit_code == 0, result.output
    assert "3 images adopted" in result.output
    assert "left out: 1 " in result.output
