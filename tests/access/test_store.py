"""A store gives back what was put into it, once, whatever else happened to its files."""

from __future__ import annotations

import hashlib
import sqlite3
import subprocess
import sys
from pathlib import Path
from threading import Thread

import pytest

from interleave.access import store_writer as module
from interleave.access.ledger import OK, Entry
from interleave.access.store import BLOBS_NAME, LEDGER_NAME, Store
from interleave.access.store_writer import forget_images, open_for_writing
from interleave.errors import TaskError, Unreadable

DATA = b"the bytes of an image"
OTHER = b"those of another"
URL = "http://a.example/1.jpg"


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def had(url: str, data: bytes = DATA) -> Entry:
    return Entry(url=url, outcome=OK, status=200, sha256=sha256(data), fetched_at=12.5)


def put(folder: Path, *images: tuple[str, bytes]) -> None:
    with open_for_writing(folder) as (_, writer):
        for url, data in images:
            writer.put(had(url, data), data)


def blobs(folder: Path) -> list[Path]:
    return sorted((folder / BLOBS_NAME).iterdir())


def test_what_was_put_is_there_after_the_store_was_closed(tmp_path: Path) -> None:
    put(tmp_path, (URL, DATA), ("http://a.example/2.jpg", OTHER))
    with Store(tmp_path) as store:
        assert store.entry(URL) == had(URL)
        assert store.read(sha256(DATA)) == DATA
        assert store.read(sha256(OTHER)) == OTHER
        assert store.num_bytes(sha256(OTHER)) == len(OTHER)
        assert {entry.url for entry in store.entries()} == {URL, "http://a.example/2.jpg"}


def test_what_was_never_put_is_not_there(tmp_path: Path) -> None:
    with Store(tmp_path / "new" / "store") as store:
        assert store.entry(URL) is None
        assert not store.has_image(sha256(DATA))
        assert store.num_bytes(sha256(DATA)) == 0
        with pytest.raises(Unreadable, match="not_in_store"):
            store.read(sha256(DATA))


def test_what_a_store_holds_is_seen_by_whoever_reads_while_it_is_written(tmp_path: Path) -> None:
    with Store(tmp_path) as reader, open_for_writing(tmp_path) as (_, writer):
        writer.put(had(URL), DATA)
        assert reader.read(sha256(DATA)) == DATA


def test_a_later_outcome_replaces_the_one_before(tmp_path: Path) -> None:
    failed = Entry(url=URL, outcome="http_5xx", detail="status 503", transient=True, status=503, attempts=2)
    with open_for_writing(tmp_path) as (store, writer):
        writer.put(failed)
        assert store.entry(URL) == failed
        writer.put(had(URL), DATA)
        assert [entry.outcome for entry in store.entries()] == [OK]


def test_one_image_under_two_urls_lies_there_once(tmp_path: Path) -> None:
    put(tmp_path, (URL, DATA), ("http://b.example/same.jpg", DATA))
    put(tmp_path, ("http://c.example/same.jpg", DATA))
    assert b"".join(path.read_bytes() for path in blobs(tmp_path)) == DATA


def test_forms_of_an_image_lie_beside_each_other(tmp_path: Path) -> None:
    with open_for_writing(tmp_path) as (store, writer):
        writer.put(had(URL), b"small", form="half size")
        assert store.read(sha256(DATA), "half size") == b"small"
        assert not store.has_image(sha256(DATA))
        writer.put(had(URL), DATA)
        writer.put_form(sha256(DATA), b"tiny", "quarter size")
        assert [store.read(sha256(DATA), form) for form in ("original", "half size", "quarter size")] == [
            DATA,
            b"small",
            b"tiny",
        ]


def test_a_second_process_is_refused_with_one_sentence(tmp_path: Path) -> None:
    script = (
        "import sys; from pathlib import Path\n"
        "from interleave.access.store_writer import open_for_writing\n"
        "from interleave.errors import TaskError\n"
        "try:\n"
        "    with open_for_writing(Path(sys.argv[1])): pass\n"
        "except TaskError as error: print(error)\n"
    )
    line = [sys.executable, "-c", script, str(tmp_path)]
    with open_for_writing(tmp_path):
        said = subprocess.run(line, capture_output=True, text=True, timeout=60, check=True).stdout
    assert said == f"another process is downloading into {tmp_path}; wait for it, or name another store\n"
    assert subprocess.run(line, capture_output=True, text=True, timeout=60, check=True).stdout == ""


def test_a_store_of_a_newer_version_is_refused(tmp_path: Path) -> None:
    put(tmp_path, (URL, DATA))
    ledger = sqlite3.connect(tmp_path / LEDGER_NAME)
    ledger.execute("pragma user_version=99")
    ledger.close()
    with pytest.raises(TaskError, match=r"made by a newer interleave \(store version 99\); upgrade to read it"):
        Store(tmp_path)


def test_a_folder_with_another_file_in_the_ledgers_place_is_no_store(tmp_path: Path) -> None:
    (tmp_path / LEDGER_NAME).write_bytes(b"a text of mine\n" * 100)
    with pytest.raises(TaskError, match=r"is no store of images: .*; name another folder"):
        Store(tmp_path)
    assert (tmp_path / LEDGER_NAME).read_bytes() == b"a text of mine\n" * 100


def test_one_flipped_bit_is_damage_of_one_image(tmp_path: Path) -> None:
    put(tmp_path, (URL, DATA), ("http://a.example/2.jpg", OTHER))
    (blob,) = blobs(tmp_path)
    content = bytearray(blob.read_bytes())
    content[3] ^= 1
    blob.write_bytes(content)
    with Store(tmp_path) as store:
        with pytest.raises(Unreadable, match=r"damaged_in_store: .* in 00000\.blob at 0"):
            store.read(sha256(DATA))
        assert store.read(sha256(OTHER)) == OTHER


def test_damage_of_another_form_is_found_too(tmp_path: Path) -> None:
    with open_for_writing(tmp_path) as (store, writer):
        writer.put(had(URL), b"small", form="half size")
        blobs(tmp_path)[0].write_bytes(b"smalL")
        with pytest.raises(Unreadable, match="damaged_in_store"):
            store.read(sha256(DATA), "half size")


@pytest.mark.parametrize("length", [0, 5, None])
def test_a_blob_that_is_cut_off_or_gone_is_damage(tmp_path: Path, length: int | None) -> None:
    put(tmp_path, (URL, DATA))
    (blob,) = blobs(tmp_path)
    if length is None:
        blob.unlink()
    else:
        blob.write_bytes(DATA[:length])
    with Store(tmp_path) as store, pytest.raises(Unreadable, match="damaged_in_store"):
        store.read(sha256(DATA))


def test_blobs_hold_no_more_than_their_bound(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_BLOB_BYTES", 100)
    images = [(f"http://a.example/{number}", bytes([number]) * (30 + number)) for number in range(8)]
    put(tmp_path, *images[:5])
    put(tmp_path, *images[5:])
    assert len(blobs(tmp_path)) >= 3
    assert all(path.stat().st_size <= 100 for path in blobs(tmp_path))
    with Store(tmp_path) as store:
        assert [store.read(sha256(data)) for _, data in images] == [data for _, data in images]


def test_an_image_beyond_the_bound_has_a_blob_to_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_BLOB_BYTES", 100)
    put(tmp_path, (URL, DATA), ("http://a.example/2", bytes(500)), ("http://a.example/3", OTHER))
    assert [path.stat().st_size for path in blobs(tmp_path)] == [len(DATA), 500, len(OTHER)]


def test_bytes_behind_the_last_committed_row_are_harmless(tmp_path: Path) -> None:
    put(tmp_path, (URL, DATA))
    with blobs(tmp_path)[0].open("ab") as blob:
        blob.write(b"half an image of a process that was kil")
    put(tmp_path, ("http://a.example/2.jpg", OTHER))
    with Store(tmp_path) as store:
        assert (store.read(sha256(DATA)), store.read(sha256(OTHER))) == (DATA, OTHER)


@pytest.mark.parametrize("url", ["http://a.example/\ud800.jpg", "http://a.example/\udcff\x00", "", "ü" * 9000])
def test_any_text_may_be_a_url(tmp_path: Path, url: str) -> None:
    entry = Entry(url=url, outcome="bad_url", detail=f"{url} is none", final_url=url)
    with open_for_writing(tmp_path) as (store, writer):
        writer.put(entry)
        found = store.entry(url)
        assert found is not None
        assert found.outcome == "bad_url"
        assert store.entry(url + "x") is None


def test_urls_that_differ_in_a_lone_surrogate_are_two(tmp_path: Path) -> None:
    with open_for_writing(tmp_path) as (store, writer):
        writer.put(Entry(url="http://a.example/\ud800", outcome="bad_url"))
        assert store.entry("http://a.example/\ud801") is None
        assert store.entry("http://a.example/?") is None


def test_wishes_are_kept_by_kind_and_origin_and_have_an_age(tmp_path: Path) -> None:
    with open_for_writing(tmp_path) as (_, writer):
        writer.put_wish("robots", "http://a.example", b"old", at=50)
        writer.put_wish("robots", "http://a.example", b"\x00\xff", at=100)
        writer.put_wish("tdmrep", "http://a.example", b"", at=100)
    with open_for_writing(tmp_path) as (store, writer):
        assert writer.wish("robots", "http://a.example", 100) == store.wish("robots", "http://a.example", 0)
        assert store.wish("robots", "http://a.example", 100) == b"\x00\xff"
        assert store.wish("robots", "http://a.example", 101) is None
        assert store.wish("tdmrep", "http://a.example", 0) == b"", "that there is none is known, too"
        assert store.wish("tdmrep", "https://a.example", 0) is None


def test_several_threads_may_add_at_once(tmp_path: Path) -> None:
    images = [[f"{thread} {number}".encode() * 50 for number in range(30)] for thread in range(4)]
    with open_for_writing(tmp_path) as (_, writer):

        def add(datas: list[bytes]) -> None:
            for data in datas:
                writer.put(had(f"http://a.example/{sha256(data)}", data), data)

        threads = [Thread(target=add, args=(datas,)) for datas in images]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    with Store(tmp_path) as store:
        assert all(store.read(sha256(data)) == data for datas in images for data in datas)


def test_images_are_forgotten_and_what_their_urls_came_to_is_not(tmp_path: Path) -> None:
    put(tmp_path, (URL, DATA))
    forget_images(tmp_path)
    assert DATA not in b"".join(path.read_bytes() for path in blobs(tmp_path))
    with Store(tmp_path) as store:
        assert store.entry(URL) == had(URL)
        assert not store.has_image(sha256(DATA))
    put(tmp_path, (URL, DATA))
    with Store(tmp_path) as store:
        assert store.read(sha256(DATA)) == DATA


def test_a_row_that_cannot_be_written_is_one_sentence_and_leaves_the_store_as_it_was(tmp_path: Path) -> None:
    put(tmp_path, (URL, DATA))
    with open_for_writing(tmp_path) as (store, writer):
        store.ledger.execute("pragma query_only=1")
        with pytest.raises(TaskError, match=r"cannot use .*run again to go on"):
            writer.put(had("http://a.example/2", OTHER), OTHER)
        store.ledger.execute("pragma query_only=0")
        assert not store.has_image(sha256(OTHER))
        writer.put(had("http://a.example/2", OTHER), OTHER)
        assert store.read(sha256(OTHER)) == OTHER
