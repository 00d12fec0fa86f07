"""What is asked for: how a request says it, what counts as an answer, and how far redirects may lead."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from interleave.access.ledger import IMAGE
from interleave.access.sniff import check_is_image


def _anywhere(url: str) -> bool:
    return True


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """A kind of thing on the web."""

    name: str
    # In the ledger.
    accept: str
    # The header of that name.
    check: Callable[[bytes, str], None]
    # (body, content type): raises FetchError where it is of another kind.
    may_visit: Callable[[str], bool] = _anywhere
    # Whether a redirect may be followed to a URL.
    scope: tuple[str, ...] = ()
    # What `may_visit` goes by.


# Formats that the codec reads, and anything else from servers that know no better.
IMAGES = Kind(
    name=IMAGE,
    accept="image/webp,image/jpeg,image/png,image/gif,image/*;q=0.8,*/*;q=0.5",
    check=lambda body, content_type: check_is_image(body),
)
