"""Similarities of images and sentences from tables of embeddings."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from records import make_image, make_measured

from interleave.align.models.scoring import embedding_rows
from interleave.align.models.similarity import EmbeddingTable, open_embeddings, sentence_key, similarity_matrix
from interleave.align.models.table_writer import write_rows
from interleave.align.models.tables import EMBEDDING, table_sha256, write_index


def open_table(
    folder: Path, images: dict[str, Sequence[float]], sentences: dict[str, Sequence[float]]
) -> EmbeddingTable:
    indexes = []
    for name, rows in (("images", images), ("sentences", {sentence_key(text): v for text, v in sentences.items()})):
        path = folder / f"{name}.parquet"
        write_rows(
            path, list(rows), embedding_rows(np.array(list(rows.values()), np.float32).reshape(len(rows), -1)), b""
        )
        indexes.append(str(write_index(path, EMBEDDING, name, folder, table_sha256(path, name))))
    return open_embeddings(indexes)


def test_similarities_are_cosines_and_an_empty_sentence_fits_nothing(tmp_path: Path) -> None:
    table = open_table(tmp_path, {"a" * 64: [2, 0], "b" * 64: [0, 1]}, {"East.": [5, 0], "North-east.": [3, 3]})
    document = make_measured(
        ["North-east.", "", "East."], [make_image(0, sha256="b" * 64), make_image(1, sha256="a" * 64)]
    )
    found = similarity_matrix(document, table)
    assert found is not None
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, np.array([[0.707, -1, 0], [0.707, -1, 1]], np.float32))


@pytest.mark.parametrize(("sentence", "sha256"), [("Unknown.", "a" * 64), ("East.", "c" * 64)])
def test_what_has_no_embedding_leaves_the_document_s_similarities_unknown(
    tmp_path: Path, sentence: str, sha256: str
) -> None:
    table = open_table(tmp_path, {"a" * 64: [1, 0]}, {"East.": [1, 0]})
    assert similarity_matrix(make_measured([sentence], [make_image(0, sha256=sha256)]), table) is None
    assert similarity_matrix(make_measured(["East."], [make_image(0, sha256="a" * 64)]), table) is not None


def test_documents_without_images_or_without_text_have_empty_matrices(tmp_path: Path) -> None:
    table = open_table(tmp_path, {"a" * 64: [1, 0]}, {"East.": [1, 0]})
    for sentences, images, shape in (
        (["East."], [], (0, 1)),
        (["", ""], [make_image(0, sha256="a" * 64)], (1, 2)),
        ([], [make_image(0, sha256="a" * 64)], (1, 0)),
    ):
        found = similarity_matrix(make_measured(sentences, images), table)
        assert found is not None
        assert found.shape == shape


def test_a_similarity_does_not_depend_on_what_else_is_in_the_document(tmp_path: Path) -> None:
    random = np.random.default_rng(5)
    images = {f"{number:064x}": random.normal(size=768) for number in range(40)}
    sentences = {f"Sentence {number}.": random.normal(size=768) for number in range(60)}
    table = open_table(tmp_path, images, sentences)  # type: ignore[arg-type]
    whole = similarity_matrix(
        make_measured(list(sentences), [make_image(n, sha256=key) for n, key in enumerate(images)]), table
    )
    assert whole is not None
    for row, key in enumerate(images):
        for column, sentence in list(enumerate(sentences))[row::40]:
            alone = similarity_matrix(make_measured([sentence], [make_image(0, sha256=key)]), table)
            assert alone is not None
            assert alone[0, 0] == whole[row, column]
