"""A build by URL gives what a build from files gives, however the server behaves and wherever the build is killed."""

from __future__ import annotations

import hashlib
import random
import shutil
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

import orjson
import pytest
from fixtures_build import built_files, cli, ledger, sample_lines
from fixtures_site import NOT_FOUND, Answer, Site, serving

from interleave.access.store import Store
from interleave.access.store_writer import open_for_writing
from interleave.acquire.mmc4 import parse_mmc4
from interleave.errors import InterleaveError, Unfinished, Unreadable
from interleave.flow import build
from interleave.recipe_file import load_recipe
from interleave.remote import depot
from interleave.remote.object_store import ObjectStore
from interleave.work_folder import Slice

RECIPES = Path(__file__).parents[1] / "recipes"
IMAGES = RECIPES / "sample" / "images"
NUM_DOCUMENTS = 24
HOST = "images.example"


def image(path: str) -> Answer:
    found = IMAGES / path.lstrip("/")
    return Answer(found.read_bytes(), "image/jpeg") if found.is_file() else NOT_FOUND


def unless(fails: Callable[[str], bool], status: int) -> Callable[[str], Answer]:
    """A site that fails for some paths."""
    return lambda path: Answer(status=status) if fails(path) else image(path)


def is_down(path: str, share: int = 3) -> bool:
    """One path of so many."""
    return path.endswith(".jpg") and sum(path.encode()) % share == 0


def images_asked(site: Site) -> Counter[str]:
    """Without robots.txt and the like."""
    return Counter({path: number for path, number in site.asked.items() if path.endswith(".jpg")})


@pytest.fixture
def site() -> Iterator[Site]:
    with serving(image) as found:
        yield found


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The first documents of the sample, their images under addresses of the site."""
    path = tmp_path_factory.mktemp("corpus") / "docs.jsonl"
    lines = []
    for line in sample_lines():
        try:
            parse_mmc4(line, "id")
        except Unreadable:
            continue
        document = orjson.loads(line)
        names = [image["image_name"] for image in document["image_info"]]
        if all(is_jpeg(IMAGES / name) for name in names):
            for image, name in zip(document["image_info"], names, strict=True):
                image["raw_url"] = f"http://{HOST}/{name}"
            lines.append(orjson.dumps(document))
    path.write_bytes(b"\n".join(lines[:NUM_DOCUMENTS]) + b"\n")
    return path


@pytest.fixture(scope="module")
def from_files(corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What the build from the folder of images gives."""
    folder = tmp_path_factory.mktemp("local")
    build(recipe_of(corpus, folder, "127.0.0.1:9", f"source.images={IMAGES}"), num_workers=1, quiet=True)
    return built_files(folder / "out")


def settings_of(corpus: Path, folder: Path, place: str, *more: str) -> list[str]:
    return [
        f"source.path={corpus}",
        f"output={folder / 'out'}",
        f"fetch.store={folder / 'store'}",
        "fetch.contact=somebody@lab.example",
        f'fetch.resolve={{{HOST}: "{place}"}}',
        "fetch.connections=8",
        "fetch.deadline_s=10",
        "fetch.politeness.requests_per_second=null",
        "fetch.politeness.connections_per_host=8",
        *more,
    ]


def recipe_of(corpus: Path, folder: Path, place: str, *more: str) -> Any:
    return load_recipe(RECIPES / "mmc4-urls.yaml", settings_of(corpus, folder, place, *more))


@pytest.fixture(autouse=True)
def _contact(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONTACT", "somebody@lab.example")


@pytest.fixture(scope="module", autouse=True)
def _contact_of_the_module() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CONTACT", "somebody@lab.example")
        yield


def is_jpeg(path: Path) -> bool:
    return path.is_file() and path.read_bytes().startswith(b"\xff\xd8")


def outcomes_of(store: Path) -> Counter[str]:
    with Store(store) as opened:
        return Counter(entry.outcome for entry in opened.entries())


def test_a_build_by_url_is_the_build_from_files_whatever_the_latency(
    site: Site, corpus: Path, from_files: dict[str, str], tmp_path: Path
) -> None:
    site.delay_s = lambda path: random.Random(path).random() * 0.1
    build(recipe_of(corpus, tmp_path, site.place), num_workers=2, quiet=True)
    assert built_files(tmp_path / "out") == from_files
    assert set(images_asked(site).values()) == {1}, "one URL is fetched once"


def test_machines_that_do_not_see_the_store_measure_its_images_all_the_same(
    site: Site, corpus: Path, from_files: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("s3fs")
    pytest.importorskip("moto.server")
    from fixtures_s3 import s3_bucket

    def one(index: int) -> bool:
        machine = tmp_path / f"machine-{index}"
        recipe = recipe_of(corpus, machine, site.place, f"output={bucket.url}/sets/out")
        try:
            build(recipe, num_workers=1, scratch=machine / "scratch", part=Slice(index, 2), quiet=True, pages=False)
        except Unfinished:
            return False
        return True

    with s3_bucket(monkeypatch) as bucket:
        monkeypatch.setattr(depot, "_store", lru_cache(ObjectStore))
        ends = [[one(index) for index in range(2)] for _ in range(6)]
        assert ends[-1] == [True, True]
        assert bucket.built("sets/out/") == from_files
    assert set(images_asked(site).values()) == {1}
    assert not (tmp_path / "machine-1" / "store").exists()


def test_another_build_takes_everything_from_the_store(
    site: Site, corpus: Path, from_files: dict[str, str], tmp_path: Path
) -> None:
    build(recipe_of(corpus, tmp_path, site.place), num_workers=1, quiet=True)
    site.asked.clear()
    other = f"output={tmp_path / 'other' / 'out'}"
    build(recipe_of(corpus, tmp_path, site.place, other), num_workers=1, quiet=True)
    assert not site.asked
    assert built_files(tmp_path / "other" / "out") == from_files
    offline = f"output={tmp_path / 'offline' / 'out'}"
    build(recipe_of(corpus, tmp_path, "127.0.0.1:9", offline, "fetch.offline=true"), num_workers=1, quiet=True)
    assert built_files(tmp_path / "offline" / "out") == from_files


def test_what_failed_for_a_passing_reason_is_asked_again_by_the_next_run(
    site: Site, corpus: Path, from_files: dict[str, str], tmp_path: Path
) -> None:
    site.answer = unless(is_down, 503)
    recipe = recipe_of(corpus, tmp_path, site.place, "fetch.attempts=1")
    build(recipe, num_workers=1, quiet=True)
    assert built_files(tmp_path / "out") != from_files
    failed = {path for path in images_asked(site) if is_down(path)}
    assert failed
    found = outcomes_of(tmp_path / "store")
    assert found == {"ok": len(images_asked(site)) - len(failed), "http_5xx": len(failed)}
    site.answer = image
    site.asked.clear()
    build(recipe, num_workers=1, quiet=True)
    assert set(images_asked(site)) == failed
    assert built_files(tmp_path / "out") == from_files


@pytest.mark.parametrize("keep", ["normalised", "none"])
def test_what_the_store_keeps_shapes_no_bytes(
    site: Site, corpus: Path, from_files: dict[str, str], tmp_path: Path, keep: str
) -> None:
    more = ("fetch.store=null",) if keep == "none" else ()
    build(recipe_of(corpus, tmp_path, site.place, f"fetch.keep={keep}", *more), num_workers=1, quiet=True)
    assert built_files(tmp_path / "out") == from_files


def test_after_a_kill_nothing_that_was_had_is_fetched_again(
    site: Site, corpus: Path, from_files: dict[str, str], tmp_path: Path
) -> None:
    site.delay_s = lambda path: 0.15
    arguments = [option for setting in settings_of(corpus, tmp_path, site.place) for option in ("--set", setting)]
    line = [*cli(), "build", str(RECIPES / "mmc4-urls.yaml"), *arguments]
    with subprocess.Popen(line, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        end = time.monotonic() + 60
        while images_asked(site).total() < 20 and time.monotonic() < end and process.poll() is None:
            time.sleep(0.01)
        process.send_signal(signal.SIGKILL)
    time.sleep(0.3)
    had = outcomes_of(tmp_path / "store")["ok"]
    before = images_asked(site).total()
    assert 0 < had < before + 1
    site.delay_s = lambda path: 0.0
    done = subprocess.run(line, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    assert images_asked(site).total() == len(images_asked(site)) + before - had, (
        "only what was under way is asked for again"
    )
    assert before - had <= 8
    assert built_files(tmp_path / "out") == from_files


def test_bytes_of_a_blocklisted_image_never_reach_the_store(site: Site, corpus: Path, tmp_path: Path) -> None:
    document = orjson.loads(corpus.read_bytes().splitlines()[0])
    name = document["image_info"][0]["image_name"]
    data = (IMAGES / name).read_bytes()
    blocked = tmp_path / "blocked.txt"
    blocked.write_text(hashlib.sha256(data).hexdigest() + "\n")
    build(recipe_of(corpus, tmp_path, site.place, f"blocklists=[{blocked}]"), num_workers=1, quiet=True)
    assert outcomes_of(tmp_path / "store")["blocklisted"] >= 1
    assert not any(data in path.read_bytes() for path in (tmp_path / "store").rglob("*") if path.is_file())


def test_a_document_may_be_required_to_have_all_of_its_images(site: Site, corpus: Path, tmp_path: Path) -> None:
    site.answer = unless(lambda path: is_down(path, share=5), 404)
    rules = "clean.rules=[{kind: readable_images, min: 1.0}]"
    report = build(recipe_of(corpus, tmp_path, site.place, rules), num_workers=1, quiet=True)
    dropped = [row for row in ledger(tmp_path / "out") if row["rule"] == "readable_images"]
    assert 0 < len(dropped) < NUM_DOCUMENTS
    assert report.documents_out == NUM_DOCUMENTS - len(dropped)


def test_two_builds_do_not_download_into_one_store_at_a_time(site: Site, corpus: Path, tmp_path: Path) -> None:
    with open_for_writing(tmp_path / "store"), pytest.raises(InterleaveError, match="another process"):
        build(recipe_of(corpus, tmp_path, site.place), num_workers=1, quiet=True)
    shutil.rmtree(tmp_path / "store")
