"""A mixture recipe: which datasets a model learns from, in what proportions. `build` and the loader read the same file.

mixture:
  by: tokens                # what weights are shares of: tokens | samples
  until: first              # an epoch ends where the first dataset is used up | all: goes on with the others
  set: {profile: vila-1.0}  # keys of all recipes
  datasets:
    mmc4: {recipe: mmc4.yaml, weight: 1, max_epochs: 1}
    coyo: {recipe: coyo.yaml, weight: 1, set: {source.top_share: 0.2}}
    text: {folder: ../shards/text, weight: 0.5, max_epochs: null}   # built elsewhere; null: again and again
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError, model_validator

from interleave.errors import RecipeError
from interleave.recipe_yaml import read_yaml, set_key
from interleave.settings import Settings

_WEIGHT = Annotated[float, Field(gt=0, strict=False)]


class MixtureDataset(Settings):
    """One dataset of a mixture."""

    recipe: str | None = None
    """The recipe that builds it, relative to the mixture's file."""

    folder: str | None = None
    """Where it lies, instead of a recipe: a sealed dataset, relative to the mixture's file, or its URL."""

    weight: _WEIGHT = 1.0
    """Its share is this over the sum of all weights."""

    max_epochs: Annotated[int, Field(ge=1)] | None = 1
    """How often it is used in one epoch of the mixture at most; null: again and again."""

    set: dict[str, Any] = Field(default_factory=dict)
    """Keys of its recipe, as `--set` has them: `{source.top_share: 0.2}`."""

    @model_validator(mode="after")
    def _check(self) -> MixtureDataset:
        if (self.recipe is None) == (self.folder is None):
            raise ValueError("give either `recipe` or `folder`")
        if self.folder is not None and self.set:
            raise ValueError("`set` is for a recipe; a folder is what it is")
        return self


class MixtureSettings(Settings):
    """What stands under `mixture`."""

    by: Literal["tokens", "samples"] = "tokens"
    """What weights are shares of."""

    until: Literal["first", "all"] = "first"
    """Whether an epoch ends where the first dataset is used up, or goes on with the others until each is."""

    set: dict[str, Any] = Field(default_factory=dict)
    """Keys of all its recipes: what makes the datasets suit one model."""

    datasets: Annotated[dict[str, MixtureDataset], Field(min_length=1)]
    """By name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MixturePart:
    """A dataset of a mixture, found."""

    name: str
    folder: str
    # Absolute, or a URL.
    weight: float
    max_epochs: int | None
    recipe: Path | None
    settings: Mapping[str, Any]
    # What builds it, with these keys set.


@dataclass(frozen=True, slots=True, kw_only=True)
class Mixture:
    """A mixture recipe, read."""

    by: Literal["tokens", "samples"]
    until: Literal["first", "all"]
    parts: tuple[MixturePart, ...]


def is_mixture(path: Path) -> bool:
    """Whether a recipe is that of a mixture. Raises RecipeError where it cannot be read."""
    return "mixture" in read_yaml(path)


def read_mixture(path: Path) -> Mixture:
    """Reads a mixture; of its recipes just where they put their datasets.

    Raises:
        RecipeError: names every fault with its place.
    """
    data = read_yaml(path)
    if extra := sorted(set(data) - {"mixture"}):
        raise RecipeError(f"{path}: beside `mixture` stands {extra[0]!r}; keys of recipes go under mixture.set")
    try:
        settings = MixtureSettings.model_validate(data.get("mixture"))
    except ValidationError as error:
        faults = [f"  {_explain(detail)}" for detail in error.errors(include_url=False)]
        raise RecipeError("\n".join([f"{path}: {len(faults)} fault(s) in the mixture", *faults])) from None
    parts = tuple(_part(path, name, dataset, settings.set) for name, dataset in settings.datasets.items())
    return Mixture(by=settings.by, until=settings.until, parts=parts)


def epochs_of_an_epoch(mixture: Mixture, amounts: Mapping[str, int]) -> dict[str, float]:
    """How often each dataset is used in one epoch of the mixture, about.

    amounts: tokens or samples of each, as `by` says. With weights 1 : 1, amounts 100 and 300, once at most:  1 and 1/3.
    """
    shares = {part.name: part.weight / sum(other.weight for other in mixture.parts) for part in mixture.parts}
    totals = [
        amounts[part.name] * part.max_epochs / shares[part.name]
        for part in mixture.parts
        if part.max_epochs is not None
    ]
    if not totals:
        return dict.fromkeys(amounts, float("inf"))
    total = min(totals) if mixture.until == "first" else max(totals)
    most = {part.name: part.max_epochs or float("inf") for part in mixture.parts}
    return {name: min(most[name], total * shares[name] / amounts[name]) for name in amounts}


def _part(path: Path, name: str, dataset: MixtureDataset, common: Mapping[str, Any]) -> MixturePart:
    base = path.absolute().parent
    settings = {**common, **dataset.set} if dataset.recipe else {}
    recipe = base / dataset.recipe if dataset.recipe else None
    folder = dataset.folder if recipe is None else _output(recipe, settings)
    if folder is not None and "://" not in folder:
        # Not Path.resolve(): as recipes do, so that both name one folder alike.
        folder = os.path.abspath((base if recipe is None else recipe.parent) / Path(folder).expanduser())  # noqa: PTH100
    assert folder is not None
    return MixturePart(
        name=name,
        folder=folder,
        weight=dataset.weight,
        max_epochs=dataset.max_epochs,
        recipe=recipe,
        settings=settings,
    )


def _output(recipe: Path, settings: Mapping[str, Any]) -> str:
    """Where a recipe puts its dataset; the part to learn from where it is split."""
    data = read_yaml(recipe)
    for name, value in settings.items():
        set_key(data, name, value, f"{recipe}: {name}")
    output = data.get("output")
    if not isinstance(output, str):
        raise RecipeError(f"{recipe}: output: missing, this key is required")
    return f"{output}/train" if data.get("splits") else output


def _explain(detail: Any) -> str:
    where = ".".join(map(str, detail["loc"])) or "mixture"
    if detail["type"] == "extra_forbidden":
        known = MixtureSettings if len(detail["loc"]) < 2 else MixtureDataset
        return f"mixture.{where}: unknown key; there are {', '.join(known.model_fields)}"
    return f"mixture.{where}: {detail['msg'].removeprefix('Value error, ')}"
