"""Samples to look at: of a dataset, of one tar far from its dataset, or of either behind a URL."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from interleave.errors import ShardError
from interleave.sample import KEY_DIGITS, Record, read_ids, read_record
from interleave.shard.manifest import MANIFEST_NAME, Manifest, read_manifest
from interleave.stream.reader import DatasetReader, Sample
from interleave.stream.storage.cache import Cache
from interleave.validate.samples import RawSample, read_member, read_samples

# Columns that are shown of each sample; all but the first are the index's.
ROWS = pa.schema(
    [
        ("number", pa.int64()),
        # What `read` takes.
        ("key", pa.string()),
        ("source", pa.string()),
        ("doc_id", pa.string()),
        ("num_texts", pa.int32()),
        ("num_images", pa.int32()),
        ("num_ids", pa.int32()),
        ("num_tokens", pa.int32()),
        # Stored, and expanded in the model.
        ("num_pixels", pa.int64()),
        ("num_bytes", pa.int64()),
    ]
)
_OF_INDEX = ROWS.names[1:]

Opener = Callable[[], AbstractContextManager[IO[bytes]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """What there is to look at. Safe for several threads."""

    path: str
    num_shards: int
    rows: pa.Table
    # ROWS, one a sample that is there.
    manifest: Manifest | None
    # None for a tar without one beside it.
    reader: DatasetReader | None
    # None for a tar.
    read: Callable[[int], Sample]
    # By number. Raises ShardError where a sample is damaged.
    read_json: Callable[[int], bytes]
    folder: Path | None = None
    # The dataset's, where it is one on this machine: that has a ledger.

    def number_of(self, key: str) -> int:
        """The number of the sample with this key, which may lack its zeros.

        Raises:
            ShardError: there is none.
        """
        wanted = key.zfill(KEY_DIGITS) if key.isdigit() else key
        row = pc.index(self.rows["key"], wanted).as_py()
        if row < 0 and self.reader is not None and wanted.isdigit() and int(wanted) < len(self.reader):
            return int(wanted)  # taken down, which reading it says
        if row < 0:
            keys = self.rows["key"]
            raise ShardError(f"{self.path} has no sample {wanted}; keys go from {keys[0]} to {keys[-1]}")
        return int(self.rows["number"][row].as_py())


def open_samples(path: str | Path) -> Opened:
    """Opens a dataset or a tar, in a folder or behind a URL (s3://, gs://, https:// and what else fsspec knows).

    Raises:
        ShardError: it cannot be read, or holds no sample.
    """
    is_tar = str(path).endswith(".tar")
    if "://" in str(path):
        return _tar(str(path), _remote(str(path)), None) if is_tar else _dataset(str(path))
    path = Path(path)
    if path.is_dir():
        return _dataset(path)
    if not path.is_file():
        raise ShardError(f"{path} does not exist; expected a .tar or a dataset folder")
    return _tar(str(path), lambda: path.open("rb"), _manifest_of(path))


def _dataset(folder: str | Path) -> Opened:
    # Of a dataset elsewhere only what is shown is brought.
    reader = DatasetReader(folder, Cache(keep_shards=False) if "://" in str(folder) else None)
    rows = reader.columns(_OF_INDEX).add_column(0, ROWS.field("number"), pa.array(np.arange(len(reader))))
    if reader.manifest.num_removed_samples:
        rows = rows.filter(pc.not_equal(rows["num_bytes"], 0))
    if not len(rows):
        raise ShardError(f"{folder} has no sample left: all were taken down")
    return Opened(
        path=str(folder),
        num_shards=len(reader.manifest.shards),
        rows=rows,
        manifest=reader.manifest,
        reader=reader,
        read=reader.read,
        read_json=reader.read_json,
        folder=None if "://" in str(folder) else Path(folder),
    )


def _tar(path: str, opener: Opener, manifest: Manifest | None) -> Opened:
    raws: list[RawSample] = []
    rows: list[dict[str, Any]] = []
    try:
        with opener() as file:
            for raw in read_samples(file, _num_bytes(file)):
                rows.append({"number": len(raws), **_row(file, raw)})
                raws.append(raw)
    except OSError as error:
        raise ShardError(f"{path}: {error.strerror or error}") from None
    except ShardError as error:
        raise ShardError(f"{path}: {error}; `interleave validate {path}` lists everything") from None
    if not raws:
        raise ShardError(f"{path} has no sample")

    def read(number: int) -> Sample:
        with opener() as file:
            return _sample(file, raws[number])

    def read_json(number: int) -> bytes:
        with opener() as file:
            return _json(file, raws[number])

    table = pa.Table.from_pylist(rows, schema=ROWS)
    return Opened(path=path, num_shards=1, rows=table, manifest=manifest, reader=None, read=read, read_json=read_json)


def _row(file: IO[bytes], raw: RawSample) -> dict[str, Any]:
    record, ids, _ = _sample(file, raw, images=False)
    growth = sum(record.span_tokens) - sum(length for _, length in record.spans)
    return {
        "key": raw.key,
        "source": record.source,
        "doc_id": record.doc_id,
        "num_texts": sum(text is not None for text in record.texts),
        "num_images": len(raw.images),
        "num_ids": len(ids),
        "num_tokens": len(ids) + growth,
        "num_pixels": sum(info["width"] * info["height"] for info in record.image_info),
        "num_bytes": sum(member.num_bytes for member in raw.members),
    }


def _sample(file: IO[bytes], raw: RawSample, *, images: bool = True) -> Sample:
    """A member that the JSON names and the tar lacks is an empty image: it cannot be decoded, which is shown."""
    record: Record = read_record(_json(file, raw))
    assert raw.ids is not None, "a sample without ids has no JSON, either"
    ids = read_ids(read_member(file, raw.ids))
    members = {member.name: member for member in raw.members} if images else {}
    jpegs = (read_member(file, members[name]) if name in members else b"" for name in record.image_members)
    return record, ids, tuple(jpegs)


def _json(file: IO[bytes], raw: RawSample) -> bytes:
    if raw.json is None or raw.ids is None:
        names = ", ".join(member.name for member in raw.members[:3])
        raise ShardError(f"{names}: no sample of interleave's, which has a .json and an .input_ids.npy")
    return read_member(file, raw.json)


def _manifest_of(tar: Path) -> Manifest | None:
    """The manifest beside a tar, if it names the tar."""
    if not (tar.parent / MANIFEST_NAME).is_file():
        return None
    manifest = read_manifest(tar.parent)
    return manifest if tar.name in {shard.name for shard in manifest.shards} else None


def _num_bytes(file: IO[bytes]) -> int:
    num_bytes = file.seek(0, 2)
    file.seek(0)
    return num_bytes


def _remote(url: str) -> Opener:
    def opener() -> AbstractContextManager[IO[bytes]]:
        try:
            import fsspec

            found: AbstractContextManager[IO[bytes]] = fsspec.open(url, "rb")
        except ModuleNotFoundError as error:
            raise ShardError(f"{url}: {error}; pip install it, or s3fs, gcsfs, aiohttp for such URLs") from None
        except (ValueError, ImportError) as error:
            raise ShardError(f"{url}: {str(error)[:200]}") from None
        return found

    return opener
