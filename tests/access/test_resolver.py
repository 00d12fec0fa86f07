"""What is connected to is what was checked: no private answers, stated places as stated, and a last look by sockets."""

from __future__ import annotations

import asyncio
import socket
from typing import Any

import pytest

from interleave.access.addresses import Gate
from interleave.access.errors import FetchError
from interleave.access.resolver import GuardedResolver, PrivateAddress, guarded_socket, parse_places

PUBLIC = ["93.184.215.14", "2606:2800:21f:cb07:6820:80da:af6b:8b2c"]
PRIVATE = ["127.0.0.1", "10.1.2.3", "169.254.169.254", "::1", "fd00:ec2::254", "::ffff:127.0.0.1", "64:ff9b::7f00:1"]


class Dns:
    """Answers with these addresses, or fails."""

    def __init__(self, answer: list[str] | OSError) -> None:
        self.answer = answer
        self.asked: list[str] = []
        self.is_closed = False

    async def resolve(self, host: str, port: int, family: int) -> list[dict[str, Any]]:
        self.asked.append(host)
        if isinstance(self.answer, OSError):
            raise self.answer
        return [{"hostname": host, "host": address, "port": port} for address in self.answer]

    async def close(self) -> None:
        self.is_closed = True


def resolve(
    dns: Dns, host: str = "images.example", *, allow: tuple[str, ...] = (), places: dict[str, str] | None = None
) -> list[tuple[str, int]]:
    async def ask() -> list[tuple[str, int]]:
        resolver = GuardedResolver(Gate(allow), parse_places(places or {}))
        await resolver._dns.close()
        resolver._dns = dns  # type: ignore[assignment]
        found = await resolver.resolve(host, 80)
        await resolver.close()
        return [(entry["host"], entry["port"]) for entry in found]

    return asyncio.run(ask())


def test_public_answers_are_all_used() -> None:
    dns = Dns(PUBLIC)
    assert resolve(dns) == [(address, 80) for address in PUBLIC]
    assert dns.asked == ["images.example"]
    assert dns.is_closed


@pytest.mark.parametrize("private", PRIVATE)
def test_of_answers_that_are_partly_private_only_the_public_are_used(private: str) -> None:
    assert resolve(Dns([private, *PUBLIC])) == resolve(Dns([*PUBLIC, private])) == [(each, 80) for each in PUBLIC]


def test_a_name_of_private_addresses_alone_is_refused() -> None:
    with pytest.raises(FetchError) as caught:
        resolve(Dns(PRIVATE))
    assert (caught.value.reason, caught.value.detail, caught.value.transient) == (
        "private_address",
        "images.example",
        False,
    )


def test_networks_that_a_recipe_allows_are_used() -> None:
    assert resolve(Dns(PRIVATE), allow=("10.1.0.0/16", "::1")) == [("10.1.2.3", 80), ("::1", 80)]


@pytest.mark.parametrize("error", [OSError(None, "Domain name not found"), OSError("Domain name not found")])
def test_a_name_without_an_address_may_have_one_later(error: OSError) -> None:
    with pytest.raises(FetchError, match=r"^dns: images\.example: Domain name not found$") as caught:
        resolve(Dns(error))
    assert caught.value.transient


@pytest.mark.parametrize(
    ("place", "expected"),
    [("127.0.0.1:8080", ("127.0.0.1", 8080)), ("[::1]:81", ("::1", 81)), ("10.0.0.1:1", ("10.0.0.1", 1))],
)
def test_a_stated_place_is_found_without_dns(place: str, expected: tuple[str, int]) -> None:
    dns = Dns(PUBLIC)
    assert resolve(dns, places={"Images.Example": place}) == [expected]
    assert not dns.asked
    resolve(dns, "other.example", places={"images.example": place})
    assert dns.asked == ["other.example"]


def address_info(address: str, port: int = 80) -> tuple[Any, ...]:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    return family, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", (address, port)


@pytest.mark.parametrize("address", PRIVATE)
def test_no_socket_is_made_for_a_private_address(address: str) -> None:
    with pytest.raises(PrivateAddress):
        guarded_socket(Gate(), {})(address_info(address))


@pytest.mark.parametrize("address", PUBLIC)
def test_sockets_for_public_addresses_do_not_block(address: str) -> None:
    with guarded_socket(Gate(), {})(address_info(address)) as made:
        assert not made.getblocking()


def test_a_stated_place_is_open_at_its_port_alone() -> None:
    make = guarded_socket(Gate(), parse_places({"images.example": "127.0.0.1:8080"}))
    make(address_info("127.0.0.1", 8080)).close()
    for address, port in [("127.0.0.1", 8081), ("127.0.0.2", 8080)]:
        with pytest.raises(PrivateAddress):
            make(address_info(address, port))
