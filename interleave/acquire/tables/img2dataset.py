"""What img2dataset left: tars or folders with `KEY.jpg`, `KEY.txt` and `KEY.json`, and beside each a Parquet file.

    00000.tar, 00000.parquet     output_format `webdataset`
    00000/,    00000.parquet     output_format `files`

The Parquet file has a row for each URL, also for those that could not be had. https://github.com/rom1504/img2dataset
"""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import groupby
from pathlib import Path
from typing import Any

from interleave.acquire.archives.samples import Fault, read_samples
from interleave.acquire.archives.tars import read_range
from interleave.acquire.listing import SourceFile, Split
from interleave.acquire.local_images import read_local_image
from interleave.acquire.mmc4 import parse_json
from interleave.acquire.tables.pair_fields import ERROR, STATUS, check_downloaded
from interleave.acquire.tables.parquet import read_columns, read_rows
from interleave.errors import RecipeError, TaskError, Unreadable
from interleave.files import sha256_of
from interleave.identity import fingerprint
from interleave.text import printable

MAX_TEXT_BYTES = 1 << 20
IMAGES = ("jpg", "jpeg", "png", "webp", "gif", "bmp", "tif", "tiff", "avif")
_TEXTS = ("txt", "json")
_OUTCOME = ("key", STATUS, ERROR)

Load = Callable[[], bytes]


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """A sample, or why it is none."""

    where: str
    fields: dict[str, Any] | Unreadable
    # The JSON's; `caption` is that of the .txt file, where it has any text.
    load: Load | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _File:
    """A member of a tar or a file of a folder."""

    suffix: str
    read: Callable[[int], bytes]
    # Its bytes, or Unreadable where there are more than these.


def read_tar(split: Split, max_image_bytes: int) -> Iterator[Pair]:
    """The samples of a tar, then the rows beside it that are not in it.

    Raises:
        TaskError: a file cannot be read on this machine.
    """
    keys = set[str]()
    is_damaged = False
    for item in read_samples(split.path):
        if isinstance(item, Fault):
            is_damaged |= item.error.reason == "damaged_file"
            yield Pair(where=item.where, fields=item.error)
            continue
        files = [
            _File(
                suffix=member.name[len(item.key) + 1 :].lower(),
                read=partial(_read_member, split.path, member.offset, member.size),
            )
            for member in item.members
        ]
        keys.add(item.key.rpartition("/")[2])
        yield _pair(item.key, files, max_image_bytes)
    yield from _outcomes(Path(split.path).with_suffix(".parquet"), keys, is_complete=not is_damaged)


def read_folder(split: Split, max_image_bytes: int) -> Iterator[Pair]:
    """The samples of a folder, then the rows beside it that are not in it."""
    keys = set[str]()
    for key, names in groupby(_names(split.path), _key):
        files = [
            _File(suffix=name[len(key) + 1 :].lower(), read=partial(read_local_image, split.path, name))
            for name in names
        ]
        keys.add(key)
        yield _pair(key, files, max_image_bytes)
    yield from _outcomes(Path(split.path + ".parquet"), keys, is_complete=True)


def list_folders(source: str, path: str) -> list[SourceFile]:
    """The folders at and below a path that hold samples.

    Raises:
        RecipeError: there is none.
    """
    if not Path(path).is_dir():
        raise RecipeError(f"source {source}: {path} is no folder; `format: files` reads img2dataset's folders")
    found = find_folders(source, path)
    if not found:
        raise RecipeError(f"source {source}: {path} holds no folder with .jpg, .txt and .json files")
    return found


def find_folders(source: str, path: str) -> list[SourceFile]:
    """The same where there may be none."""
    found = []
    for folder in sorted({Path(folder) for folder, _, names in os.walk(path) if any(map(is_sample_file, names))}):
        name = printable(folder.relative_to(path).as_posix())
        # Of the files, not of their bytes: there may be millions.
        found.append(SourceFile(source=source, path=str(folder), name=name, num_bytes=len(_names(str(folder)))))
    return found


def cut_folder(file: SourceFile) -> list[Split]:
    """A folder is one split; its hash is one over the sorted (name, SHA-256) of its files and the Parquet beside it."""
    hashes = [[printable(name), sha256_of(Path(file.path) / name)] for name in _names(file.path)]
    return [_split(file, fingerprint([*hashes, _sha256_beside(file.path + ".parquet")]))]


def cut_tar(file: SourceFile) -> list[Split]:
    """A tar is one split; its hash is one over it and the Parquet beside it."""
    beside = _sha256_beside(str(Path(file.path).with_suffix(".parquet")))
    return [_split(file, fingerprint([sha256_of(Path(file.path)), beside]))]


def is_sample_file(name: str) -> bool:
    return not name.startswith(".") and name.rpartition(".")[2].lower() in (*IMAGES, "txt")


def _split(file: SourceFile, sha256: str) -> Split:
    return Split(source=file.source, path=file.path, name=file.name, sha256=sha256, start=0, end=file.num_bytes)


def _sha256_beside(path: str) -> str:
    return sha256_of(Path(path)) if Path(path).is_file() else hashlib.sha256().hexdigest()


def _names(folder: str) -> list[str]:
    """Names of the files of a folder, those of one key together."""
    with os.scandir(folder) as entries:
        return sorted((entry.name for entry in entries if not entry.is_dir()), key=lambda name: (_key(name), name))


def _key(name: str) -> str:
    return name[: name.find(".", 1)] if "." in name[1:] else name


def _pair(key: str, files: Sequence[_File], max_image_bytes: int) -> Pair:
    try:
        fields = _fields(files)
        images = [file for file in files if file.suffix in IMAGES]
        if len(images) != 1:
            raise Unreadable("several_images" if images else "image_missing", f"{len(images)} images, expected one")
        return Pair(where=key, fields=fields, load=partial(images[0].read, max_image_bytes))
    except Unreadable as error:
        return Pair(where=key, fields=Unreadable(error.reason, error.detail))


def _fields(files: Sequence[_File]) -> dict[str, Any]:
    counts = Counter(file.suffix for file in files)
    if not any(suffix in counts for suffix in (*IMAGES, *_TEXTS)):
        raise Unreadable("not_in_a_sample", f"of type {', '.join(sorted(counts))[:80]}, which no sample has")
    if counts["txt"] > 1 or counts["json"] > 1:
        raise Unreadable("duplicate_member", "several texts or several JSON files")
    found = {file.suffix: file.read(MAX_TEXT_BYTES) for file in files if file.suffix in _TEXTS}
    fields = dict(parse_json(found["json"])) if "json" in found else {}
    check_downloaded(fields)
    if (caption := _decoded(found.get("txt", b""))).strip():
        fields["caption"] = caption
    return fields


def _decoded(data: bytes) -> str:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise Unreadable("bad_utf8", f"byte {error.start} of the text") from None


def _read_member(path: str, offset: int, size: int, max_bytes: int) -> bytes:
    if size > max_bytes:
        raise Unreadable("too_many_bytes", f"{size:,} bytes, at most {max_bytes:,}")
    return read_range(path, offset, size)


def _outcomes(path: Path, keys: set[str], *, is_complete: bool) -> Iterator[Pair]:
    """The rows of the Parquet file for which there is no sample."""
    if not path.is_file():
        return
    try:
        if not set(_OUTCOME) <= set(read_columns(str(path))):
            return  # another file of the same name
        # Read from the start to the end, whatever it has been pinned by.
        split = Split(source="", path=str(path), name="", sha256="", start=0, end=1 << 30)
        for number, row in read_rows(split, _OUTCOME):
            where = f"{path.name}: row {number + 1}"
            try:
                if isinstance(row, Unreadable):
                    raise row
                if str(row["key"]) in keys:
                    continue
                check_downloaded(row)
                if is_complete:
                    raise Unreadable("image_missing", f"{str(row['key'])[:80]!r} was downloaded, but is not here")
            except Unreadable as error:
                yield Pair(where=where, fields=error)
    except Unreadable as error:
        yield Pair(where=path.name, fields=error)
    except OSError as error:
        raise TaskError(f"cannot read {path}: {error.strerror}") from error
