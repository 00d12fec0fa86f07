"""A folder as an object store: what lies there is whole, whatever happens while it is written."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from interleave.errors import ShardError
from interleave.remote.object_store import ObjectStore


def upload(store: ObjectStore, name: str, data: bytes, folder: Path) -> None:
    (folder / "local").write_bytes(data)
    store.upload(folder / "local", name)


WAYS = {
    "write": lambda store, name, data, _folder: store.write(name, data),
    "upload": upload,
}


@pytest.mark.parametrize("way", WAYS.values(), ids=list(WAYS))
def test_what_lies_there_stays_until_the_next_is_whole(
    way: Callable[..., None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = ObjectStore(f"file://{tmp_path}/store", first_delay_s=0)
    way(store, "sub/object", b"first", tmp_path)

    def no_space(_file: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", no_space)
        with pytest.raises(ShardError, match="No space left"):
            way(store, "sub/object", b"second, and longer", tmp_path)
    assert store.read("sub/object") == b"first"
    assert set(store.sizes("")) == {"sub/object"}
    way(store, "sub/object", b"third", tmp_path)
    assert store.read("sub/object") == b"third"
