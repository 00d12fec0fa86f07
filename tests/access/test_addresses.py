"""Only addresses of the public internet are open, in whatever form they come, and what a recipe allows."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interleave.access.addresses import Gate, is_public

PUBLIC = [
    "1.1.1.1",
    "8.8.8.8",
    "93.184.215.14",
    "9.255.255.255",
    "11.0.0.0",
    "100.63.255.255",
    "100.128.0.0",
    "126.255.255.255",
    "128.0.0.0",
    "168.63.129.15",
    "169.253.255.255",
    "169.255.0.0",
    "172.15.255.255",
    "172.32.0.0",
    "192.0.1.0",
    "192.167.255.255",
    "192.169.0.0",
    "198.17.255.255",
    "198.20.0.0",
    "223.255.255.255",
    "2606:2800:21f:cb07:6820:80da:af6b:8b2c",
    "2001:4860:4860::8888",
    "2a00:1450:4001:81b::200e",
]
CLOSED = {
    "this network": ["0.0.0.0", "0.255.255.255", "::"],
    "loopback": ["127.0.0.1", "127.255.255.255", "::1"],
    "private": ["10.0.0.1", "10.255.255.255", "172.16.0.0", "172.31.255.255", "192.168.0.0", "192.168.255.255"],
    "unique local": ["fc00::1", "fdff:ffff::1", "fd00:ec2::254"],
    "carriers": ["100.64.0.0", "100.127.255.255"],
    "link-local": ["169.254.0.0", "169.254.169.254", "169.254.255.255", "fe80::1", "febf::1", "fe80::1%eth0"],
    "zone": ["2001:4860:4860::8888%1"],
    "clouds": ["168.63.129.16"],
    "protocols": ["192.0.0.1", "192.0.0.255", "2001::1", "2001:1ff:ffff::1"],
    "documentation": ["192.0.2.1", "198.51.100.1", "203.0.113.1", "2001:db8::1", "3fff::1", "3fff:fff::1"],
    "benchmarks": ["198.18.0.0", "198.19.255.255", "2001:2::1"],
    "multicast": ["224.0.0.1", "239.255.255.255", "ff02::1", "ff0e::1"],
    "reserved": ["240.0.0.1", "255.255.255.255", "4000::1", "100::1", "5f00::1", "fec0::1"],
    "mapped IPv4": ["::ffff:8.8.8.8", "::ffff:127.0.0.1", "::8.8.8.8", "::ffff:0:8.8.8.8"],
    "NAT64": ["64:ff9b::8.8.8.8", "64:ff9b::7f00:1", "64:ff9b:1::808:808"],
    "6to4": ["192.88.99.1", "2002:808:808::1", "2002:7f00:1::"],
    "Teredo": ["2001:0:808:808::1"],
    "AS112": ["192.31.196.1", "192.175.48.1", "2620:4f:8000::1"],
}


@pytest.mark.parametrize("text", PUBLIC)
def test_a_public_address_is_open(text: str) -> None:
    assert is_public(ip_address(text))
    assert Gate().is_open(text)


@pytest.mark.parametrize("text", [text for texts in CLOSED.values() for text in texts])
def test_any_other_address_is_closed(text: str) -> None:
    assert not is_public(ip_address(text))
    assert not Gate().is_open(text)


@given(st.one_of(st.ip_addresses(v=4), st.ip_addresses(v=6)))
def test_nothing_is_open_that_python_calls_private(address: IPv4Address | IPv6Address) -> None:
    if not address.is_global or address.is_multicast:
        assert not Gate().is_open(address)


@pytest.mark.parametrize(
    "text", ["", "example.org", "127.1", "0x7f.1", "2130706433", "[::1]", "1.1.1.1/32", "1.1.1.1 "]
)
def test_what_is_no_address_is_closed(text: str) -> None:
    assert not Gate(["0.0.0.0/0", "::/0"]).is_open(text)


@pytest.mark.parametrize(
    ("network", "inside", "outside"),
    [
        ("10.1.0.0/16", "10.1.255.255", "10.2.0.0"),
        ("10.1.2.3/16", "10.1.0.0", "10.0.255.255"),
        ("127.0.0.1", "127.0.0.1", "127.0.0.2"),
        ("fd00:1::/32", "fd00:1::5", "fd00:2::5"),
        ("::1/128", "::1", "::2"),
    ],
)
def test_an_allowed_network_is_open_and_its_neighbours_are_not(network: str, inside: str, outside: str) -> None:
    gate = Gate([network])
    assert gate.is_open(inside)
    assert not gate.is_open(outside)
    assert gate.is_open("8.8.8.8"), "what is public stays so"


def test_an_allowed_ipv4_network_opens_none_of_its_disguises() -> None:
    gate = Gate(["127.0.0.0/8"])
    assert gate.is_open("127.0.0.1")
    for disguise in ("::ffff:127.0.0.1", "::127.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::", "::1"):
        assert not gate.is_open(disguise), disguise


def test_each_of_several_networks_is_open() -> None:
    networks = ["10.0.0.0/8", "192.168.7.0/24", "fd00::/8"]
    gate = Gate(networks)
    assert all(gate.is_open(ip_network(network)[5]) for network in networks)
