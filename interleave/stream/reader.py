"""Random access to the samples of a sealed dataset, by the index."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from interleave.document import Int32s
from interleave.encode.image_tokens import ImageTokens
from interleave.encode.tokenizer import find_tokenizer, tokenizer_fingerprint
from interleave.errors import ShardError
from interleave.pack.row import Segment
from interleave.sample import Record, key_of, marked, read_ids, read_record
from interleave.shard.index import INDEX_NAME, read_index
from interleave.shard.manifest import Manifest, read_manifest
from interleave.stream.places import Place, Places
from interleave.stream.storage.cache import Cache
from interleave.stream.storage.range import Range
from interleave.stream.storage.storage import Storage, open_storage

# JSON, ids and JPEGs.
Sample = tuple[Record, Int32s, tuple[bytes, ...]]
# Width and height of an image in px, images of its document -> what it is in the model.
Expanded = Callable[[int, int, int], Int32s]


class CutPoints(NamedTuple):
    """Where a whole document may be cut, and its images, which must not be: columns of the index."""

    num_ids: int
    cuts: list[int]
    span_starts: list[int]
    span_lengths: list[int]
    span_tokens: list[int]
    span_pixels: list[int]


class DatasetReader:
    """The samples of a dataset folder. Opened files and mapped columns are this process's own: it can be pickled.

    Raises:
        ShardError: the folder is no finished dataset, or its index and manifest disagree.
    """

    def __init__(self, folder: str | Path, cache: Cache | None = None) -> None:
        self.folder = folder if "://" in str(folder) else Path(folder)
        self._cache = cache
        self._storage = open_storage(folder, cache)
        self._storage.refresh()
        self._opened = _Opened(self.folder, self._storage)
        # Of everything that a build determines, without the folder's name; a take-down keeps it.
        self.digest = self.manifest.build_digest
        self._lock = threading.Lock()
        # Most images of a dataset become the same ids.
        self._expanded: Expanded = lru_cache(maxsize=1024)(self.manifest.model.image.expanded)

    @property
    def manifest(self) -> Manifest:
        return self._opened.manifest

    def __len__(self) -> int:
        """Samples, with those that were taken down: these keep their numbers."""
        return int(self._opened.index.num_rows)

    def check_tokenizer(self, name: str | Path) -> None:
        """Refuses a tokenizer that did not make the ids: a trainer with another one would learn nonsense.

        name: as in a recipe: a file, a folder, a hub id, or `package:NAME/PATH`.

        Raises:
            ShardError: it is another one, by the SHA-256 of its file.
        """
        if not isinstance(name, str | Path):
            raise TypeError(f"tokenizer is of type {type(name).__name__}, expected a name or a path as in a recipe")
        made, path = self.manifest.tokenizer, find_tokenizer(str(name))
        if (found := tokenizer_fingerprint(path)) != made.sha256:
            raise ShardError(
                f"{self.folder} has the ids of the tokenizer {made.name} (SHA-256 {made.sha256[:16]}...), "
                f"asked for is {path} ({found[:16]}...); build the dataset again for it"
            )

    def removed(self) -> npt.NDArray[np.bool_]:
        """(num_samples,) True where a sample was taken down: `read` refuses it."""
        return np.asarray(self._opened.index["num_bytes"].to_numpy() == 0)

    def read(self, sample: int) -> Sample:
        """A sample's JSON, ids and JPEGs, in one read.

        Raises:
            ShardError: the shard is cut off, or the sample is damaged, or was taken down.
        """
        found = self._find(sample)
        if found is None:
            raise ShardError(f"{self.folder}: sample {key_of(sample)} was taken down; `removed()` tells which were")
        return found

    def read_json(self, sample: int) -> bytes:
        """A sample's JSON alone, without its images: for a search through many.

        Raises:
            ShardError: as `read`.
        """
        return self._opened.read_json(sample)

    def fetch(self, samples: Sequence[int]) -> dict[int, bytes]:
        """Bytes of samples that are wanted soon, for `segment`: of those that are worth asking for together."""
        return self._opened.fetch(samples)

    def segment(
        self, sample: int, start: int = 0, stop: int | None = None, *, fetched: bytes | None = None
    ) -> Segment | None:
        """The ids [start, stop) of a sample, with the images that stand among them; None where it was taken down."""
        found = self._find(sample, fetched)
        return None if found is None else self._segment(*found, start, stop)

    def num_tokens(self) -> npt.NDArray[np.int32]:
        """(num_samples,) expanded tokens."""
        return np.asarray(self._opened.index["num_tokens"].to_numpy(), dtype=np.int32)

    def num_pixels(self) -> npt.NDArray[np.int64]:
        """(num_samples,) pixels of all images, as stored."""
        return np.asarray(self._opened.index["num_pixels"].to_numpy(), dtype=np.int64)

    def num_images(self) -> npt.NDArray[np.int32]:
        """(num_samples,) images, with those of samples that were taken down."""
        return np.asarray(self._opened.index["num_images"].to_numpy(), dtype=np.int32)

    def rows(self, columns: Sequence[str]) -> list[dict[str, Any]]:
        """Columns of the index, one entry a sample."""
        found: list[dict[str, Any]] = self.columns(columns).to_pylist()
        return found

    def columns(self, names: Sequence[str]) -> pa.Table:
        """Columns of the index as they are mapped, one row a sample, with those that were taken down."""
        return self._opened.index.select(list(names))

    def longest_image(self) -> int:
        """Tokens of the longest image, of those that a loader must not cut: where documents are stored whole."""
        return int(pc.max(pc.list_flatten(self._opened.index["span_tokens"])).as_py() or 0)

    def cut_points(self, sample: int) -> CutPoints:
        """Where a whole document may be cut."""
        row = self._opened.index.select(CutPoints._fields).slice(sample, 1).to_pylist()[0]
        return CutPoints(**row)

    def _find(self, sample: int, fetched: bytes | None = None) -> Sample | None:
        """A sample, or None where it was taken down, perhaps since the dataset was opened."""
        opened = self._opened
        try:
            return opened.read(sample, fetched)
        except ShardError:
            if fetched is not None:
                return self._find(sample)
            newer = self._open_again(opened)
            if newer is None:
                raise
            return newer.read(sample)

    def _open_again(self, opened: _Opened) -> _Opened | None:
        """Follows a take-down that moved samples in shards which are not open yet; None where there was none."""
        with self._lock:
            if self._opened is opened:
                self._storage.refresh()
                manifest = read_manifest(self._storage.folder)
                if manifest == opened.manifest or manifest.build_digest != self.digest:
                    return None
                # Files that were opened are those from before.
                self._storage = open_storage(self.folder, self._cache)
                self._opened = _Opened(self.folder, self._storage)
            return self._opened

    def __reduce__(self) -> tuple[Any, ...]:
        return (DatasetReader, (str(self.folder), self._cache))

    def _segment(self, record: Record, ids: Int32s, images: tuple[bytes, ...], start: int, stop: int | None) -> Segment:
        try:
            return _segment(record, ids, images, self.manifest.model.image, self._expanded, slice(start, stop))
        except ValueError as error:
            raise ShardError(f"{self.folder}: sample {record.key}: {error}") from None


class _Opened:
    """A dataset as it was when it was opened; safe for several threads."""

    def __init__(self, folder: str | Path, storage: Storage) -> None:
        self.manifest = read_manifest(storage.folder)
        self.index = read_index(storage.index(self.manifest))
        num_rows = self.manifest.num_samples + self.manifest.num_removed_samples
        if self.index.num_rows != num_rows:
            raise ShardError(f"{folder}: the index has {self.index.num_rows:,} samples, the manifest {num_rows:,}")
        self._folder = folder
        self._places = Places(self.index)
        self._storage = storage

    def fetch(self, samples: Sequence[int]) -> dict[int, bytes]:
        return self._storage.fetch(self._ranges(samples))

    def _ranges(self, samples: Sequence[int]) -> Iterator[tuple[int, Range]]:
        for sample in samples:
            # What fails here fails when it is read, too, and is said there.
            with suppress(ShardError):
                if (place := self._place(sample)).num_bytes:
                    yield sample, self._range(place)

    def read(self, sample: int, fetched: bytes | None = None) -> Sample | None:
        place = self._place(sample)
        if not place.num_bytes:
            return None
        shard = self.manifest.shards[place.shard]
        data = self._storage.read(self._range(place)) if fetched is None else fetched
        key, members = key_of(sample), [data[member] for member in place.members]
        try:
            record, ids = read_record(members[0]), read_ids(members[1])
            if record.key != key or len(members) != 2 + len(record.image_members):
                raise ShardError(f"found sample {record.key} with {len(record.image_members)} images")
        except (ShardError, IndexError) as error:
            where = f"{self._folder}/{shard.name}"
            raise ShardError(f"{where}: sample {key}: {error}; run `interleave validate`") from None
        return record, ids, tuple(members[2:])

    def read_json(self, sample: int) -> bytes:
        place = self._place(sample)
        if not place.members:
            raise ShardError(f"{self._folder}: sample {key_of(sample)} was taken down")
        first = place.members[0]
        shard = self.manifest.shards[place.shard]
        return self._storage.read(Range(shard, place.offset + first.start, first.stop - first.start))

    def _place(self, sample: int) -> Place:
        try:
            return self._places.of(sample)
        except ShardError as error:
            raise ShardError(f"{self._folder}/{INDEX_NAME}: {error}; run `interleave validate`") from None

    def _range(self, place: Place) -> Range:
        return Range(self.manifest.shards[place.shard], place.offset, place.num_bytes)


def _segment(
    record: Record,
    ids: Int32s,
    images: tuple[bytes, ...],
    tokens: ImageTokens,
    expanded: Expanded,
    wanted: slice,
) -> Segment:
    """The ids of a slice, with the images that stand wholly in it.

    Raises:
        ValueError: the profile makes something else of an image than the sample says.
    """
    start, stop, _ = wanted.indices(len(ids))
    chosen = [at for at, (begin, length) in enumerate(record.spans) if start <= begin and begin + length <= stop]
    learned = marked(record.loss_spans, len(ids))
    return Segment(
        token_ids=ids[start:stop],
        loss_mask=learned[start:stop],
        span_starts=np.array([record.spans[at][0] - start for at in chosen], dtype=np.int32),
        span_lengths=np.array([record.spans[at][1] for at in chosen], dtype=np.int32),
        span_ids=tuple(_span_ids(record, ids, at, expanded) for at in chosen),
        span_grids=_grids(record, chosen, tokens),
        placeholder=tokens.placeholder,
        images=tuple(images[at] for at in chosen),
        key=record.key,
        doc_id=record.doc_id,
        source=record.source,
        weight=record.loss_weight,
    )


def _span_ids(record: Record, ids: Int32s, at: int, expanded: Expanded) -> Int32s:
    """All ids that an image is in the model."""
    begin, length = record.spans[at]
    if length == record.span_tokens[at]:
        return ids[begin : begin + length]
    info = record.image_info[at]
    found = expanded(info["width"], info["height"], record.num_document_images)
    if len(found) != record.span_tokens[at]:
        raise ValueError(
            f"image {at} is {record.span_tokens[at]} tokens, the profile {record.profile} makes {len(found)} of it"
        )
    return found


def _grids(record: Record, chosen: Sequence[int], tokens: ImageTokens) -> Int32s | None:
    """(num_images, 2) rows and columns of placeholders, where the model's positions have more than one dimension."""
    if not tokens.has_grid:
        return None
    sizes = [(record.image_info[at]["width"], record.image_info[at]["height"]) for at in chosen]
    return np.array([tokens.grid(*size) for size in sizes], dtype=np.int32).reshape(-1, 2)
