"""What a validation looks at."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from interleave.validate.level import Level
from interleave.validate.trainers.known import Trainer


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How closely, and at how much."""

    level: Level = Level.FULL
    sample: int | None = None
    # Samples of a dataset to look at, drawn at random; None: all.
    num_ranks: int | None = None
    num_workers: int = 1
    # Readers that shards are to be dealt out to: ranks, and workers of each; None: not asked for.
    model: Path | None = None
    # Folder of the model that is to be trained; None: not asked for.
    trainer: Trainer | None = None
    # Whose loader and collator are to make batches; None: not asked for.
