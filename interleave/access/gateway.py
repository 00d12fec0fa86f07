"""Images of a store for a program on this machine that can only ask for URLs: loopback, and behind a secret."""

from __future__ import annotations

import re
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from interleave.access.store import Store
from interleave.errors import Unreadable

# Refuses, by raising Unreadable, what must not be handed out.
Check = Callable[[bytes], object]


class Gateway:
    """What is asked for and what is not handed out; made by `open_gateway`."""

    def __init__(self, store: Store, check: Check) -> None:
        self.prefix = ""
        # http://127.0.0.1:PORT/SECRET/ : an image's SHA-256 follows.
        self.refused: dict[str, Unreadable] = {}
        # By SHA-256.
        self.asked: set[str] = set()
        self.asked_at = time.monotonic()
        self._store = store
        self._check = check
        self._lock = threading.Lock()

    def image(self, sha256: str) -> bytes | None:
        """An image, None where there is none to hand out."""
        with self._lock:
            self.asked.add(sha256)
            self.asked_at = time.monotonic()
            try:
                data = self._store.read(sha256)
            except Unreadable as error:
                self.refused[sha256] = error
                return None
        try:
            self._check(data)
        except Unreadable as error:
            self.refused[sha256] = error
            return None
        return data


@contextmanager
def open_gateway(store: Store, check: Check) -> Iterator[Gateway]:
    """Serves the images of a store until the block ends; nobody else uses the store meanwhile in this process."""
    gateway = Gateway(store, check)
    secret = secrets.token_urlsafe(24)
    pattern = re.compile(rf"/{re.escape(secret)}/([0-9a-f]{{64}})")

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        timeout = 60

        def do_GET(self) -> None:
            match = pattern.fullmatch(self.path)
            data = gateway.image(match[1]) if match else None
            self.send_response(404 if data is None else 200)
            self.send_header("Content-Length", str(len(data or b"")))
            self.end_headers()
            self.wfile.write(data or b"")

        def log_message(self, *_: Any) -> None:
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        request_queue_size = 1024

        def handle_error(self, *_: Any) -> None:
            pass  # whoever asked has gone

    with Server(("127.0.0.1", 0), Handler) as server:
        gateway.prefix = f"http://127.0.0.1:{server.server_address[1]}/{secret}/"
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield gateway
        finally:
            server.shutdown()
            thread.join()
