"""Images in a store as they are after normalising: smaller than what was downloaded, and all that `measure` asks for.

4 bytes: length of the JSON | JSON: sizes, format, looks | 1,024 bytes: thumbnail | JPEG
"""

from __future__ import annotations

import struct
from dataclasses import asdict

import numpy as np
import orjson

from interleave.document import Looks
from interleave.errors import Unreadable
from interleave.images.normalise import THUMBNAIL_SIDE, ImageTarget, NormalisedImage

_NUMBERS = ("width", "height", "source_width", "source_height", "source_format", "passed_through")
_PACKED = "jpeg, "


def form_of(target: ImageTarget) -> str:
    """Names what images were made into, and what is kept with them: others are not mistaken for it."""
    return f"{_PACKED}short side {target.max_short_side or 'any'}, quality {target.quality}, with looks"


def is_packed(form: str) -> bool:
    """Whether images in a form are `unpack`'s; in any other they are files of a web format."""
    return form.startswith(_PACKED)


def pack(image: NormalisedImage) -> bytes:
    """A normalised image as the bytes that are kept."""
    numbers = {name: getattr(image, name) for name in _NUMBERS}
    head = orjson.dumps({**numbers, "looks": asdict(image.looks)})
    return struct.pack("<I", len(head)) + head + image.thumbnail.tobytes() + image.jpeg


def unpack(data: bytes) -> NormalisedImage:
    """The image that `pack` was given.

    Raises:
        Unreadable: `damaged_in_store`.
    """
    try:
        (length,) = struct.unpack_from("<I", data)
        fields = orjson.loads(data[4 : 4 + length])
        looks = Looks(**fields.pop("looks"))
        begin = 4 + length + THUMBNAIL_SIDE**2
        thumbnail = np.frombuffer(data[4 + length : begin], dtype=np.uint8).reshape(THUMBNAIL_SIDE, THUMBNAIL_SIDE)
        return NormalisedImage(jpeg=data[begin:], thumbnail=thumbnail, looks=looks, **fields)
    except (struct.error, ValueError, TypeError, LookupError, AttributeError) as error:
        raise Unreadable("damaged_in_store", str(error)[:200]) from None
