"""The state of a loader: a few numbers that JSON and torch.save can hold; and what it refuses to go on from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from interleave.errors import ShardError
from interleave.stream.batches import Position
from interleave.stream.mix import Cursor, Part
from interleave.stream.plan import PlanSettings
from interleave.stream.reader import DatasetReader

STATE_VERSION = 3


class States:
    """Writes and reads the states of one loader: what its order depends on is in them."""

    def __init__(self, readers: Sequence[DatasetReader], parts: Sequence[Part], settings: PlanSettings) -> None:
        tokenizer = readers[0].manifest.tokenizer
        self._names = [reader.manifest.name for reader in readers]
        self._same: dict[str, Any] = {
            "version": STATE_VERSION,
            "tokenizer": f"{tokenizer.name} {tokenizer.sha256[:16]}",
            "datasets": [reader.digest for reader in readers],
            "weights": [part.weight for part in parts],
            "max_epochs": [part.max_epochs for part in parts],
            "mix_by": settings.mix_by,
            "until": settings.until,
            "seed": settings.seed,
            "shuffle": settings.shuffle,
            "block_size": settings.block_size,
            "seq_len": settings.seq_len,
            "window": settings.window,
            "max_images": settings.max_images,
            "packing": settings.packing,
            # Packed rows come in one order whatever the batch.
            "batch_size": None if settings.packing else settings.batch_size,
            "batch_tokens": settings.batch_tokens,
            "batch_images": settings.batch_images,
            "batch_pixels": settings.batch_pixels,
        }

    def write(self, epoch: int, position: Position) -> dict[str, Any]:
        cursors = [list(cursor) for cursor in position.cursors]
        return {**self._same, "epoch": epoch, "cursors": cursors, "num_taken": position.num_taken}

    def read(self, state: Mapping[str, Any]) -> tuple[int, Position]:
        """The epoch and the place that a state says.

        Raises:
            ShardError: it is of other datasets, another tokenizer, or settings that make another order.
        """
        for name, expected in self._same.items():
            if state.get(name) != expected:
                of = f" ({', '.join(self._names)})" if name == "datasets" else ""
                raise ShardError(
                    f"the state to resume has {name} = {state.get(name)!r}, this loader has {expected!r}{of}"
                )
        place = (state.get("epoch"), state.get("num_taken"), state.get("cursors"))
        cursors = [cursor for cursor in place[2] or () if _is_counts(cursor, len(Cursor._fields))]
        if not _is_counts(place[:2], 2) or len(cursors) != len(self._names):
            raise ShardError(
                f"the state to resume has epoch, num_taken and cursors {place}, expected two counts and "
                f"{len(self._names)} lists of {len(Cursor._fields)} counts"
            )
        return int(state["epoch"]), Position(tuple(Cursor(*cursor) for cursor in cursors), int(state["num_taken"]))


def _is_counts(values: object, number: int) -> bool:
    return (
        isinstance(values, list | tuple)
        and len(values) == number
        and all(type(value) is int and value >= 0 for value in values)
    )
