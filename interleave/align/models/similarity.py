"""Similarities of a document's images and sentences, from tables of embeddings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from interleave.align.models.scoring import NUM_DECIMALS
from interleave.align.models.tables import KeyedTable, open_index
from interleave.document import Float32s, MeasuredDocument
from interleave.identity import text_digest


@dataclass(frozen=True, slots=True)
class EmbeddingTable:
    """Embeddings of length 1 of images, by their SHA-256, and of sentences, by `sentence_key`."""

    images: KeyedTable
    sentences: KeyedTable


def open_embeddings(indexes: Sequence[str]) -> EmbeddingTable:
    """Opens the indexes of images and sentences, in this order."""
    images, sentences = (open_index(Path(index)) for index in indexes)
    return EmbeddingTable(images, sentences)


def sentence_key(sentence: str) -> str:
    """The key of a sentence: equal sentences have one."""
    return text_digest(sentence).hex()


def similarity_matrix(document: MeasuredDocument, table: EmbeddingTable) -> Float32s | None:
    """(num_images, num_sentences) cosines, 4 decimals; None where an image or a sentence has no embedding.

    An empty sentence fits nothing: -1, the least cosine there is.
    """
    filled = [index for index, sentence in enumerate(document.sentences) if sentence]
    images = table.images.find([image.sha256 for image in document.images])
    sentences = table.sentences.find([sentence_key(document.sentences[index]) for index in filled])
    if (images < 0).any() or (sentences < 0).any():
        return None
    # In float64 the products of float16 add up exactly but for the last bits: no machine's order of adding shows.
    left, right = table.images.values[images].astype(np.float64), table.sentences.values[sentences].astype(np.float64)
    matrix = np.full((len(document.images), len(document.sentences)), -1.0, dtype=np.float32)
    if len(images) and filled:
        matrix[:, filled] = np.clip(np.round(left @ right.T, NUM_DECIMALS), -1, 1)
    return matrix
