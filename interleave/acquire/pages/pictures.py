"""From an `<img>` element to the places where its picture may lie, best first.

Lazy loading leaves a placeholder in `src` and the picture in another attribute; `srcset` and `<picture>` offer several
sizes. What is an icon or a tracking pixel by its markup is no picture of the content.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from typing import Any
from urllib.parse import urljoin, urlsplit

from interleave.acquire.embedded_images import decode_base64
from interleave.errors import Unreadable

# A side up to this many px is an icon, a rule or a pixel.
MAX_ICON_SIDE = 32
# Larger candidates of a srcset cost bytes that no vision tower sees.
MAX_WIDTH = 2000
MAX_URL_CHARS = 4000
_LAZY = ("data-src", "data-original", "data-lazy-src", "data-lazy", "data-url", "data-hi-res-src", "data-echo")
_LAZY_SETS = ("data-srcset", "data-lazy-srcset", "data-original-set")
# A URL, which may hold commas and ends without them, and its size. Possessive: nothing is tried twice.
_CANDIDATE = re.compile(
    r"[\s,]*+(\S++)(?:(?<=,)|\s++(?:([\d.]{1,12}+)([wx])(?:\s(?:[^,(]|\([^)]*+\)?+)*+)?+)?+(?:,|$)|$)"
)
_NO_HOST = re.compile(r"(?:https?:)?(?://?/*$|///)", re.IGNORECASE)
_TOKEN = re.compile(r"[\s,]*+\S++")
_MAX_SRCSET_CHARS = 20_000
_MAX_SOURCES = 16  # of a `<picture>`
_STYLE_SIDE = re.compile(r"(?:^|[;\s])(?:width|height)\s*:\s*(\d{1,5})(?:\.\d+)?px")
_NUMBER = re.compile(r"\s*(\d{1,5})(?:\.\d*)?(?:px)?\s*$")
# Words of a file's name or folder that no picture of an article has; the latter at the end of a name alone
# ("bullet.png", "arrow-left.png", but "bullet-train.jpg").
_ICON_URL = re.compile(
    r"(?:^|[/_.\-])(?:(?:icon|favicon|sprite|spacer|1x1|emoji|smiley|smilie|tracking|beacon|spinner|captcha)s?(?=[/_.\-\d]|$)|"
    r"(?:pixel|blank|transparent|loading|loader|placeholder|arrow|bullet)s?"
    r"(?:\d{1,3}|[_\-]?(?:left|right|up|down|next|prev(?:ious)?|\d+x\d+))?(?=\.[a-z]{3,4}$|/|$))",
    re.IGNORECASE,
)
_AVIF = (".avif", ".avifs")
# The signs beside remarks in manuals.
_SIGN_URL = re.compile(r"/(?:note|warning|tip|caution|important|info|hint)\.(?:png|gif|svg)$", re.IGNORECASE)
_MAX_PLACEHOLDER_CHARS = 400  # a data: URL of a blank picture


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """An image of a page, before its bytes are found."""

    urls: tuple[str, ...]
    # http:, https: or data:, and file: where the page is a file; best first. Empty where none is usable.
    error: Unreadable | None = None
    # Why there is none.
    alt: str = ""


def picture_of(element: Any, base: str) -> Picture | None:
    """The picture of an `<img>`; None where it is an icon, a pixel or a placeholder.

    base: what relative references are relative to.
    """
    if _is_small(element):
        return None
    references = _references(element)
    urls = list(dict.fromkeys(filter(None, (_absolute(reference, base) for reference in references))))
    urls = [url for url in urls if not _is_placeholder(url)]
    alt = " ".join(element.get("alt", "").split())
    if not urls:
        blank = not references or all(_is_placeholder(item) or not item.strip() for item in references)
        return None if blank else Picture(urls=(), error=_refusal(references[0]), alt=alt)
    path = "" if urls[0].startswith("data:") else urlsplit(urls[0]).path
    if _ICON_URL.search(path) or _SIGN_URL.search(path):
        return None
    usable = tuple(url for url in urls if not _is_svg(url))
    if not usable:
        return Picture(urls=(), error=Unreadable("svg_image", urls[0][:200]), alt=alt)
    # Offered beside another format it is not needed; alone it will be refused with its reason.
    return Picture(urls=tuple(url for url in usable if not _is_avif(url)) or usable, alt=alt)


def is_lazy(element: Any) -> bool:
    """Whether a script would put the picture into an `<img>`."""
    return any(element.get(name) for name in (*_LAZY, *_LAZY_SETS)) or "lazy" in element.get("class", "").lower()


def decode_data_url(url: str, max_bytes: int) -> bytes:
    """The bytes in a `data:` URL.

    Raises:
        Unreadable: `bad_data_url`, `too_many_bytes`.
    """
    head, comma, data = url.partition(",")
    if not comma or not head.lower().rstrip().endswith(";base64"):
        raise Unreadable("bad_data_url", f"{head[:80]!r}: no base64")
    try:
        return decode_base64(data.replace("%2B", "+").replace("%2F", "/").replace("%3D", "="), max_bytes)
    except Unreadable as error:
        reason = "bad_data_url" if error.reason == "bad_base64" else error.reason
        raise Unreadable(reason, error.detail) from None


def _references(element: Any) -> list[str]:
    """What the element and the sources of its `<picture>` refer to, best first."""
    sets = [element.get(name, "") for name in (*_LAZY_SETS, "srcset")]
    parent = element.getparent()
    while parent is not None and parent.tag == "source":  # libxml2 may nest what follows an unclosed <source>
        parent = parent.getparent()
    if parent is not None and parent.tag == "picture":
        for source in islice(parent.iter("source"), _MAX_SOURCES):
            if source.get("type", "").strip().lower() not in ("image/avif", "image/svg+xml"):
                sets.extend(source.get(name, "") for name in (*_LAZY_SETS, "srcset"))
    sized = [url for text in sets if text for url in _largest(text[:_MAX_SRCSET_CHARS])]
    lazy = [value for name in _LAZY if (value := element.get(name))]
    return [*sized, *lazy, *filter(None, (element.get("src"),))]


@lru_cache(maxsize=64)  # the sources of a `<picture>` are asked for by each of its images
def _largest(srcset: str) -> tuple[str, ...]:
    """The candidate of a srcset that is widest, up to MAX_WIDTH; where all are wider, the narrowest."""
    found = []
    for match in _candidates(srcset):
        size = float(match[2]) if match[2] and match[2].count(".") < 2 and match[2] != "." else 1.0
        found.append((size * 600 if match[3] != "w" else size, match[1].rstrip(",")))
    if not found:
        return ()
    fitting = [item for item in found if item[0] <= MAX_WIDTH]
    # The first of equals, as browsers choose.
    return (max(fitting, key=lambda item: item[0])[1] if fitting else min(found, key=lambda item: item[0])[1],)


def _candidates(srcset: str) -> Iterator[re.Match[str]]:
    """One after the other; what is none is left out up to its comma."""
    position = 0
    while position < len(srcset):
        if match := _CANDIDATE.match(srcset, position):
            yield match
            position = match.end()
        else:
            token = _TOKEN.match(srcset, position)
            position = srcset.find(",", token.end() if token else position) + 1 or len(srcset)


def _absolute(reference: str, base: str) -> str | None:
    reference = reference.strip()
    if reference[:5].lower() == "data:":
        return reference
    reference = "".join(reference.split()) if "\n" in reference or "\t" in reference else reference
    if not reference or len(reference) > MAX_URL_CHARS or reference.startswith("#") or _NO_HOST.match(reference):
        return None
    try:
        url = urljoin(base, reference).partition("#")[0]
        parts = urlsplit(url)
    except ValueError:  # an impossible host
        return None
    if parts.scheme.lower() in ("http", "https") and not parts.netloc:
        return None
    # A page of the web may not name a file of this machine.
    is_file = parts.scheme.lower() == "file" and base.startswith("file:")
    return url if is_file or parts.scheme.lower() in ("http", "https") else None


def _refusal(reference: str) -> Unreadable:
    return Unreadable("bad_image_url", repr(reference.strip()[:100]))


def _is_placeholder(url: str) -> bool:
    return (url[:5].lower() == "data:" and len(url) < _MAX_PLACEHOLDER_CHARS) or url.strip() in ("about:blank", "#")


def _is_svg(url: str) -> bool:
    if url[:5].lower() == "data:":
        return url[5:30].lower().lstrip().startswith("image/svg")
    return urlsplit(url).path.lower().endswith((".svg", ".svgz"))


def _is_avif(url: str) -> bool:
    return urlsplit(url).path.lower().endswith(_AVIF) if url[:5].lower() != "data:" else False


def _is_small(element: Any) -> bool:
    sides = [int(match[1]) for name in ("width", "height") if (match := _NUMBER.match(element.get(name, "")))]
    style = element.get("style")
    if style:
        sides += [int(side) for side in _STYLE_SIDE.findall(style.lower())]
    # 0 and 1 with a lazy attribute are placeholders' sizes, but pages that do so cannot be told from pixels.
    return bool(sides) and min(sides) <= MAX_ICON_SIDE
