"""Small files beside the shards, each for one reader that should open them as they are.

wids-meta.json   wids, as VILA carries it: needs the exact number of samples of each shard
README.md        Hugging Face `datasets`: the card's YAML names every column, up to the largest image number,
                 since otherwise the first samples decide and later images are silently left out
.nv-meta/ and shard-0000.tar.idx ...   Megatron-Energon, see `energon.py`
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import orjson
import pyarrow as pa
import pyarrow.compute as pc
import yaml

from interleave.shard import energon
from interleave.shard.manifest import ModelEntry, ShardEntry, TokenizerEntry

WIDS_NAME = "wids-meta.json"
CARD_NAME = "README.md"

# A column of `datasets` as a card's YAML says it, in the words that all versions from 3.0 on know.
Feature = dict[str, object]
_TEXT: Feature = {"dtype": "string"}
_COUNT: Feature = {"dtype": "int64"}
_TEXTS: Feature = {"list": "string"}
_COUNTS: Feature = {"list": "int64"}
_PAIRS: Feature = {"list": {"list": "int64"}}
_IMAGE_INFO: dict[str, Feature] = {
    "index": _COUNT,
    "url": _TEXT,
    "sha256": _TEXT,
    "width": _COUNT,
    "height": _COUNT,
    "source_width": _COUNT,
    "source_height": _COUNT,
    "matched_sentence": _COUNT,
}
# Every field of a sample's JSON (`sample.py` writes it). A string would come out as Python's spelling of the object;
# a field that is missing here, `datasets` 3.6 to 4 cannot cast.
_JSON: dict[str, Feature] = {
    "key": _TEXT,
    "images": _TEXTS,
    "doc_id": _TEXT,
    "part": _COUNT,
    "num_parts": _COUNT,
    "source": _TEXT,
    "url": _TEXT,
    "texts": _TEXTS,
    "image_info": {"list": [{"name": name} | feature for name, feature in _IMAGE_INFO.items()]},
    "spans": _PAIRS,
    "span_tokens": _COUNTS,
    "loss_spans": _PAIRS,
    "loss_weight": {"dtype": "float64"},
    "num_document_images": _COUNT,
    "num_repeated": _COUNT,
    "num_repeated_parts": _COUNT,
    "cuts": _COUNTS,
    "similarity": {"list": {"list": "float64"}},
    "tokenizer": _TEXT,
    "profile": _TEXT,
}


def is_sidecar(name: str) -> bool:
    """Whether a file of the manifest is one of `sidecars`, that a take-down makes again."""
    return name in (WIDS_NAME, CARD_NAME, energon.INFO_NAME) or energon.is_tar_index(name)


def sidecars(
    name: str, shards: Sequence[ShardEntry], index: pa.Table, tokenizer: TokenizerEntry, model: ModelEntry
) -> Iterator[tuple[str, bytes]]:
    """Name and content of each file that says how many samples the shards have, and where: a take-down changes it.

    index: all rows of the dataset, those of samples that were taken down included.
    """
    yield WIDS_NAME, wids_meta(name, shards)
    yield CARD_NAME, dataset_card(name, shards, pc.max(index["num_images"]).as_py(), tokenizer, model)
    yield energon.INFO_NAME, energon.info(shards)
    yield from energon.tar_indexes(shards, index)


def wids_meta(name: str, shards: Sequence[ShardEntry]) -> bytes:
    shardlist = [{"url": shard.name, "nsamples": shard.num_samples, "filesize": shard.num_bytes} for shard in shards]
    meta = {"__kind__": "wids-shard-index-v1", "wids_version": 1, "name": name, "shardlist": shardlist}
    return orjson.dumps(meta, option=orjson.OPT_INDENT_2) + b"\n"


def dataset_card(
    name: str, shards: Sequence[ShardEntry], most_images: int, tokenizer: TokenizerEntry, model: ModelEntry
) -> bytes:
    """A dataset card whose head makes `datasets.load_dataset(FOLDER)` see every column."""
    num_samples = sum(shard.num_samples for shard in shards)
    context = (
        "whole documents" if model.context is None else f"at most {model.context:,} tokens a sample, images included"
    )
    rows = [
        ("samples", f"{num_samples:,}"),
        ("images", f"{sum(shard.num_images for shard in shards):,}"),
        ("tokens, images included", f"{sum(shard.num_tokens for shard in shards):,}"),
        ("shards", f"{len(shards):,}"),
        ("tokenizer", tokenizer.name),
        ("model profile", model.profile),
        ("length", context),
    ]
    if num_removed := sum(shard.num_removed_samples for shard in shards):
        rows.insert(1, ("samples taken down", f"{num_removed:,}"))
    text = [
        "---",
        _card_head(most_images) + "---",
        f"# {name}",
        "",
        "Interleaved image-text documents as WebDataset shards, made by `interleave`.",
        "",
        "| | |",
        "|---|---|",
        *(f"| {label} | {value} |" for label, value in rows),
        "",
    ]
    return "\n".join(text).encode()


def _card_head(most_images: int) -> str:
    """YAML with every column: those of a sample, and images, which are None where a sample has fewer."""
    columns: dict[str, Feature] = {
        "__key__": _TEXT,
        "__url__": _TEXT,
        "json": {"struct": [{"name": name} | feature for name, feature in _JSON.items()]},
        "input_ids.npy": {"list": "int32"},
        **{f"{position:02d}.jpg": {"dtype": "image"} for position in range(most_images)},
    }
    head = {
        "configs": [{"config_name": "default", "data_files": "shard-*.tar"}],
        "dataset_info": {"features": [{"name": name} | feature for name, feature in columns.items()]},
    }
    # Through JSON: objects that occur twice would become YAML's references, which not every parser of cards follows.
    return yaml.safe_dump(orjson.loads(orjson.dumps(head)), sort_keys=False)
