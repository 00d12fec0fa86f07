"""Is it sound? A dataset folder against its manifest, or one tar by itself."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import replace
from itertools import accumulate
from pathlib import Path

import numpy as np
import pyarrow as pa

from interleave import __version__
from interleave.errors import ShardError
from interleave.executors import Executor
from interleave.shard.index import INDEX_NAME, read_index
from interleave.shard.manifest import MANIFEST_NAME, read_manifest
from interleave.validate import against, file_checks, index_checks, model_checks, together
from interleave.validate.alone import tars_of, validate_alone
from interleave.validate.file_checks import Placed
from interleave.validate.findings import Findings, Outcome, join
from interleave.validate.measured import write_measured
from interleave.validate.options import Options
from interleave.validate.run import run
from interleave.validate.shard import Listed, ShardOutcome, ShardTask, validate_shard
from interleave.validate.trainers.check import check_trainer
from interleave.validate.whole_sample import SampleChecks

_USUAL = Options()


def validate(path: Path, executor: Executor, options: Options = _USUAL, *, quiet: bool = False) -> Outcome:
    """Checks a dataset folder, a tar (against the manifest beside it, if it has an entry there), or others' tars.

    Raises:
        ShardError: there is nothing to validate, or what was asked for cannot be looked at.
    """
    if not path.exists():
        raise ShardError(f"{path} does not exist; expected a dataset folder or a .tar")
    folder = path if path.is_dir() else path.parent
    if options.trainer is not None and not (path / MANIFEST_NAME).is_file():
        raise ShardError(f"--trainer reads a whole dataset, as loaders do; {path} is none")
    if not (folder / MANIFEST_NAME).is_file() and (tars := tars_of(path)):
        return validate_alone(tars, executor, options, quiet)
    dataset = _Dataset(folder, options)
    if path.is_dir():
        return dataset.validate(executor, quiet)
    if path.name not in dataset.names:
        return validate_alone([path], executor, options, quiet)
    return dataset.validate_shard(path.name, executor, quiet)


class _Dataset:
    """A folder with a manifest."""

    def __init__(self, folder: Path, options: Options) -> None:
        self._folder = folder
        self._options = options
        self._manifest = read_manifest(folder)
        against.check_profile(folder, self._manifest)
        self._findings = Findings()
        self._index = self._read_index()
        self.names = [shard.name for shard in self._manifest.shards]

    def validate(self, executor: Executor, quiet: bool) -> Outcome:
        self._check_whole()
        self._check_model()
        self._check_trainer()
        with tempfile.TemporaryDirectory(prefix="interleave-") as scratch:
            table, num_measured = self._write_measured(Path(scratch) / "measured.npy")
            checks, not_checked = against.of_dataset(self._folder, self._manifest, self._index, self._options, table)
            shards = run(executor, validate_shard, self._tasks(checks), quiet)
        self._add(together.check_duplicates(self.names, shards))
        if num_measured is not None and self._options.sample is None:
            self._add(together.check_images(num_measured, shards))
        return self._outcome(shards, not_checked)

    def validate_shard(self, name: str, executor: Executor, quiet: bool) -> Outcome:
        self._check_model()
        with tempfile.TemporaryDirectory(prefix="interleave-") as scratch:
            table, _ = self._write_measured(Path(scratch) / "measured.npy")
            checks, not_checked = against.of_dataset(self._folder, self._manifest, self._index, self._options, table)
            task = self._tasks(checks)[self.names.index(name)]
            shards = run(executor, validate_shard, [task], quiet)
        return self._outcome(shards, not_checked)

    def _check_whole(self) -> None:
        """Everything that is said of the dataset without its tars."""
        folder, manifest, index = self._folder, self._manifest, self._index
        self._add(file_checks.check_files(folder, manifest))
        if index is None:
            return
        self._add(file_checks.check_manifest(manifest, index))
        self._add(file_checks.check_ledger(folder, manifest, index))
        self._add(index_checks.check_parts(index))
        if file_checks.can_check_sidecars(manifest):
            self._add(file_checks.check_sidecars(folder, manifest, index))
        if self._options.num_ranks is not None:
            self._add(index_checks.check_balance(manifest, self._options.num_ranks, self._options.num_workers))

    def _check_model(self) -> None:
        if self._options.model is not None:
            self._add(model_checks.check_model(self._options.model, self._manifest))

    def _check_trainer(self) -> None:
        if self._options.trainer is not None:
            self._add(check_trainer(self._folder, self._options.trainer, self._options.model))

    def _read_index(self) -> pa.Table | None:
        """Mapped, once it is known that nothing in it leads out of it."""
        try:
            index = read_index(self._folder / INDEX_NAME)
            index.validate(full=True)
        except (ShardError, pa.ArrowException, ValueError) as error:
            self._add(iter([(INDEX_NAME, "index", str(error)[:300])]))
            return None
        return index

    def _write_measured(self, path: Path) -> tuple[Path | None, int | None]:
        try:
            return path, write_measured(self._folder, path)
        except ShardError as error:
            self._add(iter([("fingerprints", "fingerprints", str(error))]))
            return None, None

    def _tasks(self, checks: SampleChecks) -> list[ShardTask]:
        shards = self._manifest.shards
        firsts = list(accumulate((shard.num_rows for shard in shards), initial=0))
        if self._index is None or self._index.num_rows != firsts[-1]:
            paths = [self._folder / shard.name for shard in shards]
            return [ShardTask(path=str(path), checks=checks, listed=None, picked=None) for path in paths]
        parts, picked = index_checks.num_parts(self._index), self._picked(self._index)
        return [
            ShardTask(
                path=str(self._folder / shard.name),
                checks=checks,
                listed=Listed(entry=shard, first_sample=first, num_parts=parts[first : first + shard.num_rows]),
                picked=None if picked is None else _between(picked, first, first + shard.num_rows),
            )
            for shard, first in zip(shards, firsts, strict=False)
        ]

    def _picked(self, index: pa.Table) -> np.ndarray[tuple[int], np.dtype[np.int64]] | None:
        """Rows to look at, ascending: drawn at random, and the same every time."""
        wanted = self._options.sample
        there = np.flatnonzero(index["num_bytes"].to_numpy())
        if wanted is None or wanted >= len(there):
            return None
        return np.sort(np.random.default_rng(0).choice(there, wanted, replace=False))

    def _add(self, placed: Placed) -> None:
        for where, code, message in placed:
            self._findings.add([(code, message)], where)

    def _outcome(self, shards: Sequence[ShardOutcome], not_checked: tuple[str, ...]) -> Outcome:
        if not file_checks.can_check_sidecars(self._manifest):
            made = self._manifest.made_with.get("interleave", "?")
            not_checked += (f"files for other readers: interleave {made} wrote them, this is {__version__}",)
        if self._options.model is not None:
            not_checked += tuple(model_checks.not_checked(self._options.model, self._manifest))
        if self._options.sample is not None:
            not_checked += ("checksums of shards, and their sums: samples alone were looked at",)
        about_all = replace(
            _empty(not_checked), findings=tuple(self._findings.kept), counts=dict(self._findings.counts)
        )
        return join([about_all, *(shard.outcome for shard in shards)])


def _between(rows: np.ndarray[tuple[int], np.dtype[np.int64]], first: int, end: int) -> tuple[int, ...]:
    """Those in [first, end), counted from `first`."""
    low, high = np.searchsorted(rows, (first, end))
    return tuple((rows[low:high] - first).tolist())


def _empty(not_checked: tuple[str, ...]) -> Outcome:
    return Outcome(counts={}, not_checked=not_checked)
