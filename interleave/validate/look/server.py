"""The page over all samples of a dataset, from a server on this machine that its own user alone talks to.

It listens on the loopback address, and every address on it begins with a word that is drawn anew each time: others who
are logged in on the machine do not know it. A page from elsewhere in the same browser does not, either; should its host
name lead here (DNS rebinding), its requests say that name, and are refused. Nothing is served by path: a request names
a sample, an image or a rule.
"""

from __future__ import annotations

import http.server
import re
import secrets
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import orjson

from interleave.errors import ShardError
from interleave.images.headers import format_of
from interleave.validate.look.answers import Answers
from interleave.validate.look.document import page, policy
from interleave.validate.look.query import read_query

_LOOPBACK = "127.0.0.1"
# Names by which this machine's own browser may call it; with any port, since ssh may forward another one.
_HOSTS = frozenset({"127.0.0.1", "localhost", "[::1]"})
_MOST_ROWS = 1000
_NUMBER = re.compile(r"[0-9]{1,12}")

Words = Mapping[str, str]


class ViewServer(http.server.ThreadingHTTPServer):
    """Serves the page of one dataset until it is shut down."""

    daemon_threads = True

    def __init__(self, answers: Answers, title: str, port: int = 0) -> None:
        """port: 0 takes any that is free. Raises OSError where it is taken."""
        self._word = secrets.token_urlsafe(16)
        document = page(title, None).encode("utf-8", "replace")
        super().__init__((_LOOPBACK, port), partial(_Handler, answers, document, f"/{self._word}/"))

    @property
    def url(self) -> str:
        return f"http://{_LOOPBACK}:{self.server_port}/{self._word}/"


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "interleave"
    sys_version = ""
    timeout = 60

    def __init__(self, answers: Answers, document: bytes, root: str, *arguments: Any) -> None:
        self._answers = answers
        self._document = document
        self._root = root
        super().__init__(*arguments)

    def do_GET(self) -> None:
        if _host(self.headers.get("Host", "")) not in _HOSTS:
            self._send(403, "application/json", _error("this server answers to localhost alone"))
            return
        try:
            self._send(200, *self._answer())
        except LookupError:
            self._send(404, "application/json", _error("there is nothing at this address"))
        except (ShardError, ValueError) as error:
            self._send(400, "application/json", _error(str(error)))

    def _answer(self) -> tuple[str, bytes]:
        """(content type, body)"""
        split = urlsplit(self.path)
        words = dict(parse_qsl(split.query, max_num_fields=20))
        if not secrets.compare_digest(split.path[: len(self._root)].encode(), self._root.encode()):
            raise LookupError
        name = split.path[len(self._root) :]
        if not name:
            return "text/html; charset=utf-8", self._document
        if name in _IMAGES:
            jpeg = _IMAGES[name](self._answers, words)
            if format_of(jpeg) != "jpeg":
                raise ShardError("what is stored as this image is no JPEG")
            return "image/jpeg", jpeg
        return "application/json", orjson.dumps(_ANSWERS[name](self._answers, words))

    def _send(self, status: int, kind: str, body: bytes) -> None:
        self.send_response(status)
        headers = {
            "Content-Type": kind,
            "Content-Length": str(len(body)),
            "Content-Security-Policy": policy(is_served=True),
            "X-Content-Type-Options": "nosniff",
            "Referrer-Policy": "no-referrer",
            "Cross-Origin-Resource-Policy": "same-origin",
            "Cache-Control": "no-store",
        }
        for name, value in headers.items():
            self.send_header(name, value)
        with suppress(ConnectionError):  # the browser has gone on to something else
            self.end_headers()
            self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Says nothing: requests are of no interest."""


def _samples(answers: Answers, words: Words) -> Any:
    return answers.samples(read_query(words), _number(words, "start"), min(_number(words, "count"), _MOST_ROWS))


def _example(answers: Answers, words: Words) -> bytes:
    found = answers.rule_pictures(words["name"])
    jpeg = found[_number(words, "example")]
    if jpeg is None:
        raise ShardError("this example has no picture")
    return jpeg


_ANSWERS: dict[str, Callable[[Answers, Words], Any]] = {
    "api/overview": lambda answers, _: answers.overview(),
    "api/samples": _samples,
    "api/sample": lambda answers, words: answers.sample(_number(words, "number")),
    "api/tokens": lambda answers, words: answers.tokens(_number(words, "number")),
    "api/packed": lambda answers, words: answers.packed(_number(words, "number")),
    "api/rule": lambda answers, words: answers.rule(words["name"]),
}
_IMAGES: dict[str, Callable[[Answers, Words], bytes]] = {
    "image": lambda answers, words: answers.image(_number(words, "number"), _number(words, "image")),
    "example": _example,
}


def _number(words: Words, name: str) -> int:
    if not _NUMBER.fullmatch(words[name]):
        raise ValueError(f"{name} is {words[name]!r:.40}, expected a number from 0 on")
    return int(words[name])


def _host(header: str) -> str:
    """The name in a Host header, without its port."""
    name, _, port = header.rpartition(":")
    return (name if name and port.isdigit() else header).lower()


def _error(text: str) -> bytes:
    return orjson.dumps({"error": text})
