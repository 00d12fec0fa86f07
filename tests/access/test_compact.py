"""A store gives back the room of what nothing refers to, loses nothing else, and survives a kill anywhere."""

from __future__ import annotations

import hashlib
import os
import shutil
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from interleave.access import compact as module
from interleave.access.compact import compact, summarise
from interleave.access.ledger import OK, Entry
from interleave.access.store import BLOBS_NAME, Store
from interleave.access.store_writer import open_for_writing
from interleave.cli import app
from interleave.errors import InterleaveError, Unreadable

NUM_IMAGES = 20


class Killed(BaseException):
    """The process ends here."""


def image(number: int) -> bytes:
    return bytes([number]) * (1000 + number)


def sha256(number: int) -> str:
    return hashlib.sha256(image(number)).hexdigest()


def url(number: int) -> str:
    return f"http://images.example/{number}"


def fill(folder: Path) -> None:
    """Twenty images; the URLs of every third one lead to another one since."""
    with open_for_writing(folder) as (_, writer):
        for number in range(NUM_IMAGES):
            writer.put(Entry(url=url(number), outcome=OK, sha256=sha256(number)), image(number))
        for number in range(0, NUM_IMAGES, 3):
            writer.put(Entry(url=url(number), outcome=OK, sha256=sha256(1)), image(1))


def check(folder: Path) -> None:
    with Store(folder) as store:
        for number in range(NUM_IMAGES):
            if number % 3:
                assert store.read(sha256(number)) == image(number)


@pytest.fixture
def store(tmp_path: Path) -> Path:
    fill(tmp_path / "store")
    return tmp_path / "store"


def test_room_is_given_back_and_images_stay(store: Path) -> None:
    kept = sum(len(image(number)) for number in range(NUM_IMAGES) if number % 3)
    found = compact(store)
    assert (found.after_bytes, found.forgotten, found.damaged) == (kept, 7, 0)
    assert found.before_bytes > kept
    check(store)
    with Store(store) as opened, pytest.raises(Unreadable, match="not_in_store"):
        opened.read(sha256(0))
    assert summarise(store).outcomes == {OK: 20}


def test_a_store_without_gaps_is_left_as_it_is(store: Path) -> None:
    compact(store)
    before = {path.name: path.stat().st_mtime_ns for path in (store / BLOBS_NAME).iterdir() if path.stat().st_size}
    compact(store)
    after = {path.name: path.stat().st_mtime_ns for path in (store / BLOBS_NAME).iterdir() if path.stat().st_size}
    assert before == after


def test_images_may_be_added_behind_a_compaction(store: Path) -> None:
    compact(store)
    with open_for_writing(store) as (_, writer):
        writer.put(Entry(url=url(0), outcome=OK, sha256=sha256(0)), image(0))
    check(store)
    with Store(store) as opened:
        assert opened.read(sha256(0)) == image(0)


@pytest.mark.parametrize("where", ["fsync", "write", "unlink"])
@pytest.mark.parametrize("call", [1, 2, 5])
def test_a_kill_anywhere_harms_nothing(store: Path, monkeypatch: pytest.MonkeyPatch, where: str, call: int) -> None:
    num_calls = 0
    owner: Any = Path if where == "unlink" else os
    real = getattr(owner, where)

    def dying(*arguments: Any, **options: Any) -> Any:
        nonlocal num_calls
        num_calls += 1
        if num_calls == call:
            raise Killed
        return real(*arguments, **options)

    with monkeypatch.context() as patch:
        patch.setattr(owner, where, dying)
        with suppress(Killed):
            compact(store)
    check(store)
    compact(store)
    check(store)


def test_whoever_reads_meanwhile_finds_every_image(store: Path) -> None:
    with Store(store) as reader:
        assert reader.read(sha256(1)) == image(1)
        compact(store)
        for number in range(NUM_IMAGES):
            if number % 3:
                assert reader.read(sha256(number)) == image(number)


def test_damage_is_found_and_its_url_is_asked_again(store: Path) -> None:
    (blob,) = (path for path in (store / BLOBS_NAME).iterdir() if path.stat().st_size)
    data = bytearray(blob.read_bytes())
    data[data.index(image(1)) + 10] ^= 1
    blob.write_bytes(data)
    assert compact(store).damaged == 1
    with Store(store) as opened:
        assert not opened.has_image(sha256(1))
        assert opened.read(sha256(2)) == image(2)


def test_files_hold_no_more_than_their_bound(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_BLOB_BYTES", 5000)
    compact(store)
    assert all(path.stat().st_size <= 5000 for path in (store / BLOBS_NAME).iterdir())
    check(store)


def test_nobody_compacts_while_another_downloads(store: Path) -> None:
    with open_for_writing(store), pytest.raises(InterleaveError, match="another process"):
        compact(store)


def test_the_commands_say_what_they_found(store: Path, tmp_path: Path) -> None:
    run = CliRunner().invoke
    assert "20 URLs, 20 images" in run(app, ["store", "show", str(store)]).output
    assert "7 images removed" in run(app, ["store", "compact", str(store)]).output
    shutil.rmtree(store / BLOBS_NAME)
    result = run(app, ["store", "show", str(tmp_path)])
    assert isinstance(result.exception, InterleaveError)
    assert "is no store of images" in str(result.exception)
