"""What VILA's `LazyMMC4Dataset` and `LazyCoyoDataset` do with their files, said again in a few lines.

Of https://github.com/NVlabs/VILA, llava/data/dataset.py: 1.0 puts nothing behind `<image>`, later releases a newline.
"""

from __future__ import annotations

import base64
import pickle
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from fixtures_translate import TOKENIZER

from interleave.encode.tokenizer import find_tokenizer, load_tokenizer

MAX_IMAGES = 6


def shards_of(folder: Path, rank: int, world_size: int) -> tuple[list[Any], int]:
    """The records of a rank's shards, and how many of them it reads where records are samples."""
    num_shards = len(list(folder.iterdir())) // 2
    counts = sorted(folder.glob("*.count"))[:num_shards]
    sizes = [int(path.read_text().strip()) for path in counts]
    each = num_shards // world_size
    per_rank = [sum(sizes[number * each : (number + 1) * each]) for number in range(world_size)]
    records: list[Any] = []
    for path in counts[rank * each : (rank + 1) * each]:
        records.extend(pickle.loads(path.with_suffix(".pkl").read_bytes()))
    return records, min(per_rank)


def mmc4_samples(folder: Path, world_size: int = 1) -> Iterator[tuple[list[bytes], list[str]]]:
    """The images and the text of each sample that some rank reads; text in the pieces between images."""
    for rank in range(world_size):
        records, num_read = shards_of(folder, rank, world_size)
        for record in records[:num_read]:
            yield read_record(record, behind="")


def read_record(record: dict[str, Any], behind: str) -> tuple[list[bytes], list[str]]:
    sentences = [sentence.replace("<image>", "<IMAGE>") for sentence in record["text_list"]]
    pairs = list(zip(record["image_info"], record["similarity_matrix"], strict=False))[:MAX_IMAGES]
    images = [base64.b64decode(info["image_base64"]) for info, _ in pairs]
    places = [info["matched_text_index"] for info, _ in pairs]
    assert images, "VILA fails on a document without images"
    # Its sort is not stable: another one than numpy's default shows whether that matters.
    images = [images[at] for at in sorted(range(len(places)), key=lambda at: (places[at], -at))]
    for place in places:
        sentences[place] = f"<image>{behind}{sentences[place]}"
    text = " ".join(sentences).replace("<image> ", "<image>").replace(" <image>", "<image>")
    return images, text.split("<image>")


def num_tokens(record: dict[str, Any], tokens_per_image: int) -> int:
    """Expanded, with BOS and EOS: the most of VILA's releases."""
    found = []
    for behind in ("", "\n"):
        images, chunks = read_record(record, behind)
        encoded = tokenizer().encode_batch([chunk for chunk in chunks if chunk])
        found.append(2 + len(images) * tokens_per_image + sum(len(item.ids) for item in encoded))
    return max(found)


def coyo_pairs(folder: Path, world_size: int = 1) -> Iterator[tuple[bytes, str]]:
    """The pairs that some rank reads: whole fours, on every rank as many as on the poorest."""
    num_fours = min(len(shards_of(folder, rank, world_size)[0]) // 4 for rank in range(world_size))
    for rank in range(world_size):
        for record in shards_of(folder, rank, world_size)[0][: 4 * num_fours]:
            yield base64.b64decode(record["image"]), record["text"]


def places(record: dict[str, Any]) -> list[int]:
    return [info["matched_text_index"] for info in record["image_info"]]


def is_matrix(record: dict[str, Any]) -> bool:
    matrix = np.array(record["similarity_matrix"])
    return matrix.shape == (len(record["image_info"]), len(record["text_list"])) and matrix.dtype == np.float64


@cache
def tokenizer() -> Any:
    return load_tokenizer(Path(find_tokenizer(TOKENIZER)))
