"""Kinds of sources, rules and scores that installed packages add by entry points."""

from __future__ import annotations

from importlib.metadata import EntryPoint, entry_points
from typing import Any

from interleave.errors import RecipeError
from interleave.settings import Settings


def installed_kinds(group: str, what: str) -> tuple[type[Settings], ...]:
    """The settings classes under an entry point; `what` they are stands in the message where one cannot be loaded.

    Raises:
        RecipeError: whatever goes wrong in one is its package's fault.
    """
    return tuple(_load(entry, what) for entry in entry_points(group=group))


def _load(entry: EntryPoint, what: str) -> type[Settings]:
    try:
        found: Any = entry.load()
        if not (isinstance(found, type) and issubclass(found, Settings)):
            raise TypeError(f"{entry.value} is no class of interleave.settings.Settings")
    except Exception as error:  # noqa: BLE001
        package = entry.dist.name if entry.dist else "?"
        reason = f"{type(error).__name__}: {error}".partition("\n")[0]
        raise RecipeError(
            f"the {what} kind {entry.name!r} of the package {package} cannot be loaded: {reason}; "
            "repair or uninstall that package"
        ) from None
    return found
