"""No URL of a corpus, and no redirect, leads to an address that is not public."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

import pytest

from interleave.access.blocklist import read_blocklists
from interleave.access.fetching import Web, fetch_missing
from interleave.access.ledger import Entry
from interleave.access.settings import Fetch
from interleave.access.store_writer import open_for_writing

REFUSED = {"private_address", "bad_url", "not_http", "bad_port"}
ADDRESSES = [
    "127.0.0.1",
    "127.1.2.3",
    "0.0.0.0",
    "0.1.2.3",
    "10.0.0.1",
    "10.255.255.255",
    "100.64.0.1",
    "169.254.169.254",
    "169.254.0.1",
    "172.16.0.1",
    "172.31.255.255",
    "192.0.0.1",
    "192.0.0.170",
    "192.0.2.1",
    "192.168.0.1",
    "198.18.0.1",
    "198.19.255.255",
    "198.51.100.7",
    "203.0.113.9",
    "224.0.0.1",
    "239.255.255.255",
    "240.0.0.1",
    "255.255.255.255",
    "192.88.99.1",
    "[::1]",
    "[::]",
    "[::ffff:127.0.0.1]",
    "[::ffff:7f00:1]",
    "[::ffff:10.0.0.1]",
    "[::ffff:169.254.169.254]",
    "[0:0:0:0:0:ffff:c0a8:1]",
    "[::127.0.0.1]",
    "[::ffff:0:127.0.0.1]",
    "[64:ff9b::7f00:1]",
    "[64:ff9b::10.0.0.1]",
    "[64:ff9b::a9fe:a9fe]",
    "[64:ff9b:1::7f00:1]",
    "[2002:7f00:1::]",
    "[2002:a00:1::1]",
    "[2002:a9fe:a9fe::]",
    "[2001::1]",
    "[2001:0:7f00:1::]",
    "[2001:db8::1]",
    "[2001:10::1]",
    "[fc00::1]",
    "[fd12:3456::1]",
    "[fe80::1]",
    "[fe80::1%25lo]",
    "[fec0::1]",
    "[ff02::1]",
    "[ff0e::1]",
    "[100::1]",
    "[fd00:ec2::254]",
    "[::ffff:0.0.0.0]",
    "[3fff::1]",
    "[5f00::1]",
]
# 127.0.0.1 in forms that some parsers take for it.
ENCODED = [
    "2130706433",
    "0x7f000001",
    "0x7f.0.0.1",
    "0x7f.1",
    "017700000001",
    "0177.0.0.1",
    "0177.1",
    "127.1",
    "127.0.1",
    "0",
    "0x0",
    "127.0.0.1.",
    "127.00.0.01",
    "00000127.0.0.1",
    "127.0.0.0x1",
    "localhost",
    "localhost.",
    "LOCALHOST",
    "%6cocalhost",
    "127%2e0%2e0%2e1",
    "１２７.０.０.１",
    "127。0。0。1",
    "①②⑦.⓪.⓪.①",
    "ｌocalhost",
    "0x7F000001",
    "3232235521",
    "2852039166",
    "0xa9fea9fe",
    "0251.0376.0251.0376",
]
ODD = (
    "file:///etc/passwd",
    "file://127.0.0.1/etc/passwd",
    "FILE:///etc/passwd",
    "ftp://127.0.0.1:{port}/a",
    "gopher://127.0.0.1:{port}/_GET",
    "dict://127.0.0.1:{port}/",
    "ldap://127.0.0.1:{port}/",
    "data:image/png;base64,AAAA",
    "jar:http://127.0.0.1:{port}!/",
    "javascript:alert(1)",
    "//127.0.0.1:{port}/a",
    "http:127.0.0.1:{port}/a",
    "http:///127.0.0.1:{port}/a",
    "http://\\127.0.0.1:{port}/a",
    "http://user@127.0.0.1:{port}/a",
    "http://public.example@127.0.0.1:{port}/a",
    "http://public.example:80@127.0.0.1:{port}/a",
    "http://127.0.0.1:{port}\\@public.example/a",
    "http://127.0.0.1:{port}#@public.example/a",
    "http://127.0.0.1:{port}?@public.example/a",
    "http://127.0.0.1:{port}\r\nHost: public.example/a",
    "http://127.0.0.1:{port}\t/a",
    "http://127.0.0.1\x00.public.example:{port}/a",
    "http://[::1%25lo]:{port}/a",
    "http://[127.0.0.1]:{port}/a",
    "http://127.0.0.1:22/a",
    "http://127.0.0.1:0/a",
    "http://127.0.0.1:99999/a",
    "http://127.0.0.1:-1/a",
    "http://127.0.0.1:6379/a",
    "",
    "http://",
    "http://:{port}/a",
)
STATUSES = (301, 302, 303, 307, 308)
REDIRECTED = ("127.0.0.1", "2130706433", "[::1]", "[::ffff:127.0.0.1]", "169.254.169.254", "localhost", "0.0.0.0")


class Canary:
    """Listens on loopback; nobody may connect."""

    def __init__(self) -> None:
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.num_connections = 0
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()

    def _listen(self) -> None:
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            self.num_connections += 1
            connection.close()

    def close(self) -> None:
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self._thread.join(5)


@pytest.fixture
def canary() -> Iterator[Canary]:
    found = Canary()
    yield found
    found.close()


@pytest.fixture
def redirecting() -> Iterator[str]:
    """A server that sends `/STATUS/TARGET` to the target."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            _, status, target = self.path.split("/", 2)
            self.send_response(int(status))
            self.send_header("Location", unquote(target))
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        yield f"127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


def vectors(port: int) -> list[str]:
    direct = [f"{scheme}://{host}:{port}/a" for scheme in ("http", "https") for host in ADDRESSES]
    encoded = [f"http://{host}:{port}/a" for host in ENCODED]
    odd = [url.replace("{port}", str(port)) for url in ODD]
    redirects = [
        f"http://open.example/{status}/{quote(f'http://{host}:{port}/a', safe='')}"
        for status in STATUSES
        for host in REDIRECTED
    ]
    away = [
        f"http://open.example/302/{quote(url, safe='')}"
        for url in ("file:///etc/passwd", "ftp://127.0.0.1/", f"//127.0.0.1:{port}/a", "gopher://127.0.0.1:70/")
    ]
    return [*direct, *encoded, *odd, *redirects, *away]


def fetch(urls: list[str], folder: Path, **settings: Any) -> dict[str, Entry]:
    """What fetching each URL came to."""
    fetch_settings = Fetch.model_validate(
        {
            "contact": "somebody@lab.example",
            "attempts": 1,
            "deadline_s": 5,
            "connect_timeout_s": 2,
            "politeness": {"robots": False, "tdmrep": "never", "requests_per_second": None},
            **settings,
        }
    )
    with open_for_writing(folder) as (store, writer):
        web = Web(
            settings=fetch_settings,
            max_bytes=1_000_000,
            blocklist=read_blocklists(()),
            phash=lambda data: None,
            quiet=True,
        )
        fetch_missing(urls, len(urls), store, writer, web)
        return {url: entry for url in urls if (entry := store.entry(url)) is not None}


def test_no_vector_reaches_an_address_that_is_not_public(canary: Canary, redirecting: str, tmp_path: Path) -> None:
    urls = list(dict.fromkeys(vectors(canary.port)))
    assert len(urls) >= 200
    found = fetch(urls, tmp_path / "store", resolve={"open.example": redirecting})
    assert canary.num_connections == 0
    assert len(found) == len(urls), "each is in the ledger"
    # A name that only some parsers take for an address is none to ours; DNS does not know it.
    let_through = {url: entry.outcome for url, entry in found.items() if entry.outcome not in REFUSED}
    assert set(let_through.values()) <= {"dns"}, let_through


def test_the_canary_is_found_where_its_network_is_allowed(canary: Canary, tmp_path: Path) -> None:
    """So that the test above can fail."""
    url = f"http://127.0.0.1:{canary.port}/a"
    found = fetch([url], tmp_path / "store", allow=["127.0.0.0/8"])
    assert canary.num_connections >= 1
    assert found[url].outcome == "cut_off" or found[url].transient
