"""What a page says of a dataset before any sample is looked at."""

from __future__ import annotations

import numpy as np
import pyarrow.compute as pc

from interleave.shard.manifest import Manifest
from interleave.validate.look.opened import Opened


def facts_of(opened: Opened) -> list[list[str]]:
    """Lines of (what, value)."""
    sums = {name: pc.sum(opened.rows[name]).as_py() for name in ("num_images", "num_ids", "num_tokens", "num_bytes")}
    facts = [
        ["Shards", f"{opened.num_shards:,}"],
        ["Samples", f"{len(opened.rows):,}"],
        ["Images", f"{sums['num_images']:,}"],
        ["Tokens, images expanded", f"{sums['num_tokens']:,}"],
        ["Ids stored", f"{sums['num_ids']:,}"],
        ["Bytes", f"{sums['num_bytes'] / 1e6:,.1f} MB"],
        ["Tokens of a sample, median", f"{int(np.median(opened.rows['num_tokens'].to_numpy())):,}"],
    ]
    return facts if opened.manifest is None else facts + _of_manifest(opened.manifest)


def _of_manifest(manifest: Manifest) -> list[list[str]]:
    model, tokenizer = manifest.model, manifest.tokenizer
    facts = [
        ["For", f"{model.profile}, images stored {model.form}"],
        ["Context", "whole documents" if model.context is None else f"{model.context:,}"],
        ["Learned", "all text" if model.loss == "text" else "the sentence behind each image"],
        ["Tokenizer", f"{tokenizer.name} ({tokenizer.vocab_size:,} ids)"],
        ["Recipe hash", manifest.recipe_hash[:16]],
        ["Made with", ", ".join(f"{name} {version}" for name, version in manifest.made_with.items())],
    ]
    if manifest.num_removed_samples:
        facts.append(["Taken down", f"{manifest.num_removed_samples:,} samples"])
    return facts
