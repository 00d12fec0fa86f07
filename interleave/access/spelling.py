"""One spelling of URLs that are the same to a server: what ledgers, blocklists and bounds compare.

By the standard library, and without raising: a build of local images checks its blocklists without the packages of
`download`, and a corpus has URLs that are none.
"""

from __future__ import annotations

import re
from functools import lru_cache
from urllib.parse import quote, urlsplit, urlunsplit

_CONTROLS = re.compile(r"[\x00-\x1f\x7f]")
_ESCAPE = re.compile(r"%([0-9a-fA-F]{2})")
_NAME = re.compile(r"[a-z0-9._-]+")
_MAX_CACHED_CHARS = 1_000
_DEFAULT_PORTS = {"http": 80, "https": 443}


def canonical_url(url: str) -> str:
    """Lower-case host in IDNA, without default port, dot segments and fragment, percent-encoded as requests are.

    >>> canonical_url("HTTP://Bücher.example:80#top")
    'http://xn--bcher-kva.example/'
    """
    return _canonical(url) if len(url) <= _MAX_CACHED_CHARS else _canonical.__wrapped__(url)


@lru_cache(maxsize=1 << 14)  # a URL is looked up several times on its way
def _canonical(url: str) -> str:
    bare = _CONTROLS.sub("", url).partition("#")[0].strip().replace(" ", "%20")
    try:
        parts = urlsplit(bare)
        port = parts.port
    except ValueError:
        return bare
    host = host_name(parts.hostname or "")
    if not host:
        return bare
    path = _without_dots(percent_encoded(parts.path))
    if port is not None and port != _DEFAULT_PORTS.get(parts.scheme):
        host = f"{host}:{port}"
    return urlunsplit((parts.scheme, host, path or "/", percent_encoded(parts.query), ""))


def percent_encoded(text: str) -> str:
    """A path or query with an escape for what needs one, and for nothing else (RFC 3986, 6.2.2.2).

    >>> percent_encoded("/%7Eme/b%c3%bcch/ü%2F")
    '/~me/b%C3%BCch/%C3%BC%2F'
    """
    return quote(_ESCAPE.sub(_plain, text), safe="%/:@!$&'()*+,;=?~", errors="surrogatepass")


def _plain(escape: re.Match[str]) -> str:
    character = chr(int(escape[1], 16))
    return character if character.isascii() and (character.isalnum() or character in "-._~") else escape[0].upper()


def _without_dots(path: str) -> str:
    """`/a/./b/../c` as `/a/c` (RFC 3986, 5.2.4)."""
    if "/." not in path:
        return path
    kept: list[str] = []
    parts = path.split("/")
    for part in parts[1:]:
        if part == "..":
            kept = kept[:-1]
        elif part != ".":
            kept.append(part)
    return "/" + "/".join(kept) + ("/" if parts[-1] in (".", "..") and kept else "")


def host_of(url: str) -> str:
    """The host of a web address, with its port unless that is the default; "" of what is none."""
    try:
        parts = urlsplit(canonical_url(url))
    except ValueError:
        return ""
    return parts.netloc if parts.scheme in _DEFAULT_PORTS else ""


def host_name(host: str) -> str:
    """A host's name as it is asked for: lower case, IDNA, an IPv6 address in brackets."""
    host = host.lower().rstrip(".")
    if ":" in host:
        return f"[{host}]"
    return host if host.isascii() else _idna(host)


def _idna(host: str) -> str:
    """As resolvers have it; itself where it is no name."""
    try:
        import idna

        name = idna.encode(host, uts46=True).decode()
    except (ImportError, UnicodeError):
        try:
            name = host.encode("idna").decode()
        except UnicodeError:
            return host
    return name if _NAME.fullmatch(name) else host
