"""Stores that are damaged, old, read-only or of many files: sentences, and what is whole is read."""

from __future__ import annotations

import hashlib
import os
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest
from fixtures_build import command
from fixtures_fetch import downloaded, fetch, image, picture
from fixtures_site import serving
from typer.testing import CliRunner

from interleave.access import store as store_module
from interleave.access import store_writer
from interleave.access.compact import compact, summarise
from interleave.access.ledger import INSERT_ENTRY, OK, Entry, row_of
from interleave.access.store import BLOBS_NAME, LEDGER_NAME, Store
from interleave.access.store_writer import open_for_writing
from interleave.cli import app
from interleave.errors import TaskError

NUM_ROWS = 3000
URL = "http://a.example/{}"
# As stores were made before version 2.
OLD_SCHEMA = """
create table urls (
    key blob primary key, url text not null, outcome text not null, detail text not null, transient integer not null,
    status integer, sha256 blob, final_url text, headers text, fetched_at real not null, attempts integer not null
) without rowid;
create table images (
    sha256 blob not null, form text not null, stored_sha256 blob not null,
    file integer not null, offset integer not null, length integer not null, primary key (sha256, form)
) without rowid;
create table wishes (
    kind text not null, origin text not null, text blob not null, asked_at real not null, primary key (kind, origin)
) without rowid;
pragma user_version=1;
"""


@pytest.fixture
def damaged(tmp_path: Path) -> Path:
    """A store of many rows whose ledger has other bytes in its middle."""
    folder = tmp_path / "store"
    with open_for_writing(folder) as (store, writer):
        writer.put(Entry(url=URL.format("one"), outcome=OK, sha256=hashlib.sha256(b"one").hexdigest()), b"one")
        entries = (Entry(url=URL.format(number), outcome="http_4xx", detail="x" * 100) for number in range(NUM_ROWS))
        store.ledger.execute("begin")
        store.ledger.executemany(INSERT_ENTRY, map(row_of, entries))
        store.ledger.execute("commit")
        store.ledger.execute("pragma wal_checkpoint(truncate)")
    path = folder / LEDGER_NAME
    data = bytearray(path.read_bytes())
    quarter = len(data) // 4
    data[quarter : 3 * quarter] = b"\xa5" * (2 * quarter)
    path.write_bytes(data)
    return folder


def all_entries(folder: Path) -> None:
    with Store(folder) as store:
        for number in range(NUM_ROWS):
            store.entry(URL.format(number))


def iterate(folder: Path) -> None:
    with Store(folder) as store:
        list(store.entries())


@pytest.mark.parametrize("use", [all_entries, iterate, summarise, compact])
def test_a_damaged_ledger_is_one_sentence(damaged: Path, use: Callable[[Path], object]) -> None:
    with pytest.raises(TaskError, match=r"cannot use .*ledger\.sqlite: .*malformed.*run again to go on"):
        use(damaged)


def test_a_damaged_ledger_is_one_sentence_on_the_command_line(damaged: Path) -> None:
    result = command("store", "show", damaged)
    assert result.returncode == 1
    assert "ledger.sqlite" in result.stderr
    assert "Traceback" not in result.stdout + result.stderr


def test_a_damaged_ledger_ends_a_download_with_one_sentence(damaged: Path, tmp_path: Path) -> None:
    urls = [URL.format(number) for number in range(NUM_ROWS)]
    with pytest.raises(TaskError, match="cannot use"):
        downloaded(urls, tmp_path / "a", "127.0.0.1:9", store=damaged)


def num_open() -> int:
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="counts open files where Linux lists them")
def test_many_files_of_images_are_read_with_few_of_them_open(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store_writer, "MAX_BLOB_BYTES", 10)
    monkeypatch.setattr(store_module, "_MAX_OPEN", 8)
    images = {URL.format(number): f"the image of number {number}".encode() for number in range(80)}
    with open_for_writing(tmp_path) as (_, writer):
        for url, data in images.items():
            writer.put(Entry(url=url, outcome=OK, sha256=hashlib.sha256(data).hexdigest()), data)
    assert len(list((tmp_path / BLOBS_NAME).iterdir())) == len(images)
    with Store(tmp_path) as store:
        before = num_open()
        for data in [*images.values(), *reversed(images.values()), *images.values()]:
            assert store.read(hashlib.sha256(data).hexdigest()) == data
            assert num_open() <= before + 9


def old_store(folder: Path) -> None:
    data = picture("/1")
    (folder / BLOBS_NAME).mkdir(parents=True)
    (folder / BLOBS_NAME / "00000.blob").write_bytes(data)
    digest = hashlib.sha256(data).digest()
    ledger = sqlite3.connect(folder / LEDGER_NAME)
    ledger.executescript(OLD_SCHEMA)
    rows = [
        (URL.format(1), OK, "", 0, 200, digest, None, "{}", 12.5, 1),
        (URL.format("gone"), "http_4xx", "status 404", 0, 404, None, None, None, 12.5, 1),
        (URL.format("down"), "http_5xx", "status 503", 1, 503, None, None, None, 12.5, 2),
    ]
    for row in rows:
        key = hashlib.sha256(str(row[0]).encode()).digest()[:16]
        ledger.execute("insert into urls values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", (key, *row))
    ledger.execute("insert into images values (?, 'original', ?, 0, 0, ?)", (digest, digest, len(data)))
    ledger.commit()
    ledger.close()


def test_a_store_of_the_first_version_goes_on(tmp_path: Path) -> None:
    old_store(tmp_path)
    assert summarise(tmp_path).outcomes == {"http_4xx": 1, "http_5xx": 1, OK: 1}
    with Store(tmp_path) as store:
        entry = store.entry(URL.format(1))
        assert entry is not None and entry.sha256 is not None
        assert (entry.kind, entry.terms, entry.fetched_at) == ("image", "", 12.5)
        assert store.read(entry.sha256) == picture("/1")
    with serving(image) as site:
        found = fetch([URL.format(name) for name in ("1", "gone", "down", "new")], tmp_path, site.place)
        assert site.asked == {"/down": 1, "/new": 1}
    assert {url: (entry.outcome, entry.attempts) for url, entry in found.items()} == {
        URL.format("down"): (OK, 3),
        URL.format("new"): (OK, 1),
    }
    compact(tmp_path)
    assert summarise(tmp_path).images == 3


def listed(folder: Path) -> dict[str, int]:
    return {str(path.relative_to(folder)): path.stat().st_mtime_ns for path in [folder, *folder.rglob("*")]}


@pytest.fixture
def read_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A store in a folder where nobody may write; root may everywhere, so that nothing but the answer is made up."""
    folder = tmp_path / "store"
    with serving(image) as site:
        fetch([URL.format(number) for number in range(3)], folder, site.place)
    (folder / "lock").unlink()
    real = os.access

    def access(path: str | Path, mode: int) -> bool:
        return real(path, mode) and not (mode & os.W_OK and Path(path).is_relative_to(folder))

    monkeypatch.setattr(os, "access", access)
    return folder


def test_a_store_that_is_read_only_is_read(read_only: Path, tmp_path: Path) -> None:
    before = listed(read_only)
    urls = [URL.format(number) for number in range(4)]
    found = downloaded(urls, tmp_path / "a", "127.0.0.1:9", store=read_only, offline=True)
    assert list(found.values()) == [OK, OK, OK, "not_in_store"]
    result = CliRunner().invoke(app, ["store", "show", str(read_only)])
    assert "3 URLs, 3 images" in result.output
    assert listed(read_only) == before, "nothing was made there"


def test_a_store_that_is_read_only_is_not_written(read_only: Path) -> None:
    with Store(read_only) as store, pytest.raises(TaskError, match=r"cannot use .*readonly"):
        store.ledger.execute("delete from images")
