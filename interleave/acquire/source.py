"""What a source is: a kind of input that the first stage can list, cut into splits, and read.

    files ─> cut ─> [split, split ...] ─> read ─> Parsed | Refused, one a record, nothing left out

A source is its own settings (`kind`, `name`, where it lies) with the three methods below, in one file of this folder;
the union in `recipe` makes it known. `libraries`, if it has such a tuple, names what its records depend on besides what
all sources use: another version of these makes them anew. Installed packages add their sources under the entry point
`interleave.sources`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Protocol, runtime_checkable

from pydantic import Field

from interleave.access.fetching import Web
from interleave.acquire.listing import SourceFile, Split
from interleave.document import SourceDocument
from interleave.errors import Unreadable

SourceName = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,31}$")]


@dataclass(frozen=True, slots=True, kw_only=True)
class Parsed:
    """A record that is a document."""

    document: SourceDocument
    unusable: tuple[tuple[int, Unreadable], ...] = ()
    # (index, reason) of each image that can never be had; the document's images have the other indices.


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """A record that is no document: one counted drop."""

    doc_id: str
    where: str
    # For a person: the file, and the line, row or record in it.
    error: Unreadable
    value: float | None = None
    threshold: float | None = None
    # Where a figure of the record's own decided, as a score below the share that is kept.


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What a source may read at most."""

    max_image_bytes: int


@runtime_checkable
class Live(Protocol):
    """What a source has besides that brings its files in before they are listed."""

    def prepare(self, web: Web | None, *, again: bool = False) -> object:
        """Does what an earlier call has not done.

        web: how the web is asked; None where the recipe does not say. again: tries once more what failed.

        Raises:
            RecipeError: it cannot be done as the recipe stands.
            TaskError: it was not finished; call again to go on.
        """
        ...


class Source(Protocol):
    """The methods of a source's settings."""

    @property
    def kind(self) -> str: ...

    @property
    def name(self) -> str: ...

    def files(self) -> list[SourceFile]:
        """The input files, sorted by name.

        Raises:
            RecipeError: nothing is there, or it is of another kind.
        """
        ...

    def cut(self, file: SourceFile, num_bytes: int) -> list[Split]:
        """Splits of about `num_bytes`, as a function of the file alone, with the SHA-256 of its content."""
        ...

    def read(self, split: Split, limits: Limits) -> Iterator[Parsed | Refused]:
        """The records of a split, in the file's order. Images are read when their `load` is called.

        Raises:
            TaskError: the file cannot be read.
        """
        ...
