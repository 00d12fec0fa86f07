"""Whether a dataset is for the model in a folder: by its tokenizer, its config.json and its preprocessor_config.json.

config.json               model_type, image_token_id, vocab_size and max_position_embeddings, also of `text_config`
preprocessor_config.json  what images become, where a profile has options of the same names
tokenizer.json ...        ids of BOS, EOS and of what stands around images; in VILA's folders it lies in `llm/`
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import orjson

from interleave.encode.profiles.known import PROFILES
from interleave.encode.tokenizer import bos_and_eos, find_tokenizer, load_tokenizer, tokenizer_fingerprint
from interleave.errors import RecipeError, ShardError
from interleave.shard.manifest import Manifest
from interleave.validate.file_checks import Placed

_CONFIG, _PROCESSOR = "config.json", "preprocessor_config.json"
_MAX_BYTES = 10 << 20

# `model_type` of a config.json -> profiles that such a model may have.
_PROFILES_OF = {
    "llava_llama": ("vila-1.0", "vila-1.5", "nvila", "nvila-lite", "llava-1.5"),
    "llava": ("llava-1.5", "llava-1.5-hf"),
    "llava_next": ("llava-next",),
    "llava_onevision": ("llava-onevision",),
    "qwen2_vl": ("qwen2-vl",),
    "qwen2_5_vl": ("qwen2.5-vl",),
    "qwen3_vl": ("qwen3-vl",),
    "qwen3_vl_moe": ("qwen3-vl",),
    # SmolVLM-256M and 500M say so, too.
    "idefics3": ("idefics3", "smolvlm"),
    "smolvlm": ("smolvlm",),
    "internvl": ("internvl3",),
    "internvl_chat": ("internvl3",),
    "gemma3": ("gemma-3",),
}


def check_model(folder: Path, manifest: Manifest) -> Placed:
    """Every contradiction between a dataset and a model's folder.

    Raises:
        ShardError: there is no such folder, or a file of the model cannot be read.
    """
    if not folder.is_dir():
        raise ShardError(f"--model: there is no folder {folder}")
    config = read_config(folder / _CONFIG)
    for code, message in _check_config(config, manifest):
        yield str(folder / _CONFIG), code, message
    for code, message in _check_processor(read_config(folder / _PROCESSOR), manifest):
        yield str(folder / _PROCESSOR), code, message
    for code, message in _check_tokenizer(folder, manifest):
        yield str(folder), code, message


def not_checked(folder: Path, manifest: Manifest) -> Iterator[str]:
    """Sentences about what a model's folder does not tell."""
    config = read_config(folder / _CONFIG)
    kind = config.get("model_type")
    if not config:
        yield f"profile and context of the model: {folder} has no {_CONFIG}"
    elif kind not in _PROFILES_OF:
        yield f"the model's profile: no profile is known for the model_type {kind!r:.60}"
    options = PROFILES[manifest.model.profile].options
    if not set(options) & set(read_config(folder / _PROCESSOR)) and options:
        yield f"options of the model's processor: {folder} has no {_PROCESSOR} with {', '.join(sorted(options))}"


def tokenizer_of(folder: Path) -> Path:
    """The tokenizer's file in a model's folder.

    Raises:
        RecipeError: there is none.
    """
    inner = folder / "llm"
    try:
        return find_tokenizer(str(folder), offline=True)
    except RecipeError:
        if not inner.is_dir():
            raise
        return find_tokenizer(str(inner), offline=True)


def read_config(path: Path) -> Mapping[str, Any]:
    """The fields of a JSON file; none where there is no such file.

    Raises:
        ShardError: it is no JSON object.
    """
    if not path.is_file():
        return {}
    data = path.read_bytes() if path.stat().st_size <= _MAX_BYTES else b""
    try:
        fields = orjson.loads(data)
    except orjson.JSONDecodeError:
        fields = None
    if not isinstance(fields, dict):
        raise ShardError(f"{path} is no JSON object of at most {_MAX_BYTES:,} bytes; is it a model's folder?")
    return fields


def _check_config(config: Mapping[str, Any], manifest: Manifest) -> Iterator[tuple[str, str]]:
    model, kind = manifest.model, config.get("model_type")
    allowed = _PROFILES_OF.get(kind) if isinstance(kind, str) else None
    if allowed is not None and model.profile in PROFILES and model.profile not in allowed:
        yield "profile", f"a model of type {kind} has the profile {' or '.join(allowed)}, the shards {model.profile}"
    placeholder = next((config[name] for name in ("image_token_id", "image_token_index") if name in config), None)
    if model.placeholder >= 0 and isinstance(placeholder, int) and placeholder != model.placeholder:
        yield "profile", f"images are the id {placeholder} there, and {model.placeholder} in the shards"
    embedded, positions = _of_language(config, "vocab_size"), _of_language(config, "max_position_embeddings")
    if embedded is not None and embedded < manifest.tokenizer.vocab_size:
        yield "tokenizer", f"it has {embedded:,} ids, the shards' tokenizer {manifest.tokenizer.vocab_size:,}"
    if positions is not None and model.context is not None and positions < model.context:
        yield "context", f"it has {positions:,} positions, the shards' context is {model.context:,}"


def _of_language(config: Mapping[str, Any], name: str) -> int | None:
    """A number of the language model, which has a part of its own in newer configurations."""
    parts = (config.get("text_config"), config.get("llm_config"), config.get("llm_cfg"), config)
    found = (part[name] for part in parts if isinstance(part, dict) and isinstance(part.get(name), int))
    return next(found, None)


def _check_processor(processor: Mapping[str, Any], manifest: Manifest) -> Iterator[tuple[str, str]]:
    for name, ours in sorted(manifest.model.options.items()):
        theirs = processor.get(name)
        if isinstance(theirs, int) and theirs != ours and manifest.model.tokens_per_image is None:
            yield "processor", f"{name} is {theirs:,} there, the shards are counted with {ours:,}"


def _check_tokenizer(folder: Path, manifest: Manifest) -> Iterator[tuple[str, str]]:
    """Ids of special tokens; what texts become is checked sample by sample."""
    try:
        path = tokenizer_of(folder)
        if tokenizer_fingerprint(path) == manifest.tokenizer.sha256:
            return
        tokenizer, profile = load_tokenizer(path), PROFILES[manifest.model.profile]
        ends = bos_and_eos(tokenizer, path, profile.bos, profile.eos)
    except RecipeError as error:
        yield "tokenizer", str(error).removeprefix("tokenizer: ")
        return
    for name, theirs, ours in zip(("BOS", "EOS"), ends, (manifest.tokenizer.bos, manifest.tokenizer.eos), strict=True):
        if theirs != ours:
            yield "tokenizer", f"{name} is {_named(theirs)} there, and {_named(ours)} in the shards"
    for mark, ids in manifest.model.marks.items():
        theirs = tokenizer.token_id(mark)
        if len(ids) == 1 and theirs != ids[0]:
            yield "tokenizer", f"{mark!r} is {_named(theirs)} there, and {_named(ids[0])} in the shards"


def _named(number: int | None) -> str:
    return "no token" if number is None else f"the id {number}"
