import os
from pathlib import Path

import pytest

from interleave.acquire.local_images import read_local_image
from interleave.errors import Unreadable


def reason_of(folder: Path, name: str, max_bytes: int = 100) -> str:
    with pytest.raises(Unreadable) as caught:
        read_local_image(str(folder), name, max_bytes)
    return caught.value.reason


def test_an_image_is_read_by_its_name_also_from_a_folder_below(tmp_path: Path) -> None:
    (tmp_path / "ab").mkdir()
    (tmp_path / "ab" / "c.jpg").write_bytes(b"bytes")
    (tmp_path / "d..e.jpg").write_bytes(b"dots")
    assert read_local_image(str(tmp_path), "ab/c.jpg", 5) == b"bytes"
    assert read_local_image(str(tmp_path), "d..e.jpg", 5) == b"dots"


@pytest.mark.parametrize(
    "name", ["../secret", "a/../../secret", "a/..", "/etc/hostname", "//etc/hostname", "a\0b", "", ".", "./"]
)
def test_a_name_that_leads_out_of_the_folder_is_not_opened(tmp_path: Path, name: str) -> None:
    (tmp_path / "secret").write_bytes(b"secret")
    (tmp_path / "images" / "a").mkdir(parents=True)
    assert reason_of(tmp_path / "images", name) == "unsafe_image_name"


@pytest.mark.parametrize("name", ["none.jpg", "none/none.jpg", "file/none.jpg"])
def test_a_missing_image_is_called_missing(tmp_path: Path, name: str) -> None:
    (tmp_path / "file").write_bytes(b"a file, no folder")
    assert reason_of(tmp_path, name) == "image_missing"


def test_a_fifo_does_not_hang_the_build(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.jpg")
    assert reason_of(tmp_path, "pipe.jpg") == "image_not_a_file"


def test_a_folder_or_a_device_is_no_image(tmp_path: Path) -> None:
    (tmp_path / "zero.jpg").symlink_to("/dev/zero")
    assert reason_of(tmp_path, "zero.jpg") == "image_not_a_file"
    (tmp_path / "folder.jpg").mkdir()
    assert reason_of(tmp_path, "folder.jpg") == "image_not_a_file"


def test_a_file_above_the_limit_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "big.jpg").write_bytes(bytes(101))
    (tmp_path / "just.jpg").write_bytes(bytes(100))
    assert reason_of(tmp_path, "big.jpg") == "too_many_bytes"
    assert len(read_local_image(str(tmp_path), "just.jpg", 100)) == 100


@pytest.mark.parametrize("name", ["n" * 300, "lone\ud800surrogate.jpg"])
def test_a_name_that_no_file_can_have_drops_the_image(tmp_path: Path, name: str) -> None:
    assert reason_of(tmp_path, name) == "image_unreadable"


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="counts open files where Linux lists them")
def test_no_descriptor_is_left_open_by_refused_files(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.jpg")
    (tmp_path / "folder.jpg").mkdir()
    (tmp_path / "big.jpg").write_bytes(bytes(101))
    before = len(list(Path("/proc/self/fd").iterdir()))
    for name in ("pipe.jpg", "folder.jpg", "big.jpg") * 5:
        with pytest.raises((Unreadable, OSError)):
            read_local_image(str(tmp_path), name, 100)
    assert len(list(Path("/proc/self/fd").iterdir())) == before
