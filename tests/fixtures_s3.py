"""An S3 server in the test's own process (moto's), which fails as object stores do when a test says so."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from itertools import count, cycle
from pathlib import Path
from typing import Any

import boto3
import pytest
import s3fs
from moto.server import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import WSGIRequestHandler, make_server

from interleave.remote.publish import MARKS

_NUMBERS = count()
_CODES = {500: b"InternalError", 503: b"SlowDown", 403: b"AccessDenied"}


class _Silent(WSGIRequestHandler):
    def log_request(self, *_: object) -> None:
        return None


class Objects:
    """What lies in an object store; in a folder, where nothing but objects matters: that answers sooner."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.url = f"file://{folder}"

    def objects(self, prefix: str = "") -> dict[str, bytes]:
        """By what comes behind the prefix; while nobody writes there."""
        paths = (path for path in self._folder.rglob("*") if path.is_file())
        found = {path.relative_to(self._folder).as_posix(): path.read_bytes() for path in paths}
        return {key.removeprefix(prefix): data for key, data in found.items() if key.startswith(prefix)}

    def built(self, prefix: str) -> dict[str, str]:
        """SHA-256 of every object that a build determines, as `built_files` has it of files."""
        return {
            key: hashlib.sha256(data).hexdigest()
            for key, data in self.objects(prefix).items()
            if Path(key).name not in ("summary.json", "report.html") and MARKS not in Path(key).parts
        }

    def put(self, key: str, data: bytes) -> None:
        path = self._folder / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)

    def delete(self, key: str) -> None:
        (self._folder / key).unlink()


class Bucket(Objects):
    """A bucket, what was asked of its server, and what the server is to do instead.

    `fault` is asked about each request, (method, path) -> a status, "cut" for a body that ends early, or None.
    """

    def __init__(self, name: str, client: Any) -> None:
        self.name, self.client = name, client
        self.url = f"s3://{name}"
        self.fault: Callable[[str, str], int | str | None] = lambda method, path: None
        self.seen: list[tuple[str, str]] = []
        self.lock = threading.Lock()

    def objects(self, prefix: str = "") -> dict[str, bytes]:
        fault, self.fault = self.fault, lambda method, path: None
        listed = self.client.list_objects_v2(Bucket=self.name, Prefix=prefix).get("Contents", [])
        found = {
            item["Key"].removeprefix(prefix): self.client.get_object(Bucket=self.name, Key=item["Key"])["Body"].read()
            for item in listed
        }
        self.fault = fault
        return found

    def put(self, key: str, data: bytes) -> None:
        self.client.put_object(Bucket=self.name, Key=key, Body=data)

    def delete(self, key: str) -> None:
        self.client.delete_object(Bucket=self.name, Key=key)

    def written(self) -> list[str]:
        """Keys in the order in which they were written."""
        return [path.removeprefix(f"/{self.name}/") for method, path in self.seen if method in ("PUT", "POST")]


def every(number: int, *faults: int | str) -> Callable[[str, str], int | str | None]:
    """Every so many requests one fails, in one way after the other; none fails twice in a row."""
    asked, ways = count(1), cycle(faults)
    failed: set[tuple[str, str]] = set()

    def fault(method: str, path: str) -> int | str | None:
        if (method, path) in failed:
            failed.discard((method, path))
            next(asked)
            return None
        if next(asked) % number:
            return None
        failed.add((method, path))
        return next(ways)

    return fault


@contextmanager
def s3_bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[Bucket]:
    """A server of its own, a bucket in it, and the environment that leads every client there."""
    app = DomainDispatcherApplication(create_backend_app)
    name = f"bucket-{next(_NUMBERS)}"
    bucket = Bucket(name, None)

    def answer(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        method, path = environ["REQUEST_METHOD"], environ["PATH_INFO"]
        with bucket.lock:
            bucket.seen.append((method, path + ("?" + environ["QUERY_STRING"] if environ["QUERY_STRING"] else "")))
            fault = bucket.fault(method, path)
        if isinstance(fault, int):
            environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
            body = b"<Error><Code>" + _CODES[fault] + b"</Code><Message>as asked</Message></Error>"
            start_response(f"{fault} Fault", [("Content-Type", "application/xml"), ("Content-Length", str(len(body)))])
            return [b"" if method == "HEAD" else body]
        found = b"".join(app(environ, start_response))
        return [found[: len(found) // 2] if fault == "cut" and method == "GET" else found]

    server = make_server("127.0.0.1", 0, answer, threaded=True, request_handler=_Silent)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    settings = {
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{server.server_port}", "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": "us-east-1", "AWS_MAX_ATTEMPTS": "1",
    }  # fmt: skip
    for key, value in settings.items():
        monkeypatch.setenv(key, value)
    # What fails is to be outlived by what is tested, not by the client beneath it.
    monkeypatch.setattr(s3fs.S3FileSystem, "retries", 1)
    bucket.client = boto3.client("s3")
    bucket.client.create_bucket(Bucket=name)
    bucket.seen.clear()
    try:
        yield bucket
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
