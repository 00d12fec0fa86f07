"""A dataset in an object store: moto's S3 server."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from fixtures_build import sample_dataset

from interleave import Cache, StreamingDataset

pytest.importorskip("s3fs")
moto = pytest.importorskip("moto.server")
boto3 = pytest.importorskip("boto3")

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    server = moto.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    for name, value in {
        "AWS_ENDPOINT_URL": f"http://{host}:{port}",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
    }.items():
        monkeypatch.setenv(name, value)
    client = boto3.client("s3")
    client.create_bucket(Bucket="shards")
    for path in sample_dataset().rglob("*"):
        if path.is_file():
            client.upload_file(str(path), "shards", f"mmc4/{path.relative_to(sample_dataset())}")
    yield "s3://shards/mmc4"
    server.stop()


def batches(data: str | Path, cache: Cache | None = None) -> list[tuple[object, object]]:
    dataset = StreamingDataset(data, cache=cache, batch_size=2, images="bytes", block_size=4, rank=0, world_size=1)
    return [(batch["keys"], batch["images"]) for batch in dataset]


@pytest.mark.parametrize("keep_shards", [True, False])
def test_an_epoch_from_a_bucket_is_that_of_the_folder(bucket: str, tmp_path: Path, keep_shards: bool) -> None:
    cache = Cache(folder=tmp_path, keep_shards=keep_shards, min_free_bytes=0)
    assert batches(bucket, cache) == batches(sample_dataset())


def test_an_object_whose_bytes_changed_is_found(bucket: str, tmp_path: Path) -> None:
    data = bytearray((sample_dataset() / "shard-0001.tar").read_bytes())
    data[10_000] ^= 1
    boto3.client("s3").put_object(Bucket="shards", Key="mmc4/shard-0001.tar", Body=bytes(data))
    cache = Cache(folder=tmp_path, num_tries=2, first_delay_s=0.01, min_free_bytes=0)
    skipped = [
        what for batch in StreamingDataset(bucket, cache=cache, rank=0, world_size=1) for what in batch["skipped"]
    ]
    assert skipped and all("shards/mmc4/shard-0001.tar has SHA-256" in what for what in skipped)
