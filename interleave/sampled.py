"""A source of which every Nth record is read: what an estimate builds from."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from interleave.acquire.listing import SourceFile, Split
from interleave.acquire.source import Limits, Parsed, Refused
from interleave.settings import Settings


class Sampled(Settings):
    """The source `inner`, thinned out evenly."""

    inner: Any
    """A source's settings."""

    names: tuple[str, ...]
    """Files of it that are read."""

    every: int
    """One record of so many is."""

    @property
    def kind(self) -> str:
        return str(self.inner.kind)

    @property
    def name(self) -> str:
        return str(self.inner.name)

    @property
    def libraries(self) -> tuple[str, ...]:
        return tuple(getattr(self.inner, "libraries", ()))

    def files(self) -> list[SourceFile]:
        names = set(self.names)
        return [file for file in self.inner.files() if file.name in names]

    def cut(self, file: SourceFile, num_bytes: int) -> list[Split]:
        found: list[Split] = self.inner.cut(file, num_bytes)
        return found

    def read(self, split: Split, limits: Limits) -> Iterator[Parsed | Refused]:
        """Lines keep their numbers, so that the same records are read however the file is cut."""
        for number, record in enumerate(self.inner.read(split, limits), start=split.first_line):
            if number % self.every == 0:
                yield record
