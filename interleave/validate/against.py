"""What the samples of a dataset are checked against: what its manifest says, and what of it is at hand here."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from interleave.access.blocklist import read_blocklists
from interleave.encode.profiles.known import PROFILES
from interleave.encode.tokenizer import find_tokenizer, load_tokenizer, tokenizer_fingerprint
from interleave.errors import RecipeError, ShardError, explain_missing
from interleave.shard.manifest import Manifest
from interleave.shard.takedown_request import Request, request_of
from interleave.shard.takedown_swap import RECORD_NAME
from interleave.validate.level import Level
from interleave.validate.model_checks import tokenizer_of
from interleave.validate.options import Options
from interleave.validate.sample_checks import Expected
from interleave.validate.spelling import Spelling, spelling
from interleave.validate.whole_sample import SampleChecks

BY_ITSELF = "what manifest and index say: a tar alone has none"


def of_tar(level: Level) -> SampleChecks:
    """A tar that stands alone."""
    return SampleChecks(
        level=level,
        expected=None,
        taken_down=Request(),
        spelling=None,
        measured=None,
        forgotten=frozenset(),
        are_blurred=False,
        used_side=None,
    )


def check_profile(folder: Path, manifest: Manifest) -> None:
    """
    Raises:
        ShardError: the profile is not installed, so that nothing can be said of images.
    """
    if not manifest.model.image.is_known:
        raise ShardError(
            f"{folder} is for the profile {manifest.model.profile}, which is not installed here; install its package, "
            "then validate again"
        )


def of_dataset(
    folder: Path, manifest: Manifest, index: pa.Table | None, options: Options, measured: Path | None
) -> tuple[SampleChecks, tuple[str, ...]]:
    """A dataset's samples; and sentences about what cannot be checked here.

    Raises:
        ShardError: its record of take-downs cannot be read.
    """
    image = manifest.model.image
    expected = Expected(
        model=manifest.model,
        tokenizer=manifest.tokenizer,
        image=image,
        source_weights=(manifest.recipe.get("encode") or {}).get("source_weights") or {},
    )
    how, why_not = _spelling(manifest, expected, options)
    profile = PROFILES[image.profile]
    checks = SampleChecks(
        level=options.level,
        expected=expected,
        taken_down=_taken_down(folder),
        spelling=how,
        measured=None if measured is None else str(measured),
        forgotten=frozenset() if index is None else _forgotten(index),
        are_blurred=bool((manifest.recipe.get("images") or {}).get("blur_faces")),
        used_side=profile.seen_side if manifest.model.tokens_per_image is None else None,
    )
    return checks, why_not


def _spelling(manifest: Manifest, expected: Expected, options: Options) -> tuple[Spelling | None, tuple[str, ...]]:
    """How ids are spelled, where that is asked for and the tokenizer is here."""
    if not options.level.reads_images:
        return None, ("checksums of shards, images, and ids against texts: `--level full` does",)
    separator = str((manifest.recipe.get("encode") or {}).get("separator", " "))
    try:
        path = (
            find_tokenizer(manifest.tokenizer.name, offline=True)
            if options.model is None
            else tokenizer_of(options.model)
        )
        if options.model is None and tokenizer_fingerprint(path) != manifest.tokenizer.sha256:
            raise RecipeError(f"{path} is not the one that made the ids")
        load_tokenizer(path)
    except ModuleNotFoundError as error:
        return None, (f"ids against texts: {explain_missing(error)}",)
    except RecipeError as error:
        reason = str(error).removeprefix("tokenizer: ").partition(";")[0]
        return None, (f"ids against texts: {reason}; `--model FOLDER` names a folder that has the tokenizer",)
    return spelling(path, expected, separator), ()


def _forgotten(index: pa.Table) -> frozenset[str]:
    """Documents that lost a sample to a take-down."""
    return frozenset(index.filter(pc.equal(index["num_bytes"], 0))["doc_id"].to_pylist())


def _taken_down(folder: Path) -> Request:
    """What the dataset's own record says must not be in it.

    Raises:
        ShardError: the record cannot be read.
    """
    path = folder / RECORD_NAME
    if not path.is_file():
        return Request()
    try:
        return request_of(read_blocklists([str(path)]))
    except RecipeError as error:
        raise ShardError(str(error).removeprefix("blocklists: ")) from None
