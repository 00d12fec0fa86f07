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

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, Field, ValidationError, model_validator

from interleave.errors import RecipeError
from interleave.recipe_yaml import override, read_yaml, refusal, set_key, show, suggest
from interleave.settings import Location, OptionalLocation, Settings, resolve_location_or_url

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

By = Literal["tokens", "samples"]
Until = Literal["first", "all"]


class MixtureDataset(Settings):
    """One dataset of a mixture."""

    recipe: OptionalLocation = None
    """The recipe that builds it."""

    folder: Annotated[str | None, BeforeValidator(resolve_location_or_url)] = None
    """Where it lies, in place of a recipe: the folder or the URL of a sealed dataset."""

    weight: Annotated[float, Field(gt=0)] = 1.0
    """Its share is this over the sum of all weights."""

    max_epochs: Annotated[int, Field(ge=1)] | None = 1
    """How often it is used in one epoch of the mixture at most. null: again and again."""

    set: dict[str, Any] = Field(default_factory=dict)
    """Keys of its recipe, as `--set` has them: `{source.top_share: 0.2}`. They come before `mixture.set`."""

    @model_validator(mode="after")
    def _check(self) -> MixtureDataset:
        if (self.recipe is None) == (self.folder is None):
            raise ValueError("give either `recipe` or `folder`")
        if self.folder is not None and self.set:
            raise ValueError("`set` is for a recipe; a folder is what it is")
        _check_keys(self.set)
        return self


class MixtureSettings(Settings):
    """What stands under `mixture`."""

    by: By = "tokens"
    """What weights are shares of."""

    until: Until = "first"
    """Whether an epoch ends where the first dataset is used up, so that proportions hold throughout, or goes on until
    each is."""

    set: dict[str, Any] = Field(default_factory=dict)
    """Keys of all its recipes: what makes the datasets suit one model. Paths are as if they stood in each recipe."""

    datasets: Annotated[
        dict[Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]{0,31}$")], MixtureDataset], Field(min_length=1)
    ]
    """The datasets by name."""

    @model_validator(mode="after")
    def _check(self) -> MixtureSettings:
        _check_keys(self.set)
        if "mixture" in self.datasets:
            raise ValueError("a dataset cannot be called `mixture`")
        return self


class MixtureFile(Settings):
    """A mixture recipe. Paths in it are relative to it."""

    mixture: MixtureSettings
    """Several datasets and their shares."""


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
    overrides: tuple[str, ...]
    # What builds it, with these keys set, then with these of the command line.

    @property
    def is_remote(self) -> bool:
        return "://" in self.folder


@dataclass(frozen=True, slots=True, kw_only=True)
class Mixture:
    """A mixture recipe, read."""

    by: By
    until: Until
    parts: tuple[MixturePart, ...]


def is_mixture(path: Path) -> bool:
    """Whether a recipe is that of a mixture.

    Raises:
        RecipeError: it cannot be read.
    """
    return bool(read_yaml(path, only=["mixture"]))


def read_mixture(path: Path, overrides: Sequence[str] = ()) -> Mixture:
    """Reads a mixture; of its recipes just where they put their datasets, so that loading needs nothing that builds.

    overrides: `mixture.by=samples` is the mixture's own, `NAME.output=...` of the recipe of the dataset NAME, any other
        key of all recipes.

    Raises:
        RecipeError: names every fault with its place.
    """
    data = read_yaml(path)
    if "mixture" not in data:
        raise RecipeError(
            f"{path} is no mixture: it has no key `mixture`; of one recipe give the folder that it builds"
        )
    own = [words for words in overrides if words.startswith("mixture.")]
    for words in own:
        override(data, words)
    try:
        settings = MixtureFile.model_validate(data, context={"recipe_folder": path.absolute().parent}).mixture
    except ValidationError as error:
        raise refusal(path, "mixture", error, _explain) from None
    others = [words for words in overrides if words not in own]
    parts = [_part(settings, name, _overrides_of(name, settings, others)) for name in settings.datasets]
    _check_folders(path, parts)
    return Mixture(by=settings.by, until=settings.until, parts=tuple(parts))


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


def _part(settings: MixtureSettings, name: str, overrides: tuple[str, ...]) -> MixturePart:
    dataset = settings.datasets[name]
    recipe = Path(dataset.recipe) if dataset.recipe else None
    keys = {**settings.set, **dataset.set} if recipe else {}
    folder = _output(recipe, keys, overrides) if recipe else dataset.folder
    assert folder is not None
    return MixturePart(
        name=name,
        folder=folder,
        weight=dataset.weight,
        max_epochs=dataset.max_epochs,
        recipe=recipe,
        settings=keys,
        overrides=overrides,
    )


def _overrides_of(name: str, settings: MixtureSettings, overrides: Sequence[str]) -> tuple[str, ...]:
    """What the command line says of one dataset's recipe: first for all of them, then for it alone."""
    own = [words for words in overrides if words.startswith(f"{name}.")]
    if settings.datasets[name].recipe is None:
        if own:
            raise RecipeError(f"--set {own[0]}: {name} has no recipe in the mixture")
        return ()
    common = [words for words in overrides if words.partition(".")[0] not in settings.datasets]
    return (*common, *(words.removeprefix(f"{name}.") for words in own))


class _Output(BaseModel):
    """What a loader asks of a recipe."""

    output: Location
    splits: dict[str, Any] | None = None


def _output(recipe: Path, settings: Mapping[str, Any], overrides: Sequence[str]) -> str:
    """Where a recipe puts its dataset; the part to learn from where it is split."""
    if is_mixture(recipe):
        raise RecipeError(f"{recipe} is a mixture itself; name its datasets in this one")
    data = read_yaml(recipe, only=["output", "splits"])
    for name, value in settings.items():
        set_key(data, name, value, f"{recipe}: {name}")
    for words in overrides:
        override(data, words)
    try:
        found = _Output.model_validate(data, context={"recipe_folder": recipe.parent})
    except ValidationError as error:
        raise RecipeError(f"{recipe}: {_sentence(error.errors(include_url=False)[0])}") from None
    return f"{found.output}/train" if found.splits else found.output


def _check_folders(path: Path, parts: Sequence[MixturePart]) -> None:
    """Each dataset is another one: of two recipes with one output the second would take the place of the first."""
    seen: dict[str, str] = {}
    for part in parts:
        if (other := seen.setdefault(part.folder, part.name)) != part.name:
            raise RecipeError(
                f"{path}: {other} and {part.name} both lie in {part.folder}; give one of them an `output` of its own, "
                f"for example under mixture.datasets.{part.name}.set"
            )


def _check_keys(settings: Mapping[str, Any]) -> None:
    for key in settings:
        if not all(key.split(".")):
            raise ValueError(f"set: {key!r} is no key; expected one like shards.multiple_of")


def _explain(detail: ErrorDetails) -> str:
    if detail["type"] != "extra_forbidden":
        return _sentence(detail)
    *place, name = map(str, detail["loc"])
    if not place:
        return f"{name}: stands beside `mixture`; keys of recipes go under mixture.set"
    known = MixtureSettings if len(place) == 1 else MixtureDataset
    return f"{'.'.join([*place, name])}: unknown key{suggest(name, list(known.model_fields))}"


def _sentence(detail: ErrorDetails) -> str:
    where = ".".join(str(step) for step in detail["loc"] if step != "[key]")
    if detail["type"] == "missing":
        return f"{where}: missing, this key is required"
    got = "" if isinstance(detail["input"], dict | BaseModel) else show(detail["input"])
    return f"{where}: {detail['msg'].removeprefix('Value error, ')}{got}"
