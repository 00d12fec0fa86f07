"""What bytes are, by their first ones: only what may be an image is kept."""

from __future__ import annotations

import re

from interleave.access.errors import FetchError
from interleave.errors import Unreadable
from interleave.images.headers import format_of

_MARKUP = re.compile(rb"\s*+(?:\xef\xbb\xbf\s*+)?+<(!doctype|html|head|body|\?xml|svg|!--)", re.IGNORECASE)


def check_is_image(data: bytes) -> None:
    """Lets pass what has the signature of a format that the codec reads.

    Raises:
        FetchError: `empty_body`, `svg`, `not_an_image`, `unsupported_format`.
    """
    if not data:
        raise FetchError("empty_body", "no bytes")
    try:
        format_of(data)
    except Unreadable as error:
        raise _explain(data, error) from None


def _explain(data: bytes, error: Unreadable) -> FetchError:
    start = data[:1024]
    if re.search(rb"<svg[\s>]", start, re.IGNORECASE):
        return FetchError("svg", "a drawing, not a picture")
    if _MARKUP.match(start):
        return FetchError("not_an_image", "HTML or XML")
    return FetchError(error.reason, error.detail)
