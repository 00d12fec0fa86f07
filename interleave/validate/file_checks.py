"""What lies in a dataset's folder beside the tars: files, the manifest against itself, sidecars, the ledger."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from interleave import __version__
from interleave.dedup.columns import FINGERPRINT_FILES
from interleave.files import sha256_of
from interleave.identity import fingerprint
from interleave.shard import energon
from interleave.shard.entries import shard_entry, sums
from interleave.shard.manifest import LEDGER, MANIFEST_NAME, Manifest
from interleave.shard.sidecars import sidecars
from interleave.shard.sides import TRAIN
from interleave.shard.takedown_swap import RECORD_NAME, is_interrupted

# (where, code, message)
Placed = Iterator[tuple[str, str, str]]


def check_files(folder: Path, manifest: Manifest) -> Placed:
    """Every file that the manifest names is there, as it was sealed; and no shard besides."""
    for name, sha256 in sorted(manifest.files.items()):
        path = folder / name
        if ".." in Path(name).parts or Path(name).is_absolute():
            yield MANIFEST_NAME, "checksum", f"{name!r} leads out of the dataset"
        elif not path.is_file():
            yield name, "missing-file", "is missing"
        elif sha256_of(path) != sha256:
            yield name, "checksum", "the SHA-256 is not the manifest's"
    if is_interrupted(folder):
        yield MANIFEST_NAME, "takedown-unfinished", "a take-down was interrupted"
    known = {shard.name for shard in manifest.shards}
    for path in sorted(folder.glob("*.tar")):
        if path.name not in known:
            yield path.name, "unknown-shard", "is not in the manifest"


def check_manifest(manifest: Manifest, index: pa.Table) -> Placed:
    """The manifest's hashes are of what it holds, and its numbers those of the index."""
    if fingerprint(manifest.recipe) != manifest.recipe_hash:
        yield MANIFEST_NAME, "manifest", "`recipe_hash` is not the hash of `recipe`"
    shards = manifest.shards
    built = fingerprint([[shard.sha256 for shard in shards], manifest.recipe_hash])
    if not manifest.num_removed_samples and built != manifest.build_digest:
        yield MANIFEST_NAME, "manifest", "`build_digest` is not the hash of the shards and the recipe"
    if manifest.recipe.get("profile") != manifest.model.profile:
        named = manifest.recipe.get("profile")
        yield MANIFEST_NAME, "manifest", f"`model` is {manifest.model.profile}, `recipe` is for {named!r:.40}"
    for name, summed in sums(shards).items():
        if summed != getattr(manifest, name):
            message = f"{name} is {getattr(manifest, name):,}, its shards add up to {summed:,}"
            yield MANIFEST_NAME, "manifest-counts", message
    first_row = 0
    for shard in shards:
        rows = index.slice(first_row, shard.num_rows)
        first_row += shard.num_rows
        if shard_entry(shard.name, shard.sha256, shard.num_bytes, rows) != shard:
            yield shard.name, "manifest-counts", "manifest and index count it differently"
    if first_row != index.num_rows:
        yield MANIFEST_NAME, "manifest-counts", f"the index has {index.num_rows:,} samples, the shards {first_row:,}"


def can_check_sidecars(manifest: Manifest) -> bool:
    """Whether this version of interleave writes them as the dataset's did."""
    return manifest.made_with.get("interleave") == __version__


def check_sidecars(folder: Path, manifest: Manifest, index: pa.Table) -> Placed:
    """What other readers are told is what manifest and index say."""
    split = folder.resolve().name if manifest.recipe.get("splits") else TRAIN
    expected = {
        **dict(sidecars(manifest.name, manifest.shards, index, manifest.tokenizer, manifest.model)),
        **dict(energon.fixed_files(manifest.shards, split)),
    }
    for name, data in sorted(expected.items()):
        path = folder / name
        if name not in manifest.files:
            yield MANIFEST_NAME, "sidecar", f"does not name {name}"
        elif path.is_file() and path.read_bytes() != data:
            yield name, "sidecar", "does not say what manifest and index say"


def check_ledger(folder: Path, manifest: Manifest, index: pa.Table) -> Placed:
    """Documents and images that were measured are in the shards, or are listed as dropped."""
    try:
        drops = pq.read_table(folder / LEDGER / "drops.parquet", columns=["doc_id", "image", "sentence", "stage"])
        measured = {
            unit: pq.read_metadata(folder / LEDGER / f"{unit}.parquet").num_rows for unit in ("documents", "images")
        }
        kept = {
            unit: pq.read_metadata(folder / name).num_rows
            for unit, name in zip(("documents", "images"), FINGERPRINT_FILES, strict=True)
        }
        sealed = pq.read_table(folder / FINGERPRINT_FILES[0], columns=["id"])["id"]
    except (OSError, pa.ArrowException, KeyError) as error:
        yield LEDGER, "ledger", f"cannot be read: {str(error)[:200]}"
        return
    yield from _check_fingerprints(sealed, index)
    # A take-down leaves drops without what was measured; a split has its part of the samples, and the whole ledger.
    if manifest.recipe.get("splits") or (folder / RECORD_NAME).is_file():
        return
    since = drops.filter(pc.not_equal(drops["stage"], "measure"))
    is_image = pc.is_valid(since["image"])
    is_document = pc.and_(pc.is_null(since["image"]), pc.is_null(since["sentence"]))
    for unit, dropped in (("documents", is_document), ("images", is_image)):
        num_dropped = pc.sum(dropped).as_py() or 0
        if measured[unit] != num_dropped + kept[unit]:
            yield (
                f"{LEDGER}/{unit}.parquet",
                "ledger",
                f"{measured[unit]:,} {unit} were measured; {num_dropped:,} dropped and {kept[unit]:,} kept are "
                f"{num_dropped + kept[unit]:,}",
            )


def _check_fingerprints(sealed: pa.ChunkedArray, index: pa.Table) -> Placed:
    """Fingerprints are of the documents that have a sample."""
    whole = index.filter(pc.not_equal(index["num_bytes"], 0))["doc_id"].unique()
    torn = index.filter(pc.equal(index["num_bytes"], 0))["doc_id"].unique()
    expected = set(whole.to_pylist()) - set(torn.to_pylist())
    found = {doc_id.hex() for doc_id in sealed.to_pylist()}
    if found != expected:
        yield (
            FINGERPRINT_FILES[0],
            "fingerprints",
            f"{len(expected - found):,} documents of the shards are missing, {len(found - expected):,} are of others",
        )
