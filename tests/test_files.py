import hashlib
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from interleave import files
from interleave.files import PARTIAL, atomic_write, call_writer, create_bytes, sha256_of, sweep, write_bytes


def test_a_file_has_its_name_only_when_it_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "new" / "folder" / "file"
    with atomic_write(path) as file:
        file.write(b"half")
        file.flush()
        assert not path.exists()
        file.write(b" and half")
    assert path.read_bytes() == b"half and half"
    assert [item.name for item in path.parent.iterdir()] == ["file"]


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_a_failure_leaves_the_old_file_and_nothing_else(tmp_path: Path, error: type[BaseException]) -> None:
    write_bytes(tmp_path / "file", b"old")
    with pytest.raises(error), atomic_write(tmp_path / "file") as file:
        file.write(b"new")
        raise error
    assert (tmp_path / "file").read_bytes() == b"old"
    assert [item.name for item in tmp_path.iterdir()] == ["file"]


def test_of_many_that_create_a_file_one_does_and_it_is_whole(tmp_path: Path) -> None:
    path, start = tmp_path / "new" / "file", threading.Barrier(8)

    def create(number: int) -> bool:
        start.wait()
        return create_bytes(path, bytes([number]) * 100_000)

    with ThreadPoolExecutor(8) as threads:
        created = list(threads.map(create, range(8)))
    assert created.count(True) == 1
    assert path.read_bytes() == bytes([created.index(True)]) * 100_000
    assert [item.name for item in path.parent.iterdir()] == ["file"]


def test_what_a_killed_writer_left_does_not_get_into_the_next_file(tmp_path: Path) -> None:
    (tmp_path / "file.partial").write_bytes(b"a longer piece of an earlier run")
    write_bytes(tmp_path / "file", b"new")
    assert (tmp_path / "file").read_bytes() == b"new"


def test_writers_with_names_of_their_own_do_not_meet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "_writer", "")
    with atomic_write(tmp_path / "file") as first:
        call_writer("f00d")
        with atomic_write(tmp_path / "file") as second:
            second.write(b"the same bytes")
            first.write(b"the same")
        assert (tmp_path / "file").read_bytes() == b"the same bytes"
        assert len(list(tmp_path.iterdir())) == 2
        first.write(b" bytes")
    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [("file", b"the same bytes")]


def test_what_interrupted_writers_left_is_swept_away_and_nothing_else(tmp_path: Path) -> None:
    kept = ["a.arrow", "b.arrow.partial", "a.arrow.txt", "c.partial"]
    for name in [*kept, "a.arrow.partial", "a.arrow.1f0c.partial"]:
        (tmp_path / name).touch()
    sweep([tmp_path / "a.arrow", tmp_path / "no-such-folder" / "x"])
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(kept)
    assert PARTIAL == ".partial"


def test_the_hash_of_a_file_is_that_of_its_bytes(tmp_path: Path) -> None:
    write_bytes(tmp_path / "file", b"bytes" * 100_000)
    assert sha256_of(tmp_path / "file") == hashlib.sha256(b"bytes" * 100_000).hexdigest()
