"""Names to addresses that may be connected to. What is checked here is what is connected to: nobody asks again."""

from __future__ import annotations

import socket
from collections.abc import Mapping
from typing import Any

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult

from interleave.access.addresses import Gate
from interleave.access.errors import FetchError

Place = tuple[str, int]


class PrivateAddress(OSError):
    """A connection that was about to be made to an address that is not open."""


class GuardedResolver(AbstractResolver):
    """DNS, less every address that is not open; hosts in `places` are found where the recipe says."""

    def __init__(self, gate: Gate, places: Mapping[str, Place]) -> None:
        self._gate = gate
        self._places = dict(places)
        self._dns = aiohttp.AsyncResolver(timeout=5, tries=2)

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """
        Raises:
            FetchError: `dns`, `private_address`.
        """
        if place := self._places.get(host):
            return [_entry(host, *place)]
        try:
            found = await self._dns.resolve(host, port, family)
        except OSError as error:
            what = error.strerror or (error.args[-1] if error.args else "no answer")
            raise FetchError("dns", f"{host[:200]}: {what}"[:300], transient=True) from None
        open_ones = [entry for entry in found if self._gate.is_open(entry["host"])]
        if not open_ones:
            raise FetchError("private_address", host[:200])
        return open_ones

    async def close(self) -> None:
        await self._dns.close()


def guarded_socket(gate: Gate, places: Mapping[str, Place]) -> Any:
    """Makes the sockets of connections: the last look at an address, however it came about."""
    known = {(address, port) for address, port in places.values()}

    def make(address_info: tuple[Any, ...]) -> socket.socket:
        family, kind, protocol, _, place = address_info
        if (place[0], place[1]) not in known and not gate.is_open(place[0]):
            raise PrivateAddress(str(place[0]))
        made = socket.socket(family, kind, protocol)
        made.setblocking(False)
        return made

    return make


def parse_places(resolve: Mapping[str, str]) -> dict[str, Place]:
    """`{"corpus.example": "127.0.0.1:8080"}` as {host: (address, port)}."""
    places = {}
    for host, place in resolve.items():
        address, _, port = place.rpartition(":")
        places[host.lower()] = (address.strip("[]"), int(port))
    return places


def _entry(host: str, address: str, port: int) -> ResolveResult:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    return {
        "hostname": host,
        "host": address,
        "port": port,
        "family": family,
        "proto": 0,
        "flags": socket.AI_NUMERICHOST,
    }
