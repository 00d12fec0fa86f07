"""YAML as recipes have it: strict, bounded, with environment variables and overrides."""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from interleave.errors import RecipeError
from interleave.settings import FromCommandLine

if TYPE_CHECKING:
    from pydantic import ValidationError
    from pydantic_core import ErrorDetails

MAX_BYTES = 1_000_000
# Aliases let a small file stand for a huge tree ("billion laughs"): what is walked is bounded, not what is written.
MAX_NODES = 100_000
# Faults of one file.
_MOST_SHOWN = 100
_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?\}")


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


def read_yaml(path: Path, only: Collection[str] | None = None) -> dict[str, Any]:
    """A file's mapping, `${NAME}` and `${NAME:-default}` in it replaced by environment variables.

    only: these keys of the whole; variables of others need not be set.

    Raises:
        RecipeError: it cannot be read, is no YAML, or is no mapping.
    """
    data = _read(path)
    return _expand(data if only is None else {key: data[key] for key in only if key in data}, path)


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


def override(data: dict[str, Any], words: str) -> None:
    """Sets what `--set` says.

    words: `a.b=VALUE`, VALUE a YAML scalar or flow list.

    Raises:
        RecipeError: they are no such words, or lead through something that is no group of settings.
    """
    path, equals, text = words.partition("=")
    if not equals or not all(path.split(".")):
        raise RecipeError(f"--set {words}: expected KEY=VALUE, for example --set shards.multiple_of=8")
    try:
        value = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, RecursionError):
        raise RecipeError(f"--set {words}: the value is not a YAML scalar or list") from None
    set_key(data, path, _from_command_line(value), f"--set {words}")


def set_key(data: dict[str, Any], path: str, value: Any, asked: str) -> None:
    """Sets the value at `a.b.c`; groups on the way are made.

    asked: how to name in a message what asked for it.
    """
    *folders, name = path.split(".")
    place = data
    for folder in folders:
        if place.get(folder) is None:
            place[folder] = {}
        place = place[folder]
        if not isinstance(place, dict):
            raise RecipeError(f"{asked}: {folder} is not a group of settings")
    place[name] = value


def _from_command_line(value: Any) -> Any:
    if isinstance(value, str):
        return FromCommandLine(value)
    if isinstance(value, list):
        return [_from_command_line(item) for item in value]
    if isinstance(value, dict):
        return {key: _from_command_line(item) for key, item in value.items()}
    return value


def refusal(path: Path, kind: str, error: ValidationError, explain: Callable[[ErrorDetails], str]) -> RecipeError:
    """All that is wrong with a file, a line a fault; of very many the first ones."""
    number = error.error_count()
    lines = [f"{path}: {number} fault(s) in the {kind}"]
    lines += [f"  {explain(detail)}" for detail in error.errors(include_url=False)[:_MOST_SHOWN]]
    if number > _MOST_SHOWN:
        lines.append(f"  and {number - _MOST_SHOWN:,} more")
    return RecipeError("\n".join(lines))


def suggest(name: str, names: Sequence[str]) -> str:
    """The end of a message about an unknown name: the nearest one, or all there are."""
    close = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
    if close:
        return f"; did you mean {close[0]!r}?"
    return f"; there are {', '.join(sorted(set(names)))}" if names else ""


def show(value: Any) -> str:
    """The end of a message about a value that was not expected."""
    text = repr(str(value) if isinstance(value, str) else value)
    return f" (got {text if len(text) <= 80 else text[:77] + '...'})"
