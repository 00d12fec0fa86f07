"""Images of a store are handed out on this machine to whoever knows the secret, and to nobody else."""

from __future__ import annotations

import hashlib
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from interleave.access.gateway import Gateway, open_gateway
from interleave.access.ledger import OK, Entry
from interleave.access.store import Store
from interleave.access.store_writer import open_for_writing
from interleave.errors import Unreadable

IMAGES = [f"image {number}".encode() * 100 for number in range(20)]
REFUSED = b"an image that must not be handed out"


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def check(data: bytes) -> None:
    if data == REFUSED:
        raise Unreadable("too_many_pixels", "of many")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with open_for_writing(tmp_path) as (found, writer):
        for data in [*IMAGES, REFUSED]:
            writer.put(Entry(url=f"http://a.example/{sha256(data)}", outcome=OK, sha256=sha256(data)), data)
        yield found


@pytest.fixture
def gateway(store: Store) -> Iterator[Gateway]:
    with open_gateway(store, check) as found:
        yield found


def ask(gateway: Gateway, path: str, method: str = "GET") -> tuple[int, bytes]:
    connection = HTTPConnection(urlsplit(gateway.prefix).netloc, timeout=10)
    try:
        connection.request(method, path)
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def path_of(gateway: Gateway, name: str) -> str:
    return urlsplit(gateway.prefix).path + name


def test_an_image_is_handed_out_by_its_hash(gateway: Gateway) -> None:
    assert ask(gateway, path_of(gateway, sha256(IMAGES[0]))) == (200, IMAGES[0])
    assert gateway.asked == {sha256(IMAGES[0])}
    assert not gateway.refused


def test_many_may_ask_at_once(gateway: Gateway) -> None:
    with ThreadPoolExecutor(16) as pool:
        found = list(pool.map(lambda data: ask(gateway, path_of(gateway, sha256(data))), IMAGES * 5))
    assert found == [(200, data) for data in IMAGES * 5]
    assert gateway.asked == {sha256(data) for data in IMAGES}


def test_whoever_does_not_know_the_secret_gets_nothing(gateway: Gateway) -> None:
    name = sha256(IMAGES[0])
    secret = urlsplit(gateway.prefix).path.strip("/")
    assert len(secret) >= 32
    for path in (
        f"/{name}",
        f"//{name}",
        f"/{secret[:-1]}/{name}",
        f"/{secret}x/{name}",
        f"/{'.' * len(secret)}/{name}",
    ):
        assert ask(gateway, path) == (404, b"")
    assert not gateway.asked


def test_secrets_are_new_each_time(store: Store) -> None:
    with open_gateway(store, check) as first, open_gateway(store, check) as second:
        assert urlsplit(first.prefix).path != urlsplit(second.prefix).path


@pytest.mark.parametrize("name", ["", "..", "../../etc/passwd", "%2e%2e/ledger.sqlite", "0" * 63, "0" * 65, "G" * 64])
def test_what_is_no_hash_is_not_looked_for(gateway: Gateway, name: str) -> None:
    assert ask(gateway, path_of(gateway, name)) == (404, b"")
    assert not gateway.asked


def test_an_image_that_the_store_lacks_is_noted_with_its_reason(gateway: Gateway) -> None:
    assert ask(gateway, path_of(gateway, "0" * 64)) == (404, b"")
    assert gateway.refused["0" * 64].reason == "not_in_store"
    assert gateway.asked == {"0" * 64}


def test_an_image_that_must_not_be_handed_out_is_not(gateway: Gateway) -> None:
    assert ask(gateway, path_of(gateway, sha256(REFUSED))) == (404, b"")
    assert gateway.refused[sha256(REFUSED)].reason == "too_many_pixels"


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
def test_nothing_but_reading_is_answered(gateway: Gateway, method: str) -> None:
    assert ask(gateway, path_of(gateway, sha256(IMAGES[0])), method)[0] == 501
    assert not gateway.asked


def test_it_listens_on_loopback_alone_and_no_longer_than_its_block(store: Store) -> None:
    with open_gateway(store, check) as gateway:
        place = urlsplit(gateway.prefix)
        assert place.hostname == "127.0.0.1"
        assert place.port is not None
        with socket.create_server(("127.0.0.2", place.port)):
            pass  # an address of this machine that is free: not all of them are listened on
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((place.hostname, place.port), timeout=5).close()


def test_whoever_leaves_in_the_middle_does_no_harm(gateway: Gateway) -> None:
    place = urlsplit(gateway.prefix)
    for _ in range(5):
        with socket.create_connection((place.hostname, place.port), timeout=5) as connection:
            connection.sendall(f"GET {path_of(gateway, sha256(IMAGES[0]))} HTTP/1.1\r\n".encode())
    assert ask(gateway, path_of(gateway, sha256(IMAGES[1]))) == (200, IMAGES[1])
