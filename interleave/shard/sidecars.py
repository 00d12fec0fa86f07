"""Small files beside the shards, each for one reader that should open them as they are.

wids-meta.json   wids, as VILA carries it: needs the exact number of samples of each shard
README.md        Hugging Face `datasets`: the card's YAML names every column, up to the largest image number,
                 since otherwise the first samples decide and later images are silently left out
"""

from __future__ import annotations

from collections.abc import Sequence

import orjson

from interleave.shard.manifest import ModelEntry, ShardEntry, TokenizerEntry

WIDS_NAME = "wids-meta.json"
CARD_NAME = "README.md"


def wids_meta(name: str, shards: Sequence[ShardEntry]) -> bytes:
    shardlist = [{"url": shard.name, "nsamples": shard.num_samples, "filesize": shard.num_bytes} for shard in shards]
    meta = {"__kind__": "wids-shard-index-v1", "wids_version": 1, "name": name, "shardlist": shardlist}
    return orjson.dumps(meta, option=orjson.OPT_INDENT_2) + b"\n"


def dataset_card(
    name: str, shards: Sequence[ShardEntry], most_images: int, tokenizer: TokenizerEntry, model: ModelEntry
) -> bytes:
    """A dataset card whose head makes `datasets.load_dataset(FOLDER)` see every column."""
    columns = [
        "  - name: json\n    dtype: string",
        "  - name: input_ids.npy\n    dtype: binary",
        *(f"  - name: {position:02d}.jpg\n    dtype: image" for position in range(most_images)),
    ]
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
        ("model profile", f"{model.profile} ({model.tokens_per_image} tokens an image)"),
        ("length", context),
    ]
    if num_removed := sum(shard.num_removed_samples for shard in shards):
        rows.insert(1, ("samples taken down", f"{num_removed:,}"))
    text = [
        "---",
        "configs:",
        "- config_name: default",
        "  data_files: shard-*.tar",
        "dataset_info:",
        "  features:",
        "  - name: __key__\n    dtype: string",
        "  - name: __url__\n    dtype: string",
        *columns,
        "---",
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
