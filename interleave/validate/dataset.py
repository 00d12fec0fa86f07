"""Is it sound? A dataset folder against its manifest, or one tar by itself."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from tqdm import tqdm

from interleave.access.blocklist import read_blocklists
from interleave.errors import RecipeError, ShardError
from interleave.executors import Executor
from interleave.files import sha256_of
from interleave.shard.entries import sums
from interleave.shard.manifest import MANIFEST_NAME, Manifest, read_manifest
from interleave.shard.takedown_request import Request, request_of
from interleave.shard.takedown_swap import RECORD_NAME, is_interrupted
from interleave.validate.checks import Expectation
from interleave.validate.findings import Finding, Outcome, join
from interleave.validate.shard import ShardTask, validate_shard


def validate(path: Path, executor: Executor, *, decode: bool = True, quiet: bool = False) -> Outcome:
    """Checks a dataset folder, or a tar (against the manifest beside it, if it has an entry there).

    Raises:
        ShardError: there is nothing to validate.
    """
    tasks, manifest = _tasks(path, decode)
    outcomes: dict[int, Outcome] = {}
    silent = quiet or not sys.stderr.isatty()
    with tqdm(total=len(tasks), desc="validate", unit="shard", disable=silent, leave=False) as bar:
        for position, outcome in executor.map(validate_shard, tasks):
            outcomes[position] = outcome
            bar.update()
    shards = [outcomes[position] for position in range(len(tasks))]
    if manifest is None or not path.is_dir():
        return join(shards)
    findings = tuple(_check_files(path, manifest))
    about_files = Outcome(
        num_shards=0, num_samples=0, num_images=0, num_tokens=0, findings=findings, num_findings=len(findings)
    )
    return join([about_files, *shards])


def _tasks(path: Path, decode: bool) -> tuple[list[ShardTask], Manifest | None]:
    if path.is_dir():
        manifest = read_manifest(path)
        return _of_dataset(path, manifest, decode), manifest
    if not path.is_file():
        raise ShardError(f"{path} does not exist; expected a dataset folder or a .tar")
    if (path.parent / MANIFEST_NAME).is_file():
        manifest = read_manifest(path.parent)
        beside = [task for task in _of_dataset(path.parent, manifest, decode) if Path(task.path).name == path.name]
        if beside:
            return beside, manifest
    alone = ShardTask(
        path=str(path), number=0, first_sample=None, entry=None, expected=None, taken_down=Request(), decode=decode
    )
    return [alone], None


def _of_dataset(folder: Path, manifest: Manifest, decode: bool) -> list[ShardTask]:
    image = manifest.model.image
    if not image.is_known:
        raise ShardError(
            f"{folder} is for the profile {image.profile}, which is not installed here; install its package, "
            "then validate again"
        )
    expected = Expectation(model=manifest.model, vocab_size=manifest.tokenizer.vocab_size, image=image)
    taken_down = _taken_down(folder)
    tasks, first_sample = [], 0
    for number, entry in enumerate(manifest.shards):
        tasks.append(
            ShardTask(
                path=str(folder / entry.name),
                number=number,
                first_sample=first_sample,
                entry=entry,
                expected=expected,
                taken_down=taken_down,
                decode=decode,
            )
        )
        first_sample += entry.num_rows
    return tasks


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


def _check_files(folder: Path, manifest: Manifest) -> Iterator[Finding]:
    """Everything in the folder besides the tars themselves."""
    for name, sha256 in sorted(manifest.files.items()):
        path = folder / name
        if ".." in Path(name).parts or Path(name).is_absolute():
            yield Finding(code="checksum", where=MANIFEST_NAME, message=f"{name!r} leads out of the dataset")
        elif not path.is_file():
            yield Finding(code="missing-file", where=name, message="is missing")
        elif sha256_of(path) != sha256:
            yield Finding(code="checksum", where=name, message="the SHA-256 is not the manifest's")
    if is_interrupted(folder):
        yield Finding(code="takedown-unfinished", where=MANIFEST_NAME, message="a take-down was interrupted")
    for name, summed in sums(manifest.shards).items():
        if summed != getattr(manifest, name):
            message = f"{name} is {getattr(manifest, name):,}, its shards add up to {summed:,}"
            yield Finding(code="manifest-counts", where=MANIFEST_NAME, message=message)
    known = {shard.name for shard in manifest.shards}
    for path in sorted(folder.glob("*.tar")):
        if path.name not in known:
            yield Finding(code="unknown-shard", where=path.name, message="is not in the manifest")
