"""What became of the URLs of a split, and the images that were had: written by `download`, read by `measure`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

import pyarrow as pa
import pyarrow.parquet as pq

from interleave.access.store import ORIGINAL, Store
from interleave.copied import CopiedImages
from interleave.errors import Unreadable
from interleave.text import storable

OUTCOMES = pa.schema([("url", pa.string()), ("sha256", pa.string()), ("reason", pa.string()), ("detail", pa.string())])

# URL -> (SHA-256 or None, reason, detail)
Outcomes = Mapping[str, tuple[str | None, str, str]]


class Images(Protocol):
    """Images by the SHA-256 that they had when they were downloaded."""

    def read(self, sha256: str, form: str) -> bytes:
        """
        Raises:
            Unreadable: there is none, or it is damaged.
        """


class FetchedImages:
    """The images of a split that were known by URL alone."""

    def __init__(self, outcomes: Outcomes, images: Images | None, form: str = ORIGINAL) -> None:
        self.form = form
        self._outcomes = outcomes
        self._images = images

    def read(self, url: str) -> tuple[str, bytes]:
        """(SHA-256 of an image as it was downloaded, its bytes in the form that the store keeps).

        Raises:
            Unreadable: `not_fetched`, or the reason why it was not had.
        """
        if self._images is None:
            raise Unreadable("not_fetched", f"{url}: the recipe has no `fetch`")
        sha256, reason, detail = self._outcomes.get(storable(url), (None, "not_fetched", url))
        if sha256 is None:
            raise Unreadable(reason, detail)
        return sha256, self._images.read(sha256, self.form)


@contextmanager
def open_fetched(outcomes: str | None, store: str | None, copies: str | None, form: str) -> Iterator[FetchedImages]:
    """The images of a split; without tables, nothing was fetched.

    copies: see `CopiedImages`; None: images are in the store.

    Raises:
        TaskError: the store cannot be opened.
    """
    if outcomes is None or store is None:
        yield FetchedImages({}, None)
    elif copies is not None:
        with CopiedImages(Path(copies)) as copied:
            yield FetchedImages(_read_outcomes(Path(outcomes)), copied, form)
    else:
        with Store(Path(store)) as opened:
            yield FetchedImages(_read_outcomes(Path(outcomes)), opened, form)


def _read_outcomes(path: Path) -> Outcomes:
    table = pq.read_table(path)
    columns = [table.column(name).to_pylist() for name in OUTCOMES.names]
    return {url: (sha256, reason or "", detail or "") for url, sha256, reason, detail in zip(*columns, strict=True)}
