"""What is asked for at all: what is settled is not, what may have passed is, and nothing twice."""

from __future__ import annotations

import random
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from fixtures_fetch import HOSTS, fetch, fetch_settings, image, images_asked, outcomes, picture, read_back
from fixtures_site import NOT_FOUND, Answer, Site, serving

from interleave.access import store_writer as store_module
from interleave.access.blocklist import Blocklist
from interleave.access.fetching import Web, fetch_missing, is_there
from interleave.access.ledger import OK, Entry
from interleave.access.store import Store
from interleave.access.store_writer import forget_images, open_for_writing
from interleave.errors import TaskError

URL = "http://a.example/{}"
KINDS = ("ok", "gone", "down")


@pytest.fixture
def site() -> Iterator[Site]:
    with serving(image) as found:
        yield found


def some_fail(path: str) -> Answer:
    """Paths say what they come to."""
    if path.startswith("/gone"):
        return NOT_FOUND
    return Answer(status=503) if path.startswith("/down") else image(path)


def web_of(place: str) -> Web:
    return Web(
        settings=fetch_settings(place), max_bytes=100_000, blocklist=Blocklist(), phash=lambda data: None, quiet=True
    )


def test_what_is_settled_is_not_asked_for_again(site: Site, tmp_path: Path) -> None:
    urls = [URL.format(number) for number in range(5)]
    assert set(outcomes(fetch(urls, tmp_path, site.place)).values()) == {OK}
    site.asked.clear()
    assert fetch([*urls, URL.format(5)], tmp_path, site.place).keys() == {URL.format(5)}
    assert images_asked(site) == {"/5": 1}


@pytest.mark.parametrize(
    ("retry", "asked"), [("transient", {"/down"}), ("all", {"/down", "/gone"}), ("none", set[str]())]
)
def test_failures_of_an_earlier_run_are_tried_again_as_the_recipe_says(
    site: Site, tmp_path: Path, retry: str, asked: set[str]
) -> None:
    urls = [URL.format(kind) for kind in KINDS]
    site.answer = some_fail
    first = fetch(urls, tmp_path, site.place)
    assert [first[url].outcome for url in urls] == [OK, "http_4xx", "http_5xx"]
    site.answer = image
    site.asked.clear()
    second = fetch(urls, tmp_path, site.place, retry=retry)
    assert images_asked(site).keys() == asked
    assert {entry.attempts for entry in second.values()} <= {2}, "requests are counted over all runs"
    with Store(tmp_path) as store:
        had = {entry.url for entry in store.entries() if is_there(entry, store)}
    assert had == {URL.format(path[1:]) for path in {"/ok", *asked}}


def test_what_fails_again_keeps_its_row(site: Site, tmp_path: Path) -> None:
    site.answer = some_fail
    for _ in range(3):
        fetch([URL.format("down")], tmp_path, site.place)
    with Store(tmp_path) as store:
        (entry,) = store.entries()
    assert (entry.outcome, entry.status, entry.attempts) == ("http_5xx", 503, 3)


def test_an_image_that_the_store_lost_is_fetched_again_whatever_retry_says(site: Site, tmp_path: Path) -> None:
    fetch([URL.format(1)], tmp_path, site.place)
    forget_images(tmp_path)
    assert outcomes(fetch([URL.format(1)], tmp_path, site.place, retry="none")) == {URL.format(1): OK}
    assert site.asked["/1"] == 2
    assert read_back(tmp_path, URL.format(1)) == picture("/1")


def test_an_image_that_is_kept_in_another_form_is_fetched_again(site: Site, tmp_path: Path) -> None:
    fetch([URL.format(1)], tmp_path, site.place)
    for _ in range(2):
        fetch([URL.format(1)], tmp_path, site.place, form="short", keep=lambda data: data[:5])
    assert site.asked["/1"] == 2
    with Store(tmp_path) as store:
        entry = store.entry(URL.format(1))
        assert entry is not None and entry.sha256 is not None
        assert store.read(entry.sha256, "short") == picture("/1")[:5]
        assert store.read(entry.sha256) == picture("/1")


def test_a_url_that_is_listed_twice_is_asked_for_once(site: Site, tmp_path: Path) -> None:
    urls = [URL.format(number % 3) for number in range(30)]
    fetch([*urls, URL.format("gone"), URL.format("gone")], tmp_path, site.place)
    assert images_asked(site) == {"/0": 1, "/1": 1, "/2": 1, "/gone": 1}


def test_urls_are_taken_from_an_iterator_as_they_come(site: Site, tmp_path: Path) -> None:
    urls = (URL.format(number) for number in range(150))
    counts: Counter[str] = Counter()
    with open_for_writing(tmp_path) as (store, writer):

        def ended(entry: Entry, num_bytes: int) -> None:
            counts[entry.outcome] += 1
            counts["bytes"] += num_bytes

        fetch_missing(urls, 150, store, writer, web_of(site.place), ended=ended)
    assert counts == {OK: 150, "bytes": sum(len(picture(f"/{number}")) for number in range(150))}


def test_nothing_to_ask_for_ends_at_once(tmp_path: Path) -> None:
    assert fetch([], tmp_path, "127.0.0.1:9") == {}


def test_urls_that_are_none_are_in_the_ledger_with_a_reason(tmp_path: Path) -> None:
    urls = ["", "no url", "ftp://a.example/1", "http://a.example:22/1", "http://[::1", "//\ud800"]
    found = fetch(urls, tmp_path, "127.0.0.1:9")
    assert [found[url].outcome for url in urls] == [
        "bad_url", "not_http", "not_http", "bad_port", "bad_url", "bad_url",
    ]  # fmt: skip
    assert not any(entry.transient or entry.attempts for entry in found.values())


def test_an_error_of_whoever_has_the_list_comes_through(site: Site, tmp_path: Path) -> None:
    def urls() -> Iterator[str]:
        yield URL.format(1)
        raise TaskError("the table is damaged")

    with open_for_writing(tmp_path) as (store, writer), pytest.raises(TaskError, match="the table is damaged"):
        fetch_missing(urls(), 2, store, writer, web_of(site.place))


def test_a_store_that_cannot_be_written_ends_the_run_with_one_sentence(site: Site, tmp_path: Path) -> None:
    with open_for_writing(tmp_path) as (store, writer):
        store.ledger.execute("pragma query_only=1")
        urls = [URL.format(number) for number in range(20)]
        with pytest.raises(TaskError, match="cannot use"):
            fetch_missing(urls, 20, store, writer, web_of(site.place))


def test_images_spread_over_several_blobs(site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store_module, "MAX_BLOB_BYTES", 100)
    urls = [URL.format(number) for number in range(10)]
    fetch(urls, tmp_path, site.place)
    assert len(list((tmp_path / "blobs").iterdir())) >= 5
    assert [read_back(tmp_path, url) for url in urls] == [picture(f"/{number}") for number in range(10)]


def test_what_urls_come_to_does_not_depend_on_the_order_of_answers(site: Site, tmp_path: Path) -> None:
    def answer(path: str) -> Answer:
        number = int(path.strip("/r"))
        if path.startswith("/r"):
            return Answer(status=302, headers={"Location": f"/{number}"})
        return [image("/same"), image(path), NOT_FOUND, Answer(b"<html>"), Answer(status=500)][number % 5]

    urls = [f"http://{host}/{kind}{number}" for host in HOSTS for kind in ("", "r") for number in range(5)]
    site.answer = answer
    calm = fetch(urls, tmp_path / "calm", site.place, connections=4)
    for seed in range(2):
        site.delay_s = lambda path, seed=seed: random.Random(f"{path} {seed}").random() * 0.05
        random.Random(seed).shuffle(urls)
        hasty = fetch(urls, tmp_path / str(seed), site.place, connections=6)
        assert [result(hasty[url]) for url in urls] == [result(calm[url]) for url in urls]
    assert {entry.outcome for entry in calm.values()} == {OK, "http_4xx", "http_5xx", "not_an_image"}


def result(entry: Entry) -> tuple[object, ...]:
    return entry.outcome, entry.detail, entry.status, entry.sha256, entry.final_url, entry.headers, entry.attempts


@pytest.mark.parametrize(
    ("is_terminal", "quiet", "shown"), [(True, False, True), (False, False, False), (True, True, False)]
)
def test_a_line_of_progress_is_shown_on_a_terminal_alone(
    site: Site,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    is_terminal: bool,
    quiet: bool,
    shown: bool,
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: is_terminal)
    fetch([URL.format(number) for number in range(3)], tmp_path, site.place, quiet=quiet)
    assert ("fetch: 0/3" in capsys.readouterr().err) == shown
