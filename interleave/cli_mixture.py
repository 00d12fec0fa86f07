"""What `build` and `recipe check` do with a mixture: each of its recipes, then what they amount to together."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from interleave.errors import RecipeError

if TYPE_CHECKING:
    from interleave.mixture import Mixture
    from interleave.shard.manifest import Manifest


def build_mixture(path: Path, *, num_workers: int, fresh: bool, as_json: bool) -> None:
    """Builds the datasets of a mixture that have recipes, one after another, and says what they amount to.

    Raises:
        RecipeError: a dataset that is built elsewhere is not there, or datasets are for different models.
    """
    from rich.console import Console

    from interleave.flow import build
    from interleave.mixture import read_mixture
    from interleave.recipe_file import load_recipe
    from interleave.report_text import print_report

    mixture = read_mixture(path)
    # All of them are read before any is built.
    recipes = [load_recipe(part.recipe, settings=part.settings) if part.recipe else None for part in mixture.parts]
    console = Console()
    for part, recipe in zip(mixture.parts, recipes, strict=True):
        if recipe is not None:
            if not as_json:
                console.rule(part.name)
            report = build(recipe, num_workers=num_workers, fresh=fresh, quiet=as_json)
            if not as_json:
                print_report(report, console)
    _show(mixture, path, as_json=as_json)


def check_mixture(path: Path) -> None:
    """Checks each recipe of a mixture, and that their models are one.

    Raises:
        RecipeError: names what is wrong.
    """
    from interleave.flow import model_of
    from interleave.mixture import read_mixture
    from interleave.recipe_file import load_recipe

    mixture = read_mixture(path)
    models = {}
    for part in mixture.parts:
        if part.recipe is None:
            typer.echo(f"{part.name}: {part.folder}, built elsewhere")
            continue
        recipe = load_recipe(part.recipe, settings=part.settings)
        models[part.name] = model_of(recipe)
        typer.echo(f"{part.name}: {part.recipe} is sound; output {part.folder}")
    first, *others = models or [""]
    for other in others:
        one, two = models[first], models[other]
        if (one.image, one.tokenizer_name) != (two.image, two.tokenizer_name):
            raise RecipeError(
                f"{path}: {first} is for {one.image.profile} with {one.tokenizer_name}, {other} is for "
                f"{two.image.profile} with {two.tokenizer_name}; set both under mixture.set"
            )


def _show(mixture: Mixture, path: Path, *, as_json: bool) -> None:
    import orjson

    from interleave.mixture import epochs_of_an_epoch
    from interleave.shard.manifest import read_manifest

    # What lies elsewhere is not opened here.
    parts = [part for part in mixture.parts if "://" not in part.folder]
    manifests = {part.name: read_manifest(Path(part.folder)) for part in parts}
    _check_alike(manifests, path)
    amounts = {name: getattr(found, f"num_{mixture.by}") for name, found in manifests.items()}
    epochs = epochs_of_an_epoch(mixture, amounts) if len(parts) == len(mixture.parts) else {}
    total = sum(part.weight for part in mixture.parts)
    rows = [
        {
            "dataset": part.name,
            "samples": manifests[part.name].num_samples,
            "images": manifests[part.name].num_images,
            "tokens": manifests[part.name].num_tokens,
            "share": part.weight / total,
            "epochs": epochs.get(part.name),
        }
        for part in parts
    ]
    if as_json:
        found = {"by": mixture.by, "until": mixture.until, "datasets": rows}
        typer.echo(orjson.dumps(found, option=orjson.OPT_INDENT_2))
        return
    typer.echo(f"\n{path}: shares of {mixture.by}; an epoch goes on until {_END[mixture.until]}")
    typer.echo(f"{'dataset':<16}{'samples':>12}{'images':>12}{'tokens':>16}{'share':>8}{'epochs':>8}")
    for row in rows:
        used = "?" if row["epochs"] is None else f"{row['epochs']:.2f}"
        counts = f"{row['samples']:>12,}{row['images']:>12,}{row['tokens']:>16,}"
        typer.echo(f"{row['dataset']:<16}{counts}{row['share']:>8.1%}{used:>8}")


_END = {"first": "the first dataset is used up", "all": "each dataset is used up"}


def _check_alike(manifests: dict[str, Manifest], path: Path) -> None:
    first, *others = manifests
    for other in others:
        one, two = manifests[first], manifests[other]
        if one.tokenizer.sha256 != two.tokenizer.sha256 or one.model.image != two.model.image:
            raise RecipeError(
                f"{path}: {first} was built for {one.model.profile} with {one.tokenizer.name}, {other} for "
                f"{two.model.profile} with {two.tokenizer.name}; build both for one model"
            )
