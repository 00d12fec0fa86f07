"""From a YAML file and `--set` overrides to a Recipe, or to all that is wrong with them at once."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from interleave.recipe import Recipe
from interleave.recipe_yaml import override, read_yaml, refusal, set_key, show, suggest


def load_recipe(path: Path, overrides: Sequence[str] = (), settings: Mapping[str, Any] | None = None) -> Recipe:
    """Reads a recipe.

    overrides: `a.b=VALUE`, VALUE a YAML scalar or flow list; paths in it are relative to the current folder.
    settings: the same as values by dotted key, as a mixture sets them.

    Raises:
        RecipeError: names the faults with their places, what was got, and what was expected.
    """
    data = read_yaml(path)
    for name, value in (settings or {}).items():
        set_key(data, name, value, f"{path}: {name}")
    for words in overrides:
        override(data, words)
    try:
        return Recipe.model_validate(data, context={"recipe_folder": path.absolute().parent})
    except ValidationError as error:
        raise refusal(path, "recipe", error, _explain) from None


def _explain(detail: ErrorDetails) -> str:
    """One fault as a sentence: where, what is wrong, and the nearest valid name."""
    # Without pydantic's own names for the members of a union, as in `encode.context.constrained-int`.
    steps = [str(step) for step in _without_kind(detail["loc"]) if not re.search(r"[\[\]-]", str(step))]
    where = ".".join(steps) or "recipe"
    if detail["type"] == "extra_forbidden":
        return f"{where}: unknown key{_nearest(detail['loc'])}"
    if detail["type"] == "missing":
        return f"{where}: missing, this key is required"
    # YAML has lists, not tuples.
    message = detail["msg"].removeprefix("Value error, ").replace("a valid tuple", "a list")
    if detail["type"] == "union_tag_invalid":
        context = detail.get("ctx", {})
        names = re.findall(r"'([^']+)'", str(context.get("expected_tags", "")))
        return f"{where}: unknown kind {context.get('tag')!r}{suggest(str(context.get('tag')), names)}"
    got = (
        "" if detail["type"] == "value_error" and isinstance(detail["input"], dict | Recipe) else show(detail["input"])
    )
    return f"{where}: {message}{got}"


def _without_kind(location: tuple[int | str, ...]) -> tuple[int | str, ...]:
    """`(source, mmc4, path)` is `(source, path)` in the recipe: the kind is pydantic's way through the union."""
    place = {"source": 1, "sources": 2, "scores": 2}.get(str(location[0]), len(location)) if location else 0
    return location[:place] + location[place + 1 :]


def _nearest(location: tuple[int | str, ...]) -> str:
    schema = _schema()
    definitions = schema.get("$defs", {})
    candidates = [schema]
    for step in location[:-1]:
        candidates = [
            target for candidate in candidates for target in _descend(candidate, step, definitions)
        ] or candidates
    names = [name for candidate in candidates for name in candidate.get("properties", {})]
    return suggest(str(location[-1]), names)


@cache
def _schema() -> dict[str, Any]:
    """Made once, not for each fault: a tenth of a second."""
    return Recipe.model_json_schema()


def _descend(schema: dict[str, Any], step: int | str, definitions: dict[str, Any]) -> list[dict[str, Any]]:
    """The schemas that one step of an error's location can stand for."""
    target = schema.get("properties", {}).get(step) if isinstance(step, str) else schema
    if target is None:  # the tag of a union: stay
        return [schema] if schema.get("properties", {}).get("kind", {}).get("const") == step else []
    found: list[dict[str, Any]] = []
    queue = [target]
    while queue:
        item = queue.pop()
        if "$ref" in item:
            item = definitions[item["$ref"].rsplit("/", 1)[-1]]
        queue.extend(item.get("anyOf", []) + item.get("oneOf", []) + ([item["items"]] if "items" in item else []))
        if "properties" in item and item is not target:
            found.append(item)
    return found or [target]
