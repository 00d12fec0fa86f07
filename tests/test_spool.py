from pathlib import Path

import numpy as np
import pytest
from records import make_image, make_measured, read_drops

from interleave.blobs import BlobReader, write_blob
from interleave.document import BlobRef, Drop
from interleave.drops import write_drops
from interleave.spool import read_documents, write_documents


def test_documents_come_back_whole_and_in_order(tmp_path: Path) -> None:
    rich = make_measured(
        ["One.", "", "Drei ü 猫"],
        [
            make_image(0, matched=2, phash=2**64 - 1, url="https://e.org/a", similarities=[0.5, 0, -0.25], num_faces=0),
            make_image(3),
        ],
        language="en",
    )
    documents = [rich, *(make_measured([f"Text {number}."], doc_id=f"{number:032d}") for number in range(600))]
    with write_documents(tmp_path / "documents") as table:
        for document in documents:
            table.append(document)
    back = list(read_documents(tmp_path / "documents"))
    assert back[1:] == documents[1:]
    for image, expected in zip(back[0].images, rich.images, strict=True):
        for name in expected.__slots__:
            np.testing.assert_array_equal(getattr(image, name), getattr(expected, name))
    for name in ("id", "source", "url", "sentences", "meta"):
        assert getattr(back[0], name) == getattr(rich, name)


def test_drops_come_back_with_all_that_they_say(tmp_path: Path) -> None:
    drops = [
        Drop(doc_id="a", image=None, stage="measure", rule="bad_json", detail="docs.jsonl:3: broken"),
        Drop(doc_id="a", image=0, stage="clean", rule="faces", value=2.0, threshold=0.0),
    ]
    write_drops(tmp_path / "drops", drops)
    assert read_drops(tmp_path / "drops") == drops
    write_drops(tmp_path / "drops", [])
    assert read_drops(tmp_path / "drops") == []


def test_a_table_that_is_not_finished_has_no_name(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError), write_documents(tmp_path / "documents") as table:
        table.append(make_measured())
        raise RuntimeError
    assert list(tmp_path.iterdir()) == []


def test_images_are_read_where_they_were_appended_with_few_files_open(tmp_path: Path) -> None:
    refs = {}
    for name in "abcd":
        with write_blob(tmp_path, name) as blob:
            for number in range(3):
                data = name.encode() * (number * 1000 + 1)
                refs[data] = blob.append(data)
    assert refs[b"a"] == BlobRef(file="a", offset=0, length=1)
    assert refs[b"b" * 1001] == BlobRef(file="b", offset=1, length=1001)
    with BlobReader(tmp_path, max_open=2) as reader:
        for _ in range(2):
            for data, ref in refs.items():
                assert reader.read(ref) == data
                assert len(reader._descriptors) <= 2
