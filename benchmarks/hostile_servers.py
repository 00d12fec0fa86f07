"""Servers that misbehave in forty ways, asked for images: how long each held on, what it cost, what the ledger says.

    python benchmarks/hostile_servers.py [--deadline 2] [--json]

Each way is a host of its own on this machine; all are asked at once, by a process of its own whose peak memory is
measured. Promised are the deadline plus a second, 300 MB, and a reason for each.
"""

from __future__ import annotations

import argparse
import asyncio
import gzip
import json
import multiprocessing
import socket
import struct
import sys
import tempfile
import time
import zlib
from asyncio import StreamReader, StreamWriter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import cache
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from interleave.access.blocklist import read_blocklists
from interleave.access.fetcher import Fetcher  # noqa: F401  (imported here so that its import is not measured)
from interleave.access.fetching import Web, fetch_missing
from interleave.access.ledger import Entry
from interleave.access.settings import Fetch
from interleave.access.store_writer import open_for_writing

MAX_MB = 300
MAX_BODY_BYTES = 20_000_000
LARGE = 300_000_000
DOMAIN = "hostile.example"
JPEG = bytes.fromhex("ffd8ffe000104a46494600010100000100010000ffd9")
SVG = b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'
NUM_LARGE_AT_ONCE = 16
WINDOWS = {"gzip": zlib.MAX_WBITS | 16, "deflate": zlib.MAX_WBITS}

Answer = Callable[[StreamWriter, str], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Way:
    """One way to misbehave, and what the ledger may say of it."""

    answer: Answer
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What one way came to."""

    way: str
    reason: str
    expected: tuple[str, ...]
    seconds: float


def head(status: str = "200 OK", **headers: str) -> bytes:
    lines = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
    return f"HTTP/1.1 {status}\r\n{lines}\r\n".encode("latin-1")


def says(data: bytes) -> Answer:
    """Sends something, and closes."""

    async def answer(writer: StreamWriter, path: str) -> None:
        writer.write(data)
        await writer.drain()

    return answer


def image(data: bytes, **headers: str) -> Answer:
    return says(head(Content_Length=str(len(data)), Content_Type="image/jpeg", **headers) + data)


@cache
def bomb(encoding: str) -> bytes:
    """Little that unpacks to much."""
    packer = zlib.compressobj(9, zlib.DEFLATED, WINDOWS[encoding])
    return packer.compress(JPEG + bytes(LARGE)) + packer.flush()


def bombs(encoding: str) -> Answer:
    async def answer(writer: StreamWriter, path: str) -> None:
        await image(bomb(encoding), Content_Encoding=encoding)(writer, path)

    return answer


def drips(start: bytes, piece: bytes) -> Answer:
    """Sends a little now and then, for ever: no timeout between bytes ever passes."""

    async def answer(writer: StreamWriter, path: str) -> None:
        writer.write(start)
        while True:
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(0.05)

    return answer


def floods(start: bytes, piece: bytes, num_bytes: int = LARGE) -> Answer:
    """Sends much, as fast as it is taken."""

    async def answer(writer: StreamWriter, path: str) -> None:
        writer.write(start)
        for _ in range(num_bytes // len(piece)):
            writer.write(piece)
            await writer.drain()

    return answer


def resets(start: bytes) -> Answer:
    async def answer(writer: StreamWriter, path: str) -> None:
        writer.write(start)
        await writer.drain()
        sock: socket.socket = writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        writer.transport.abort()

    return answer


async def stalls(writer: StreamWriter, path: str) -> None:
    await asyncio.sleep(3600)


async def stalls_within(writer: StreamWriter, path: str) -> None:
    writer.write(head(Content_Length="5000", Content_Type="image/jpeg") + JPEG)
    await asyncio.sleep(3600)


def redirects(to: str, status: str = "302 Found") -> Answer:
    """`{n}` in `to` counts up from the number in the path."""

    async def answer(writer: StreamWriter, path: str) -> None:
        digits = path.rpartition("/")[2].partition(".")[0]
        number = int(digits) + 1 if digits.isdigit() else 1
        writer.write(head(status, Location=to.format(n=number), Content_Length="0"))
        await writer.drain()

    return answer


async def redirects_slowly(writer: StreamWriter, path: str) -> None:
    await asyncio.sleep(0.7)
    await redirects("/{n}.jpg")(writer, path)


def robots(answer: Answer) -> Answer:
    """An origin whose robots.txt is what misbehaves; an image would be had."""

    async def both(writer: StreamWriter, path: str) -> None:
        await (answer if path == "/robots.txt" else image(JPEG))(writer, path)

    return both


def robots_everywhere(answer: Answer) -> Answer:
    """The same where robots.txt leads to other paths."""

    async def both(writer: StreamWriter, path: str) -> None:
        await (image(JPEG) if path.endswith(".jpg") else answer)(writer, path)

    return both


CHUNK = b"10000\r\n" + b"\xff\xd8\xff" + bytes(65533) + b"\r\n"
CHUNKED = head(Transfer_Encoding="chunked", Content_Type="image/jpeg")
WAYS: dict[str, Way] = {
    "drip-body": Way(drips(head(Content_Length="100000") + JPEG, b"\0"), ("deadline",)),
    "drip-chunks": Way(drips(CHUNKED, b"1\r\n\0\r\n"), ("deadline",)),
    "drip-status": Way(drips(b"HTTP/1.1 ", b"2"), ("deadline", "cut_off")),
    "drip-headers": Way(drips(b"HTTP/1.1 200 OK\r\n", b"X-A: b\r\n"), ("deadline", "cut_off")),
    "drip-continue": Way(drips(b"", b"HTTP/1.1 100 Continue\r\n\r\n"), ("deadline", "cut_off")),
    "stall": Way(stalls, ("deadline",)),
    "stall-in-body": Way(stalls_within, ("deadline",)),
    "reset": Way(resets(b""), ("cut_off", "connect")),
    "reset-in-headers": Way(resets(b"HTTP/1.1 200 OK\r\nContent-"), ("cut_off",)),
    "reset-in-body": Way(resets(head(Content_Length="5000") + JPEG), ("cut_off",)),
    "closed": Way(says(b""), ("cut_off",)),
    "longer-than-sent": Way(says(head(Content_Length="5000") + JPEG), ("cut_off",)),
    "chunks-cut-off": Way(says(CHUNKED + b"1000\r\n\xff\xd8"), ("cut_off",)),
    "chunk-size-nonsense": Way(says(CHUNKED + b"zz\r\n\xff\xd8\r\n"), ("cut_off",)),
    "chunk-size-huge": Way(says(CHUNKED + b"f" * 40 + b"\r\n\xff\xd8\r\n"), ("cut_off",)),
    "length-negative": Way(says(head(Content_Length="-1") + JPEG), ("cut_off",)),
    "length-nonsense": Way(says(head(Content_Length="many") + JPEG), ("cut_off",)),
    "two-lengths": Way(
        says(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\nContent-Length: 22\r\n\r\n" + JPEG), ("cut_off",)
    ),
    "no-http": Way(says(b"220 mail.example ESMTP\r\n" * 20), ("cut_off",)),
    "header-flood": Way(floods(b"HTTP/1.1 200 OK\r\n", b"X-A: " + b"b" * 1000 + b"\r\n", 20_000_000), ("cut_off",)),
    "header-long": Way(floods(b"HTTP/1.1 200 OK\r\nX-A: ", b"b" * 65536, 20_000_000), ("cut_off",)),
    "status-429": Way(says(head("429 Too Many", Retry_After="1", Content_Length="0")), ("http_429",)),
    "status-429-for-hours": Way(says(head("429 Too Many", Retry_After="99999", Content_Length="0")), ("http_429",)),
    "status-503": Way(says(head("503 Busy", Retry_After="nonsense", Content_Length="0")), ("http_5xx",)),
    "status-404": Way(says(head("404 Gone", Content_Length="0")), ("http_4xx",)),
    "status-204": Way(says(head("204 No Content")), ("http_status",)),
    "status-206": Way(says(head("206 Partial", Content_Length="22") + JPEG), ("http_status",)),
    "status-999": Way(says(head("999 Denied", Content_Length="0")), ("http_5xx", "http_4xx", "cut_off")),
    "redirects-100": Way(redirects("/{n}.jpg"), ("too_many_redirects",)),
    "redirects-slow": Way(redirects_slowly, ("deadline", "too_many_redirects")),
    "redirect-loop": Way(redirects("/1.jpg"), ("redirect_loop",)),
    "redirect-to-self": Way(redirects("/0.jpg"), ("redirect_loop",)),
    "redirect-to-loopback": Way(redirects("http://127.0.0.1:{n}/"), ("private_address", "bad_port")),
    "redirect-to-metadata": Way(redirects("http://169.254.169.254/{n}"), ("private_address",)),
    "redirect-to-file": Way(redirects("file:///etc/passwd"), ("not_http",)),
    "redirect-nowhere": Way(redirects(""), ("redirect_loop", "bad_url")),
    "large-announced": Way(floods(head(Content_Length=str(LARGE)), bytes(65536)), ("too_many_bytes",)),
    "large-chunked": Way(floods(CHUNKED, CHUNK), ("too_many_bytes",)),
    "large-to-the-end": Way(floods(head(Connection="close"), bytes(65536)), ("too_many_bytes",)),
    "gzip-bomb": Way(bombs("gzip"), ("too_many_bytes",)),
    "deflate-bomb": Way(bombs("deflate"), ("too_many_bytes",)),
    "gzip-nonsense": Way(image(JPEG, Content_Encoding="gzip"), ("bad_encoding",)),
    "gzip-cut-off": Way(image(gzip.compress(JPEG)[:-9], Content_Encoding="gzip"), ("bad_encoding", "cut_off")),
    "brotli": Way(image(JPEG, Content_Encoding="br"), ("bad_encoding",)),
    "empty": Way(image(b""), ("empty_body",)),
    "html-as-image": Way(image(b"<!DOCTYPE html><title>Not found</title>"), ("not_an_image",)),
    "svg": Way(image(SVG), ("svg",)),
    "no-image": Way(image(b"MZ" + bytes(500)), ("unsupported_format",)),
    "robots-stall": Way(robots(stalls), ("robots_unavailable",)),
    "robots-drip": Way(robots(drips(head(Content_Length="100000"), b"#")), ("robots_unavailable",)),
    "robots-large": Way(robots(floods(CHUNKED, CHUNK)), ("robots_unavailable", "robots", "ok")),
    "robots-redirects": Way(robots_everywhere(redirects("/{n}.txt")), ("robots_unavailable", "ok")),
    "robots-503": Way(robots(says(head("503 Busy", Content_Length="0"))), ("robots_unavailable",)),
    "robots-forbids": Way(robots(image(b"User-agent: *\nDisallow: /\n")), ("robots",)),
    "image": Way(image(JPEG), ("ok",)),
}


async def answer_one(reader: StreamReader, writer: StreamWriter) -> None:
    """One connection, one request: the way is the first label of the host."""
    try:
        lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        path = lines[0].split(" ")[1]
        host = next(line[6:] for line in lines if line.lower().startswith("host: "))
        way, _, _ = host.partition(".")
        way = way.partition("--")[0]
        if path == "/robots.txt" and not way.startswith("robots-"):
            await says(head("404 None", Content_Length="0"))(writer, path)
        else:
            await WAYS[way].answer(writer, path)
    except (OSError, asyncio.IncompleteReadError):
        pass  # the client has gone
    finally:
        writer.close()


def serve(ready: Connection) -> None:
    for encoding in WINDOWS:
        bomb(encoding)

    async def run() -> None:
        server = await asyncio.start_server(answer_one, "127.0.0.1", 0, backlog=512)
        ready.send(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    asyncio.run(run())


def ask(port: int, deadline_s: float, found: Connection) -> None:
    """Asks for one image of each host; sends what each came to, and this process's peak memory in MB."""
    ways = [*WAYS, *(f"large-chunked--{number}" for number in range(NUM_LARGE_AT_ONCE))]
    settings = Fetch.model_validate(
        {
            "contact": "benchmark@example.org",
            "connections": len(ways),
            "attempts": 1,
            "deadline_s": deadline_s,
            "resolve": {f"{way}.{DOMAIN}": f"127.0.0.1:{port}" for way in ways},
        }
    )
    web = Web(
        settings=settings,
        max_bytes=MAX_BODY_BYTES,
        blocklist=read_blocklists(()),
        phash=lambda data: None,
        quiet=True,
    )
    outcomes: list[tuple[str, str, float]] = []
    began = time.monotonic()

    def ended(entry: Entry, num_bytes: int) -> None:
        outcomes.append((entry.url.split("/")[2].split(".")[0], entry.outcome, time.monotonic() - began))

    with tempfile.TemporaryDirectory() as folder, open_for_writing(Path(folder) / "store") as (store, writer):
        urls = [f"http://{way}.{DOMAIN}/0.jpg" for way in ways]
        fetch_missing(urls, len(urls), store, writer, web, ended=ended)
        in_ledger = {entry.url for entry in store.entries()}
    assert in_ledger == set(urls), "each is in the ledger"
    found.send((outcomes, peak_mb()))


def peak_mb() -> float:
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return float(status.split("VmHWM:")[1].split()[0]) / 1024


def measure(deadline_s: float) -> tuple[list[Outcome], float]:
    """What each way came to, and the peak memory of asking, in MB."""
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe()
    server = context.Process(target=serve, args=(there,), daemon=True)
    server.start()
    port = here.recv()
    client = context.Process(target=ask, args=(port, deadline_s, there), daemon=True)
    client.start()
    there.close()  # so that a client that dies is noticed
    outcomes, peak = here.recv()
    server.kill()
    client.join()
    return [
        Outcome(way=way, reason=reason, expected=WAYS[way.partition("--")[0]].reasons, seconds=seconds)
        for way, reason, seconds in outcomes
    ], peak


def faults(outcomes: list[Outcome], peak: float, deadline_s: float) -> list[str]:
    """What is not as promised."""
    found = [
        f"{outcome.way}: {outcome.reason}, expected {' or '.join(outcome.expected)}"
        for outcome in outcomes
        if outcome.reason not in outcome.expected
    ]
    found += [f"{outcome.way}: {outcome.seconds:.1f} s" for outcome in outcomes if outcome.seconds > deadline_s + 1]
    return found + ([f"{peak:.0f} MB"] if peak > MAX_MB else [])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--deadline", type=float, default=2.0, help="seconds an image may take")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    outcomes, peak = measure(options.deadline)
    wrong = faults(outcomes, peak, options.deadline)
    if options.json:
        as_json: dict[str, Any] = {outcome.way: [outcome.reason, round(outcome.seconds, 3)] for outcome in outcomes}
        print(json.dumps({"outcomes": as_json, "peak_mb": peak, "wrong": wrong}, indent=2))
    else:
        for outcome in sorted(outcomes, key=lambda outcome: outcome.seconds):
            print(f"{outcome.way:<24} {outcome.reason:<20} {outcome.seconds:6.2f} s")
        print(f"{len(outcomes)} hosts, deadline {options.deadline:g} s, peak memory {peak:.0f} MB")
        print("\n".join(["not as promised:", *wrong]) if wrong else "all as promised")
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
