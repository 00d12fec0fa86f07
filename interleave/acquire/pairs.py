"""Image-text pairs: COYO, LAION, DataComp, CC3M, and what img2dataset made of them: an image and its caption.

    files ─> tables (Parquet, JSON Lines, CSV, TSV: images by URL)      ┐
             img2dataset (tars, folders: images beside their captions)  ┴> records ─> top share ─> parse_pair

The image belongs to the caption's first sentence. Where the first file lacks a column that is a mistake in the recipe;
a later one that lacks it is one counted drop.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, ClassVar, Literal

from pydantic import Field, model_validator

from interleave.acquire.listing import SourceFile, Split
from interleave.acquire.source import Limits, Parsed, Refused, SourceName
from interleave.errors import RecipeError, Unreadable
from interleave.identity import document_id
from interleave.settings import LocationOrUrl, Settings

Column = Annotated[str, Field(min_length=1)]


class PairsSource(Settings):
    """Images with one caption each."""

    libraries: ClassVar[tuple[str, ...]] = ("sentencex",)

    kind: Literal["pairs"] = "pairs"
    """Image-text pairs as tables of URLs (COYO, LAION, DataComp, CC3M) or as img2dataset leaves them."""

    name: SourceName = "pairs"
    """What the source is called in the index and the summary."""

    path: LocationOrUrl
    """One file, a glob, or a folder (searched at any depth)."""

    format: Literal["auto", "parquet", "jsonl", "csv", "tsv", "webdataset", "files"] = "auto"
    """`webdataset` and `files` are img2dataset's output formats; the others are tables whose images are known by URL.
    `auto`: by the files' names. CSV, TSV and JSON Lines may end in `.gz` or `.zst`, the last in `.zip` too."""

    url_column: Column | None = None
    """Column of the image's URL. null: `url`, `URL` or `image_url`."""

    caption_column: Column | None = None
    """Column of the caption. null: `caption`, `text` or `TEXT`; of img2dataset's output the `.txt` file first."""

    similarity_column: Column | None = None
    """Column of the similarity of image and caption. null: `clip_similarity_vitl14` (COYO), `similarity` (LAION),
    `clip_l14_similarity_score` (DataComp), where there is one."""

    sha256_column: Column | None = None
    """Column of the SHA-256 that the image must have. null: `sha256` of tables. img2dataset's own is that of an image
    before it was resized, and is not looked at unless it is named here."""

    id_column: Column | None = None
    """Column of what the pair is called. null: `id`, `key`, `uid` or `SAMPLE_ID`, where there is one."""

    columns: Annotated[tuple[Column, ...], Field(strict=False, min_length=1)] | None = None
    """Names of the columns of CSV and TSV without a header; CC3M has `[caption, url]`. null: the first row has them."""

    quotes: bool | None = None
    """Whether fields of CSV and TSV may stand in quotes. null: those of CSV may, those of TSV may not."""

    top_share: Annotated[float, Field(gt=0, le=1)] | None = None
    """Share of each file's rows that is kept, the best by `by`; VILA keeps 0.2 of COYO. null: all. Of equal rows the
    first ones are kept; rows without a figure never."""

    by: Column | None = None
    """Column that `top_share` goes by; VILA's is `clip_similarity_vitb32`. null: that of the similarity."""

    language: Annotated[str, Field(pattern=r"^[a-z]{2,3}$")] = "en"
    """Language by whose rules captions are cut into sentences. Chinese is recognised in any."""

    @model_validator(mode="after")
    def _check(self) -> PairsSource:
        if self.columns is not None and len(set(self.columns)) < len(self.columns):
            raise ValueError("`columns` names one of them twice")
        if self.by is not None and self.top_share is None:
            raise ValueError("`by` says what `top_share` goes by: give that too")
        return self

    def files(self) -> list[SourceFile]:
        from interleave.acquire.tables.pair_files import check_first, list_pairs

        files = list_pairs(self)
        try:
            check_first(self, files[0])
        except Unreadable as error:
            raise RecipeError(f"source {self.name}: {files[0].path}: {error.detail}") from None
        return files

    def cut(self, file: SourceFile, num_bytes: int) -> list[Split]:
        from interleave.acquire.tables.pair_files import cut_pairs

        return cut_pairs(self, file, num_bytes)

    def read(self, split: Split, limits: Limits) -> Iterator[Parsed | Refused]:
        from interleave.acquire.tables.pair_files import read_pairs

        for number, item in read_pairs(self, split, limits.max_image_bytes):
            doc_id = document_id(split.source, split.name, number)
            try:
                yield item.parse(doc_id, self.language)
            except Unreadable as error:
                yield Refused(
                    doc_id=doc_id,
                    where=f"{split.name}: {item.where}",
                    error=Unreadable(error.reason, error.detail),
                    value=item.value,
                    threshold=item.threshold,
                )
