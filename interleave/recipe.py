"""A recipe: everything that shapes a dataset, as one frozen value.

`interleave recipe schema` prints this file as JSON Schema; `docs/recipe.md` is made from it.
"""

from __future__ import annotations

import os
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, Union

from pydantic import BeforeValidator, Field, ValidationInfo, model_validator

from interleave.access.settings import Fetch
from interleave.acquire.crawl import CrawlSource
from interleave.acquire.html import HtmlSource
from interleave.acquire.mmc4 import Mmc4Source
from interleave.acquire.obelics import ObelicsSource
from interleave.acquire.pairs import PairsSource
from interleave.acquire.source import Source
from interleave.acquire.vila_pkl import VilaPklSource
from interleave.acquire.warc import WarcSource
from interleave.acquire.webdataset import WebDatasetSource
from interleave.clean.rules import Rule
from interleave.clean.text import Repair
from interleave.encode.profiles import PROFILES, Profile
from interleave.errors import RecipeError
from interleave.files import sha256_of
from interleave.identity import fingerprint
from interleave.settings import SHAPES_NOTHING, Location, Locations, Settings, identity, resolve_location

# The kinds of source that come with the project; installed packages add theirs by an entry point of this group.
BUILT_IN = (
    Mmc4Source, CrawlSource, HtmlSource, ObelicsSource, PairsSource, VilaPklSource, WarcSource, WebDatasetSource,
)  # fmt: skip
SOURCES = "interleave.sources"


def _load(entry: EntryPoint) -> Any:
    """A kind of source that an installed package adds; whatever goes wrong in it is the package's."""
    try:
        found = entry.load()
        if not (isinstance(found, type) and issubclass(found, Settings)):
            raise TypeError(f"{entry.value} is no class of interleave.settings.Settings")
    except Exception as error:  # noqa: BLE001
        package = entry.dist.name if entry.dist else "?"
        reason = f"{type(error).__name__}: {error}".partition("\n")[0]
        raise RecipeError(
            f"the source kind {entry.name!r} of the package {package} cannot be loaded: {reason}; "
            "repair or uninstall that package"
        ) from None
    return found


if TYPE_CHECKING:
    AnySource = Source
else:
    _kinds = (*BUILT_IN, *map(_load, entry_points(group=SOURCES)))
    AnySource = Annotated[Union[_kinds], Field(discriminator="kind")] if len(_kinds) > 1 else _kinds[0]  # noqa: UP007


def _known_profile(name: Any) -> Any:
    if isinstance(name, str) and name not in PROFILES:
        raise ValueError(f"no such profile; there are {', '.join(PROFILES)}")
    return name


def _resolve_tokenizer(value: Any, info: ValidationInfo) -> Any:
    """A tokenizer that is a path becomes absolute; `package:...` and hub ids stay."""
    if not isinstance(value, str) or value.startswith("package:"):
        return value
    resolved = resolve_location(value, info)
    looks_like_path = value.startswith((".", "/", "~")) or value.endswith((".json", ".model", ".tiktoken"))
    if looks_like_path or Path(resolved).exists():
        return resolved
    return str(value)


class Images(Settings):
    """How images are read and stored."""

    max_short_side: Annotated[int, Field(ge=16, le=4096)] | Literal["profile"] | None = "profile"
    """Longest short side stored, in px. `profile`: what the model's vision tower sees. null: never reduced."""

    quality: Annotated[int, Field(ge=1, le=100)] = 90
    """JPEG quality where an image is encoded again."""

    max_bytes: Annotated[int, Field(ge=1)] = 20_000_000
    """Larger files are not read."""

    max_pixels: Annotated[int, Field(ge=1, le=1 << 26)] = 25_000_000
    """Pictures with more px (width x height) are not decoded."""


class Align(Settings):
    """Where images stand in the text."""

    place: Literal["before", "after"] = "before"
    """Put an image before or after the sentence that it belongs to."""


class Clean(Settings):
    """What is repaired and what is removed."""

    repair: Repair = Repair()
    """Repair of sentences."""

    rules: Annotated[tuple[Rule, ...], Field(strict=False)] = ()
    """Rules, applied in this order: those on images, then those on documents."""


class DocumentDuplicates(Settings):
    """Which documents count as the same."""

    near: Annotated[float, Field(gt=0, le=1)] | None = 0.8
    """Jaccard similarity of word 5-grams (MinHash) from which documents are duplicates. null: equal text only."""

    keep: Literal["first", "longest"] = "longest"
    """Which one of a cluster is kept; ties go to the smallest document id."""


class ImageDuplicates(Settings):
    """Which images count as the same, and how often one may occur."""

    within_document: Annotated[int, Field(ge=0, le=16)] | None = 5
    """Hamming distance of 64-bit perceptual hashes up to which a document keeps the first one only. null: keep all."""

    across: Annotated[int, Field(ge=0, le=7)] = 2
    """Hamming distance up to which images of different documents are copies of each other."""

    max_copies: Annotated[int, Field(ge=1)] | None = 10
    """Most copies an image may have in the corpus (MMC4: 10). null: any number."""

    policy: Literal["drop_all", "keep_n"] = "drop_all"
    """Above `max_copies`: drop every copy, as MMC4 does, or keep that many."""


class Dedup(Settings):
    """Duplicates among what the rules left over."""

    documents: DocumentDuplicates | None = DocumentDuplicates()
    """Duplicate documents. null: all are kept."""

    images: ImageDuplicates | None = ImageDuplicates()
    """Duplicate images. null: all are kept."""


class Encode(Settings):
    """How documents become token ids."""

    layout: Literal["document"] = "document"
    """`document`: BOS, all sentences with all images in their places, EOS."""

    context: Annotated[int, Field(ge=16)] | Literal["profile"] | None = "profile"
    """Longest sample in expanded tokens. Longer documents are cut between sentences. null: the loader cuts."""

    tokens_per_image: Annotated[int, Field(ge=1)] | Literal["profile"] = "profile"
    """Tokens that an image becomes inside the model."""

    placeholder: int | str = "profile"
    """What stands for an image: an id (-200), or a text (`<image>`) that is looked up or put after the vocabulary."""

    separator: str = " "
    """Joins sentences."""

    bos: str | None = "auto"
    """Token at a document's start. `auto`: the tokenizer's own, where it has one. null: none."""

    eos: str | None = "auto"
    """Token at a document's end. `auto`: the tokenizer's own, where it has one. null: none."""


class Shards(Settings):
    """How samples are laid out in files."""

    max_bytes: Annotated[int, Field(ge=1024)] = 500_000_000
    """Largest shard, in bytes; shards are made even below it."""

    multiple_of: Annotated[int, Field(ge=1)] = 1
    """The number of shards is a multiple of this: the trainer's ranks x workers."""


class Recipe(Settings):
    """Everything that shapes a dataset. Paths in a recipe are relative to the recipe."""

    source: AnySource | None = None
    """Where documents come from."""

    sources: Annotated[tuple[AnySource, ...], Field(strict=False)] = ()
    """Several sources with different names, in place of `source`."""

    output: Location
    """The dataset's folder. Work in progress lies in a folder beside it, with `.work` at the end."""

    seed: Annotated[int, Field(ge=0, lt=2**63)] = 0
    """Decides the order of documents and who goes to which split."""

    fetch: Annotated[Fetch | None, SHAPES_NOTHING] = None
    """How images are had that a source knows by URL alone. null: they are left out, each one counted."""

    blocklists: Locations = ()
    """Text files of what must not be used: URLs, domains, images by SHA-256, MD5 or perceptual hash."""

    images: Images = Images()
    """How images are read and stored."""

    align: Align = Align()
    """Where images stand in the text."""

    clean: Clean = Clean()
    """What is repaired and what is removed."""

    dedup: Dedup = Dedup()
    """Duplicates among what is left."""

    tokenizer: Annotated[str, BeforeValidator(_resolve_tokenizer), Field(min_length=1)]
    """A Hugging Face id, a folder or file (`tokenizer.json`, SentencePiece `.model`, `.tiktoken`), or
    `package:NAME/PATH`, a file inside an installed package."""

    profile: Annotated[str, BeforeValidator(_known_profile)] = "vila-1.0"
    """The model that the shards are for: `vila-1.0`, `vila-1.5`, `nvila-lite` or `llava-1.5`."""

    encode: Encode = Encode()
    """How documents become token ids."""

    shards: Shards = Shards()
    """How samples are laid out in files."""

    splits: (
        dict[Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]{0,31}$")], Annotated[float, Field(gt=0, lt=1)]] | None
    ) = None
    """Shares set aside, for example `{val: 0.01}`; the rest is `train`. Each becomes a folder of its own in `output`.
    Documents of one domain, and documents that share an image, stay on one side."""

    @model_validator(mode="after")
    def _check(self) -> Recipe:
        if (self.source is None) == (not self.sources):
            raise ValueError("give either `source` or `sources`")
        names = [source.name for source in self.all_sources]
        if len(set(names)) < len(names):
            raise ValueError(f"sources need different names, got {', '.join(names)}")
        if self.splits and ("train" in self.splits or sum(self.splits.values()) >= 1):
            raise ValueError("`splits` names shares besides `train`, and they add up to less than 1")
        if self.context is not None and self.tokens_per_image + 2 > self.context:
            raise ValueError(f"an image takes {self.tokens_per_image} tokens, the context has only {self.context}")
        return self

    @property
    def all_sources(self) -> tuple[AnySource, ...]:
        return self.sources if self.source is None else (self.source,)

    @property
    def model(self) -> Profile:
        return PROFILES[self.profile]

    @property
    def context(self) -> int | None:
        """Longest sample in expanded tokens, or None where whole documents are stored."""
        return self.model.context if self.encode.context == "profile" else self.encode.context

    @property
    def tokens_per_image(self) -> int:
        return (
            self.model.tokens_per_image if self.encode.tokens_per_image == "profile" else self.encode.tokens_per_image
        )

    @property
    def placeholder(self) -> int | str:
        return self.model.placeholder if self.encode.placeholder == "profile" else self.encode.placeholder

    @property
    def max_short_side(self) -> int | None:
        return self.model.image_side if self.images.max_short_side == "profile" else self.images.max_short_side

    def plain(self) -> dict[str, Any]:
        """The recipe without locations, as it stands in a manifest."""
        plain = identity(self)
        if os.path.isabs(self.tokenizer):  # noqa: PTH117 - the answer is about the text, not about this file system
            plain["tokenizer"] = Path(self.tokenizer).name
        if self.blocklists:
            plain["blocklists"] = [sha256_of(Path(path)) for path in self.blocklists]
        return plain

    def hash(self) -> str:
        """64 hex digits that change with anything that shapes the dataset, and with nothing else."""
        return fingerprint(self.plain())
