"""A page in a real browser: headless Chromium, where the machine has one."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
needs_chromium = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")
_ARGUMENTS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip


class Seen:
    """What a page asked for, said and broke."""

    def __init__(self, page: Any) -> None:
        self.requests: list[str] = []
        self.faults: list[str] = []
        page.on("request", lambda request: self.requests.append(request.url))
        page.on("dialog", lambda dialog: (self.faults.append(f"dialog {dialog.message}"), dialog.dismiss()))
        page.on("pageerror", lambda error: self.faults.append(str(error)))
        page.on("console", lambda message: self.faults.append(message.text) if message.type == "error" else None)


@contextmanager
def open_page(url: str, **options: Any) -> Iterator[tuple[Any, Seen]]:
    """A page in a browser of its own, closed at the end."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=_ARGUMENTS)
        page = browser.new_context(**options).new_page()
        seen = Seen(page)
        page.goto(url)
        wait(page, "")
        yield page, seen
        browser.close()


def wait(page: Any, address: str) -> None:
    """Until a view is shown."""
    page.wait_for_function(
        "wanted => (document.documentElement.dataset.ready || '').startsWith('#' + wanted)", arg=address
    )


def visit(page: Any, address: str) -> None:
    page.evaluate("address => { location.hash = address; }", address)
    wait(page, address)


def text_of(page: Any, selector: str) -> str:
    found: str = page.inner_text(selector)
    return found
