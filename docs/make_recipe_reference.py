"""Writes docs/recipe.md from the recipe's schema: every key, its type, its default and its meaning."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from interleave.mixture import MixtureFile
from interleave.recipe import Recipe

HEAD = """# Recipe reference

Made from the schema by `python docs/make_recipe_reference.py`; `interleave recipe schema` prints it as JSON Schema.

A recipe is a YAML file. Paths in it are relative to the recipe, paths given with `--set` to the current folder.
`${NAME}` and `${NAME:-default}` in strings are environment variables. Unknown keys and wrong types are errors, all
reported at once. `--set a.b=VALUE` overrides a key; VALUE is YAML, for example `--set clean.rules=[]`.
[Mixtures](#mixturefile) of several recipes stand at the end.
"""


def reference() -> str:
    """The whole page."""
    return "\n".join([HEAD, *_sections("Recipe", Recipe), *_sections("MixtureFile", MixtureFile)])


def _sections(name: str, settings: type[BaseModel]) -> Iterator[str]:
    schema = settings.model_json_schema()
    paths = dict(_paths(schema, schema["$defs"], ""))
    yield from _section(name, schema, schema["$defs"], "")
    for part, definition in schema["$defs"].items():
        if "properties" in definition:
            yield from _section(part, definition, schema["$defs"], paths.get(part, ""))


def _paths(schema: dict[str, Any], definitions: dict[str, Any], before: str) -> Iterator[tuple[str, str]]:
    """Groups of settings with the keys that lead to them: ("Splitting", "encode.split")."""
    for key, field in schema["properties"].items():
        by_name = field.get("patternProperties", {}).values()
        path = f"{before}{key}.NAME" if by_name else before + key
        for option in (field, *field.get("anyOf", ()), *by_name):
            name = option.get("$ref", "").rsplit("/", 1)[-1]
            if "properties" in definitions.get(name, {}):
                yield name, path
                yield from _paths(definitions[name], definitions, f"{path}.")


def _section(name: str, schema: dict[str, Any], definitions: dict[str, Any], path: str) -> Iterator[str]:
    kind = schema["properties"].get("kind", {}).get("const")
    yield f"## {f'kind: {kind}' if kind else name}{f' (`{path}`)' if path else ''}\n"
    yield _one_line(schema.get("description", "")) + "\n"
    yield "| key | type | default | meaning |\n|---|---|---|---|"
    for key, field in schema["properties"].items():
        if key == "kind" and kind:
            continue
        meaning = field.get("description") or definitions.get(_type(field), {}).get("description", "")
        default = "required" if key in schema.get("required", []) else f"`{_value(field.get('default'))}`"
        yield f"| `{key}` | {_type(field)} | {default} | {_one_line(meaning)} |"
    yield ""


def _type(field: dict[str, Any]) -> str:
    if "$ref" in field:
        return field["$ref"].rsplit("/", 1)[-1]
    if "const" in field:
        return f"`{field['const']}`"
    if "enum" in field:
        return " or ".join(f"`{item}`" for item in field["enum"])
    for union in ("anyOf", "oneOf"):
        if union in field:
            return " or ".join(dict.fromkeys(_type(item) for item in field[union]))
    if field.get("type") == "array":
        return f"list of ({_type(field['items'])})"
    if field.get("type") == "object":
        return "mapping"
    bounds = [f"{sign} {field[name]}" for name, sign in _BOUNDS.items() if name in field]
    return " ".join([field.get("type", "any"), *bounds])


_BOUNDS = {"minimum": ">=", "exclusiveMinimum": ">", "maximum": "<=", "exclusiveMaximum": "<"}


def _value(value: Any) -> str:
    return json.dumps(value).replace("|", "\\|") if not isinstance(value, dict) else "see below"


def _one_line(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


if __name__ == "__main__":
    Path(__file__).with_name("recipe.md").write_text(reference())
