"""Images of a store that go along with a split."""

from __future__ import annotations

from pathlib import Path

import pytest

from interleave import copied
from interleave.access.store import ORIGINAL, Store
from interleave.copied import CopiedImages, copies_of, copy_images
from interleave.errors import Unreadable

IMAGES = {f"{number:064x}": bytes([number]) * (10 + 7 * number) for number in range(9)}
DAMAGED = "f" * 64


class FakeStore(Store):
    """Images without a ledger."""

    def __init__(self) -> None:
        return None

    def read(self, sha256: str, form: str = ORIGINAL) -> bytes:
        if sha256 == DAMAGED:
            raise Unreadable("damaged_in_store", "in 00000.blob at 7")
        return IMAGES[sha256]


@pytest.fixture
def blob(tmp_path: Path) -> Path:
    found = tmp_path / "set.work" / "fetch" / "00007.blob"
    copy_images(found, [*IMAGES, DAMAGED, *IMAGES], FakeStore(), ORIGINAL)
    return found


@pytest.mark.parametrize("ahead", [1, 40, 10**6])
@pytest.mark.parametrize("order", [1, -1])
def test_each_is_read_whatever_is_read_ahead_and_in_any_order(
    blob: Path, monkeypatch: pytest.MonkeyPatch, ahead: int, order: int
) -> None:
    monkeypatch.setattr(copied, "_AHEAD", ahead)
    with CopiedImages(copies_of(blob)) as images:
        for sha256, data in list(IMAGES.items())[::order]:
            assert images.read(sha256, ORIGINAL) == data
            assert images.read(sha256, ORIGINAL) == data


def test_each_is_copied_once(blob: Path) -> None:
    assert blob.read_bytes() == b"".join(IMAGES.values())


def test_one_that_cannot_be_read_keeps_its_reason(blob: Path) -> None:
    with CopiedImages(copies_of(blob)) as images, pytest.raises(Unreadable) as found:
        images.read(DAMAGED, ORIGINAL)
    assert (found.value.reason, found.value.detail) == ("damaged_in_store", "in 00000.blob at 7")
