"""VILA's pairs: every pair of a dataset is read, whole fours on every rank; documents that are no pair are counted."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import pytest
from fixtures_build import SAMPLE, records
from fixtures_translate import build_from, export, files, sha256s
from vila_rules import coyo_pairs, shards_of

from interleave.errors import RecipeError


def document(texts: list[str], images: list[str], at: int = 0) -> dict[str, Any]:
    return {
        "text_list": texts,
        "image_info": [
            {"image_name": name, "raw_url": f"https://example.org/{name}", "matched_text_index": at} for name in images
        ],
    }


@pytest.fixture(scope="module")
def pairs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A dataset of 18 pairs, one of them of 200 words, and four documents that are none."""
    folder = tmp_path_factory.mktemp("pairs")
    names = [path.name for path in sorted((SAMPLE / "images").iterdir()) if path.read_bytes()[:2] == b"\xff\xd8"][:23]
    lines = [document([f"What {name} shows, and more.", "It is a picture."], [name]) for name in names[:17]]
    lines += [
        document(["word " * 200], [names[17]]),
        document(["No image."], []),
        document(["Two images."], names[18:20]),
        document([""], [names[20]]),
        document(["Before.", "Behind."], [names[21]], at=1),
    ]
    (folder / "docs.jsonl").write_bytes(b"\n".join(map(orjson.dumps, lines)))
    source = {"kind": "mmc4", "path": str(folder / "docs.jsonl"), "images": str(SAMPLE / "images")}
    return build_from(source, folder / "pairs", dedup={"documents": None})


def pairs_of(dataset: Path) -> list[tuple[str, str]]:
    """Image and text of each pair of the dataset, in order."""
    found = [(sha256s(jpegs), [text for text in record.texts if text]) for record, _, jpegs in records(dataset)]
    return [
        (images[0], " ".join(texts)) for images, texts in found if len(images) == 1 and texts and texts[0] != "Before."
    ]


def test_vila_reads_every_pair_but_the_last_of_an_odd_number(pairs: Path, tmp_path: Path) -> None:
    printed = export("vila-coyo-pkl", pairs, tmp_path / "pkl", "--world-size", "2")
    found = [(*sha256s([image]), text) for image, text in coyo_pairs(tmp_path / "pkl", 2)]
    assert found == pairs_of(pairs)[:16]
    assert "2 pairs at the ends" in printed
    assert [len(shards_of(tmp_path / "pkl", rank, 2)[0]) for rank in (0, 1)] == [8, 10]


def test_documents_that_are_no_pair_are_left_out_and_counted(pairs: Path, tmp_path: Path) -> None:
    printed = orjson.loads(export("vila-coyo-pkl", pairs, tmp_path / "pkl", "--json"))
    assert printed["num_items"] == printed["num_images"] == 18
    assert {item["reason"]: item["num_passages"] for item in printed["left_out"]} == {
        "documents that are no pair of an image and a text": 3,
        "documents whose image stands within the text": 1,
    }


def test_pairs_that_vila_would_cut_are_left_out_and_counted(pairs: Path, tmp_path: Path) -> None:
    printed = export("vila-coyo-pkl", pairs, tmp_path / "pkl", "--context", "700")
    assert "1 pairs longer than the context" in printed
    assert len(list(coyo_pairs(tmp_path / "pkl"))) == 16


def test_too_few_pairs_for_the_ranks_are_refused(pairs: Path, tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="do not fill"):
        export("vila-coyo-pkl", pairs, tmp_path / "pkl", "--world-size", "8")
    with pytest.raises(RecipeError, match="no multiple"):
        export("vila-coyo-pkl", pairs, tmp_path / "pkl", "--world-size", "2", "--shards", "3")


def test_pairs_that_are_read_again_are_the_same(pairs: Path, tmp_path: Path) -> None:
    export("vila-coyo-pkl", pairs, tmp_path / "pkl")
    source = {"kind": "vila-pkl", "path": str(tmp_path / "pkl")}
    again = build_from(source, tmp_path / "again", dedup={"documents": None})

    assert sorted(pairs_of(again)) == sorted(pairs_of(pairs))
    urls = {info["url"] for record, _, _ in records(again) for info in record.image_info}
    assert len(urls) == 18 and all(url.startswith("https://example.org/") for url in urls)


def test_the_same_dataset_gives_the_same_bytes(pairs: Path, tmp_path: Path) -> None:
    for name in ("a", "b"):
        export("vila-coyo-pkl", pairs, tmp_path / name)
    assert files(tmp_path / "a") == files(tmp_path / "b")
