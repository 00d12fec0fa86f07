"""What wids, as VILA carries it, asks of `wids-meta.json` and of names: a test here, since it is no package."""

from __future__ import annotations

import tarfile
from pathlib import Path

import orjson
import pytest
from environments import with_an_empty_shard
from fixtures_build import sample_dataset, tar_members

# Suffixes that its decoder knows; .webp and .jpeg would stay bytes.
DECODED = {"jpg", "png", "json", "npy", "txt"}


@pytest.fixture(params=["as built", "one shard taken down"])
def dataset(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    return sample_dataset() if request.param == "as built" else with_an_empty_shard(tmp_path / "taken-down")


def test_the_index_names_every_shard_beside_it_with_the_exact_number_of_samples(dataset: Path) -> None:
    meta = orjson.loads((dataset / "wids-meta.json").read_bytes())
    assert (meta["__kind__"], meta["wids_version"]) == ("wids-shard-index-v1", 1)
    assert isinstance(meta["name"], str)
    shards = sorted(dataset.glob("shard-*.tar"))
    assert [shard["url"] for shard in meta["shardlist"]] == [path.name for path in shards]
    for entry, path in zip(meta["shardlist"], shards, strict=True):
        keys = {name.split(".")[0] for name, _ in tar_members(path)}
        assert (entry["nsamples"], entry["filesize"]) == (len(keys), path.stat().st_size)


def test_headers_are_plain_with_short_names_and_suffixes_that_are_decoded(dataset: Path) -> None:
    """Its reader of headers takes the first 100 bytes as the name, and knows no extension of USTAR."""
    for path in dataset.glob("shard-*.tar"):
        data = path.read_bytes()
        with tarfile.open(path, "r:") as tar:
            for member in tar:
                header = data[member.offset : member.offset + tarfile.BLOCKSIZE]
                assert header[:100].rstrip(b"\0").decode("ascii") == member.name
                assert header[156:157] == tarfile.REGTYPE and not header[345:500].strip(b"\0")
                assert member.offset_data == member.offset + tarfile.BLOCKSIZE
                assert member.name.rpartition(".")[2] in DECODED
