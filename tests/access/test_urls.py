"""A URL of a corpus is one of the web, with nothing in it that two parsers read in two ways."""

from __future__ import annotations

import pytest
from yarl import URL

from interleave.access.addresses import Gate
from interleave.access.errors import FetchError
from interleave.access.urls import MAX_URL_CHARS, check_literal, origin_of, parse_url, redirect_target


def reason_of(text: str) -> str:
    with pytest.raises(FetchError) as caught:
        parse_url(text)
    assert not caught.value.transient, "asking again would not help"
    assert len(caught.value.detail) <= 400
    return caught.value.reason


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("http://a.example/b.jpg", "http://a.example/b.jpg"),
        ("https://a.example", "https://a.example/"),
        ("HTTPS://A.Example/B.jpg", "https://a.example/B.jpg"),
        ("  http://a.example/b \n", "http://a.example/b"),
        ("http://a.example/b c.jpg", "http://a.example/b%20c.jpg"),
        ("http://a.example/b\r\n\tc.jpg", "http://a.example/bc.jpg"),
        ("http://a.example/b#c", "http://a.example/b"),
        ("http://a.example/b?c=d&e#f", "http://a.example/b?c=d&e"),
        ("http://a.example/b?c=\\d", "http://a.example/b?c=%5Cd"),
        ("http://bücher.example/ü", "http://xn--bcher-kva.example/%C3%BC"),
        ("http://a.example:80/b", "http://a.example/b"),
        ("http://a.example:443/b", "http://a.example:443/b"),
        ("https://a.example:80/b", "https://a.example:80/b"),
        ("http://a.example:1024/b", "http://a.example:1024/b"),
        ("http://a.example:65535/b", "http://a.example:65535/b"),
        ("http://[2001:4860::8888]:8080/b", "http://[2001:4860::8888]:8080/b"),
    ],
)
def test_a_url_of_the_web_is_read(text: str, expected: str) -> None:
    assert str(parse_url(text)).removesuffix("/") == expected.removesuffix("/")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "  \n",
        "http://",
        "http:///b",
        "http:a.example/b",
        "http://a.example\\b",
        "http:\\\\a.example/b",
        "http://user@a.example/b",
        "http://user:word@a.example/b",
        "http://:word@a.example/b",
        "http://a.example:99999/b",
        "http://a.example:-1/b",
        "http://a.example:x/b",
        "http://[::1/b",
        "http://" + "a" * 70 + ".example\u0378/",
        "http://a.example/" + "b" * MAX_URL_CHARS,
    ],
)
def test_what_is_no_sound_url_is_refused(text: str) -> None:
    assert reason_of(text) == "bad_url"


@pytest.mark.parametrize("text", ["ftp://a.example/b", "file:///etc/passwd", "data:,a", "a.example/b", "//a.example/b"])
def test_other_schemes_are_refused(text: str) -> None:
    assert reason_of(text) == "not_http"


@pytest.mark.parametrize("port", [0, 22, 25, 79, 81, 442, 444, 1023])
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_ports_of_other_services_are_refused(scheme: str, port: int) -> None:
    assert reason_of(f"{scheme}://a.example:{port}/b") == "bad_port"


def test_the_longest_url_is_still_read() -> None:
    begin = "http://a.example/"
    assert parse_url(begin + "b" * (MAX_URL_CHARS - len(begin))).path.endswith("b")


@pytest.mark.parametrize(
    ("host", "reason"),
    [
        ("127.0.0.1", "private_address"),
        ("127.0.0.1.", "private_address"),
        ("[::1]", "private_address"),
        ("[::ffff:8.8.8.8]", "private_address"),
        ("2130706433", "bad_url"),
        ("127.1", "bad_url"),
        ("0x7f.1", "bad_url"),
        ("0177.0.0.1", "bad_url"),
        ("a.example.0x7f", "bad_url"),
        ("a.example.1", "bad_url"),
    ],
)
def test_a_host_that_is_an_address_must_be_an_open_one_and_an_ordinary_one(host: str, reason: str) -> None:
    with pytest.raises(FetchError) as caught:
        check_literal(URL(f"http://{host}/"), Gate())
    assert caught.value.reason == reason


@pytest.mark.parametrize("host", ["a.example", "1.example", "0x7f.example", "8.8.8.8", "[2001:4860:4860::8888]"])
def test_names_and_open_addresses_pass(host: str) -> None:
    check_literal(URL(f"http://{host}/"), Gate())


def test_an_allowed_address_passes() -> None:
    check_literal(URL("http://127.0.0.1:8080/"), Gate(["127.0.0.0/8"]))


@pytest.mark.parametrize(
    ("location", "expected"),
    [
        ("/c", "http://a.example/c"),
        ("c", "http://a.example/b/c"),
        ("../c?d", "http://a.example/c?d"),
        ("//c.example/d", "http://c.example/d"),
        ("https://c.example:8443/d#e", "https://c.example:8443/d"),
        (" /c ", "http://a.example/c"),
        ("", "http://a.example/b/"),
    ],
)
def test_a_redirect_is_read_from_where_it_stands(location: str, expected: str) -> None:
    assert str(redirect_target(URL("http://a.example/b/"), location)) == expected


@pytest.mark.parametrize(
    ("location", "reason"),
    [
        ("ftp://c.example/", "not_http"),
        ("javascript:alert(1)", "not_http"),
        ("http://c.example:22/", "bad_port"),
        ("http://user@c.example/", "bad_url"),
        ("http://[::1/", "bad_url"),
        ("\\\\c.example/d", "bad_url"),
    ],
)
def test_a_redirect_is_checked_like_a_url_of_the_corpus(location: str, reason: str) -> None:
    with pytest.raises(FetchError) as caught:
        redirect_target(URL("http://a.example/b"), location)
    assert caught.value.reason == reason


@pytest.mark.parametrize(
    ("text", "origin"),
    [
        ("http://a.example/b?c", "http://a.example"),
        ("http://a.example:80/b", "http://a.example"),
        ("http://a.example:8080/b", "http://a.example:8080"),
        ("https://a.example/", "https://a.example"),
    ],
)
def test_an_origin_is_scheme_host_and_port(text: str, origin: str) -> None:
    assert origin_of(parse_url(text)) == origin
