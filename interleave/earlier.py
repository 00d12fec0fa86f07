"""Datasets that were built before, of which a new one is to hold nothing: `dedup.against` in a recipe."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from interleave.errors import RecipeError, ShardError
from interleave.files import sha256_of
from interleave.shard.manifest import MANIFEST_NAME, read_manifest

if TYPE_CHECKING:
    from interleave.dedup.corpus import EarlierDataset


def earlier_digests(folders: Sequence[str]) -> list[str]:
    """SHA-256 of each dataset's manifest, which holds that of every other file.

    Raises:
        RecipeError: a folder is no finished dataset.
    """
    for folder in folders:
        _check_sealed(Path(folder))
    return [sha256_of(Path(folder) / MANIFEST_NAME) for folder in folders]


def earlier_datasets(folders: Sequence[str], output: Path) -> tuple[EarlierDataset, ...]:
    """
    Raises:
        RecipeError: a folder is no finished dataset, holds no fingerprints that can be compared, or is to be written.
    """
    digests = earlier_digests(folders)
    return tuple(_open(Path(folder), digest, output) for folder, digest in zip(folders, digests, strict=True))


def _open(folder: Path, digest: str, output: Path) -> EarlierDataset:
    # Heavy, and only here: a recipe is read without it.
    import pyarrow as pa
    import pyarrow.parquet as pq

    from interleave.dedup.columns import FINGERPRINT_FILES
    from interleave.dedup.corpus import EarlierDataset
    from interleave.dedup.sealed import sealed_files
    from interleave.dedup.text_fingerprints import TEXT_VERSION

    if folder.resolve().is_relative_to(output.resolve()):
        raise RecipeError(f"dedup.against: {folder} is the output itself; give it another name")
    for name in FINGERPRINT_FILES:
        try:
            found = (pq.read_schema(folder / name).metadata or {}).get(b"fingerprints", b"?").decode(errors="replace")
        except (OSError, pa.ArrowInvalid) as error:
            raise RecipeError(
                f"dedup.against: cannot read {folder / name}: {error}; build that dataset again"
            ) from None
        if found != TEXT_VERSION:
            raise RecipeError(
                f"dedup.against: {folder / name} has fingerprints of version {found!r}, expected {TEXT_VERSION!r}; "
                "build that dataset again with this version of interleave"
            )
    return EarlierDataset(name=_check_sealed(folder), digest=digest, files=sealed_files(folder))


def _check_sealed(folder: Path) -> str:
    """The name of a dataset."""
    try:
        return read_manifest(folder).name
    except ShardError as error:
        raise RecipeError(f"dedup.against: {error}") from None
