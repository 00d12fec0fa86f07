"""Sitemaps (https://www.sitemaps.org/protocol.html): XML, an index of such, or a text with an address a line."""

from __future__ import annotations

import zlib
from dataclasses import dataclass

from interleave.errors import Unreadable

# The protocol's own limits.
MAX_SITEMAP_BYTES = 50 * 1024 * 1024
MAX_ADDRESSES = 50_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Sitemap:
    """What a sitemap lists, in its order."""

    pages: tuple[str, ...] = ()
    sitemaps: tuple[str, ...] = ()


def parse_sitemap(data: bytes) -> Sitemap:
    """
    Raises:
        Unreadable: `bad_sitemap`, `too_many_bytes`.
    """
    text = _unpacked(data).removeprefix(b"\xef\xbb\xbf").strip()
    if not text.startswith(b"<"):
        lines = text.decode("utf-8", "replace").split()
        if not lines or not lines[0].startswith(("http://", "https://")):
            raise Unreadable("bad_sitemap", f"begins with {text[:20]!r}, expected XML or addresses")
        return Sitemap(pages=tuple(lines[:MAX_ADDRESSES]))
    return _parse_xml(text)


def _parse_xml(text: bytes) -> Sitemap:
    from lxml import etree

    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False, recover=True)
    try:
        root = etree.fromstring(text, parser)
    except etree.XMLSyntaxError as error:
        raise Unreadable("bad_sitemap", str(error)[:200]) from None
    name = etree.QName(root).localname if root is not None and isinstance(root.tag, str) else ""
    if name not in ("urlset", "sitemapindex"):
        raise Unreadable("bad_sitemap", f"an element {name[:40]!r}, expected urlset or sitemapindex")
    entries = root.iterfind("{*}sitemap/{*}loc" if name == "sitemapindex" else "{*}url/{*}loc")
    found = tuple(address for entry in entries if (address := (entry.text or "").strip()))[:MAX_ADDRESSES]
    return Sitemap(sitemaps=found) if name == "sitemapindex" else Sitemap(pages=found)


def _unpacked(data: bytes) -> bytes:
    if not data.startswith(b"\x1f\x8b"):
        return data
    unpacker = zlib.decompressobj(31)
    try:
        text = unpacker.decompress(data, MAX_SITEMAP_BYTES)
    except zlib.error as error:
        raise Unreadable("bad_sitemap", str(error)) from None
    if unpacker.unconsumed_tail:
        raise Unreadable("too_many_bytes", f"more than {MAX_SITEMAP_BYTES:,} bytes when unpacked")
    return text
