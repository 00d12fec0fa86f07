"""From the bytes of a page to its text, as browsers do it: byte-order mark, HTTP header, `<meta>`, and then a guess.

    bytes -> limits -> encoding -> text

Labels are those of the WHATWG's Encoding Standard: `gb2312` is read as GB 18030, `iso-8859-1` as windows-1252,
`shift_jis` with Windows' additions. Unlike browsers, a page that says Latin-1 and is UTF-8 is read as what it is.
"""

from __future__ import annotations

import codecs
import re

from interleave.errors import Unreadable

_BOMS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))
# Python's names of what the web means by a name.
_ON_THE_WEB = {"gb2312": "gb18030", "gbk": "gb18030", "shift_jis": "cp932", "big5": "big5hkscs", "euc_kr": "cp949"}
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
            text = (encoding == "cp1252" and _utf8(data)) or data.decode(encoding, "replace")
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
    try:
        codec = codecs.lookup(name)
    except LookupError:
        return None
    return _ON_THE_WEB.get(codec.name, codec.name) if codec._is_text_encoding else None


def _guessed(data: bytes) -> str:
    from resiliparse.parse.encoding import detect_encoding

    if (text := _utf8(data)) is not None:
        return text
    sample = data[:_SAMPLE_BYTES]
    if sample.count(0) * 4 > len(sample):  # half of the bytes of Latin text in UTF-16 are zero
        return data.decode("utf-16-le" if sample[1::2].count(0) > sample[::2].count(0) else "utf-16-be", "replace")
    detected = _encoding(str(detect_encoding(data, max_len=_SAMPLE_BYTES))) or "cp1252"
    # Korean is often taken for UTF-8, which it has just been found not to be.
    candidates = ("utf-8", "cp949", "cp1252") if detected == "utf-8" else (detected,)
    texts = (data.decode(name, "replace") for name in candidates)
    return next((text for text in texts if _damage(text) <= _MAX_DAMAGED), data.decode(detected, "replace"))


def _utf8(data: bytes) -> str | None:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return None


def _damage(text: str) -> float:
    return (text.count("\ufffd") + text.count("\0")) / max(len(text), 1)


def _checked(text: str) -> str:
    if _damage(text) > 5 * _MAX_DAMAGED:
        raise Unreadable("not_text", "the page decodes to text in no encoding")
    return text
