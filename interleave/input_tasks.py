"""The tasks that bring the input in: which URLs are wanted, fetching them, measuring."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from interleave.access import img2dataset
from interleave.access.blocklist import read_blocklists
from interleave.access.store import ORIGINAL
from interleave.acquire.listing import Split
from interleave.acquire.source import Source
from interleave.copied import copies_of
from interleave.download import Download
from interleave.files import sha256_of
from interleave.images.normalise import ImageTarget
from interleave.images.packed import form_of, is_packed
from interleave.measure import MeasureTask
from interleave.prepare import web_of
from interleave.recipe import Recipe
from interleave.run import Task
from interleave.settings import Settings, identity, locations
from interleave.task_names import (
    SPOOL_FORMAT,
    library_versions,
    make_task,
    measured_files,
    spool_file,
    task_name,
    versions,
)
from interleave.wanted import WantedTask
from interleave.work_folder import STORE


def wanted_tasks(recipe: Recipe, splits: Sequence[Split], work: Path) -> list[Task[WantedTask]]:
    sources = {source.name: source for source in recipe.all_sources}
    tasks = []
    for number, split in enumerate(splits):
        source = sources[split.source]
        table = spool_file(work, "wanted", number, "urls")
        payload = WantedTask(split=split, source=source, max_image_bytes=recipe.images.max_bytes, table=table)
        depends = ["wanted", versions(), *_reading(source, split)]
        tasks.append(make_task(task_name(number), payload, depends, (split.path,), (table,)))
    return tasks


def download_task(
    recipe: Recipe, wanted: Sequence[Task[WantedTask]], work: Path, *, quiet: bool, has_store: bool
) -> Task[Download]:
    """has_store: whether those who measure see the store."""
    web = web_of(recipe, quiet=quiet)
    assert web is not None
    assert recipe.fetch is not None
    payload = Download(
        web=web,
        store=store_folder(recipe, work),
        wanted=tuple(Path(task.payload.table) for task in wanted),
        outcomes=tuple(Path(spool_file(work, "fetch", number, "outcomes")) for number in range(len(wanted))),
        target=image_target(recipe),
        form=_form(recipe),
        copies=() if has_store else tuple(_copies_blob(work, number) for number in range(len(wanted))),
    )
    depends = ["fetch", [task.fingerprint for task in wanted], identity(recipe.fetch), payload.form]
    writes = [*payload.outcomes, *payload.copies, *map(copies_of, payload.copies)]
    return make_task("all", payload, depends, map(str, payload.wanted), map(str, writes))


def _copies_blob(work: Path, number: int) -> Path:
    return work / "fetch" / f"{task_name(number)}.blob"


def image_target(recipe: Recipe) -> ImageTarget:
    return ImageTarget(
        max_short_side=recipe.max_short_side,
        quality=recipe.images.quality,
        max_bytes=recipe.images.max_bytes,
        max_pixels=recipe.images.max_pixels,
    )


def _form(recipe: Recipe) -> str:
    """In which form the store's images are measured."""
    if recipe.fetch is not None and recipe.fetch.engine == "img2dataset":
        return img2dataset.form_of(recipe.fetch.img2dataset)
    is_normalised = recipe.fetch is not None and recipe.fetch.keep == "normalised"
    return form_of(image_target(recipe)) if is_normalised else ORIGINAL


def _shaping_form(form: str) -> str:
    """Our own form of images gives the bytes that their originals give; another program's does not."""
    return "" if form == ORIGINAL or is_packed(form) else form


def store_folder(recipe: Recipe, work: Path) -> Path:
    """Where downloaded images are kept: a place of the user's, or the work folder."""
    store = recipe.fetch.store if recipe.fetch else None
    return Path(store) if store else work / STORE


def measure_tasks(recipe: Recipe, splits: Sequence[Split], work: Path, *, has_store: bool) -> list[Task[MeasureTask]]:
    """has_store: whether those who measure see the store."""
    sources = {source.name: source for source in recipe.all_sources}
    blocklist = read_blocklists(recipe.blocklists)
    blocked = [sha256_of(Path(path)) for path in recipe.blocklists]
    target = image_target(recipe)
    private_libraries = library_versions(("phonenumbers",) if recipe.clean.private else ())
    tasks = []
    for number, split in enumerate(splits):
        source = sources[split.source]
        outcomes = spool_file(work, "fetch", number, "outcomes") if recipe.fetch else None
        payload = MeasureTask(
            split=split,
            source=source,
            target=target,
            repair=recipe.clean.repair,
            private=recipe.clean.private,
            spool=str(work / "measure"),
            name=task_name(number),
            outcomes=outcomes,
            store=str(store_folder(recipe, work)) if recipe.fetch else None,
            copies=str(copies_of(_copies_blob(work, number))) if recipe.fetch and not has_store else None,
            form=_form(recipe),
            blocklist=blocklist,
        )
        depends = [
            "measure",
            SPOOL_FORMAT,
            versions(),
            *_reading(source, split),
            asdict(target),
            identity(recipe.clean.repair),
        ]
        depends += [recipe.clean.private and identity(recipe.clean.private), private_libraries]
        depends += [blocked, outcomes and sha256_of(Path(outcomes)), _shaping_form(payload.form)]
        reads = (split.path, outcomes, payload.copies)
        tasks.append(make_task(task_name(number), payload, depends, reads, measured_files(work, number)))
    return tasks


def _reading(source: Source, split: Split) -> list[object]:
    """What the records of a split depend on. Where its images lie, too: others there must be measured again."""
    assert isinstance(source, Settings), "a source is its own settings"
    libraries = library_versions(getattr(source, "libraries", ()))
    return [identity(source), locations(source) | {"path": ""}, asdict(split) | {"path": ""}, libraries]
