"""Fetching from sites on this machine, as tests of access do it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
from fixtures_site import NOT_FOUND, Answer, Site

from interleave.access.blocklist import Blocklist
from interleave.access.fetching import Keep, Web, fetch_missing
from interleave.access.ledger import OK, Entry
from interleave.access.settings import Fetch
from interleave.access.store import ORIGINAL, Store
from interleave.access.store_writer import open_for_writing
from interleave.download import Download, download
from interleave.images.normalise import ImageTarget
from interleave.spool import write_table
from interleave.wanted import URLS

CONTACT = "somebody@lab.example"
HOSTS = ("a.example", "b.example", "c.example")
NO_BLOCKLIST = Blocklist()
JPEG = bytes.fromhex("ffd8ffe000104a46494600010100000100010000ffd9")
WISHES = ("/robots.txt", "/.well-known/tdmrep.json")


def picture(path: str) -> bytes:
    """What passes for an image; each path has another."""
    return JPEG + path.encode() + b" of the site"


def image(path: str) -> Answer:
    """A site that has every image, and states no wishes."""
    return NOT_FOUND if path in WISHES else Answer(picture(path), "image/jpeg")


def with_robots(text: str | bytes) -> Callable[[str], Answer]:
    body = text.encode() if isinstance(text, str) else text
    return lambda path: Answer(body, "text/plain") if path == "/robots.txt" else image(path)


def fetch_settings(places: str | Mapping[str, str], **settings: Any) -> Fetch:
    """Impatient, and without politeness unless a test asks for it."""
    politeness = {
        "robots": False,
        "tdmrep": "never",
        "requests_per_second": None,
        "connections_per_host": 8,
        **settings.pop("politeness", {}),
    }
    return Fetch.model_validate(
        {
            "contact": CONTACT,
            "attempts": 1,
            "connections": 6,  # more at once than a site of the standard library lets wait cost a second each
            "deadline_s": 5,
            "connect_timeout_s": 2,
            "resolve": dict.fromkeys(HOSTS, places) if isinstance(places, str) else dict(places),
            "politeness": politeness,
            **settings,
        }
    )


def fetch(
    urls: Sequence[str],
    folder: Path,
    places: str | Mapping[str, str],
    *,
    blocklist: Blocklist = NO_BLOCKLIST,
    phash: Callable[[bytes], int | None] = lambda data: None,
    max_bytes: int = 100_000,
    form: str = ORIGINAL,
    keep: Keep = bytes,
    quiet: bool = True,
    **settings: Any,
) -> dict[str, Entry]:
    """What asking came to, by URL; what was not asked for is not in it.

    places: where all HOSTS lie, or each host that a test needs.
    """
    ended: list[Entry] = []
    web = Web(
        settings=fetch_settings(places, **settings),
        max_bytes=max_bytes,
        blocklist=blocklist,
        phash=phash,
        quiet=quiet,
    )
    with open_for_writing(folder) as (store, writer):
        fetch_missing(
            urls, len(urls), store, writer, web, form=form, keep=keep, ended=lambda entry, _: ended.append(entry)
        )
    found = {entry.url: entry for entry in ended}
    assert len(found) == len(ended), "no URL ends twice"
    return found


def outcomes(entries: Mapping[str, Entry]) -> dict[str, str]:
    return {url: entry.outcome for url, entry in entries.items()}


def images_asked(site: Site) -> dict[str, int]:
    """How often, by path; without what was asked for the sake of politeness."""
    return {path: number for path, number in site.asked.items() if path not in WISHES}


def is_on_disk(data: bytes, folder: Path) -> bool:
    """Whether any file of a store holds these bytes."""
    return any(data in path.read_bytes() for path in folder.rglob("*") if path.is_file())


def read_back(folder: Path, url: str) -> bytes:
    with Store(folder) as store:
        entry = store.entry(url)
        assert entry is not None and entry.sha256 is not None
        return store.read(entry.sha256)


def downloaded(
    urls: Sequence[str],
    folder: Path,
    places: str | Mapping[str, str],
    *,
    store: Path,
    blocklist: Blocklist = NO_BLOCKLIST,
    max_bytes: int = 100_000,
    form: str = ORIGINAL,
    **settings: Any,
) -> dict[str, str]:
    """What the download stage of a build says of each URL: OK, or the reason why it has none.

    folder: the build's own; store: what several builds share.
    """
    folder.mkdir(parents=True, exist_ok=True)
    wanted, found = folder / "wanted.parquet", folder / "outcomes.parquet"
    with write_table(wanted, URLS) as table:
        for url in urls:
            table.append({"url": url})
    web = Web(
        settings=fetch_settings(places, **settings),
        max_bytes=max_bytes,
        blocklist=blocklist,
        phash=lambda data: None,
        quiet=True,
    )
    download(
        Download(
            web=web, store=store, wanted=(wanted,), outcomes=(found,), target=ImageTarget(max_short_side=32), form=form
        )
    )
    return {row["url"]: row["reason"] or OK for row in pq.read_table(found).to_pylist()}
