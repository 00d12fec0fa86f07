"""The input as a build first saw it: pinned in the work folder, and compared on every later run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import orjson

from interleave.acquire.listing import SourceFile, Split, split_bytes
from interleave.acquire.source import Source
from interleave.artifact_store import ArtifactStore
from interleave.errors import TaskError
from interleave.executors import Executor, results
from interleave.files import write_bytes
from interleave.recipe import Recipe

INPUTS_NAME = "inputs.json"


def list_inputs(recipe: Recipe, work: Path, executor: Executor, artifacts: ArtifactStore) -> list[Split]:
    """The splits of all sources, in order of source and name.

    Raises:
        RecipeError: a source has no file.
        TaskError: the input is not the one that this work folder was begun with.
    """
    sources: dict[str, Source] = {source.name: source for source in recipe.all_sources}
    files = [file for source in sources.values() for file in source.files()]
    stamps = [f"{file.source}/{file.name} {file.num_bytes} {_stamp(file.path)}" for file in files]
    artifacts.bring([work / INPUTS_NAME])
    pinned = _read(work / INPUTS_NAME)
    if pinned is not None and pinned[0] == stamps:
        by_name = {(file.source, file.name): file.path for file in files}
        # Same files elsewhere: the splits hold, the paths are today's.
        return [Split(**fields | {"path": by_name[fields["source"], fields["name"]]}) for fields in pinned[1]]
    splits = _cut(files, sources, executor, artifacts)
    if pinned is not None:
        _compare([Split(**fields) for fields in pinned[1]], splits, work)
    write_bytes(work / INPUTS_NAME, orjson.dumps([stamps, [asdict(split) | {"path": ""} for split in splits]]))
    artifacts.keep([work / INPUTS_NAME])
    return splits


def _stamp(path: str) -> str:
    """Time of the last change; what is not on this machine says in its address which version it is."""
    return path if "://" in path else str(Path(path).stat().st_mtime_ns)


def _cut(
    files: Sequence[SourceFile], sources: dict[str, Source], executor: Executor, artifacts: ArtifactStore
) -> list[Split]:
    cut = partial(_cut_one, sources=sources, num_bytes=split_bytes(files), artifacts=artifacts)
    found = dict(results(executor.map(cut, files)))
    return [split for position in range(len(files)) for split in found[position]]


def _cut_one(file: SourceFile, sources: dict[str, Source], num_bytes: int, artifacts: ArtifactStore) -> list[Split]:
    try:
        artifacts.bring([file.path])
        return sources[file.source].cut(file, num_bytes)
    except OSError as error:
        raise TaskError(f"cannot read {file.path}: {error.strerror}") from None


def _compare(before: Sequence[Split], now: Sequence[Split], work: Path) -> None:
    old = {f"{split.source}/{split.name}": split.sha256 for split in before}
    new = {f"{split.source}/{split.name}": split.sha256 for split in now}
    changes = [
        *(f"  gone: {name}" for name in sorted(old.keys() - new.keys())),
        *(f"  new: {name}" for name in sorted(new.keys() - old.keys())),
        *(f"  changed: {name}" for name in sorted(old.keys() & new.keys()) if old[name] != new[name]),
    ]
    if changes:
        shown = [*changes[:10], *([f"  ... and {len(changes) - 10} more"] if len(changes) > 10 else [])]
        raise TaskError(
            "\n".join(
                [
                    f"the input is not the one that {work} was begun with:",
                    *shown,
                    "start over with --fresh, or give another --set output=FOLDER",
                ]
            )
        )


def _read(path: Path) -> tuple[list[str], list[dict[str, Any]]] | None:
    try:
        stamps, splits = orjson.loads(path.read_bytes())
    except (OSError, ValueError):
        return None
    return stamps, splits
