"""A recipe: everything that shapes a dataset, as one frozen value.

`interleave recipe schema` prints this file as JSON Schema; `docs/recipe.md` is made from it.
"""

from __future__ import annotations

import difflib
import os
from functools import lru_cache
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
from interleave.align.models.scoring import ScoreName, Scores
from interleave.align.settings import POSITION, SOURCE, Align
from interleave.clean import scores
from interleave.clean.rules import rule_identity
from interleave.clean.score_rules import ScoreBounds
from interleave.clean.settings import Clean
from interleave.dedup.decontaminate import Decontaminate, EvaluationSet
from interleave.dedup.settings import Dedup
from interleave.earlier import earlier_digests
from interleave.encode.layouts import LAYOUTS
from interleave.encode.profiles.known import BROKEN, PROFILES
from interleave.encode.profiles.profile import Profile
from interleave.encode.settings import Encode, Splitting
from interleave.encode.settle import PLACEHOLDER
from interleave.errors import RecipeError
from interleave.files import sha256_of
from interleave.identity import fingerprint
from interleave.plugins import installed_kinds
from interleave.settings import SHAPES_NOTHING, LocationOrUrl, Locations, Settings, identity, resolve_location

# The kinds of source that come with the project; installed packages add theirs by an entry point of this group.
BUILT_IN = (
    Mmc4Source, CrawlSource, HtmlSource, ObelicsSource, PairsSource, VilaPklSource, WarcSource, WebDatasetSource,
)  # fmt: skip
SOURCES = "interleave.sources"


if TYPE_CHECKING:
    AnySource = Source
    AnyScores = Scores
else:
    _kinds = (*BUILT_IN, *installed_kinds(SOURCES, "source"))
    AnySource = Annotated[Union[_kinds], Field(discriminator="kind")]  # noqa: UP007
    _kinds = (*scores.BUILT_IN, *installed_kinds(scores.GROUP, "score"))
    AnyScores = Annotated[Union[_kinds], Field(discriminator="kind")]  # noqa: UP007


def _known_profile(name: Any) -> Any:
    if isinstance(name, str) and name not in PROFILES:
        close = difflib.get_close_matches(name, PROFILES, n=1)
        hint = f" (did you mean {close[0]!r}?)" if close else ""
        raise ValueError(BROKEN.get(name, f"no such profile{hint}; there are {', '.join(PROFILES)}"))
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

    blur_faces: ScoreName | None = None
    """Table of kind `faces` in `scores`: the faces that it found are blurred, and the images stay. null: none is."""

    max_bytes: Annotated[int, Field(ge=1)] = 20_000_000
    """Larger files are not read."""

    max_pixels: Annotated[int, Field(ge=1, le=1 << 26)] = 25_000_000
    """Pictures with more px (width x height) are not decoded."""


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

    output: LocationOrUrl
    """The dataset's folder, or a URL of an object store (`s3://bucket/mmc4`). Work in progress lies in a folder beside
    it, with `.work` at the end."""

    seed: Annotated[int, Field(ge=0, lt=2**63)] = 0
    """Decides the order of documents and who goes to which split."""

    fetch: Annotated[Fetch | None, SHAPES_NOTHING] = None
    """How images are had that a source knows by URL alone. null: they are left out, each one counted."""

    blocklists: Locations = ()
    """Text files of what must not be used: URLs, domains, images by SHA-256, MD5 or perceptual hash."""

    images: Images = Images()
    """How images are read and stored."""

    scores: Annotated[tuple[AnyScores, ...], Field(strict=False)] = ()
    """Tables of what models say of images, texts, or both: for rules of kind `score`, and for `align.similarity`."""

    align: Align = Align()
    """Where images stand in the text."""

    clean: Clean = Clean()
    """What is repaired and what is removed."""

    decontaminate: Decontaminate | None = None
    """Evaluation sets whose images and questions are to stay out. null: none."""

    dedup: Dedup = Dedup()
    """Duplicates among what is left."""

    tokenizer: Annotated[str, BeforeValidator(_resolve_tokenizer), Field(min_length=1)]
    """A Hugging Face id, a folder or file (`tokenizer.json`, SentencePiece `.model`, `.tiktoken`), or
    `package:NAME/PATH`, a file inside an installed package."""

    profile: Annotated[str, BeforeValidator(_known_profile)] = "vila-1.0"
    """The family of models that the shards are for; `interleave profile list` names them all."""

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
        self._check_scores()
        if self.splits and ("train" in self.splits or sum(self.splits.values()) >= 1):
            raise ValueError("`splits` names shares besides `train`, and they add up to less than 1")
        self._check_encode()
        return self

    def _check_encode(self) -> None:
        """A layout fixes what stands for an image and where; sources that are weighted exist."""
        layout = LAYOUTS[self.encode.layout]
        if layout.placeholder is not None and self.encode.placeholder != "profile":
            raise ValueError(f"encode.layout {self.encode.layout} has a placeholder; leave encode.placeholder out")
        if layout.as_vila and any(mark.strip() for mark in self.model.marks):
            raise ValueError(f"encode.layout {self.encode.layout} is VILA's, and {self.profile} no model of its kind")
        if layout.as_vila and self.align.place != "before":
            raise ValueError(f"encode.layout {self.encode.layout} has images before sentences; leave align.place out")
        if PLACEHOLDER in self.encode.separator:
            raise ValueError(f"encode.separator: {PLACEHOLDER} stands for images; join sentences with something else")
        unknown = sorted(set(self.encode.source_weights) - {source.name for source in self.all_sources})
        if unknown:
            raise ValueError(f"encode.source_weights: there is no source {unknown[0]!r}")

        if self.context is None and self.encode.split != Splitting():
            raise ValueError("encode.split: with encode.context null the loader cuts; leave encode.split out")
        few_shot = self.encode.split.few_shot
        if few_shot is not None and self.context is not None and few_shot.context < self.context:
            raise ValueError(f"encode.split.few_shot: context is {few_shot.context:,}, others have {self.context:,}")
        least = self._least_image_tokens()
        if self.context is not None and least + 2 > self.context:
            raise ValueError(f"an image takes {least} tokens, the context has only {self.context}")

    def _least_image_tokens(self) -> int:
        """What a small image among several takes."""
        if self.encode.tokens_per_image != "profile":
            if self.encode.options:
                raise ValueError("encode.options: encode.tokens_per_image says it all; leave one of them out")
            return self.encode.tokens_per_image
        options = dict(self.model.options)
        for name, value in self.encode.options.items():
            if name not in options:
                known = ", ".join(options) or "none"
                raise ValueError(f"encode.options: the profile {self.profile} has no {name!r}; there are: {known}")
            if options[name] > 1 and not value:  # 0 is an answer to a question alone, whose default is 0 or 1
                raise ValueError(f"encode.options: {name} is 0, expected 1 or more")
            options[name] = value
        for name, value in options.items():
            upper = name.replace("min_", "max_", 1)
            if value > options.get(upper, value):
                raise ValueError(f"encode.options: {name} ({value:,}) is more than {upper} ({options[upper]:,})")
        return sum(times for _, times in self.model.expand(64, 64, 2, options))

    def _check_scores(self) -> None:
        """Each has a name of its own; what asks for one finds it, and of the right kind."""
        known = {settings.name: settings.of for settings in self.scores}
        if len(known) < len(self.scores):
            raise ValueError(f"scores need different names, got {', '.join(item.name for item in self.scores)}")
        bounds = [rule for rule in self.clean.rules if isinstance(rule, ScoreBounds)]
        asked: list[tuple[str, str]] = [(rule.name, rule.of) for rule in bounds]
        if self.align.similarity not in (SOURCE, POSITION):
            asked.append((self.align.similarity, "pair"))
        faces = [settings.name for settings in self.scores if settings.kind == "faces"]
        if self.images.blur_faces not in (None, *faces):
            raise ValueError(f"images.blur_faces: there are no faces {self.images.blur_faces!r} in `scores`")
        for name, of in asked:
            if known.get(name) != of:
                named = ", ".join(f"{name} (of {of})" for name, of in known.items()) or "none"
                raise ValueError(f"there are no scores {name!r} of {of}s; there are {named}")

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
    def longest_sample(self) -> int | None:
        """The context, or the longer one of documents that are kept whole."""
        few_shot = self.encode.split.few_shot
        return self.context if self.context is None or few_shot is None else max(self.context, few_shot.context)

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
        plain["clean"]["rules"] = [rule_identity(rule) for rule in self.clean.rules]
        if self.scores:
            plain["scores"] = [scores.scores_identity(settings) for settings in self.scores]
        if self.decontaminate:
            plain["decontaminate"]["sets"] = [evaluation_identity(item) for item in self.decontaminate.sets]
        if self.dedup.against:
            plain["dedup"]["against"] = list(earlier_digests(self.dedup.against))
        return plain

    def hash(self) -> str:
        """64 hex digits that change with anything that shapes the dataset, and with nothing else."""
        return fingerprint(self.plain())


def evaluation_identity(evaluation: EvaluationSet) -> dict[str, Any]:
    """An evaluation set as plain data, known by the SHA-256 of its files.

    Raises:
        RecipeError: nothing is there.
    """
    path = Path(evaluation.path)
    if path.is_dir():
        files = sorted(file for file in path.rglob("*") if file.is_file())
    elif path.is_file():
        files = [path]
    else:
        raise RecipeError(f"decontaminate.sets: there is no {path}; expected a file or a folder")
    states = tuple((str(file), file.stat().st_size, file.stat().st_mtime_ns) for file in files)
    return identity(evaluation) | {"content": _content(str(path), states)}


@lru_cache(maxsize=64)
def _content(root: str, states: tuple[tuple[str, int, int], ...]) -> str:
    """Read once in a process, unless a file changes."""
    return fingerprint([[str(Path(name).relative_to(root)), sha256_of(Path(name))] for name, _, _ in states])
