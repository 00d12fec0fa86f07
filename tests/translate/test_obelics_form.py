"""OBELICS' Parquet: its schema, one document a row, and the way back."""

from __future__ import annotations

import io
import re
from pathlib import Path

import orjson
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from fixtures_build import records, sample_dataset, whole_documents
from fixtures_translate import build_from, contents, export, files, sha256s, squeezed
from PIL import Image


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("obelics") / "parquet"
    export("obelics", sample_dataset(), folder, "--max-bytes", "1000000")
    return folder


def test_the_columns_are_those_of_obelics(exported: Path) -> None:
    schema = pq.read_schema(exported / "train-00000.parquet")
    assert schema.names == ["images", "texts", "metadata", "general_metadata", "image_bytes"]
    for name in ("images", "texts"):
        assert schema.field(name).type.value_type == pa.string()


def test_rows_are_documents_with_one_of_text_and_image_at_each_place(exported: Path) -> None:
    rows = pq.read_table(exported).to_pylist()
    assert len(list(exported.iterdir())) > 1
    assert len(rows) == len({record.doc_id for record, _, _ in records(sample_dataset())})
    for row in rows:
        assert all((text is None) != (image is None) for text, image in zip(row["texts"], row["images"], strict=True))
        described = orjson.loads(row["metadata"])
        assert [entry is None for entry in described] == [image is None for image in row["images"]]
        assert orjson.loads(row["general_metadata"])["doc_id"]
        assert [image is None for image in row["image_bytes"]] == [image is None for image in row["images"]]
        assert [image for image in row["images"] if image] == [entry["src"] for entry in described if entry]
    urls = {info["url"] for record, _, _ in records(sample_dataset()) for info in record.image_info}
    assert {image for row in rows for image in row["images"] if image} == urls
    found = [image["bytes"] for row in rows for image in row["image_bytes"] if image]
    assert sha256s(found) == [digest for _, _, jpegs in records(sample_dataset()) for digest in sha256s(jpegs)]
    assert all(Image.open(io.BytesIO(jpeg)).format == "JPEG" for jpeg in found)


def test_documents_that_were_cut_are_joined(tmp_path: Path) -> None:
    export("obelics", sample_dataset(), tmp_path / "cut")
    export("obelics", whole_documents(), tmp_path / "whole")
    columns = ["texts", "general_metadata"]
    cut, whole = (
        {row["general_metadata"]: row["texts"] for row in pq.read_table(tmp_path / name, columns=columns).to_pylist()}
        for name in ("cut", "whole")
    )
    assert cut == whole


@pytest.mark.parametrize("images", ["urls", "bytes"])
def test_our_own_source_reads_it_back(images: str, tmp_path: Path) -> None:
    export("obelics", whole_documents(), tmp_path / "parquet", "--images", images)
    source = {"kind": "obelics", "path": str(tmp_path / "parquet")}
    again = contents(build_from(source, tmp_path / "again", encode={"context": None}))
    by_url = {url: parts for (url, _), parts in again.items()}
    before = {url: parts for (url, _), parts in contents(whole_documents()).items()}
    if images == "urls":
        before = {
            url: [part for part in parts if not re.fullmatch("[0-9a-f]{64}", part)] for url, parts in before.items()
        }
    assert {url: joined(by_url[url]) for url in before} == {url: joined(parts) for url, parts in before.items()}


def joined(parts: list[str]) -> str:
    """Sentences are found anew, so their borders may move; texts, images and their order stay."""
    return squeezed("".join(parts))


def test_datasets_decodes_the_images(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_DATASETS_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("HF_DATASETS_OFFLINE", "1")
    import datasets

    export("obelics", sample_dataset(), tmp_path / "parquet", "--images", "bytes")
    loaded = datasets.Dataset.from_parquet(
        str(tmp_path / "parquet" / "train-00000.parquet"), cache_dir=str(tmp_path / "cache")
    )
    row = next(row for row in loaded if any(row["images"]))
    assert isinstance(next(image for image in row["images"] if image), Image.Image)


def test_the_same_dataset_gives_the_same_bytes(exported: Path, tmp_path: Path) -> None:
    export("obelics", sample_dataset(), tmp_path / "parquet", "--max-bytes", "1000000")
    assert files(tmp_path / "parquet") == files(exported)
