"""The page in a real browser: what it shows, by which keys, to whom, and that what a web page said stays text."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Iterator
from pathlib import Path

import orjson
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from fixtures_browser import needs_chromium, open_page, text_of, visit
from fixtures_build import Members, copy_of, edit_shard, ledger, records, sample_dataset, small_dataset

from interleave.validate.explore.effect import effect
from interleave.validate.explore.ledger import Bounds, Ledger
from interleave.validate.look import file
from interleave.validate.look.answers import Answers
from interleave.validate.look.file import write_page, write_report
from interleave.validate.look.opened import open_samples
from interleave.validate.look.server import ViewServer

pytestmark = needs_chromium
PHONE = {"viewport": {"width": 390, "height": 844}, "is_mobile": True, "has_touch": True}


@pytest.fixture(scope="module")
def file_url(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("page") / "page.html"
    write_page(sample_dataset(), path, num_samples=20)
    return path.as_uri()


@pytest.fixture(scope="module")
def server_url() -> Iterator[str]:
    with ViewServer(Answers(open_samples(sample_dataset())), "mmc4") as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield server.url
        server.shutdown()
        thread.join()


@pytest.fixture(params=["file", "server"])
def url(request: pytest.FixtureRequest, file_url: str, server_url: str) -> str:
    return file_url if request.param == "file" else server_url


def test_every_view_shows_what_the_dataset_says_and_nobody_else_is_asked(url: str) -> None:
    record = next(record for record, _, _ in records(sample_dataset()) if record.key == "0000000000")
    with open_page(url) as (page, seen):
        assert "44" in text_of(page, ".facts") and "vila-1.0" in text_of(page, ".facts")
        assert "What is left after each stage" in text_of(page, "main")
        visit(page, "samples/0")
        shown = text_of(page, "article")
        for text in filter(None, record.texts):
            assert text in shown
        page.wait_for_function(
            "() => [...document.querySelectorAll('article img')].every(image => image.naturalWidth > 0)"
        )
        assert page.locator("article img").count() == len(record.image_members)
        visit(page, "removed/image_side")
        assert "Removed with these bounds" in text_of(page, "article") or "Kept with these bounds" in text_of(
            page, "article"
        )
        origin = url.split("/page.html", maxsplit=1)[0] if url.startswith("file") else url
        assert all(request.startswith((origin, "data:")) for request in seen.requests)
        assert seen.faults == []


def test_keys_lead_from_sample_to_sample_and_to_tokens_and_rows(url: str) -> None:
    with open_page(url) as (page, _):
        page.keyboard.press("2")
        page.wait_for_selector("article h2")
        first = text_of(page, "article h2")
        page.keyboard.press("j")
        page.wait_for_function("before => document.querySelector('article h2').innerText !== before", arg=first)
        page.keyboard.press("k")
        page.wait_for_function("before => document.querySelector('article h2').innerText === before", arg=first)
        page.keyboard.press("t")
        page.wait_for_selector(".tokens")
        assert "576 tokens" in text_of(page, ".tokens")
        assert page.locator(".tokens .learned").count() > 10
        page.keyboard.press("p")
        page.wait_for_selector(".packed .this")
        assert "A row of 4,096 tokens" in text_of(page, "article")
        page.keyboard.press("/")
        assert page.evaluate("document.activeElement.id") == "filter-search"
        page.keyboard.type("j2?")  # letters, not commands
        assert page.input_value("#filter-search") == "j2?"


def test_filters_and_search_find_the_samples_that_the_index_says(server_url: str) -> None:
    rows = open_samples(sample_dataset()).rows.to_pylist()
    with open_page(server_url) as (page, _):
        visit(page, "samples")
        page.fill("#filter-min_images", "3")
        wanted = [row["key"] for row in rows if row["num_images"] >= 3]
        page.wait_for_function("number => document.querySelectorAll('.list a').length === number", arg=len(wanted))
        assert [text.splitlines()[0] for text in page.locator(".list a").all_inner_texts()] == wanted
        page.fill("#filter-min_images", "")
        page.select_option("#filter-order", "-num_tokens")
        longest = max(rows, key=lambda row: row["num_tokens"])
        page.wait_for_function(
            "key => document.querySelector('.list a')?.innerText.startsWith(key)", arg=longest["key"]
        )
        page.fill("#filter-search", "Christmas lights")
        page.wait_for_function("() => document.querySelector('.found').innerText.includes('1 found')")
        page.fill("#filter-search", "no page says this")
        page.wait_for_function("() => document.querySelector('.found').innerText.startsWith('0 found among 44 of 44')")


def test_samples_whose_documents_lost_something_to_a_rule_are_found(url: str) -> None:
    lost = {
        drop["doc_id"]
        for drop in ledger(sample_dataset())
        if drop["rule"] == "url_tokens" and drop["image"] is not None
    }
    rows = open_samples(sample_dataset()).rows.to_pylist()
    wanted = {row["key"] for row in rows if row["doc_id"] in lost}
    with open_page(url) as (page, _):
        visit(page, "samples")
        all_keys = {text.splitlines()[0] for text in page.locator(".list a").all_inner_texts()}
        assert wanted & all_keys
        page.select_option("#filter-rule", "url_tokens")
        page.wait_for_function("n => document.querySelectorAll('.list a').length === n", arg=len(wanted & all_keys))
        assert {text.splitlines()[0] for text in page.locator(".list a").all_inner_texts()} == wanted & all_keys


def test_a_slider_tells_what_another_bound_would_do(url: str) -> None:
    measured = Ledger(sample_dataset()).measured("num_sentences")
    assert measured is not None
    found = effect(measured, Bounds(minimum=float(measured.values.max())))
    assert found.num_more > 10
    strictest = (
        f"{found.num_broken} of {len(measured.values)} documents break it: {found.num_more} more would be removed, "
        f"{found.num_fewer} more kept."
    )
    with open_page(url) as (page, _):
        visit(page, "removed/num_sentences")
        before = text_of(page, ".effect")
        assert "Move a bound" in before
        page.focus("#slider-minimum")
        page.keyboard.press("End")
        assert text_of(page, ".effect").startswith(strictest)
        assert "Removed with these bounds" in text_of(page, "article")


def test_the_page_of_a_build_looks_at_a_part_of_the_documents_and_says_of_how_many(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(file, "_MOST_UNITS_IN_REPORT", 20)
    folder = copy_of(sample_dataset(), tmp_path / "mmc4")
    written = write_report(folder)
    measured = Ledger(folder, most_units=20).measured("image_side")
    assert measured is not None and measured.one_in > 1
    with open_page(Path(written.path).as_uri()) as (page, seen):
        visit(page, "removed/image_side")
        said = text_of(page, "article p")
        assert f"of {len(measured.values)} images" in said and f"one document in {measured.one_in}" in said
        assert seen.faults == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_is_accessible_in_light_and_dark(file_url: str, scheme: str) -> None:
    from axe_playwright_python.base import AXE_FILE_PATH

    with open_page(file_url, color_scheme=scheme, reduced_motion="reduce") as (page, _):
        page.evaluate(Path(AXE_FILE_PATH).read_text())
        for address, mode in (("overview", ""), ("samples", "x"), ("samples", "t"), ("samples", "p"), ("removed", "")):
            visit(page, address)
            if mode:
                page.keyboard.press(mode)
                page.wait_for_timeout(100)
            found = page.evaluate("() => axe.run()")["violations"]
            assert [(each["id"], each["nodes"][0]["html"][:200]) for each in found] == [], (address, mode)


def test_on_a_phone_nothing_is_wider_than_the_screen(file_url: str) -> None:
    with open_page(file_url, **PHONE) as (page, _):
        for address in ("overview", "samples", "samples/0", "removed"):
            visit(page, address)
            assert page.evaluate("document.documentElement.scrollWidth") <= 390, address
        assert page.evaluate(
            "() => { const at = document.querySelector('.scroll'); return at.scrollWidth <= at.clientWidth; }"
        )
        visit(page, "samples")
        assert page.is_visible(".list")
        page.locator(".list a").nth(2).click()
        page.wait_for_selector("article .back", state="visible")
        assert not page.is_visible(".list")


def payloads() -> list[str]:
    """100 of them: ways to run a script, behind ways out of where a text might stand."""
    run = "window.pwned=1"
    vectors = [
        f"<script>{run}</script>", f"<img src=x onerror={run}>", f"<svg onload={run}>", f"<body onload={run}>",
        f"<iframe srcdoc='<script>parent.{run}</script>'></iframe>", f"<a href=javascript:{run}>x</a>",
        f"javascript:{run}", f"<details open ontoggle={run}>", f"<input autofocus onfocus={run}>",
        f"<video><source onerror={run}></video>", f"<object data=javascript:{run}>",
        f"<base href=//evil.example/>{run}", f"<template><script>{run}</script></template>",
        "<link rel=stylesheet href=//evil.example/x.css>", "<meta http-equiv=refresh content='0;url=//evil.example'>",
        f"<math><mtext><style><img src=x onerror={run}></style></mtext></math>",
        f"<form action=javascript:{run}><button autofocus>x</form>", f"<style>@import '//evil.example'</style>{run}",
        f"${{{run}}}{{{{constructor.constructor('{run}')()}}}}", f"\u2028{run}\u2029//",
    ]  # fmt: skip
    ways_out = ["", '"><', "</script>", "--></style></title>", "';\\u003c/script\\u003e`"]
    return ["".join(pair) for pair in itertools.product(ways_out, vectors)]


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A dataset in whose every text, address, source and rule stand payloads."""
    dataset = copy_of(small_dataset(), tmp_path_factory.mktemp("hostile") / "six")
    given = itertools.cycle(payloads())

    def edit(members: Members) -> Members:
        found = []
        for name, data in members:
            if name.endswith(".json"):
                fields = orjson.loads(data)
                texts = [text and " ".join(next(given) for _ in range(5)) for text in fields["texts"]]
                fields |= {"texts": texts, "url": next(given), "source": next(given)}
                for info in fields["image_info"]:
                    info["url"] = next(given)
                data = orjson.dumps(fields)  # noqa: PLW2901
            found.append((name, data))
        return found

    for shard in range(len(list(dataset.glob("shard-*.tar")))):
        edit_shard(dataset, edit, shard)
    path = dataset / "ledger" / "drops.parquet"
    table = pq.read_table(path)
    rows = table.to_pylist() or [dict.fromkeys(table.schema.names) | {"doc_id": "a", "stage": "clean", "image": 0}]
    hostile_rows = [rows[0] | {"stage": "clean", "rule": payload} for payload in payloads()]
    pq.write_table(pa.Table.from_pylist(hostile_rows, schema=table.schema), path)
    return dataset


def test_a_hundred_payloads_stay_text_in_the_file_and_from_the_server(hostile: Path, tmp_path: Path) -> None:
    assert len(set(payloads())) == 100
    path = tmp_path / "<img src=x onerror=window.pwned=1>.html"
    write_page(hostile, path, num_samples=50)
    check_inert(path.as_uri())
    with ViewServer(Answers(open_samples(hostile)), payloads()[0]) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        check_inert(server.url)
        server.shutdown()
        thread.join()


def check_inert(url: str) -> None:
    with open_page(url) as (page, seen):
        shown = ""
        for number in range(6):
            visit(page, f"samples/{number}")
            shown += page.evaluate("document.querySelector('article').textContent")
            for key in "tpx":
                page.keyboard.press(key)
                page.wait_for_timeout(30)
        visit(page, "removed")
        shown += page.evaluate("document.querySelector('main').textContent")
        missing = [payload for payload in payloads() if payload not in shown]
        assert missing == []
        assert page.evaluate("window.pwned") is None
        assert page.locator("script").count() == 2
        assert (
            page.locator("iframe, object, base, template, svg, math, video, body > style, link:not([rel=icon])").count()
            == 0
        )
        assert page.evaluate("[...document.links].every(link => /^(https?|file):/.test(link.href))")
        assert [request for request in seen.requests if "evil" in request] == []
        assert [fault for fault in seen.faults if "dialog" in fault] == []


def test_damaged_pictures_are_said_to_be_missing(tmp_path: Path) -> None:
    dataset = copy_of(small_dataset(), tmp_path / "six")
    edit_shard(
        dataset, lambda members: [(name, b"no picture" if name.endswith(".jpg") else data) for name, data in members]
    )
    write_page(dataset, tmp_path / "page.html", num_samples=50)
    with open_page((tmp_path / "page.html").as_uri()) as (page, seen):
        visit(page, "samples/0")
        assert "This picture is not in the file." in text_of(page, "article")
        assert seen.faults == []
