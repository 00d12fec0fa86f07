"""The first batches of a trainer, made by its real loader and collator, and looked at as a model would."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from interleave.errors import ShardError
from interleave.shard.manifest import MANIFEST_NAME
from interleave.validate.file_checks import Placed
from interleave.validate.trainers.known import Trainer

# Of a module whose package has another name.
_PACKAGES = {"megatron": "megatron-energon", "torch": "'interleave-vlm[torch]'"}
# Batches, or with Energon samples, that are made.
NUM_BATCHES, NUM_SAMPLES = 8, 32


def check_trainer(folder: Path, trainer: Trainer, model: Path | None) -> Placed:
    """What is wrong with the batches that a trainer would begin with.

    model: folder of the model, whose image processor is used; None: one as its family has it.

    Raises:
        ShardError: what the trainer needs is not installed, or the model's folder has no image processor.
    """
    where = f"{folder / MANIFEST_NAME} (--trainer {trainer})"
    try:
        yield from ((where, "trainer", message) for message in _messages(folder, trainer, model))
    except ValueError as error:  # as collators refuse a dataset for another model
        yield where, "trainer", str(error)
    except ModuleNotFoundError as error:
        package = _PACKAGES.get(str(error.name).partition(".")[0], error.name)
        raise ShardError(f"--trainer {trainer} needs `pip install {package}`") from None


def _messages(folder: Path, trainer: Trainer, model: Path | None) -> Iterator[str]:
    if trainer is Trainer.ENERGON:
        from interleave.validate.trainers.energon import check_samples

        return check_samples(folder, NUM_SAMPLES)
    from interleave.validate.trainers.batches import check_batches

    return check_batches(folder, trainer, model, NUM_BATCHES)
