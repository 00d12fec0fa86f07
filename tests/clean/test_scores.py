"""Score tables as a recipe names them, and what rules ask of them."""

from __future__ import annotations

import pickle
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pydantic import TypeAdapter, ValidationError
from records import make_image, make_measured

from interleave.clean.scores import (
    BUILT_IN,
    IndexedScores,
    TableScores,
    document_key,
    document_text,
    index_scores,
    open_scores,
    scores_identity,
)
from interleave.errors import RecipeError


def write(path: Path, scores: dict[str, float | None]) -> str:
    pq.write_table(pa.table({"key": pa.array(scores, pa.string()), "score": pa.array(scores.values())}), path)
    return str(path)


def table_scores(path: str, of: str = "document", name: str = "quality") -> TableScores:
    return TableScores.model_validate({"kind": "table", "name": name, "of": of, "path": path})


def test_a_document_is_known_by_its_text_or_its_id_or_its_url(tmp_path: Path) -> None:
    document = make_measured(["One.", "", "Two."], doc_id="ab" * 16)
    assert document_text(document) == "One.\nTwo."
    for key in (document_key(document), document.id, document.url):
        path = write(tmp_path / "t.parquet", {str(key): 0.5, "another": 1.0})
        table = open_scores(index_scores([table_scores(path)], tmp_path)["quality"])
        assert table.of_document(document) == 0.5
        assert table.of_document(make_measured(["Other."], doc_id="cd" * 16)) == (0.5 if key == document.url else None)


def test_images_are_known_by_hash_or_url_and_the_hash_comes_first(tmp_path: Path) -> None:
    url = "https://example.org/a.jpg"
    path = write(tmp_path / "t.parquet", {"a" * 64: 0.0, url: 0.75})
    table = open_scores(index_scores([table_scores(path, "image")], tmp_path)["quality"])
    known, by_url = make_image(0, sha256="a" * 64, url=url), make_image(1, sha256="b" * 64, url=url)
    images = [known, by_url, make_image(2, sha256="c" * 64)]
    assert table.of_images(images) == [0.0, 0.75, None]
    assert table.of_images([]) == []


def test_what_a_task_carries_is_small_whatever_the_table(tmp_path: Path) -> None:
    path = write(tmp_path / "t.parquet", {f"key {number}": number / 100 for number in range(5_000)})
    indexed = index_scores([table_scores(path)], tmp_path)["quality"]
    packed = pickle.dumps(indexed)
    assert len(packed) < 1_000
    again: IndexedScores = pickle.loads(packed)
    assert open_scores(again).get(["key 4999", "key 5000"]) == [pytest.approx(49.99), None]


def test_the_identity_is_the_content_and_not_the_place(tmp_path: Path) -> None:
    first = scores_identity(table_scores(write(tmp_path / "a.parquet", {"x": 1.0})))
    assert scores_identity(table_scores(write(tmp_path / "b.parquet", {"x": 1.0}))) == first
    assert scores_identity(table_scores(write(tmp_path / "b.parquet", {"x": 1.5}))) != first
    assert scores_identity(table_scores(write(tmp_path / "b.parquet", {"x": 1.0}), name="other")) != first
    assert first["kind"] == "table"
    assert len(first["sha256"]) == 64
    assert "path" not in first


def test_a_model_in_another_folder_is_the_same_and_on_a_hub_keeps_its_name(tmp_path: Path) -> None:
    path = write(tmp_path / "t.parquet", {"x": 1.0})
    settings = {kind.model_fields["kind"].annotation.__args__[0]: kind for kind in BUILT_IN}["perplexity"]  # type: ignore[union-attr]

    def identity_of(model: str) -> object:
        made = settings.model_validate({"kind": "perplexity", "model": model, "path": path})
        return scores_identity(made)["model"]  # type: ignore[arg-type]

    (tmp_path / "here" / "gpt").mkdir(parents=True)
    assert identity_of(str(tmp_path / "here" / "gpt")) == identity_of("/elsewhere/gpt") == "gpt"
    assert identity_of("openai-community/gpt2") == "openai-community/gpt2"


def test_a_missing_table_says_how_it_is_made(tmp_path: Path) -> None:
    settings = table_scores(str(tmp_path / "none.parquet"))
    for call in (lambda: scores_identity(settings), lambda: index_scores([settings], tmp_path)):
        with pytest.raises(RecipeError, match=r"scores.quality: there is no table .*`interleave score RECIPE`"):
            call()


@pytest.mark.parametrize(
    "wrong",
    [
        {"kind": "table", "name": "Quality", "of": "document", "path": "x"},
        {"kind": "table", "name": "quality", "of": "sentence", "path": "x"},
        {"kind": "table", "name": "quality", "of": "image"},
        {"kind": "faces", "path": "x", "min_confidence": 1.5},
        {"kind": "perplexity", "path": "x"},
        {"kind": "clip", "path": "x", "model": "m", "library": "timm"},
    ],
)
def test_wrong_settings_are_refused(wrong: dict[str, object]) -> None:
    kinds = {kind.model_fields["kind"].annotation.__args__[0]: kind for kind in BUILT_IN}  # type: ignore[union-attr]
    with pytest.raises(ValidationError):
        TypeAdapter(kinds[str(wrong["kind"])]).validate_python(wrong)
