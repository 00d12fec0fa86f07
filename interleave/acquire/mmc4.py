"""MMC4: one JSON document a line, its images by name in a folder.

Schema of v1.1 (https://github.com/allenai/mmc4): `url`, `text_list`, `image_info` (`image_name`, `raw_url`,
`matched_text_index`, `matched_sim`, `face_detections`), `similarity_matrix` (images x sentences),
`could_have_url_duplicate`.

What makes a line unusable drops the document; what makes one image unusable drops that image.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, Literal

import numpy as np
import orjson

from interleave.acquire.lines import read_records
from interleave.acquire.listing import SourceFile, Split, cut_lines, list_files
from interleave.acquire.local_images import has_local_image, read_local_image
from interleave.acquire.source import Limits, Parsed, Refused, SourceName
from interleave.document import Float32s, SourceDocument, SourceImage
from interleave.errors import RecipeError, Unreadable
from interleave.settings import LocationOrUrl, OptionalLocation, Settings

# An index beyond this is not a sentence of any document; it would only overflow what stores it.
MAX_COUNT = 1_000_000


class Mmc4Source(Settings):
    """Documents in MMC4's schema; images in a local folder, or fetched by URL."""

    kind: Literal["mmc4"] = "mmc4"
    """MMC4's schema, v1.1: `.jsonl`, `.jsonl.gz`, `.jsonl.zip`, `.jsonl.zst`."""

    name: SourceName = "mmc4"
    """What the source is called in the index and the summary."""

    path: LocationOrUrl
    """One file, a glob, or a folder (searched for `.jsonl*` at any depth)."""

    images: OptionalLocation = None
    """Folder that holds each image under its `image_name`. What is not there, or without a folder, needs `fetch`."""

    def files(self) -> list[SourceFile]:
        if self.images is not None and not Path(self.images).is_dir():
            raise RecipeError(f"source {self.name}: images: {self.images} is not a folder")
        return list_files(self.name, self.path)

    def cut(self, file: SourceFile, num_bytes: int) -> list[Split]:
        return cut_lines(file, num_bytes)

    def read(self, split: Split, limits: Limits) -> Iterator[Parsed | Refused]:
        for record in read_records(split, parse_mmc4):
            if isinstance(record, Parsed) and self.images is not None:
                images = tuple(self._local(image, self.images, limits) for image in record.document.images)
                yield replace(record, document=replace(record.document, images=images))
            else:
                yield record

    def _local(self, image: SourceImage, folder: str, limits: Limits) -> SourceImage:
        """An image that the folder lacks is left to its URL, if it has one."""
        name = image.name or ""
        if image.url and not has_local_image(folder, name):
            return image
        return replace(image, load=partial(read_local_image, folder, name, limits.max_image_bytes))


def parse_mmc4(line: bytes, doc_id: str) -> Parsed:
    """One line as a document, and the images of it that are unusable, by index.

    Raises:
        Unreadable: the line as a whole is not a document.
    """
    return mmc4_document(parse_json(line), doc_id)


def mmc4_document(record: Mapping[str, Any], doc_id: str) -> Parsed:
    """The same for a line that was read already.

    Raises:
        Unreadable: the record as a whole is not a document.
    """
    sentences = _sentences(record.get("text_list"))
    infos = record.get("image_info")
    infos = [] if infos is None else infos
    if not isinstance(infos, list):
        raise Unreadable("bad_image_info", f"image_info is {_kind(infos)}, expected a list")
    matrix = _matrix(record.get("similarity_matrix"), len(infos), len(sentences))
    images: list[SourceImage] = []
    unusable: list[tuple[int, Unreadable]] = []
    for index, info in enumerate(infos):
        try:
            images.append(_image(info, index, len(sentences), None if matrix is None else matrix[index]))
        except Unreadable as error:
            unusable.append((index, error))
    document = SourceDocument(
        id=doc_id, url=_optional_text(record, "url"), sentences=sentences, images=tuple(images), meta=_meta(record)
    )
    return Parsed(document=document, unusable=tuple(unusable))


def parse_json(line: bytes) -> Mapping[str, Any]:
    """A JSON object.

    Raises:
        Unreadable: `bad_utf8`, `bad_json`, `json_too_deep`, `not_an_object`.
    """
    try:
        line.decode("utf-8")
    except UnicodeDecodeError as error:
        raise Unreadable("bad_utf8", f"byte {error.start} of the line") from None
    try:
        record = orjson.loads(line)
    except orjson.JSONDecodeError as error:
        reason = "json_too_deep" if "depth" in str(error) or "ecursion" in str(error) else "bad_json"
        raise Unreadable(reason, str(error)[:200]) from None
    if not isinstance(record, dict):
        raise Unreadable("not_an_object", f"the line is {_kind(record)}, expected an object")
    return record


def _sentences(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list):
        raise Unreadable("bad_text_list", f"text_list is {_kind(value)}, expected a list of strings")
    for position, sentence in enumerate(value):
        if not isinstance(sentence, str):
            raise Unreadable("bad_text_list", f"text_list[{position}] is {_kind(sentence)}, expected a string")
    if len(value) > MAX_COUNT:
        raise Unreadable("too_many_sentences", f"{len(value):,}, at most {MAX_COUNT:,}")
    return tuple(value)


def _matrix(value: Any, num_images: int, num_sentences: int) -> Float32s | None:
    """(num_images, num_sentences) similarities. Absent or empty means that the source knows none."""
    if value is None or value == []:
        return None
    expected = f"expected {num_images} rows of {num_sentences} numbers"
    if not isinstance(value, list) or len(value) != num_images:
        got = f"{len(value)} rows" if isinstance(value, list) else _kind(value)
        raise Unreadable("bad_similarity_matrix", f"{got}, {expected}")
    for row in value:
        if not isinstance(row, list) or len(row) != num_sentences:
            raise Unreadable("bad_similarity_matrix", f"a row is {_kind(row)} or of another length, {expected}")
        if not all(type(item) in (float, int) and abs(item) <= 1e6 for item in row):
            raise Unreadable("bad_similarity_matrix", f"a row holds what is no number within 1e6, {expected}")
    return np.array(value, dtype=np.float32).reshape(num_images, num_sentences)


def _image(info: Any, index: int, num_sentences: int, similarities: Float32s | None) -> SourceImage:
    if not isinstance(info, dict):
        raise Unreadable("bad_image_entry", f"image_info[{index}] is {_kind(info)}, expected an object")
    matched = info.get("matched_text_index")
    if type(matched) is not int:
        raise Unreadable("bad_matched_text_index", f"{_kind(matched)}, expected an integer")
    if not 0 <= matched < num_sentences:
        raise Unreadable("matched_text_index_out_of_range", f"{matched}, the document has {num_sentences} sentences")
    name, url = _optional_text(info, "image_name"), _optional_text(info, "raw_url")
    if not name and not url:
        raise Unreadable("no_image_name", "image_name and raw_url are missing or empty")
    return SourceImage(
        index=index,
        name=name or None,
        url=url or None,
        matched_sentence=matched,
        sha256=_sha256(info),
        similarities=similarities,
        num_faces=_num_faces(info.get("face_detections")),
    )


def _sha256(info: Mapping[str, Any]) -> str | None:
    """Some releases say what an image's bytes were, so that another image under the same URL is noticed."""
    digest = _optional_text(info, "sha256")
    if digest is not None and not re.fullmatch(r"[0-9a-fA-F]{64}", digest):
        raise Unreadable("bad_sha256", f"{digest[:80]!r}, expected 64 hex digits")
    return digest and digest.lower()


def _num_faces(value: Any) -> int | None:
    """None is "no face" in the releases that carry the field (the fewer-faces split has null throughout)."""
    if value is None:
        return 0
    if isinstance(value, list):
        return len(value)
    raise Unreadable("bad_face_detections", f"{_kind(value)}, expected a list or null")


def _meta(record: Mapping[str, Any]) -> dict[str, str]:
    meta = {}
    language = record.get("language")
    if isinstance(language, str):
        meta["language"] = language
    duplicate = record.get("could_have_url_duplicate")
    if duplicate is not None:
        if type(duplicate) not in (int, bool):
            raise Unreadable("bad_could_have_url_duplicate", f"{_kind(duplicate)}, expected 0 or 1")
        meta["could_have_url_duplicate"] = str(int(duplicate))
    return meta


def _optional_text(record: Mapping[str, Any], field: str) -> str | None:
    value = record.get(field)
    if value is None or isinstance(value, str):
        return value
    raise Unreadable(f"bad_{field}", f"{field} is {_kind(value)}, expected a string")


def _kind(value: Any) -> str:
    names = {dict: "an object", list: "a list", str: "a string", bool: "a boolean", type(None): "null or missing"}
    return names.get(type(value), "a number")
