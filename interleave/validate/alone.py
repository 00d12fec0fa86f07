"""Tars without a manifest: this project's own, and those of others."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from interleave.errors import ShardError
from interleave.executors import Executor
from interleave.validate import against
from interleave.validate.findings import Outcome, join
from interleave.validate.foreign import ForeignTask, is_foreign, validate_foreign
from interleave.validate.options import Options
from interleave.validate.run import run
from interleave.validate.shard import ShardTask, validate_shard


def tars_of(path: Path) -> list[Path]:
    """A tar; or the tars of a folder, where another project wrote the first of them. None of a dataset's folder."""
    if path.is_file():
        return [path]
    tars = sorted(path.rglob("*.tar"))
    return tars if tars and is_foreign(tars[0]) else []


def validate_alone(tars: Sequence[Path], executor: Executor, options: Options, quiet: bool) -> Outcome:
    """Each of these tars as far as it speaks for itself.

    Raises:
        ShardError: something was asked for that needs a manifest.
    """
    asked = {"--sample": options.sample, "--model": options.model, "--world": options.num_ranks}
    if needless := [name for name, value in asked.items() if value is not None]:
        raise ShardError(f"{tars[0]} stands alone, without index and manifest; leave out {', '.join(needless)}")
    foreign = {str(path): is_foreign(path) for path in tars}
    theirs = [ForeignTask(path=path, level=options.level) for path, is_other in foreign.items() if is_other]
    ours = [
        ShardTask(path=path, checks=against.of_tar(options.level), listed=None, picked=None)
        for path, is_other in foreign.items()
        if not is_other
    ]
    outcomes = [shard.outcome for shard in run(executor, validate_shard, ours, quiet)]
    if ours:
        outcomes.append(Outcome(counts={}, not_checked=(against.BY_ITSELF,)))
    return join([*outcomes, *run(executor, validate_foreign, theirs, quiet)])
