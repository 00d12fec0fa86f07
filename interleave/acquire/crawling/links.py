"""Where a page leads to."""

from __future__ import annotations

import mimetypes
from collections.abc import Iterator
from typing import Any
from urllib.parse import urljoin

from interleave.access.errors import FetchError
from interleave.access.urls import parse_url
from interleave.acquire.pages.page import HTML_TYPES, base_of, parse_page

# A page with more is a list made by a program.
MAX_LINKS = 2_000
# The same on every machine, whatever its own list says.
_TYPES = mimetypes.MimeTypes(filenames=())
_NO_FOLLOW = ("nofollow", "none")


def links_of(data: bytes, url: str, content_type: str = "", robots: str = "") -> list[str]:
    """The addresses of pages that a page links to, in its order, each once, without their fragments.

    robots: the page's `X-Robots-Tag` header. `nofollow` there, in `<meta name="robots">` or in a link's `rel` is
    heeded.

    Raises:
        Unreadable: the page cannot be parsed.
    """
    tree, _ = parse_page(data, content_type)
    if forbids_following(robots) or any(forbids_following(content) for content in _robots_of(tree)):
        return []
    base = base_of(tree, url)
    found: dict[str, None] = {}
    for element in tree.iter("a", "area"):
        if "nofollow" in element.get("rel", "").lower().split():
            continue
        address = page_address(base, element.get("href", ""))
        if address is not None:
            found[address] = None
        if len(found) == MAX_LINKS:
            break
    return list(found)


def page_address(base: str, reference: str) -> str | None:
    """The absolute address of what may be a page; None of other schemes and of images, archives and the like."""
    try:
        url = parse_url(urljoin(base, reference.strip()))
    except (FetchError, ValueError):
        return None
    kind, _ = _TYPES.guess_type(url.path) if "." in url.name else (None, None)
    # ".com" is a program to the list, and a host's name at the end of an address to everybody else.
    is_page = kind is None or kind in HTML_TYPES or kind.startswith("application/x-ms")
    # "https://example.org" and "https://example.org/" are one page.
    address = f"{url}/" if str(url) == str(url.origin()) else str(url)
    return address if is_page else None


def forbids_following(robots: str) -> bool:
    """Whether a robots directive says `nofollow`, for all agents or for some."""
    words = (word.strip().rpartition(":")[2].strip() for word in robots.lower().replace(";", ",").split(","))
    return any(word in _NO_FOLLOW for word in words)


def _robots_of(tree: Any) -> Iterator[str]:
    return (meta.get("content", "") for meta in tree.iter("meta") if meta.get("name", "").strip().lower() == "robots")
