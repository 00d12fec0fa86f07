"""The local server: who gets an answer, to what, and what a request can ask for."""

from __future__ import annotations

import http.client
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import orjson
import pytest
from fixtures_build import records, sample_dataset

from interleave.validate.look.answers import Answers
from interleave.validate.look.opened import open_samples
from interleave.validate.look.server import ViewServer

# A shell's background jobs ignore Ctrl-C, and so would what they start.
VIEW = (
    "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); from interleave.cli import main; main()"
)


@pytest.fixture(scope="module")
def server() -> Iterator[ViewServer]:
    with ViewServer(Answers(open_samples(sample_dataset())), "mmc4") as found:
        thread = threading.Thread(target=found.serve_forever, daemon=True)
        thread.start()
        yield found
        found.shutdown()
        thread.join()


def ask(server: ViewServer, path: str, host: str | None = None, root: str | None = None) -> tuple[int, str, bytes]:
    """(status, content type, body)"""
    connection = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=10)
    known = server.url.removeprefix(f"http://127.0.0.1:{server.server_port}/")
    connection.putrequest("GET", f"/{known if root is None else root}{path}", skip_host=True)
    connection.putheader("Host", host or f"127.0.0.1:{server.server_port}")
    connection.endheaders()
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    return answer.status, answer.headers["Content-Type"], body


def test_it_listens_on_the_loopback_address_alone(server: ViewServer) -> None:
    assert server.server_address[0] == "127.0.0.1"


@pytest.mark.parametrize("host", ["localhost:8000", "127.0.0.1", "LOCALHOST", "[::1]:1234"])
def test_names_of_this_machine_are_answered(server: ViewServer, host: str) -> None:
    assert ask(server, "api/overview", host)[0] == 200


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:80", "localhost.evil.example", "127.0.0.1.nip.io", ":80"]
)
def test_a_page_whose_name_leads_here_is_refused(server: ViewServer, host: str) -> None:
    status, _, body = ask(server, "api/overview", host)
    assert status == 403 and b"localhost alone" in body


@pytest.mark.parametrize("root", ["", "x" * 22 + "/"])
def test_who_does_not_know_the_word_sees_nothing(server: ViewServer, root: str) -> None:
    assert ask(server, "", root=root)[0] == 404
    assert ask(server, "api/overview", root=root)[0] == 404


@pytest.mark.parametrize(
    ("path", "status", "said"),
    [
        ("api/nothing", 404, "nothing at this address"),
        ("../../etc/passwd", 404, "nothing"),
        ("api/sample?number=99", 404, "nothing"),
        ("api/sample?number=-1", 400, "expected a number"),
        ("api/sample", 404, "nothing"),
        ("api/samples?start=0&count=5&order=nonsense", 400, "expected one of key"),
        ("api/samples?start=0&count=5&min_tokens=many", 400, "expected a number"),
        ("api/rule?name=nonsense", 400, "no signals of a rule"),
        ("image?number=0&image=99", 400, "images"),
        ("example?name=image_side&example=999", 404, "nothing"),
    ],
)
def test_what_is_not_there_is_said_in_a_sentence(server: ViewServer, path: str, status: int, said: str) -> None:
    found, kind, body = ask(server, path)
    assert (found, kind) == (status, "application/json")
    assert said in orjson.loads(body)["error"]


def test_pictures_are_the_stored_bytes(server: ViewServer) -> None:
    number, (record, _, jpegs) = next(item for item in enumerate(records(sample_dataset())) if item[1][2])
    assert ask(server, f"image?number={number}&image=0") == (200, "image/jpeg", jpegs[0])
    assert record.key == orjson.loads(ask(server, f"api/sample?number={number}")[2])["key"]


def test_pages_of_samples_go_on_where_the_last_one_ended(server: ViewServer) -> None:
    keys: list[int] = []
    start: int | None = 0
    while start is not None:
        answer = orjson.loads(ask(server, f"api/samples?start={start}&count=10&order=-num_tokens")[2])
        keys += [row["num_tokens"] for row in answer["rows"]]
        start = answer["next_start"]
    assert keys == sorted(open_samples(sample_dataset()).rows["num_tokens"].to_pylist(), reverse=True)


def test_the_command_says_where_it_is_and_ends_quietly(tmp_path: Path) -> None:
    with (tmp_path / "said").open("w") as said:
        words = [sys.executable, "-c", VIEW, "view", str(sample_dataset())]
        with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=said, text=True) as process:
            assert process.stdout is not None
            line = process.stdout.readline()
            assert re.match(r"http://127\.0\.0\.1:\d+/[\w-]{22}/ shows 44 samples of ", line)
            process.send_signal(signal.SIGINT)
            assert process.wait(timeout=20) == 0
    assert (tmp_path / "said").read_text() == ""
