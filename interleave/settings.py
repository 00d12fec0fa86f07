"""The base of every part of a recipe: frozen, strict, documented field by field."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, JsonValue, ValidationInfo


class Settings(BaseModel):
    """A part of a recipe. Unknown keys are errors, values are not coerced, docstrings are the documentation."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", strict=True, allow_inf_nan=False, use_attribute_docstrings=True
    )


class FromCommandLine(str):
    """A string given with `--set`: if it turns out to be a path, it is relative to the current folder."""


# Marks the fields that say where something lies: they are resolved on loading, and are no part of a recipe's identity,
# so that the same input in another folder gives the same bytes.
LOCATION = "location"
_OUTSIDE: dict[str, JsonValue] = {"shapes_bytes": False}


def resolve_location(value: Any, info: ValidationInfo) -> Any:
    """Makes a path absolute: against the recipe's folder, or the current one if it came from the command line."""
    if not isinstance(value, str):
        return value
    if not value or "\0" in value:
        raise ValueError("expected a path")
    if "://" in value:
        raise ValueError("expected a path on this machine; a URL can be the `path` of a source, or `output`")
    recipe_folder = (info.context or {}).get("recipe_folder", Path.cwd())
    base = Path.cwd() if isinstance(value, FromCommandLine) else Path(recipe_folder)
    # Not Path.resolve(): a link to a corpus stays a link, so that names do not depend on where it leads.
    try:
        expanded = Path(value).expanduser()
    except RuntimeError as error:  # ~somebody who is unknown here
        raise ValueError(str(error)) from None
    return os.path.abspath(base / expanded)  # noqa: PTH100


def resolve_location_or_url(value: Any, info: ValidationInfo) -> Any:
    """The same; a URL stays as it is."""
    return str(value) if is_url(value) else resolve_location(value, info)


def is_url(value: object) -> bool:
    """Whether a location is one of fsspec's (s3://, gs://, https:// ...)."""
    return isinstance(value, str) and "://" in value and "\0" not in value


_IS_LOCATION = Field(json_schema_extra={"format": LOCATION, **_OUTSIDE})
Location = Annotated[str, BeforeValidator(resolve_location), _IS_LOCATION]
OptionalLocation = Annotated[str | None, BeforeValidator(resolve_location), _IS_LOCATION]
# A path, or a URL whose files a build brings to its work folder (`remote.bring`).
LocationOrUrl = Annotated[str, BeforeValidator(resolve_location_or_url), _IS_LOCATION]
OptionalLocationOrUrl = Annotated[str | None, BeforeValidator(resolve_location_or_url), _IS_LOCATION]
Locations = Annotated[tuple[Location, ...], Field(strict=False, json_schema_extra={"format": LOCATION, **_OUTSIDE})]
# A group of settings that says how something is had, never what.
SHAPES_NOTHING = Field(json_schema_extra=_OUTSIDE)


def identity(settings: BaseModel) -> dict[str, Any]:
    """The settings as plain data without any location: what a fingerprint of them is taken of."""
    data: dict[str, Any] = {}
    for name, field in type(settings).model_fields.items():
        extra = field.json_schema_extra
        if isinstance(extra, dict) and extra.get("shapes_bytes") is False:
            continue
        data[name] = _plain(getattr(settings, name))
    return data


def locations(settings: BaseModel) -> dict[str, Any]:
    """What `identity` leaves out: where things lie."""
    return {
        name: getattr(settings, name)
        for name, field in type(settings).model_fields.items()
        if isinstance(field.json_schema_extra, dict) and field.json_schema_extra.get("format") == LOCATION
    }


def _plain(value: Any) -> Any:
    if isinstance(value, BaseModel):
        return identity(value)
    if isinstance(value, tuple | list):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    return value
