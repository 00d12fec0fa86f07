"""Tars of interleaved documents, a document a sample: MINT-1T, NeMo Curator, OpenFlamingo, this project's own shards.

The order of text and images comes from a sample's JSON, never from names. Members that are neither JSON nor image
(`.npy`, `.txt`) are not looked at. Of this project's own shards, the parts of a document that was cut to a context are
documents of their own; what comes back are the texts and images of a sample in their order, not the token ids.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from interleave.acquire.archives.bodies import How, parse_sample
from interleave.acquire.archives.samples import Fault, read_samples
from interleave.acquire.listing import SourceFile, Split, list_files, whole
from interleave.acquire.source import Limits, Parsed, Refused, SourceName
from interleave.errors import RecipeError, Unreadable
from interleave.identity import document_id
from interleave.settings import LocationOrUrl, Settings

_COMPRESSED = (".tar.gz", ".tgz", ".tar.zst", ".tar.bz2", ".tar.xz")


class WebDatasetSource(Settings):
    """Interleaved documents in WebDataset tars, with their images."""

    libraries: ClassVar[tuple[str, ...]] = ("sentencex",)

    kind: Literal["webdataset"] = "webdataset"
    """Tars with a document a sample: MINT-1T, NeMo Curator, OpenFlamingo, and datasets that this project built."""

    name: SourceName = "webdataset"
    """What the source is called in the index and the summary."""

    path: LocationOrUrl
    """One file, a glob, or a folder (searched for `.tar` at any depth). Tars are not compressed."""

    layout: Literal["auto", "lists", "openflamingo", "shards"] = "auto"
    """What a sample's JSON holds: `lists` (`texts` and `images`, aligned), `openflamingo` (MMC4 with base64), `shards`
    (this project's own), or `auto`, by its fields."""

    language: Annotated[str, Field(pattern=r"^[a-z]{2,3}$")] = "en"
    """Language by whose rules the texts of `lists` are cut into sentences. Chinese is recognised in any."""

    def files(self) -> list[SourceFile]:
        _check_uncompressed(self.name, self.path)
        return list_files(self.name, self.path, (".tar",))

    def cut(self, file: SourceFile, num_bytes: int) -> list[Split]:
        return whole(file, end=file.num_bytes)

    def read(self, split: Split, limits: Limits) -> Iterator[Parsed | Refused]:
        how = How(
            path=split.path,
            layout=None if self.layout == "auto" else self.layout,
            language=self.language,
            max_image_bytes=limits.max_image_bytes,
        )
        for number, item in enumerate(read_samples(split.path)):
            doc_id = document_id(split.source, split.name, number)
            if isinstance(item, Fault):
                yield Refused(doc_id=doc_id, where=f"{split.name}: {item.where}", error=item.error)
                continue
            try:
                yield parse_sample(item, doc_id, how)
            except Unreadable as error:
                yield Refused(doc_id=doc_id, where=f"{split.name}: sample {item.key[:200]!r}", error=error)


def _check_uncompressed(source: str, path: str) -> None:
    """A folder's compressed tars would be left out without a word."""
    location = Path(path)
    found = sorted(location.rglob("*")) if location.is_dir() else [location]
    for file in found:
        if file.name.endswith(_COMPRESSED):
            raise RecipeError(
                f"source {source}: {file} is compressed; unpack it to a plain .tar first (gunzip, zstd -d)"
            )
