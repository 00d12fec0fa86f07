"""OpenFlamingo's shards: webdataset opens them, images are plain base64, matrices lead images to their places."""

from __future__ import annotations

import base64
import io
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pytest
import webdataset as wds
from fixtures_build import build_small, records, sample_dataset
from fixtures_translate import build_from, contents, export, files, sha256s
from PIL import Image
from vila_rules import is_matrix

# webdataset leaves the tars that it read to the collector.
pytestmark = [
    pytest.mark.filterwarnings("ignore:unclosed file:ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


def samples_of(folder: Path) -> list[dict[str, Any]]:
    """As OpenFlamingo opens them: the JSON of each sample, undecoded."""
    shards = sorted(map(str, folder.glob("*.tar")))
    return [orjson.loads(data) for (data,) in wds.WebDataset(shards, shardshuffle=False).to_tuple("json")]


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("openflamingo") / "tars"
    export("openflamingo", sample_dataset(), folder, "--max-bytes", "1000000")
    return folder


def test_every_sample_with_an_image_is_a_json_with_its_images_inside(exported: Path) -> None:
    expected = [record for record in records(sample_dataset()) if record[2]]
    found = samples_of(exported)
    assert len(list(exported.glob("*.tar"))) > 1
    assert len(found) == len(expected)
    for sample, (record, _, jpegs) in zip(found, expected, strict=True):
        decoded = [base64.b64decode(info["image_base64"], validate=True) for info in sample["image_info"]]
        assert sha256s(decoded) == sha256s(jpegs)
        assert [text for text in sample["text_list"] if text] == [text for text in record.texts if text]
        assert all(Image.open(io.BytesIO(jpeg)).size for jpeg in decoded)
        assert is_matrix(sample)


def test_known_similarities_are_the_datasets(exported: Path) -> None:
    known = 0
    for sample, (record, _, jpegs) in zip(
        samples_of(exported), [item for item in records(sample_dataset()) if item[2]], strict=True
    ):
        del record, jpegs
        for info, row in zip(sample["image_info"], sample["similarity_matrix"], strict=True):
            assert info["matched_sim"] == row[info["matched_text_index"]]
            known += any(0 < value < 1 for value in row)
    assert known > 50


def test_as_placed_the_most_similar_sentence_is_the_one_behind_the_image(tmp_path: Path) -> None:
    printed = export("openflamingo", sample_dataset(), tmp_path / "tars", "--as-placed")
    assert "made-up similarities" in printed
    for sample in samples_of(tmp_path / "tars"):
        best = np.argmax(np.array(sample["similarity_matrix"]), axis=1).tolist()
        assert best == [info["matched_text_index"] for info in sample["image_info"]]


def test_a_dataset_that_is_built_from_the_export_has_the_same_texts_and_image_bytes(
    exported: Path, tmp_path: Path
) -> None:
    source = {"kind": "webdataset", "path": str(exported), "layout": "openflamingo"}
    again = contents(build_from(source, tmp_path / "again"))
    whole = {record.doc_id for record, _, jpegs in records(sample_dataset()) if record.num_parts == 1 and jpegs}
    ids = {
        (record.url, next(iter_parts(record, jpegs))): record.doc_id for record, _, jpegs in records(sample_dataset())
    }
    before = {key: parts for key, parts in contents().items() if ids.get(key) in whole}
    assert len(before) > 30
    assert {key: again[key] for key in before} == before


def test_samples_without_an_image_are_left_out_and_counted(tmp_path: Path) -> None:
    build_small(tmp_path / "six", "encode.context=24", "encode.tokens_per_image=10")
    printed = orjson.loads(export("openflamingo", tmp_path / "six", tmp_path / "tars", "--json"))
    without = sum(not jpegs for _, _, jpegs in records(tmp_path / "six"))
    assert [(item["reason"], item["num_passages"]) for item in printed["left_out"]] == [
        ("samples without an image", without)
    ]
    assert without and all(sample["image_info"] for sample in samples_of(tmp_path / "tars"))


def iter_parts(record: Any, jpegs: Any) -> Any:
    images = iter(sha256s(jpegs))
    return (next(images) if text is None else text for text in record.texts)


def test_the_same_dataset_gives_the_same_bytes(exported: Path, tmp_path: Path) -> None:
    export("openflamingo", sample_dataset(), tmp_path / "tars", "--max-bytes", "1000000")
    assert files(tmp_path / "tars") == files(exported)
