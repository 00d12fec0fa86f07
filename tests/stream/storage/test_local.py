"""Shards in a folder, read by threads and by processes that were forked."""

from __future__ import annotations

import multiprocessing
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from fixtures_build import sample_dataset

from interleave.shard.manifest import ShardEntry, read_manifest
from interleave.stream.storage import local
from interleave.stream.storage.local import LocalStorage
from interleave.stream.storage.range import Range


def shards() -> tuple[ShardEntry, ...]:
    return read_manifest(sample_dataset()).shards


def test_threads_read_more_shards_than_may_be_open(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local, "_MAX_OPEN", 1)
    storage = LocalStorage(sample_dataset())
    whole = {shard.name: (sample_dataset() / shard.name).read_bytes() for shard in shards()}

    def read(number: int) -> bool:
        shard = shards()[number % len(shards())]
        offset = number * 997 % (shard.num_bytes - 500)
        return storage.read(Range(shard, offset, 500)) == whole[shard.name][offset : offset + 500]

    with ThreadPoolExecutor(8) as threads:
        assert all(threads.map(read, range(2000)))
    assert len(storage._files) <= 2


def _read(storage: LocalStorage, shard: ShardEntry, results: Any) -> None:
    results.put(storage.read(Range(shard, 0, 100)))


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="forks")
def test_a_process_forked_while_another_thread_held_the_lock_reads_on() -> None:
    storage, shard = LocalStorage(sample_dataset()), shards()[0]
    expected = storage.read(Range(shard, 0, 100))
    context = multiprocessing.get_context("fork")
    results = context.Queue()
    with storage._lock:
        process = context.Process(target=_read, args=(storage, shard, results))
        process.start()
        try:
            assert results.get(timeout=20) == expected
        finally:
            process.kill()
            process.join()
