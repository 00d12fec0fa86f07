"""VILA's Stage-2 files: a pickled list of documents with their images in it, and beside it the number of documents.

    NAME.pkl     a list of MMC4 documents with `image_info[].image_base64` (`mmc4_merger.py`), or of COYO's pairs with
                 `image` (base64) and `text` or `caption` (`coyo_downloader.py`); a dict stands for its values
    NAME.count   how many, as text; need not be there

Nothing in a file can run (see `pickles`). A file is one split, and lies in memory as a whole while it is read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import IO, Annotated, Any, Literal

from pydantic import Field

from interleave.acquire.archives.pickles import read_pickle
from interleave.acquire.archives.weigh import Room
from interleave.acquire.embedded_images import decode_base64, embedded_document
from interleave.acquire.listing import SourceFile, Split, list_files, whole
from interleave.acquire.source import Limits, Parsed, Refused, SourceName
from interleave.document import SourceDocument, SourceImage
from interleave.errors import TaskError, Unreadable
from interleave.identity import document_id
from interleave.settings import LocationOrUrl, Settings

# A file may show this many times its size to one who walks it: names of fields are written once, and used everywhere.
_MAX_SHARING = 32
_LEAST_WEIGHT = 1 << 20
_MAX_COUNT_BYTES = 64


class VilaPklSource(Settings):
    """Documents as VILA's data preparation pickles them, images included."""

    kind: Literal["vila-pkl"] = "vila-pkl"
    """VILA's `.pkl` with its `.count`: MMC4 documents or COYO pairs, images as base64. Nothing in a pickle is run."""

    name: SourceName = "vila-pkl"
    """What the source is called in the index and the summary."""

    path: LocationOrUrl
    """One file, a glob, or a folder (searched for `.pkl` at any depth)."""

    max_file_bytes: Annotated[int, Field(ge=1)] = 4 << 30
    """Larger files are not read: a file lies in memory as a whole."""

    def files(self) -> list[SourceFile]:
        return list_files(self.name, self.path, (".pkl",))

    def cut(self, file: SourceFile, num_bytes: int) -> list[Split]:
        return whole(file, end=file.num_bytes)

    def read(self, split: Split, limits: Limits) -> Iterator[Parsed | Refused]:
        for number, parse in enumerate(_records(split, self.max_file_bytes, limits)):
            doc_id = document_id(split.source, split.name, number)
            try:
                yield parse(doc_id)
            except Unreadable as error:
                # A new one: the caught one's traceback would keep the record alive.
                reason = Unreadable(error.reason, error.detail)
                yield Refused(doc_id=doc_id, where=f"{split.name}: record {number + 1}", error=reason)


_Parse = Callable[[str], Parsed]


def _records(split: Split, max_file_bytes: int, limits: Limits) -> Iterator[_Parse]:
    """One a record of the file, and one for each thing that is wrong with the file as a whole."""
    try:
        records, num_left = _load(split.path, max_file_bytes)
    except Unreadable as error:
        yield _refusal(error.reason, error.detail)
        return
    num_records = len(records)
    room = Room(_MAX_SHARING * split.end + _LEAST_WEIGHT)
    # From the end of a reversed list: what was read goes out of memory.
    records.reverse()
    while records:
        yield partial(_document, records.pop(), room, limits.max_image_bytes)
    if num_left:
        yield _refusal("damaged_file", f"{num_left:,} bytes behind the end of the pickle; expected one pickle a file")
    yield from _check_count(Path(split.path).with_suffix(".count"), num_records)


def _load(path: str, max_file_bytes: int) -> tuple[list[Any], int]:
    """The records, and the number of bytes behind the pickle."""
    try:
        with Path(path).open("rb") as file:
            num_bytes = file.seek(0, 2)
            if num_bytes > max_file_bytes:
                raise Unreadable("file_too_large", f"{num_bytes:,} bytes, max_file_bytes is {max_file_bytes:,}")
            file.seek(0)
            value, num_read = read_pickle(file, num_bytes)
    except OSError as error:
        raise TaskError(f"cannot read {path}: {error.strerror}") from error
    if isinstance(value, dict):
        value = value.values()
    elif not isinstance(value, list | tuple):
        raise Unreadable("not_a_list", f"the pickle is {type(value).__name__}, expected a list of documents")
    return list(value), num_bytes - num_read


def _document(record: Any, room: Room, max_image_bytes: int, doc_id: str) -> Parsed:
    room.take(record)
    if not isinstance(record, dict):
        raise Unreadable("not_an_object", f"the record is {type(record).__name__}, expected a dict")
    if "image" in record and "text_list" not in record:
        return _pair(record, max_image_bytes, doc_id)

    def load(index: int) -> Callable[[], bytes]:
        return partial(decode_base64, record["image_info"][index]["image_base64"], max_image_bytes)

    return embedded_document(record, doc_id, load)


def _pair(record: Mapping[str, Any], max_image_bytes: int, doc_id: str) -> Parsed:
    """One of COYO's: the image stands before its text, as VILA trains on it. `url` is the image's."""
    text = record.get("text", record.get("caption"))
    if not isinstance(text, str):
        raise Unreadable("bad_text", f"text is {type(text).__name__}, expected a text")
    url, name = record.get("url"), record.get("id")
    image = SourceImage(
        index=0,
        name=str(name) if isinstance(name, str | int) else None,
        url=url if isinstance(url, str) and url else None,
        load=partial(decode_base64, record["image"], max_image_bytes),
    )
    return Parsed(document=SourceDocument(id=doc_id, url=None, sentences=(text,), images=(image,)))


def _check_count(path: Path, num_records: int) -> Iterator[_Parse]:
    """VILA reads as many as this file says: a file that says otherwise is of another state of the data."""
    if not path.is_file():
        return
    try:
        with path.open("rb") as file:
            text: bytes = _first_bytes(file)
    except OSError as error:
        raise TaskError(f"cannot read {path}: {error.strerror}") from error
    if not text.isdigit() or len(text) > 18:
        yield _refusal("bad_count", f"{path.name} holds {text[:20]!r}, expected a number")
    elif int(text) != num_records:
        yield _refusal("count_mismatch", f"{path.name} says {int(text):,}, the pickle holds {num_records:,}")


def _first_bytes(file: IO[bytes]) -> bytes:
    return file.read(_MAX_COUNT_BYTES + 1).strip()


def _refusal(reason: str, detail: str) -> _Parse:
    def parse(doc_id: str) -> Parsed:
        raise Unreadable(reason, detail)

    return parse
