"""Which addresses a stranger's URL may lead to: public ones, and what a recipe allows by name.

`ipaddress.is_global` alone will not do: in Python 3.11 it passes NAT64, 6to4 and multicast. The list follows the IANA
special-purpose registries (RFC 6890 and what updated it).
"""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

_CLOSED_V4 = tuple(
    IPv4Network(network)
    for network in (
        "0.0.0.0/8",  # this network
        "10.0.0.0/8",
        "100.64.0.0/10",  # carriers' NAT
        "127.0.0.0/8",
        "169.254.0.0/16",  # link-local, and the metadata services of clouds
        "172.16.0.0/12",
        "192.0.0.0/24",  # protocol assignments
        "192.0.2.0/24",  # documentation
        "192.31.196.0/24",  # AS112
        "192.52.193.0/24",  # AMT
        "192.88.99.0/24",  # 6to4 relays
        "192.168.0.0/16",
        "192.175.48.0/24",  # AS112
        "198.18.0.0/15",  # benchmarks
        "198.51.100.0/24",  # documentation
        "203.0.113.0/24",  # documentation
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",  # reserved, and broadcast
        "168.63.129.16/32",  # the host of an Azure machine: a public number that never leaves the data centre
    )
)
# Of IPv6 only what is handed out to hosts is open; everything else (loopback, NAT64 64:ff9b::/96, unique local, link-
# local, multicast, IPv4 in any disguise) lies outside of it.
_OPEN_V6 = IPv6Network("2000::/3")
_CLOSED_V6 = tuple(
    IPv6Network(network)
    for network in (
        "2001::/23",  # protocol assignments: Teredo, ORCHID, benchmarks
        "2001:db8::/32",  # documentation
        "2002::/16",  # 6to4: an IPv4 address in disguise
        "2620:4f:8000::/48",  # AS112
        "3fff::/20",  # documentation
    )
)


def is_public(address: Address) -> bool:
    """Whether an address belongs to a host of the public internet.

    >>> [is_public(ip_address(text)) for text in ("93.184.215.14", "127.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::")]
    [True, False, False, False]
    """
    if isinstance(address, IPv4Address):
        return not any(address in network for network in _CLOSED_V4)
    if address.scope_id is not None:
        return False
    return address in _OPEN_V6 and not any(address in network for network in _CLOSED_V6)


class Gate:
    """Says which addresses may be connected to: public ones, and those in `allow`."""

    def __init__(self, allow: Iterable[str] = ()) -> None:
        self._allow = tuple(ip_network(network, strict=False) for network in allow)

    def is_open(self, address: str | Address) -> bool:
        """False, too, for what is no address."""
        try:
            parsed = ip_address(address) if isinstance(address, str) else address
        except ValueError:
            return False
        return is_public(parsed) or any(
            parsed.version == network.version and parsed in network for network in self._allow
        )
