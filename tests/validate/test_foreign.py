"""Tars that other projects wrote: as far as a build would read them."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Callable
from pathlib import Path

import orjson
import pytest
from fixtures_build import Members, command, copy_of, small_dataset, tar_members
from PIL import Image

from interleave.errors import ShardError
from interleave.executors import InProcess
from interleave.validate.dataset import validate
from interleave.validate.findings import Outcome
from interleave.validate.foreign import NOT_CHECKED
from interleave.validate.level import Level
from interleave.validate.options import Options


def picture(kind: str = "JPEG") -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (64, 48), (10, 200, 90)).save(buffer, kind)
    return buffer.getvalue()


def sample(key: str, texts: list[str | None], images: list[str | None], data: Members) -> Members:
    """As NeMo Curator's writer has it: images in front of their JSON."""
    body = {"sample_id": key, "texts": texts, "images": images, "url": "https://site.example/"}
    return [*data, (f"{key}.json", orjson.dumps(body))]


def two_samples() -> Members:
    first = sample("a/page-1", ["One.", None], [None, "page-1.1.jpg"], [("a/page-1.1.jpg", picture())])
    return first + sample("a/page-2", [None, "Two."], ["page-2.0.png", None], [("a/page-2.0.png", picture("PNG"))])


def write(path: Path, members: Members) -> Path:
    """By Python's own tar module in its own format, padding included."""
    with tarfile.open(path, "w", format=tarfile.PAX_FORMAT) as tar:
        for name, data in members:
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return path


def validated(path: Path, **options: object) -> Outcome:
    with InProcess() as executor:
        return validate(path, executor, Options(**options), quiet=True)  # type: ignore[arg-type]


def test_a_sound_tar_of_another_project_is_sound_as_far_as_it_goes(tmp_path: Path) -> None:
    outcome = validated(write(tmp_path / "one.tar", two_samples()))
    assert (outcome.num_samples, outcome.num_images, outcome.findings) == (2, 2, ())
    assert outcome.not_checked == NOT_CHECKED


def replaced(name: str, data: bytes) -> Callable[[Members], Members]:
    return lambda members: [(each, data if each == name else old) for each, old in members]


def without(name: str) -> Callable[[Members], Members]:
    return lambda members: [member for member in members if member[0] != name]


@pytest.mark.parametrize(
    ("change", "code", "where"),
    [
        (replaced("a/page-1.1.jpg", picture()[:200]), "image-decode", "a/page-1 image 1"),
        (replaced("a/page-2.0.png", b"<html>"), "image-decode", "a/page-2 image 0"),
        (without("a/page-1.1.jpg"), "image-count", "a/page-1 image 1"),
        (lambda members: [("a/page-1.9.jpg", picture()), *members], "image-count", "a/page-1 image 2"),
        (replaced("a/page-2.json", b"{"), "sample-json", "a/page-2"),
        (replaced("a/page-2.json", b'{"caption": "Two."}'), "sample-json", "a/page-2"),
        (without("a/page-2.json"), "sample-members", "a/page-2"),
        (lambda members: members + members[:2], "key-order", "a/page-1"),
        (lambda members: [*members, ("README", b"")], "sample-members", "'README'"),
    ],
)
def test_what_a_build_could_not_read_is_found(
    tmp_path: Path, change: Callable[[Members], Members], code: str, where: str
) -> None:
    outcome = validated(write(tmp_path / "one.tar", change(two_samples())))
    assert {(finding.code, finding.where) for finding in outcome.findings} == {(code, f"one.tar {where}")}


def test_a_tar_that_is_cut_off_is_found(tmp_path: Path) -> None:
    tar = write(tmp_path / "one.tar", two_samples())
    tar.write_bytes(tar.read_bytes()[:3000])
    assert "tar-structure" in validated(tar).counts


def test_a_quick_look_decodes_nothing(tmp_path: Path) -> None:
    tar = write(tmp_path / "one.tar", replaced("a/page-1.1.jpg", b"no image")(two_samples()))
    assert validated(tar, level=Level.QUICK).is_sound and not validated(tar).is_sound


def test_a_folder_of_their_tars_is_looked_at_as_a_whole(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    write(tmp_path / "one.tar", two_samples())
    write(tmp_path / "deep" / "two.tar", replaced("a/page-2.json", b"{")(two_samples()))
    outcome = validated(tmp_path)
    assert (outcome.num_shards, outcome.num_samples) == (2, 4)
    assert [finding.where for finding in outcome.findings] == ["two.tar a/page-2"]


def test_a_folder_of_ones_own_tars_needs_its_manifest(tmp_path: Path) -> None:
    dataset = copy_of(small_dataset(), tmp_path / "six")
    (dataset / "manifest.json").unlink()
    with pytest.raises(ShardError, match=r"manifest\.json"):
        validated(dataset)


def test_what_needs_a_manifest_is_refused(tmp_path: Path) -> None:
    tar = write(tmp_path / "one.tar", two_samples())
    with pytest.raises(ShardError, match="leave out --sample, --world"):
        validated(tar, sample=3, num_ranks=2)


def test_exported_tars_are_sound(tmp_path: Path) -> None:
    """Those in OpenFlamingo's form have their images in the JSON."""
    command("export", "openflamingo", small_dataset(), tmp_path / "out")
    tars = sorted((tmp_path / "out").rglob("*.tar"))
    assert tars
    outcome = validated(tars[0])
    assert outcome.is_sound and outcome.num_samples and outcome.num_images
    assert not any(name.endswith(".npy") for name, _ in tar_members(tars[0]))
