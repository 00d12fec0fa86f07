"""Input behind URLs: its files come to the work folder, whole, before the input is listed.

    source.path: s3://bucket/docs/*.jsonl.gz      what the store says of each file -> work/input/SOURCE.json
    work/input/SOURCE/0000.jsonl.gz               its bytes, by its name below the folder that the pattern begins with

A later run brings what has changed. Whether that is still the input that the build was begun with is not decided here,
but where it is listed.
"""

from __future__ import annotations

import glob
import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any

import orjson
from tqdm import tqdm

from interleave.errors import RecipeError, ShardError, TaskError
from interleave.files import PARTIAL, write_bytes
from interleave.recipe import Recipe
from interleave.remote.filesystems import PERMANENT, Final, open_filesystem, patiently, said
from interleave.remote.object_store import stamp_of
from interleave.settings import is_url

FOLDER = "input"
_NUM_AT_ONCE = 8
_NUM_TRIES, _FIRST_DELAY_S, _TIMEOUT_S = 6, 0.5, 60.0


def bring_in(
    recipe: Recipe, work: Path, *, quiet: bool = False, first_delay_s: float = _FIRST_DELAY_S
) -> tuple[Recipe, dict[str, str]]:
    """(the recipe with paths in the place of its sources' URLs, the folders with files that were brought -> their URL).

    Raises:
        RecipeError: nothing is there.
        TaskError: the files could not be had; run again to go on.
    """
    brought: dict[str, str] = {}
    urls: dict[str, str] = {}
    for source in recipe.all_sources:
        url = getattr(source, "path", None)
        if is_url(url):
            try:
                folder = work / FOLDER / source.name
                path, urls[str(folder)] = _bring(
                    str(url), folder, source.name, quiet=quiet, first_delay_s=first_delay_s
                )
                brought[source.name] = str(path)
            except ShardError as error:
                raise TaskError(f"source {source.name}: {error}") from None
    if not brought:
        return recipe, urls
    every: tuple[Any, ...] = recipe.all_sources
    sources = tuple(
        source.model_copy(update={"path": brought[source.name]}) if source.name in brought else source
        for source in every
    )
    return recipe.model_copy(update={"sources": sources} if recipe.source is None else {"source": sources[0]}), urls


def _bring(url: str, folder: Path, source: str, *, quiet: bool, first_delay_s: float) -> tuple[Path, str]:
    """(where the files are now: a folder, or the one file; the URL that the folder stands for)."""
    system = open_filesystem(url, _TIMEOUT_S)
    ask = partial(_ask, url, first_delay_s)
    root, files = ask(partial(_list, system, url))
    if not files:
        raise RecipeError(f"source {source}: {url} leads to no file; expected a file, a folder or a glob of files")
    known = folder.with_name(f"{folder.name}.json")
    stamps = {name: stamp_of(info) for name, info in files.items()}
    before = _read(known)
    missing = [name for name in stamps if before.get(name) != stamps[name] or not (folder / name).is_file()]
    for name in sorted(set(before) - set(stamps)):
        (folder / name).unlink(missing_ok=True)
    # What is being brought is not vouched for.
    write_bytes(known, orjson.dumps({name: stamp for name, stamp in stamps.items() if name not in missing}))
    silent = quiet or not sys.stderr.isatty()
    with (
        tqdm(desc="   input", total=len(missing), unit="file", disable=silent, leave=False) as bar,
        ThreadPoolExecutor(_NUM_AT_ONCE, thread_name_prefix="bring") as threads,
    ):
        for _ in threads.map(lambda name: ask(partial(_download, system, files[name], folder / name)), missing):
            bar.update()
    write_bytes(known, orjson.dumps(stamps))
    is_one = len(files) == 1 and not glob.has_magic(url) and url.endswith(f"/{next(iter(files))}")
    return folder / next(iter(files)) if is_one else folder, str(system.unstrip_protocol(root))


def _list(system: Any, url: str) -> tuple[str, dict[str, dict[str, Any]]]:
    """(the folder that names are relative to, what the store says of each file by its name)."""
    system.invalidate_cache()
    path = str(system._strip_protocol(url))
    if glob.has_magic(path):
        root, found = _fixed_part(path), system.glob(path, detail=True)
    elif system.isfile(path):
        root, found = str(PurePosixPath(path).parent), {path: system.info(path)}
    else:
        root, found = path, system.find(path, detail=True)
    infos: Sequence[tuple[str, dict[str, Any]]] = sorted(found.items())
    return root, {_name(place, root): {**info, "name": place} for place, info in infos if info.get("type") == "file"}


def _name(place: str, root: str) -> str:
    name = place.removeprefix(root).lstrip("/")
    parts = PurePosixPath(name).parts
    if not parts or ".." in parts or "\0" in name:
        raise Final(f"the name {place!r} cannot be that of a file here")
    return "/".join(parts)


def _fixed_part(pattern: str) -> str:
    parts = pattern.split("/")
    first = next(number for number, part in enumerate(parts) if glob.has_magic(part))
    return "/".join(parts[:first])


def _download(system: Any, info: Mapping[str, Any], path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + PARTIAL)
    system.get_file(info["name"], str(part))
    size = info.get("size")
    if isinstance(size, int) and part.stat().st_size != size:
        raise ShardError(f"gave {part.stat().st_size:,} of the {size:,} bytes of {info['name']}")
    part.replace(path)


def _ask(url: str, first_delay_s: float, work: Any) -> Any:
    try:
        return patiently(url, work, num_tries=_NUM_TRIES, first_delay_s=first_delay_s)
    except PERMANENT as error:
        raise Final(f"{url}: {said(error)}; is the URL right, and may you read it?") from None


def _read(path: Path) -> dict[str, Any]:
    try:
        found = orjson.loads(path.read_bytes())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
