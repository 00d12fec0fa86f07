"""The manifest: what a dataset is, written last. A folder without one is no dataset."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any, Literal

import orjson
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from interleave.encode.image_tokens import ImageTokens
from interleave.errors import ShardError
from interleave.files import write_bytes

MANIFEST_NAME = "manifest.json"
# The build's summary with its times, and a page to browse, lie beside a dataset, and are no part of its digest.
SUMMARY_NAME = "summary.json"
REPORT_NAME = "report.html"
# Folder of what was measured and dropped.
LEDGER = "ledger"
FORMAT_VERSION = 5
# The manifest's own, of all else in it: damage to the one file that vouches for the others is seen, too.
_OWN_SHA256 = "sha256"
# Holds the files that a take-down has made, all of them, until they have taken the old ones' places.
STAGED = ".takedown"


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ShardEntry(_Part):
    """One tar."""

    name: str = Field(pattern=r"^shard-\d{4,}\.tar$")
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    num_bytes: int = Field(ge=0)
    num_samples: int = Field(ge=0)
    num_images: int = Field(ge=0)
    num_ids: int = Field(ge=0)
    num_tokens: int = Field(ge=0)
    # What is in the tar.
    num_removed_samples: int = Field(ge=0)
    num_removed_images: int = Field(ge=0)
    # What was, before take-downs: the index has a row for each of these samples, too.

    @property
    def num_rows(self) -> int:
        """Rows of the index."""
        return self.num_samples + self.num_removed_samples


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
    layout: str
    placeholder: int
    form: Literal["compact", "expanded"]
    # How an image stands among the stored ids.
    options: dict[str, int]
    # Of the profile.
    marks: dict[str, tuple[int, ...]]
    # Ids of what stands around and between placeholders.
    tokens_per_image: int | None = Field(ge=1)
    # Of every image, whatever the profile says; None: as the profile says.
    loss: Literal["text", "after_image"]
    # What is learned.
    context: int | None
    # None: whole documents are stored, the loader cuts.

    @property
    def image(self) -> ImageTokens:
        """What an image becomes among ids."""
        return ImageTokens(
            profile=self.profile,
            form=self.form,
            options=self.options,
            placeholder=self.placeholder,
            ids=self.marks,
            tokens_per_image=self.tokens_per_image,
        )


class InputEntry(_Part):
    """A file that documents came from."""

    source: str
    name: str
    sha256: str


class Manifest(_Part):
    """What a dataset is."""

    format_version: int
    name: str
    build_digest: str = Field(pattern=r"^[0-9a-f]{64}$")
    # Of the shards as the build wrote them, and of the recipe. A take-down keeps it, and with it the order of samples
    # and the states of loaders.
    num_samples: int
    num_images: int
    num_ids: int
    num_tokens: int
    num_removed_samples: int
    num_removed_images: int
    # Sums over the shards.
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
    write_bytes(folder / MANIFEST_NAME, manifest_bytes(manifest.model_dump(mode="json")))


def manifest_bytes(fields: dict[str, Any]) -> bytes:
    """The file of a manifest with these fields, and with their SHA-256."""
    signed = {name: value for name, value in fields.items() if name != _OWN_SHA256}
    signed[_OWN_SHA256] = _sha256_of(signed)
    return orjson.dumps(signed, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS) + b"\n"


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
        fields = orjson.loads(data)
        # First of all: another format has other fields.
        _check_version(fields, path)
        if isinstance(fields, dict) and fields.pop(_OWN_SHA256, None) != _sha256_of(fields):
            raise ShardError(f"{path} is damaged: its SHA-256 is not that of what it says; build the dataset again")
        return Manifest.model_validate(fields)
    except (ValidationError, orjson.JSONDecodeError) as error:
        first = str(error).splitlines()[:3]
        raise ShardError(f"{path} is damaged: {' '.join(' '.join(first).split())}; build the dataset again") from None


def _sha256_of(fields: dict[str, Any]) -> str:
    return hashlib.sha256(orjson.dumps(fields, option=orjson.OPT_SORT_KEYS)).hexdigest()


def _check_version(fields: object, path: Path) -> None:
    version = fields.get("format_version") if isinstance(fields, dict) else None
    if isinstance(version, int) and version != FORMAT_VERSION:
        raise ShardError(f"{path} has format {version}, this version of interleave reads {FORMAT_VERSION}")


def _hint(folder: Path) -> str:
    if not folder.is_dir():
        return ""
    if (folder / STAGED).is_dir():
        return f"; a take-down is under way, or was interrupted: `interleave takedown {folder}` completes it"
    inside = sorted(item.parent.name for item in folder.glob(f"*/{MANIFEST_NAME}"))
    return f"; it holds the datasets {', '.join(inside)}" if inside else "; a build writes it last"
