import gc
import os
import zipfile
from pathlib import Path
from typing import Any

import pytest

from interleave.acquire.pages.saved import Folder, Zip, list_pages
from interleave.errors import TaskError, Unreadable


def folder_of(path: Path, *names: str) -> Path:
    for name in names:
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_bytes(name.encode())
    return path


def zip_of(path: Path, *names: str | zipfile.ZipInfo, method: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path / "pages.zip", "w", method) as file:
        for name in names:
            file.writestr(name, name if isinstance(name, str) else "x", compress_type=method)
    return path / "pages.zip"


def info(name: str, **fields: Any) -> zipfile.ZipInfo:
    made = zipfile.ZipInfo(name)
    for key, value in fields.items():
        setattr(made, key, value)
    return made


def pages_of(path: Path) -> list[tuple[str, int, str | None]]:
    return [(page.name, page.copy, page.error and page.error.reason) for page in Zip(str(path)).pages()]


NAMES = ("b.html", "a/z.HTM", "a/b.xhtml", "c.txt", "d.jpg", "html", "e.html.gz", "a.html")
PAGES = ["a.html", "a/b.xhtml", "a/z.HTM", "b.html"]


def test_pages_are_found_at_any_depth_by_their_endings(tmp_path: Path) -> None:
    assert list_pages(str(folder_of(tmp_path / "pages", *NAMES))) == PAGES
    assert [page.name for page in Folder(str(tmp_path / "pages")).pages()] == PAGES
    assert pages_of(zip_of(tmp_path, *NAMES)) == [(name, 0, None) for name in PAGES]


@pytest.mark.parametrize("ending", ["_files", "_file", ".files", "-Dateien", "_fichiers", "_archivos"])
@pytest.mark.parametrize("parent", ["", "sub/"])
def test_what_a_browser_saves_beside_a_page_is_no_page(tmp_path: Path, ending: str, parent: str) -> None:
    names = f"{parent}cats.html", f"{parent}cats{ending}/frame.html", f"{parent}cats{ending}/x/frame.html"
    assert list_pages(str(folder_of(tmp_path / "pages", *names))) == [f"{parent}cats.html"]
    assert pages_of(zip_of(tmp_path, *names)) == [(f"{parent}cats.html", 0, None)]


def test_a_folder_of_such_a_name_without_a_page_beside_it_holds_pages(tmp_path: Path) -> None:
    names = "cats_files/frame.html", "dogs.html"
    assert list_pages(str(folder_of(tmp_path / "pages", *names))) == list(names)
    assert [name for name, *_ in pages_of(zip_of(tmp_path, *names))] == list(names)


def test_links_that_lead_nowhere_and_folders_are_no_pages(tmp_path: Path) -> None:
    folder_of(tmp_path, "a.html", "b.html/c.txt")
    (tmp_path / "d.html").symlink_to(tmp_path / "nothing")
    assert list_pages(str(tmp_path)) == ["a.html"]


def test_what_macs_add_to_an_archive_is_no_page(tmp_path: Path) -> None:
    assert pages_of(zip_of(tmp_path, "a.html", "__MACOSX/._a.html")) == [("a.html", 0, None)]


def test_files_are_read_by_their_names(tmp_path: Path) -> None:
    for files in (Folder(str(folder_of(tmp_path / "f", "a/b.jpg"))), Zip(str(zip_of(tmp_path, "a/b.jpg")))):
        assert files.has("a/b.jpg")
        assert not files.has("b.jpg")
        assert files.read("a/b.jpg", 7) == b"a/b.jpg"
        with pytest.raises(Unreadable) as caught:
            files.read("a/b.jpg", 6)
        assert caught.value.reason == "too_many_bytes"
        with pytest.raises(Unreadable) as caught:
            files.read("b.jpg", 7)
        assert caught.value.reason == "image_missing"


@pytest.mark.parametrize("name", ["../secret.html", "a/../../secret.html", "/secret.html"])
def test_nothing_outside_of_a_folder_is_read(tmp_path: Path, name: str) -> None:
    folder_of(tmp_path, "secret.html", "pages/a.html")
    name = str(tmp_path / "secret.html") if name.startswith("/") else name
    files = Folder(str(tmp_path / "pages"))
    assert not files.has(name)
    with pytest.raises(Unreadable):
        files.read(name, 100)


@pytest.mark.parametrize(
    ("member", "reason"),
    [
        (info("../a.html"), "unsafe_name"),
        (info("/a.html"), "unsafe_name"),
        (info("x/../../a.html"), "unsafe_name"),
        (info("a.html", external_attr=0o120777 << 16), "not_a_file"),
        (info("a.html", external_attr=0o020777 << 16), "not_a_file"),
        (info("a.html", external_attr=0o100644 << 16), None),
        (info("a.html"), None),
    ],
)
def test_members_that_are_no_plain_files_are_refused(
    tmp_path: Path, member: zipfile.ZipInfo, reason: str | None
) -> None:
    path = zip_of(tmp_path, member)
    assert pages_of(path) == [(member.filename, 0, reason)]
    if reason is not None:
        with pytest.raises(Unreadable) as caught:
            Zip(str(path)).read(member.filename, 100)
        assert caught.value.reason == reason


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_methods_that_unpack_without_bounds_are_refused(tmp_path: Path, method: int) -> None:
    assert pages_of(zip_of(tmp_path, "a.html", method=method)) == [("a.html", 0, "unsupported_compression")]


def test_encrypted_members_are_refused(tmp_path: Path) -> None:
    path = zip_of(tmp_path, "a.html")
    data = bytearray(path.read_bytes())
    data[data.index(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(data)
    assert pages_of(path) == [("a.html", 0, "encrypted")]


def test_of_several_members_of_one_name_the_first_is_the_page(tmp_path: Path) -> None:
    with pytest.warns(UserWarning, match="Duplicate name"):
        path = zip_of(tmp_path, "a.html", info("a.html"), "b.html")
    assert pages_of(path) == [("a.html", 0, None), ("a.html", 1, "duplicate_name"), ("b.html", 0, None)]
    assert Zip(str(path)).read("a.html", 100) == b"a.html"


def test_a_member_whose_bytes_are_damaged_is_refused_and_others_are_read(tmp_path: Path) -> None:
    path = zip_of(tmp_path, "first.html", "second.html", method=zipfile.ZIP_STORED)
    path.write_bytes(path.read_bytes().replace(b"first.htmlfirst.html", b"first.htmlfirst.hxml"))
    files = Zip(str(path))
    with pytest.raises(Unreadable) as caught:
        files.read("first.html", 100)
    assert caught.value.reason == "damaged_member"
    assert files.read("second.html", 100) == b"second.html"


def test_a_directory_that_is_too_large_is_not_read(tmp_path: Path) -> None:
    path = zip_of(tmp_path, "a.html")
    data = bytearray(path.read_bytes())
    end = data.rindex(b"PK\x05\x06")
    data[end + 12 : end + 16] = (17 * 1024 * 1024).to_bytes(4, "little")
    path.write_bytes(data)
    with pytest.raises(Unreadable) as caught:
        Zip(str(path))
    assert caught.value.reason == "damaged_file"
    assert "at most 16,777,216" in caught.value.detail


def test_an_archive_that_is_not_there_is_no_damage(tmp_path: Path) -> None:
    with pytest.raises(TaskError, match="cannot read"):
        Zip(str(tmp_path / "none.zip"))


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="open files are counted by Linux")
def test_no_file_stays_open(tmp_path: Path) -> None:
    path = str(zip_of(tmp_path, "a.html"))
    gc.collect()  # what earlier tests left open
    before = len(os.listdir("/proc/self/fd"))  # noqa: PTH208
    for _ in range(20):
        assert Zip(path).has("a.html")
    (tmp_path / "bad.zip").write_bytes(b"PK\x05\x06")
    for _ in range(20):
        with pytest.raises(Unreadable):
            Zip(str(tmp_path / "bad.zip"))
    assert len(os.listdir("/proc/self/fd")) <= before  # noqa: PTH208
