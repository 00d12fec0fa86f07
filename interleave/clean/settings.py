"""How a recipe says what is repaired and what is removed."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from interleave.clean.private import Private
from interleave.clean.rules import Rule
from interleave.clean.text import Repair
from interleave.settings import Settings


class Clean(Settings):
    """What is repaired and what is removed."""

    repair: Repair = Repair()
    """Repair of sentences."""

    private: Private | None = None
    """Replacement of personal data and secrets. null: they stay."""

    rules: Annotated[tuple[Rule, ...], Field(strict=False)] = ()
    """Rules, applied in this order: those on sentences, on paragraphs, on images, on documents."""
