"""What a URL may look like before anybody resolves its name."""

from __future__ import annotations

import re
from ipaddress import IPv6Address, ip_address
from urllib.parse import urljoin

from yarl import URL

from interleave.access.addresses import Gate
from interleave.access.errors import FetchError

MAX_URL_CHARS = 8_000
_DEFAULT_PORTS = {"http": 80, "https": 443}
_CONTROLS = re.compile(r"[\x00-\x20\x7f]")
# Hosts of digits, dots and hex alone that are no ordinary IPv4 address: 0x7f.1, 2130706433, 127.1, 0177.0.0.1. The C
# library reads them as addresses.
_NUMERIC_LABEL = re.compile(r"(?:0x[0-9a-f]*|[0-9]+)", re.IGNORECASE)
_NO_HOST = re.compile(
    r"[^A-Za-z0-9._:%-]|%(?![0-9A-Za-z]*$)|^[^:]*%"
)  # a zone of IPv6 is refused later, with its reason
MIN_HIGH_PORT = 1024


def parse_url(text: str) -> URL:
    """A URL of the web.

    Raises:
        FetchError: `bad_url`, `not_http`, `bad_port`.
    """
    stripped = text.strip()
    if not stripped or len(stripped) > MAX_URL_CHARS or "\\" in stripped.partition("?")[0]:
        raise FetchError("bad_url", f"{stripped[:200]!r}")
    try:
        # A blank within is what browsers mend, too.
        url = URL(_CONTROLS.sub(lambda control: "%20" if control[0] == " " else "", stripped))
        host, port = url.raw_host, url.port
    except (ValueError, IndexError) as error:  # the latter from yarl, of "http://[]@"
        raise FetchError("bad_url", f"{stripped[:200]!r}: {error}"[:300]) from None
    if url.scheme not in _DEFAULT_PORTS:
        raise FetchError("not_http", f"{url.scheme[:40]!r}, expected http or https")
    if not host or _NO_HOST.search(host) or url.raw_user is not None or url.raw_password is not None:
        raise FetchError("bad_url", "a URL with no host or an impossible one, or with a user's name in it")
    if port is None or (
        port != _DEFAULT_PORTS[url.scheme] and port not in _DEFAULT_PORTS.values() and port < MIN_HIGH_PORT
    ):
        raise FetchError("bad_port", f"{port}: a port of other services than the web's")
    return url.with_fragment(None)


def check_literal(url: URL, gate: Gate) -> None:
    """Refuses a host that is an address, in whatever notation, and not an open one; names are left to the resolver.

    Raises:
        FetchError: `private_address`, `bad_url`.
    """
    host = (url.raw_host or "").rstrip(".")
    try:
        address = ip_address(host)
    except ValueError:
        labels = host.split(".")
        if not host or _NUMERIC_LABEL.fullmatch(labels[-1]):
            raise FetchError("bad_url", f"{host[:100]!r} is neither a name nor an ordinary address") from None
        return
    if isinstance(address, IPv6Address) and "%" in host:
        raise FetchError("private_address", host[:100])
    if not gate.is_open(address):
        raise FetchError("private_address", host[:100])


def origin_of(url: URL) -> str:
    """`https://example.org` or `http://example.org:8080`: what robots.txt and connections belong to."""
    return str(url.origin())


def redirect_target(url: URL, location: str) -> URL:
    """Where a redirect leads.

    Raises:
        FetchError: `bad_url`, `not_http`, `bad_port`.
    """
    try:
        return parse_url(urljoin(str(url), location.strip()))
    except ValueError as error:
        raise FetchError("bad_url", f"a redirect to {location[:200]!r}: {error}"[:300]) from None
