"""How the parts of a document are put together, where that is more than a profile's: as a trainer's own loader does it.

`vila-1.0` and `vila-2.0` give, token for token, what VILA's `LazyMMC4Dataset` gives (its releases 1.0 and 2.0): the
first six images in the source's order, each in front of its sentence, sentences joined by one space, which is left out
at an image. What is left out is in the ledger. A document is not changed by being read, as it is by VILA's class.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

LayoutName: TypeAlias = Literal["document", "vila-1.0", "vila-2.0"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """What a layout fixes."""

    max_images: int | None = None
    # Images after these, in the source's order, are left out.
    placeholder: int | str | None = None
    # None: the profile's.
    text_after: str = ""
    # Behind each image, and behind what the profile has there.
    as_vila: bool = False
    # Empty sentences count when sentences are joined, a space behind an image is left out, and so are images at the
    # very end of the ids.


LAYOUTS: dict[str, Layout] = {
    "document": Layout(),
    "vila-1.0": Layout(max_images=6, placeholder=-200, as_vila=True),
    "vila-2.0": Layout(max_images=6, placeholder="<image>", text_after="\n", as_vila=True),
}
