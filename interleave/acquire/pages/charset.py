"""From the bytes of a page to its text, as browsers do it: byte-order mark, HTTP header, `<meta>`, and then a guess.

    bytes -> limits -> encoding -> text

Labels are those of the WHATWG's Encoding Standard: `gb2312` is read as GB 18030, `iso-8859-1` as windows-1252.
"""

from __future__ import annotations

import codecs
import re

from interleave.errors import Unreadable

_BOMS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))
_HEAD_BYTES = 4096  # browsers look at 1024; pages with long comments in front have it later
_DECLARED = re.compile(rb"""<(?:meta|\?xml)\b[^>]{0,300}?(?:charset|encoding)\s*=\s*["']?\s*([\w.:-]{2,40})""", re.I)
_HEADER = re.compile(r"""charset\s*=\s*["']?\s*([\w.:-]{2,40})""", re.I)
_SAMPLE_BYTES = 32 * 1024
# A text has a few damaged characters; beyond this share it is no text in this encoding.
_MAX_DAMAGED = 0.02


def decode_page(data: bytes, content_type: str = "") -> str:
    """The text of a page; what does not decode becomes U+FFFD.

    content_type: the HTTP header, with or without a charset.

    Raises:
        Unreadable: `not_text`.
    """
    for mark, name in _BOMS:
        if data.startswith(mark):
            return _checked(data[len(mark) :].decode(name, "replace"))
    for label in _declared(data, content_type):
        if (encoding := _encoding(label)) is not None:
            text = data.decode(encoding, "replace")
            if _damage(text) <= _MAX_DAMAGED:
                return text
    return _checked(_guessed(data))


def _declared(data: bytes, content_type: str) -> list[str]:
    header, meta = _HEADER.search(content_type), _DECLARED.search(data[:_HEAD_BYTES])
    labels = [header[1]] if header else []
    if meta:
        label = meta[1].decode("ascii", "replace")
        # What can be read here as ASCII is not UTF-16, whatever it says (HTML standard, 13.2.3.2).
        labels.append("utf-8" if label.lower().startswith("utf-16") else label)
    return labels


def _encoding(label: str) -> str | None:
    """Python's name of the encoding that a label means on the web."""
    from resiliparse.parse.encoding import map_encoding_to_html5

    name = map_encoding_to_html5(label, fallback_utf8=False)
    if name is None:
        return None
    name = "gb18030" if name.lower() in ("gbk", "gb2312") else name
    try:
        return name if codecs.lookup(name)._is_text_encoding else None
    except LookupError:
        return None


def _guessed(data: bytes) -> str:
    from resiliparse.parse.encoding import detect_encoding

    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        pass
    sample = data[:_SAMPLE_BYTES]
    if sample.count(0) * 4 > len(sample):  # half of the bytes of Latin text in UTF-16 are zero
        return data.decode("utf-16-le" if sample[1::2].count(0) > sample[::2].count(0) else "utf-16-be", "replace")
    return data.decode(_encoding(str(detect_encoding(data, max_len=_SAMPLE_BYTES))) or "windows-1252", "replace")


def _damage(text: str) -> float:
    return (text.count("\ufffd") + text.count("\0")) / max(len(text), 1)


def _checked(text: str) -> str:
    if _damage(text) > 5 * _MAX_DAMAGED:
        raise Unreadable("not_text", "the page decodes to text in no encoding")
    return text
