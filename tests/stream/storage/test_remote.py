"""A dataset behind a URL: a real local HTTP server, with and without faults."""

from __future__ import annotations

import multiprocessing
import os
import pickle
import re
import signal
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Lock, Thread
from typing import Any

import pytest
from fixtures_build import copy_of, sample_dataset
from typer.testing import CliRunner

from interleave import DatasetReader, StreamingDataset
from interleave.cli import app
from interleave.errors import ShardError
from interleave.stream.storage.cache import Cache

pytest.importorskip("aiohttp")
pytest.importorskip("fsspec")


class Site:
    """Serves a folder, and goes wrong as it is told: a list of faults for each name, taken one a request."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.faults: dict[str, list[str]] = {}
        self.requests: Counter[str] = Counter()
        self.delay_s = 0.0
        self.knows_ranges = True
        self.num_bytes: Counter[str] = Counter()
        self._lock = Lock()
        self._num_at_once = self.most_at_once = 0

    def handle(self, request: BaseHTTPRequestHandler) -> None:
        with self._lock:
            self._num_at_once += 1
            self.most_at_once = max(self.most_at_once, self._num_at_once)
        try:
            self._answer(request)
        finally:
            with self._lock:
                self._num_at_once -= 1

    def _answer(self, request: BaseHTTPRequestHandler) -> None:
        name = request.path.lstrip("/")
        self.requests[name] += 1
        fault = self.faults[name].pop(0) if self.faults.get(name) else ""
        path = self.folder / name
        if fault.isdigit() or not path.is_file():
            request.send_error(int(fault) if fault else 404)
            return
        data = path.read_bytes()
        if fault == "other bytes":
            data = data[:5000] + bytes([data[5000] ^ 1]) + data[5001:]
        wanted = re.fullmatch(r"bytes=(\d+)-(\d+)", request.headers.get("Range", "")) if self.knows_ranges else None
        if wanted:
            data = data[int(wanted[1]) : int(wanted[2]) + 1]
        self.num_bytes[name] += len(data)
        request.send_response(206 if wanted else 200)
        request.send_header("Content-Length", str(len(data)))
        request.end_headers()
        time.sleep(self.delay_s)
        if fault in ("reset", "stall"):
            request.wfile.write(data[: len(data) // 2])
            request.wfile.flush()
            time.sleep(5 if fault == "stall" else 0)
            request.connection.close()
            return
        request.wfile.write(data)


@contextmanager
def serving(folder: Path) -> Iterator[tuple[str, Site]]:
    site = Site(folder)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            try:
                site.handle(self)
            except (BrokenPipeError, ConnectionResetError):
                self.close_connection = True

        def do_HEAD(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", str((site.folder / self.path.lstrip("/")).stat().st_size))
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}", site
        server.shutdown()
        thread.join()


def cache(folder: Path, **options: Any) -> Cache:
    return Cache(folder=folder / "cache", **{"first_delay_s": 0.01, "timeout_s": 1.0, "min_free_bytes": 0} | options)


def keys(data: Any, **options: Any) -> list[Any]:
    return [
        (batch["keys"], batch["skipped"])
        for batch in StreamingDataset(data, rank=0, world_size=1, batch_size=2, **options)
    ]


def test_an_epoch_from_a_url_is_that_of_the_folder_and_comes_once(tmp_path: Path) -> None:
    with serving(sample_dataset()) as (url, site):
        assert keys(url, cache=cache(tmp_path)) == keys(sample_dataset())
        assert {name: number for name, number in site.requests.items() if name.endswith(".tar")} == {
            "shard-0000.tar": 1,
            "shard-0001.tar": 1,
        }
        assert keys(url, cache=cache(tmp_path)) == keys(sample_dataset())
        assert site.requests["shard-0000.tar"] == 1 and site.requests["index.arrow"] == 1
        assert site.requests["manifest.json"] == 2
    left = sorted(path.name for path in (tmp_path / "cache").glob("*/*") if not path.name.endswith(".lock"))
    assert len(left) == 4 and not [name for name in left if "part" in name]


@pytest.mark.parametrize("fault", ["500", "503", "429", "reset", "stall", "other bytes"])
def test_faults_that_pass_are_outlived(tmp_path: Path, fault: str) -> None:
    with serving(sample_dataset()) as (url, site):
        names = ("manifest.json", "index.arrow", "shard-0000.tar", "shard-0001.tar")
        site.faults = {name: [fault, fault] for name in names if (fault, name) != ("other bytes", "manifest.json")}
        assert keys(url, cache=cache(tmp_path)) == keys(sample_dataset())
        assert site.requests["shard-0001.tar"] == 3


def test_a_shard_that_is_never_what_the_manifest_says_is_named_with_both_checksums(tmp_path: Path) -> None:
    with serving(sample_dataset()) as (url, site):
        site.faults = {"shard-0001.tar": ["other bytes"] * 99}
        reader = DatasetReader(url, cache(tmp_path, num_tries=3))
        assert reader.read(0)[0].key == "0000000000"
        with pytest.raises(ShardError, match=r"shard-0001\.tar has SHA-256 .*\.\.\., the manifest says .* \(3 tries\)"):
            reader.read(len(reader) - 1)
        skipped = [what for _, found in keys(url, cache=cache(tmp_path, num_tries=1)) for what in found]
        assert skipped and all("shard-0001.tar has SHA-256" in what for what in skipped)
    assert not list((tmp_path / "cache").glob("*/shard-0001*.tar"))


def test_what_is_not_there_or_not_allowed_fails_at_once(tmp_path: Path) -> None:
    with serving(sample_dataset()) as (url, site):
        begin = time.monotonic()
        with pytest.raises(ShardError, match=r"nothing/manifest\.json: FileNotFoundError"):
            DatasetReader(f"{url}/nothing", cache(tmp_path, first_delay_s=10.0))
        assert time.monotonic() - begin < 5 and site.requests["nothing/manifest.json"] == 1
    with pytest.raises(ShardError, match=r"unknown:.*Protocol not known"):
        DatasetReader("unknown://x", cache(tmp_path))


def test_the_cache_stays_within_its_limit_and_forgets_what_was_used_longest_ago(tmp_path: Path) -> None:
    shards = {path.name: path.stat().st_size for path in sample_dataset().glob("*.tar")}
    limit = max(shards.values()) + 1000
    with serving(sample_dataset()) as (url, site):
        reader = DatasetReader(url, cache(tmp_path, max_bytes=limit))
        order = [0, len(reader) - 1] * 3
        for number in order:
            reader.read(number)
            assert sum(path.stat().st_size for path in (tmp_path / "cache").glob("*/*.tar")) <= limit
        assert site.requests["shard-0000.tar"] == site.requests["shard-0001.tar"] == 3
        with pytest.raises(ShardError, match=r"shard-0000\.tar has .* bytes, the cache .* holds 1,000: give it more"):
            DatasetReader(url, cache(tmp_path / "small", max_bytes=1000)).read(0)


def _read_all(url: str, folder: Path, results: Any) -> None:
    reader = DatasetReader(url, cache(folder))
    results.put([reader.read(number)[0].key for number in range(len(reader))])


def test_processes_share_a_download(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    with serving(sample_dataset()) as (url, site):
        site.delay_s = 0.3
        results = context.Queue()
        processes = [context.Process(target=_read_all, args=(url, tmp_path, results)) for _ in range(3)]
        for process in processes:
            process.start()
        found = [results.get(timeout=60) for _ in processes]
        for process in processes:
            process.join()
        assert found[0] == found[1] == found[2] and len(found[0]) == 44
        assert site.requests["shard-0000.tar"] == site.requests["shard-0001.tar"] == 1


def test_a_download_that_was_killed_leaves_nothing_that_counts(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    with serving(sample_dataset()) as (url, site):
        site.faults = {"shard-0000.tar": ["stall"]}
        results = context.Queue()
        process = context.Process(target=_read_all, args=(url, tmp_path, results))
        process.start()
        deadline = time.monotonic() + 60
        while not list((tmp_path / "cache").glob("*/*.tar.part")) and time.monotonic() < deadline:
            time.sleep(0.01)
        assert process.pid is not None
        os.kill(process.pid, signal.SIGKILL)
        process.join()
        assert list((tmp_path / "cache").glob("*/*.tar.part")) and not list((tmp_path / "cache").glob("*/*.tar"))
        assert keys(url, cache=cache(tmp_path)) == keys(sample_dataset())


def test_a_reader_from_a_url_goes_between_processes_and_follows_a_take_down(tmp_path: Path) -> None:
    dataset = copy_of(sample_dataset(), tmp_path / "mmc4")
    with serving(dataset) as (url, _):
        reader = pickle.loads(pickle.dumps(DatasetReader(url, cache(tmp_path))))
        whole = [reader.read(number)[0] for number in range(len(reader))]
        again = DatasetReader(url, cache(tmp_path / "other"))
        ran = CliRunner().invoke(app, ["takedown", "--url", str(whole[5].url), str(dataset)])
        assert ran.exit_code == 0, ran.output
        assert again.segment(5) is None and again.read(6)[0] == whole[6]
        assert DatasetReader(url, cache(tmp_path)).segment(5) is None
        assert reader.read(5)[0] == whole[5]  # its shard is in the cache, as it was


def test_shards_that_a_batch_wants_come_at_once(tmp_path: Path) -> None:
    with serving(sample_dataset()) as (url, site):
        site.delay_s = 0.3
        reader = DatasetReader(url, cache(tmp_path))
        site.most_at_once = 0
        assert reader.fetch([0, len(reader) - 1]) == {} and site.most_at_once == 2
        assert [reader.read(number)[0].key for number in (0, len(reader) - 1)] == ["0000000000", "0000000043"]
        assert site.requests["shard-0000.tar"] == site.requests["shard-0001.tar"] == 1


def test_samples_are_read_where_they_lie_several_at_once_and_nothing_is_kept(tmp_path: Path) -> None:
    with serving(sample_dataset()) as (url, site):
        site.delay_s = 0.02
        assert keys(url, cache=cache(tmp_path, keep_shards=False)) == keys(sample_dataset())
        assert site.most_at_once > 4
        shards = {path.name: path.stat().st_size for path in sample_dataset().glob("*.tar")}
        assert all(0 < site.num_bytes[name] <= size for name, size in shards.items())
    assert not list((tmp_path / "cache").glob("*/*.tar*"))


@pytest.mark.parametrize("fault", ["500", "503", "429", "reset", "stall"])
def test_faults_of_ranges_that_pass_are_outlived(tmp_path: Path, fault: str) -> None:
    with serving(sample_dataset()) as (url, site):
        site.faults = {name: [fault] * 3 for name in ("index.arrow", "shard-0000.tar", "shard-0001.tar")}
        assert keys(url, cache=cache(tmp_path, keep_shards=False)) == keys(sample_dataset())


def test_a_server_that_knows_no_ranges_is_named(tmp_path: Path) -> None:
    with serving(sample_dataset()) as (url, site):
        site.knows_ranges = False
        with pytest.raises(ShardError, match=r"shard-0000\.tar gave .* bytes for the .* knows no ranges"):
            DatasetReader(url, cache(tmp_path, keep_shards=False, num_tries=1)).read(0)


def test_bytes_that_are_not_the_samples_are_asked_for_again(tmp_path: Path) -> None:
    with serving(sample_dataset()) as (url, site):
        reader = DatasetReader(url, cache(tmp_path, keep_shards=False))
        fetched = reader.fetch([0, 1])
        assert sorted(fetched) == [0, 1]
        wrong = reader.segment(0, fetched=fetched[1])
        assert wrong is not None and wrong.key == "0000000000"
        assert site.requests["shard-0000.tar"] == 3


def test_reading_where_samples_lie_follows_a_take_down(tmp_path: Path) -> None:
    dataset = copy_of(sample_dataset(), tmp_path / "mmc4")
    with serving(dataset) as (url, _):
        reader = DatasetReader(url, cache(tmp_path, keep_shards=False))
        whole = [reader.read(number)[0] for number in range(len(reader))]
        ran = CliRunner().invoke(app, ["takedown", "--url", str(whole[5].url), str(dataset)])
        assert ran.exit_code == 0, ran.output
        fetched = reader.fetch(range(len(reader)))
        found = [reader.segment(number, fetched=fetched.get(number)) for number in range(len(reader))]
        assert [at for at, segment in enumerate(found) if segment is None] == [5]
        assert all(segment.key == whole[at].key for at, segment in enumerate(found) if segment)
