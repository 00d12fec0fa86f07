"""What owners say about the use of their pages and images, in headers and in `<meta name="robots">`.

Words: Google's `noindex`, `noimageindex` and `none`; DeviantArt's `noai` and `noimageai`; TDMRep's reservation.
"""

from __future__ import annotations

from collections.abc import Mapping

_OPT_OUT = frozenset(["noai", "noimageai", "noindex", "noimageindex", "none"])


def opt_out_in(robots: str) -> str | None:
    """The word of a robots directive (a `<meta>` or an `X-Robots-Tag` header) that forbids this use."""
    for directive in robots[:8000].lower().replace(";", ",").split(","):
        name, colon, value = directive.strip().partition(":")
        # "agent: noindex" is a directive for one agent; "max-image-preview: none" is one with a value.
        word = value.strip() if colon and not name.startswith(("max-", "unavailable")) else name
        if word in _OPT_OUT:
            return word
    return None


def opt_out_in_headers(headers: Mapping[str, str]) -> str | None:
    """The same for a response: headers by their names in lower case.

    >>> opt_out_in_headers({"x-robots-tag": "otherbot: noindex"}), opt_out_in_headers({"tdm-reservation": "0"})
    ('noindex', None)
    """
    if word := opt_out_in(headers.get("x-robots-tag", "")):
        return f"X-Robots-Tag: {word}"
    if "1" in (value.strip() for value in headers.get("tdm-reservation", "").split(",")):
        return "tdm-reservation: 1"
    return None
