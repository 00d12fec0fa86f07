"""From a YAML file and `--set` overrides to a Recipe, or to all that is wrong with them at once."""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError
from pydantic_core import ErrorDetails

from interleave.errors import RecipeError
from interleave.recipe import Recipe
from interleave.settings import FromCommandLine

MAX_BYTES = 1_000_000
# Aliases let a small file stand for a huge tree ("billion laughs"): what is walked is bounded, not what is written.
MAX_NODES = 100_000
_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?\}")


def load_recipe(path: Path, overrides: Sequence[str] = ()) -> Recipe:
    """Reads a recipe.

    overrides: `a.b=VALUE`, VALUE a YAML scalar or flow list; paths in it are relative to the current folder.

    Raises:
        RecipeError: names every fault with its place, what was got, and what was expected.
    """
    data = _expand(_read(path), path)
    for override in overrides:
        _set(data, override)
    try:
        return Recipe.model_validate(data, context={"recipe_folder": path.absolute().parent})
    except ValidationError as error:
        faults = [f"  {_explain(detail)}" for detail in error.errors(include_url=False)]
        raise RecipeError("\n".join([f"{path}: {len(faults)} fault(s) in the recipe", *faults])) from None


class _Loader(yaml.SafeLoader):
    """SafeLoader that refuses a key given twice, of which YAML silently takes the last."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[str] = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode):
                if key.value in seen:
                    raise yaml.constructor.ConstructorError(None, None, f"key {key.value!r} twice", key.start_mark)
                seen.add(key.value)
        return super().construct_mapping(node, deep=deep)


def _read(path: Path) -> dict[str, Any]:
    try:
        if path.is_dir():
            raise RecipeError(f"{path} is a folder, expected a recipe (a YAML file)")
        with path.open("rb") as file:
            raw = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise RecipeError(f"cannot read the recipe {path}: {error.strerror}") from None
    if len(raw) > MAX_BYTES:
        raise RecipeError(f"{path} is larger than {MAX_BYTES:,} bytes: not a recipe")
    try:
        data = yaml.load(raw, _Loader)  # noqa: S506 - a SafeLoader with one more check
    except (yaml.YAMLError, UnicodeDecodeError, ValueError) as error:
        raise RecipeError(f"{path} is not YAML: {' '.join(str(error).split())}") from None
    except RecursionError:
        raise RecipeError(f"{path} is nested too deeply for a recipe") from None
    if not isinstance(data, dict):
        raise RecipeError(
            f"{path} holds {type(data).__name__}, expected a mapping with keys like `source` and `output`"
        )
    return data


def _expand(data: dict[str, Any], path: Path) -> dict[str, Any]:
    """Replaces `${NAME}` and `${NAME:-default}` in all strings by environment variables."""
    num_nodes = 0

    def replace(match: re.Match[str]) -> str:
        name, default = match.groups()
        value = os.environ.get(name, default)
        if value is None:
            raise RecipeError(f"{path}: ${{{name}}} is not set; export {name} or write ${{{name}:-default}}")
        return value

    def walk(value: Any) -> Any:
        nonlocal num_nodes
        num_nodes += 1
        if num_nodes > MAX_NODES:
            raise RecipeError(f"{path} unfolds to more than {MAX_NODES:,} values: not a recipe")
        if isinstance(value, str):
            return _VARIABLE.sub(replace, value)
        if isinstance(value, list):
            return [walk(item) for item in value]
        if isinstance(value, dict):
            return {str(key): walk(item) for key, item in value.items()}
        return value

    try:
        expanded = walk(data)
    except RecursionError:  # an anchor that contains itself
        raise RecipeError(f"{path} is nested too deeply for a recipe") from None
    assert isinstance(expanded, dict)
    return expanded


def _set(data: dict[str, Any], override: str) -> None:
    path, equals, text = override.partition("=")
    if not equals or not all(path.split(".")):
        raise RecipeError(f"--set {override}: expected KEY=VALUE, for example --set shards.multiple_of=8")
    try:
        value = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, RecursionError):
        raise RecipeError(f"--set {override}: the value is not a YAML scalar or list") from None
    *folders, name = path.split(".")
    place = data
    for folder in folders:
        if place.get(folder) is None:
            place[folder] = {}
        place = place[folder]
        if not isinstance(place, dict):
            raise RecipeError(f"--set {override}: {folder} is not a group of settings")
    place[name] = _from_command_line(value)


def _from_command_line(value: Any) -> Any:
    if isinstance(value, str):
        return FromCommandLine(value)
    if isinstance(value, list):
        return [_from_command_line(item) for item in value]
    if isinstance(value, dict):
        return {key: _from_command_line(item) for key, item in value.items()}
    return value


def _explain(detail: ErrorDetails) -> str:
    """One fault as a sentence: where, what is wrong, and the nearest valid name."""
    # Without pydantic's own names for the members of a union, as in `encode.context.constrained-int`.
    steps = [str(step) for step in _without_kind(detail["loc"]) if not re.search(r"[\[\]-]", str(step))]
    where = ".".join(steps) or "recipe"
    if detail["type"] == "extra_forbidden":
        return f"{where}: unknown key{_nearest(detail['loc'])}"
    if detail["type"] == "missing":
        return f"{where}: missing, this key is required"
    message = detail["msg"].removeprefix("Value error, ")
    if detail["type"] == "union_tag_invalid":
        context = detail.get("ctx", {})
        names = re.findall(r"'([^']+)'", str(context.get("expected_tags", "")))
        return f"{where}: unknown kind {context.get('tag')!r}{_suggest(str(context.get('tag')), names)}"
    got = (
        "" if detail["type"] == "value_error" and isinstance(detail["input"], dict | Recipe) else _show(detail["input"])
    )
    return f"{where}: {message}{got}"


def _without_kind(location: tuple[int | str, ...]) -> tuple[int | str, ...]:
    """`(source, mmc4, path)` is `(source, path)` in the recipe: the kind is pydantic's way through the union."""
    place = {"source": 1, "sources": 2, "scores": 2}.get(str(location[0]), len(location)) if location else 0
    return location[:place] + location[place + 1 :]


def _show(value: Any) -> str:
    text = repr(str(value) if isinstance(value, str) else value)
    return f" (got {text if len(text) <= 80 else text[:77] + '...'})"


def _nearest(location: tuple[int | str, ...]) -> str:
    schema = Recipe.model_json_schema()
    definitions = schema.get("$defs", {})
    candidates = [schema]
    for step in location[:-1]:
        candidates = [
            target for candidate in candidates for target in _descend(candidate, step, definitions)
        ] or candidates
    names = [name for candidate in candidates for name in candidate.get("properties", {})]
    return _suggest(str(location[-1]), names)


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


def _suggest(name: str, names: Sequence[str]) -> str:
    close = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
    if close:
        return f"; did you mean {close[0]!r}?"
    return f"; there are {', '.join(sorted(set(names)))}" if names else ""
