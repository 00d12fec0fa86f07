"""MMC4 documents with their images in `image_info[].image_base64`: VILA's pickles, OpenFlamingo's tars."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from interleave.acquire.mmc4 import mmc4_document
from interleave.acquire.source import Parsed
from interleave.document import SourceImage
from interleave.errors import Unreadable

# Before the data proper there may be this much: `data:image/jpeg;base64,`.
_MAX_PREFIX = 200
_DATA_URL = re.compile(rb"data:[^,]{0,150};base64,", re.IGNORECASE)
_WHITE_SPACE = b" \t\r\n\f\v"
_URL_SAFE = bytes.maketrans(b"-_", b"+/")


def embedded_document(record: Mapping[str, Any], doc_id: str, load: Callable[[int], Callable[[], bytes]]) -> Parsed:
    """A record of MMC4's schema; an image without bytes is left to its URL, if it has one.

    load: from an image's index to what reads its bytes.

    Raises:
        Unreadable: the record as a whole is not a document.
    """
    infos = record.get("image_info")
    infos = infos if isinstance(infos, list) else []
    parsed = mmc4_document(_named(record, infos), doc_id)
    images: list[SourceImage] = []
    unusable = list(parsed.unusable)
    for image in parsed.document.images:
        if infos[image.index].get("image_base64") is not None:
            images.append(replace(image, load=load(image.index)))
        elif image.url is not None:
            images.append(image)
        else:
            error = Unreadable("image_missing", f"{(image.name or '')[:200]!r} has neither image_base64 nor a URL")
            unusable.append((image.index, error))
    unusable.sort(key=lambda item: item[0])
    return replace(parsed, document=replace(parsed.document, images=tuple(images)), unusable=tuple(unusable))


def decode_base64(value: Any, max_bytes: int) -> bytes:
    """The bytes that a text or bytes of base64 stand for: either alphabet, with or without padding and white space.

    `b'...'` around it, as OpenFlamingo's converter leaves it (open_flamingo#198), and a `data:` prefix are taken off.

    Raises:
        Unreadable: `bad_base64`, `too_many_bytes`.
    """
    data = _stripped(value)
    most = -(-max_bytes // 3) * 4
    if len(data) > 2 * most + 4 or len(data := data.translate(_URL_SAFE, _WHITE_SPACE)) > most + 4:
        raise Unreadable("too_many_bytes", f"{len(data):,} characters of base64, at most {max_bytes:,} bytes")
    data = data.rstrip(b"=")
    try:
        decoded = base64.b64decode(data + b"=" * (-len(data) % 4), validate=True)
    except binascii.Error as error:
        raise Unreadable("bad_base64", f"begins with {data[:40]!r}: {error}") from None
    if not decoded:
        raise Unreadable("bad_base64", "is empty")
    if len(decoded) > max_bytes:
        raise Unreadable("too_many_bytes", f"{len(decoded):,} bytes, at most {max_bytes:,}")
    return decoded


def _stripped(value: Any) -> bytes:
    if isinstance(value, str):
        try:
            value = value.encode("ascii")
        except UnicodeEncodeError as error:
            raise Unreadable("bad_base64", f"character {error.start:,} is not of base64") from None
    if not isinstance(value, bytes):
        raise Unreadable("bad_base64", f"{type(value).__name__}, expected a text")
    data = value.strip(_WHITE_SPACE)
    if data[:2] in (b"b'", b'b"') and data[-1:] == data[1:2] and len(data) > 2:
        data = data[2:-1]
    prefix = _DATA_URL.match(data[:_MAX_PREFIX])
    return data[prefix.end() :] if prefix else data


def _named(record: Mapping[str, Any], infos: list[Any]) -> Mapping[str, Any]:
    """The record without the bytes; an image that has bytes needs no name, but `mmc4_document` asks for one."""
    if not infos:
        return record
    named = [
        {"image_name": f"image {index}"} | _without_bytes(info) if isinstance(info, dict) else info
        for index, info in enumerate(infos)
    ]
    return {**record, "image_info": named}


def _without_bytes(info: Mapping[str, Any]) -> dict[str, Any]:
    has_bytes = info.get("image_base64") is not None
    return {
        name: value
        for name, value in info.items()
        if name != "image_base64" and not (has_bytes and name == "image_name" and value in (None, ""))
    }
