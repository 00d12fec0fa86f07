"""The manifest: what a dataset is, written last. A folder without one is no dataset."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from interleave.errors import ShardError
from interleave.files import write_bytes

MANIFEST_NAME = "manifest.json"
FORMAT_VERSION = 1


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ShardEntry(_Part):
    """One tar."""

    name: str = Field(pattern=r"^shard-\d{4,}\.tar$")
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    num_bytes: int = Field(ge=0)
    num_samples: int = Field(ge=1)
    num_images: int = Field(ge=0)
    num_ids: int = Field(ge=0)
    num_tokens: int = Field(ge=0)


class TokenizerEntry(_Part):
    """The tokenizer that made the ids."""

    name: str
    sha256: str
    vocab_size: int = Field(ge=1)
    bos: int | None
    eos: int | None


class ModelEntry(_Part):
    """The model that the ids are for."""

    profile: str
    placeholder: int
    tokens_per_image: int = Field(ge=1)
    context: int | None
    # None: whole documents are stored, the loader cuts.


class InputEntry(_Part):
    """A file that documents came from."""

    source: str
    name: str
    sha256: str


class Manifest(_Part):
    """What a dataset is."""

    format_version: int
    name: str
    num_samples: int = Field(ge=1)
    num_images: int
    num_ids: int
    num_tokens: int
    shards: tuple[ShardEntry, ...] = Field(min_length=1)
    files: dict[str, str]
    # SHA-256 of every other file of the dataset that a build determines.
    tokenizer: TokenizerEntry
    model: ModelEntry
    recipe: dict[str, Any]
    recipe_hash: str
    inputs: tuple[InputEntry, ...]
    made_with: dict[str, str]
    # Versions of what shapes the bytes.


def write_manifest(folder: Path, manifest: Manifest) -> None:
    data = orjson.dumps(manifest.model_dump(mode="json"), option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS)
    write_bytes(folder / MANIFEST_NAME, data + b"\n")


def read_manifest(folder: Path) -> Manifest:
    """The manifest of a dataset.

    Raises:
        ShardError: the folder is no finished dataset, or its manifest is damaged.
    """
    path = folder / MANIFEST_NAME
    try:
        data = path.read_bytes()
    except OSError as error:
        hint = _hint(folder)
        raise ShardError(f"{folder} is no finished dataset: {MANIFEST_NAME}: {error.strerror}{hint}") from None
    try:
        manifest = Manifest.model_validate(orjson.loads(data))
    except (ValidationError, orjson.JSONDecodeError) as error:
        first = str(error).splitlines()[:3]
        raise ShardError(f"{path} is damaged: {' '.join(' '.join(first).split())}; build the dataset again") from None
    if manifest.format_version != FORMAT_VERSION:
        raise ShardError(
            f"{path} has format {manifest.format_version}, this version of interleave reads {FORMAT_VERSION}"
        )
    return manifest


def _hint(folder: Path) -> str:
    if not folder.is_dir():
        return ""
    inside = sorted(item.parent.name for item in folder.glob(f"*/{MANIFEST_NAME}"))
    return f"; it holds the datasets {', '.join(inside)}" if inside else "; a build writes it last"
