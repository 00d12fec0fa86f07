"""What `build` and `recipe check` do with a mixture: each of its recipes, then what they amount to together."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from math import inf, isclose, isinf
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from interleave.errors import InterleaveError, RecipeError

if TYPE_CHECKING:
    from rich.table import Table

    from interleave.mixture import Mixture, MixturePart
    from interleave.recipe import Recipe
    from interleave.report import Report
    from interleave.shard.manifest import Manifest


@dataclass(frozen=True, slots=True, kw_only=True)
class MixtureLine:
    """A dataset's line in the summary. None: it is not on this machine, or another one is not."""

    dataset: str
    folder: str
    num_samples: int | None
    num_images: int | None
    num_tokens: int | None
    weight: float
    share: float
    epochs: float | None
    # Of it in one of the mixture; None: without end, too.
    end: str


def build_mixture(path: Path, overrides: Sequence[str], build: Callable[[Recipe], Report], *, as_json: bool) -> None:
    """Builds the datasets of a mixture that have recipes, one after another, and says what they amount to.

    build: builds one of them.

    Raises:
        RecipeError: recipes are faulty, or for different models; nothing was built.
        TaskError: a build was not finished; run again to go on.
        ShardError: a dataset that is built elsewhere is not there, or is for another model.
    """
    from rich.console import Console

    from interleave.mixture import read_mixture
    from interleave.report_text import print_report

    mixture = read_mixture(path, overrides)
    recipes = _recipes(path, mixture)
    _check_models(path, recipes)
    console = Console()
    reports: dict[str, Report] = {}
    for part in mixture.parts:
        if not as_json:
            said = f"{part.name}: {part.recipe or f'{part.folder}, built elsewhere'}"
            console.print(said, style="bold", highlight=False, soft_wrap=True)
        if part.name not in recipes:
            continue
        try:
            report = build(recipes[part.name])
        except InterleaveError as error:
            raise type(error)(f"{part.name}: {error}") from error
        reports[part.name] = report
        if not as_json:
            print_report(report, console)
            console.print()
    _show(path, mixture, reports, as_json=as_json)


def check_mixture(path: Path, overrides: Sequence[str]) -> None:
    """Checks each recipe of a mixture, and that their models are one.

    Raises:
        RecipeError: names everything that is wrong.
    """
    from interleave.mixture import read_mixture

    mixture = read_mixture(path, overrides)
    recipes = _recipes(path, mixture)
    _check_models(path, recipes)
    for part in mixture.parts:
        if part.recipe is None:
            typer.echo(f"{part.name}: {part.folder}, built elsewhere")
        else:
            said = f"sound; recipe hash {recipes[part.name].hash()[:16]}, output {recipes[part.name].output}"
            typer.echo(f"{part.name}: {part.recipe}: {said}")
    typer.echo(f"{path}: sound; shares of {mixture.by}, until {_END[mixture.until]}")


_END = {"first": "the first dataset is used up", "all": "each dataset is used up"}


def _recipes(path: Path, mixture: Mixture) -> dict[str, Recipe]:
    """The recipes by dataset; all are read before any is built, and all that is wrong with them is said at once."""
    from interleave.recipe_file import load_recipe

    found, faults = {}, []
    for part in mixture.parts:
        if part.recipe is not None:
            try:
                found[part.name] = load_recipe(part.recipe, part.overrides, part.settings)
            except RecipeError as error:
                faults.append(f"{part.name}: {error}")
    if faults:
        raise RecipeError("\n".join([f"{path}: {len(faults)} recipe(s) of the mixture are faulty", *faults]))
    return found


def _check_models(path: Path, recipes: Mapping[str, Recipe]) -> None:
    from interleave.alike import IdsFor, unlike
    from interleave.flow import model_of

    models = {}
    for name, recipe in recipes.items():
        try:
            model = model_of(recipe)
        except RecipeError as error:
            raise RecipeError(f"{name}: {error}") from error
        models[name] = IdsFor(
            tokenizer=model.tokenizer_name,
            tokenizer_sha256=model.tokenizer_sha256,
            image=model.image,
        )
    if models and (sentence := unlike(models)):
        raise RecipeError(f"{path}: {sentence}, for example under mixture.set")


def _show(path: Path, mixture: Mixture, reports: Mapping[str, Report], *, as_json: bool) -> None:
    import orjson
    from rich.console import Console

    from interleave.alike import check_alike
    from interleave.shard.manifest import read_manifest

    manifests = {part.name: read_manifest(Path(part.folder)) for part in mixture.parts if not part.is_remote}
    if manifests:
        check_alike(manifests)
    lines = _lines(mixture, manifests)
    if as_json:
        plain = {
            "by": mixture.by,
            "until": mixture.until,
            "datasets": [asdict(line) for line in lines],
            "reports": {name: asdict(report) for name, report in reports.items()},
        }
        typer.echo(orjson.dumps(plain, option=orjson.OPT_INDENT_2))
        return
    console = Console()
    title = f"{path}: shares of {mixture.by}, until {_END[mixture.until]}"
    console.print(title, style="italic", highlight=False, soft_wrap=True)
    console.print(_table(lines), soft_wrap=True)
    console.print(_last_line(mixture, lines), highlight=False, soft_wrap=True)


def _lines(mixture: Mixture, manifests: Mapping[str, Manifest]) -> list[MixtureLine]:
    from interleave.mixture import epochs_of_an_epoch

    amounts = {
        name: found.num_tokens if mixture.by == "tokens" else found.num_samples for name, found in manifests.items()
    }
    is_known = len(amounts) == len(mixture.parts) and all(amounts.values())
    epochs = epochs_of_an_epoch(mixture, amounts) if is_known else {}
    return [_line(part, mixture, manifests.get(part.name), epochs.get(part.name)) for part in mixture.parts]


def _line(part: MixturePart, mixture: Mixture, manifest: Manifest | None, epochs: float | None) -> MixtureLine:
    return MixtureLine(
        dataset=part.name,
        folder=part.folder,
        num_samples=manifest.num_samples if manifest else None,
        num_images=manifest.num_images if manifest else None,
        num_tokens=manifest.num_tokens if manifest else None,
        weight=part.weight,
        share=part.weight / sum(other.weight for other in mixture.parts),
        epochs=None if epochs == inf else epochs,
        end=_end(part, epochs, mixture),
    )


def _end(part: MixturePart, epochs: float | None, mixture: Mixture) -> str:
    """Where a dataset ends in an epoch of the mixture."""
    if epochs is None:
        return "?"
    if isinf(epochs):
        return "never"
    if part.max_epochs is not None and isclose(epochs, part.max_epochs):
        return "used up: ends the epoch" if mixture.until == "first" else "used up"
    return "with the epoch" if part.max_epochs is None else f"{epochs / part.max_epochs:.1%} used"


def _table(lines: Iterable[MixtureLine]) -> Table:
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    table.add_column("dataset")
    for name in ("samples", "images", "tokens", "weight", "share", "epochs"):
        table.add_column(name, justify="right")
    table.add_column("end")
    for line in lines:
        numbers = (line.num_samples, line.num_images, line.num_tokens)
        table.add_row(
            line.dataset,
            *("?" if number is None else f"{number:,}" for number in numbers),
            f"{line.weight:g}",
            f"{line.share:.1%}",
            "" if line.epochs is None else f"{line.epochs:.2f}",
            line.end,
        )
    return table


def _last_line(mixture: Mixture, lines: Sequence[MixtureLine]) -> str:
    remote = [line.dataset for line in lines if line.num_samples is None]
    if remote:
        return f"Not on this machine, so not counted: {', '.join(remote)}."
    if any(line.epochs is None for line in lines):
        return "An epoch of the mixture has no end: every dataset is repeated; give one of them max_epochs."
    amounts = [(line.num_tokens, line.num_samples)[mixture.by == "samples"] or 0 for line in lines]
    total = sum(amount * (line.epochs or 0) for amount, line in zip(amounts, lines, strict=True))
    return f"An epoch of the mixture is about {total:,.0f} {mixture.by}."
