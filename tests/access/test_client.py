"""One request: certificates are checked, nothing but the web is asked, and nothing a server sends is believed."""

from __future__ import annotations

import asyncio
import shutil
import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from fixtures_fetch import JPEG, fetch_settings
from yarl import URL

from interleave.access.client import Client, Response
from interleave.access.errors import FetchError

IMAGE = URL("http://a.example/1.jpg")
MAX_BYTES = 10_000


class Raw:
    """Listens on this machine; answers each connection with these bytes, and keeps what it was sent."""

    def __init__(self, family: socket.AddressFamily = socket.AF_INET) -> None:
        address = "::1" if family == socket.AF_INET6 else "127.0.0.1"
        self.listener = socket.create_server((address, 0), family=family)
        self.port = self.listener.getsockname()[1]
        self.place = f"127.0.0.1:{self.port}"
        self.answer = b""
        self.requests: list[bytes] = []
        self.context: ssl.SSLContext | None = None

    def listen(self) -> None:
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            try:
                if self.context is not None:
                    connection = self.context.wrap_socket(connection, server_side=True)
                self.requests.append(connection.recv(65536))
                connection.sendall(self.answer)
                connection.shutdown(socket.SHUT_WR)
                while connection.recv(65536):
                    pass
            except OSError:
                pass
            finally:
                connection.close()


@contextmanager
def listening(family: socket.AddressFamily = socket.AF_INET) -> Iterator[Raw]:
    server = Raw(family)
    thread = threading.Thread(target=server.listen)
    thread.start()
    try:
        yield server
    finally:
        server.listener.shutdown(socket.SHUT_RDWR)
        server.listener.close()
        thread.join()


@pytest.fixture
def server() -> Iterator[Raw]:
    with listening() as found:
        yield found


def answer(body: bytes = JPEG, status: str = "200 OK", **headers: str) -> bytes:
    lines = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
    return f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n{lines}\r\n".encode() + body


def get(url: URL, place: str, *, max_bytes: int = MAX_BYTES, **settings: Any) -> Response:
    async def ask() -> Response:
        async with Client(fetch_settings(place, **settings), max_bytes=max_bytes, user_agent="tests/1") as client:
            return await client.get(url, accept="image/*", deadline_s=5)

    return asyncio.run(ask())


def reason(url: URL, place: str, **settings: Any) -> str:
    with pytest.raises(FetchError) as caught:
        get(url, place, **settings)
    return caught.value.reason


def test_a_request_says_who_asks_and_what_for_and_no_more(server: Raw) -> None:
    server.answer = answer()
    get(IMAGE, server.place)
    line, *headers = server.requests[0].decode().split("\r\n")
    assert line == "GET /1.jpg HTTP/1.1"
    assert {header.partition(":")[0]: header.partition(": ")[2] for header in headers if header} == {
        "Host": "a.example",
        "User-Agent": "tests/1",
        "Accept": "image/*",
        "Accept-Encoding": "identity",
    }


def test_a_response_has_the_headers_that_are_kept_and_no_others(server: Raw) -> None:
    server.answer = answer(ETag='"' + "x" * 2000, X_Robots_Tag="noai", x_robots_tag="all", Set_Cookie="a=b", Server="c")
    found = get(IMAGE, server.place)
    assert dict(found.headers) == {
        "content-length": str(len(JPEG)),
        "etag": '"' + "x" * 2000,
        "x-robots-tag": "noai, all",
    }
    assert (found.url, found.status, found.body, found.redirect) == (IMAGE, 200, JPEG, None)


def test_a_redirect_is_returned_and_not_followed(server: Raw) -> None:
    server.answer = answer(b"moved", "302 Found", Location="//b.example/there#part")
    found = get(IMAGE, server.place)
    assert (found.redirect, found.body) == (URL("http://b.example/there"), b"")
    assert len(server.requests) == 1


def test_no_cookie_is_ever_sent_back(server: Raw) -> None:
    server.answer = answer(Set_Cookie="id=7; Path=/", Connection="close")

    async def ask() -> None:
        async with Client(fetch_settings(server.place), max_bytes=MAX_BYTES, user_agent="tests/1") as client:
            for _ in range(2):
                await client.get(IMAGE, accept="image/*", deadline_s=5)

    asyncio.run(ask())
    assert len(server.requests) == 2
    assert not any(b"cookie" in request.lower() for request in server.requests)


@pytest.mark.parametrize(
    ("extra", "is_had"), [(0, True), (1, False), (100 * MAX_BYTES, False)], ids=["whole", "one-more", "much-more"]
)
@pytest.mark.parametrize("is_announced", [True, False])
def test_a_body_has_so_many_bytes_at_most(server: Raw, extra: int, is_had: bool, is_announced: bool) -> None:
    body = bytes(MAX_BYTES + extra)
    server.answer = answer(body) if is_announced else b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + body
    if is_had:
        assert get(IMAGE, server.place).body == body
    else:
        assert reason(IMAGE, server.place) == "too_many_bytes"


@pytest.mark.parametrize(
    "headers",
    [b"X-A: " + b"a" * 100_000 + b"\r\n", b"X-A: b\r\n" * 20_000, b"\x00: a\r\n", b"no colon\r\n"],
    ids=["long", "many", "nul", "no-header"],
)
def test_headers_without_a_bound_or_sense_are_refused(server: Raw, headers: bytes) -> None:
    server.answer = b"HTTP/1.1 200 OK\r\nContent-Length: 22\r\n" + headers + b"\r\n" + JPEG
    assert reason(IMAGE, server.place) == "cut_off"


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("to", ["file:///etc/passwd", "ftp://b.example/", "data:image/png;base64,AAAA", "javascript:1"])
def test_nothing_but_the_web_is_asked(server: Raw, status: int, to: str) -> None:
    server.answer = answer(b"", f"{status} Moved", Location=to)
    assert reason(IMAGE, server.place) == "not_http"


def test_a_retry_after_comes_with_the_failure(server: Raw) -> None:
    server.answer = answer(b"", "503 Busy", Retry_After="77")
    with pytest.raises(FetchError) as caught:
        get(IMAGE, server.place)
    assert (caught.value.reason, caught.value.retry_after_s, caught.value.status) == ("http_5xx", 77, 503)


@pytest.mark.parametrize(
    "host", ["[::1]", "[0:0::1]", "[::ffff:127.0.0.1]", "[::7f00:1]", "[fe80::1]", "127.0.0.1", "[64:ff9b::7f00:1]"]
)
def test_addresses_of_this_machine_are_refused_in_any_form(server: Raw, host: str) -> None:
    assert reason(URL(f"http://{host}:{server.port}/"), server.place) == "private_address"
    assert not server.requests


@pytest.mark.parametrize("host", ["[::1]", "[0:0:0:0:0:0:0:1]"])
def test_an_address_of_ipv6_is_asked_where_its_network_is_allowed(host: str) -> None:
    try:
        opened = listening(socket.AF_INET6)
        with opened as server:
            server.answer = answer()
            url = URL(f"http://{host}:{server.port}/1.jpg")
            assert get(url, server.place, allow=["::1/128"]).body == JPEG
            assert reason(url, server.place, allow=["::2/128"]) == "private_address"
    except OSError as error:
        pytest.skip(f"no IPv6 here: {error}")


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of a.example, signed by itself; its key with it."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("no openssl here")
    path = tmp_path_factory.mktemp("tls") / "both.pem"
    names = ("-subj", "/CN=a.example", "-addext", "subjectAltName=DNS:a.example")
    key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", str(path) + ".key")
    subprocess.run(
        [openssl, "req", "-x509", *key, "-out", str(path), "-days", "2", *names], check=True, capture_output=True
    )
    path.write_bytes(path.read_bytes() + Path(str(path) + ".key").read_bytes())
    return path


@pytest.mark.parametrize(
    ("host", "is_trusted", "is_had"),
    [("a.example", False, False), ("b.example", True, False), ("a.example", True, True)],
    ids=["of-nobody", "of-another-host", "sound"],
)
def test_certificates_are_checked(
    server: Raw, certificate: Path, monkeypatch: pytest.MonkeyPatch, host: str, is_trusted: bool, is_had: bool
) -> None:
    server.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.context.load_cert_chain(certificate)
    server.answer = answer()
    if is_trusted:
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    url = URL(f"https://{host}/1.jpg")
    if is_had:
        assert get(url, server.place).body == JPEG
    else:
        assert reason(url, server.place) == "bad_certificate"
        assert not server.requests, "nothing was said to whoever that is"
