"""OBELICS: a web page a row of Parquet, from local files or streamed by Hugging Face `datasets`.

Schema (https://huggingface.co/datasets/HuggingFaceM4/OBELICS): `images` and `texts`, aligned lists of which one is set
at each position; `metadata` and `general_metadata`, JSON as text, need not be there. Images are URLs, or bytes as
`datasets` keeps them.

A file without `images` and `texts` is a mistake in the recipe where it is the first one, and one counted drop later.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator, Field, ValidationInfo, model_validator

from interleave.acquire.listing import SourceFile, Split, list_files
from interleave.acquire.source import Limits, Parsed, Refused, SourceName
from interleave.errors import RecipeError, Unreadable
from interleave.identity import document_id
from interleave.settings import LOCATION, OptionalLocationOrUrl, Settings, is_url, resolve_location

_NEEDED = ("images", "texts")
_OPTIONAL = ("metadata", "general_metadata")


def _resolve_dataset(value: Any, info: ValidationInfo) -> Any:
    """A folder becomes absolute; an id of the hub stays."""
    if not isinstance(value, str) or not value:
        return value
    if is_url(value):
        raise ValueError("expected an id or a folder; a URL can be the `path`")
    resolved = resolve_location(value, info)
    return resolved if value.startswith((".", "/", "~")) or Path(resolved).is_dir() else str(value)


class ObelicsSource(Settings):
    """Pages in OBELICS' schema."""

    libraries: ClassVar[tuple[str, ...]] = ("sentencex",)

    kind: Literal["obelics"] = "obelics"
    """Aligned lists `images` and `texts` in Parquet: OBELICS, and what is written like it."""

    name: SourceName = "obelics"
    """What the source is called in the index and the summary."""

    path: OptionalLocationOrUrl = None
    """One file, a glob, or a folder (searched for `.parquet` at any depth)."""

    dataset: Annotated[
        str | None, BeforeValidator(_resolve_dataset), Field(min_length=1, json_schema_extra={"format": LOCATION})
    ] = None
    """In place of `path`: an id on the Hugging Face hub (`HuggingFaceM4/OBELICS`), or a folder that `datasets` reads.
    It is streamed, not downloaded first. A dataset is pinned by its commit, a folder by the SHA-256 of its files."""

    config: str | None = None
    """Configuration of `dataset`. null: its default."""

    split: Annotated[str, Field(pattern=r"^[A-Za-z0-9_.\-]+$")] = "train"
    """Split of `dataset`."""

    revision: str | None = None
    """Commit, tag or branch of `dataset`. null: the newest commit when the build lists its input; a later build in the
    same work folder then says so if there is a newer one."""

    language: Annotated[str, Field(pattern=r"^[a-z]{2,3}$")] = "en"
    """Language by whose rules texts are cut into sentences. Chinese is recognised in any."""

    @model_validator(mode="after")
    def _check(self) -> ObelicsSource:
        if (self.path is None) == (self.dataset is None):
            raise ValueError("give either `path` or `dataset`")
        return self

    def files(self) -> list[SourceFile]:
        from interleave.acquire.tables.hub import columns_of, list_shards
        from interleave.acquire.tables.parquet import read_columns

        columns: Any
        if self.dataset is not None:
            files = list_shards(self.name, self.dataset, self.config, self.split, self.revision)
            columns = columns_of(files[0].path, self.config, self.split)
        else:
            files = list_files(self.name, str(self.path), (".parquet",))
            try:
                columns = read_columns(files[0].path)
            except Unreadable:
                columns = None  # counted when it is read
        if columns is not None:
            _check_columns(self.name, files[0].path, columns)
        return files

    def cut(self, file: SourceFile, num_bytes: int) -> list[Split]:
        from interleave.acquire.tables.hub import cut_shard
        from interleave.acquire.tables.parquet import cut_row_groups

        return cut_shard(file) if self.dataset is not None else cut_row_groups(file, num_bytes)

    def read(self, split: Split, limits: Limits) -> Iterator[Parsed | Refused]:
        from interleave.acquire.tables.aligned_lists import parse_aligned

        number = split.first_line - 1
        try:
            for number, row in self._rows(split):
                try:
                    if isinstance(row, Unreadable):
                        raise row
                    doc_id = document_id(split.source, split.name, number)
                    yield parse_aligned(row, doc_id, self.language, limits.max_image_bytes)
                except Unreadable as error:
                    # A new one: the caught one's traceback would keep the row alive.
                    yield _refused(split, number, Unreadable(error.reason, error.detail))
        except Unreadable as error:
            yield _refused(split, number + 1, error)

    def _rows(self, split: Split) -> Iterator[tuple[int, dict[str, Any] | Unreadable]]:
        from interleave.acquire.tables.hub import read_shard
        from interleave.acquire.tables.parquet import read_rows

        if self.dataset is not None:
            return read_shard(split, self.config, self.split, _NEEDED, _OPTIONAL)
        return read_rows(split, _NEEDED, _OPTIONAL)


def _refused(split: Split, number: int, error: Unreadable) -> Refused:
    doc_id = document_id(split.source, split.name, number)
    return Refused(doc_id=doc_id, where=f"{split.name}: row {number + 1}", error=error)


def _check_columns(source: str, path: str, columns: Any) -> None:
    missing = [name for name in _NEEDED if name not in columns]
    if missing:
        raise RecipeError(
            f"source {source}: {path} has no column {' and no '.join(map(repr, missing))}, but "
            f"{', '.join(map(repr, columns[:30])) or 'none'}; expected OBELICS' `images` and `texts`"
        )
