"""What a loader was asked to read: a dataset, several with weights, or a mixture recipe."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from interleave import alike
from interleave.mixture import Mixture, read_mixture
from interleave.stream.mix import Part
from interleave.stream.reader import DatasetReader

Data = str | Path | Part | Sequence[str | Path | Part]
_MIXTURES = (".yaml", ".yml")


def mixture_of(data: Data) -> Mixture | None:
    """The mixture recipe that was given, if it is one.

    Raises:
        RecipeError: it is no mixture, or a faulty one.
    """
    if not isinstance(data, str | Path) or Path(data).suffix not in _MIXTURES:
        return None
    return read_mixture(Path(data))


def parts_of(data: Data, mixture: Mixture | None) -> list[Part]:
    """The datasets.

    Raises:
        ValueError: there is none, or a weight or a number of epochs is impossible.
    """
    if mixture is not None:
        return [Part(part.folder, part.weight, part.max_epochs) for part in mixture.parts]
    given = [data] if isinstance(data, str | Path | Part) else list(data)
    parts = [item if isinstance(item, Part) else Part(item) for item in given]
    if not parts:
        raise ValueError("no dataset is given, expected a folder, or a list of folders or Parts")
    for part in parts:
        if not 0 < part.weight < float("inf"):
            raise ValueError(f"the weight of {part.folder} is {part.weight}, expected a positive number")
        if part.max_epochs is not None and part.max_epochs < 1:
            raise ValueError(f"max_epochs of {part.folder} is {part.max_epochs}, expected 1 or more, or None")
    return parts


def check_alike(readers: Sequence[DatasetReader]) -> None:
    """Refuses datasets that no one model can learn from.

    Raises:
        ShardError: tokenizers, what an image is among the ids, or contexts differ.
    """
    alike.check_alike({str(reader.folder): reader.manifest for reader in readers})
