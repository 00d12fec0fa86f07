"""What a row of an image-text table says, whatever its columns are called, and the document that it makes."""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from interleave.acquire.sequence import split_sentences
from interleave.acquire.source import Parsed
from interleave.document import SourceDocument, SourceImage
from interleave.errors import Unreadable

# What columns are called in COYO, LAION, DataComp, CC3M and img2dataset's output; the first one that is there counts.
KNOWN = {
    "url": ("url", "URL", "image_url"),
    "caption": ("caption", "text", "TEXT"),
    "similarity": ("clip_similarity_vitl14", "similarity", "SIMILARITY", "clip_l14_similarity_score"),
    "sha256": ("sha256",),
    "id": ("id", "key", "uid", "SAMPLE_ID"),
}
KNOWN["rank"] = KNOWN["similarity"]
# What `top_share` goes by.
STATUS, ERROR = "status", "error_message"
# As img2dataset writes them.
_MAX_CAPTION_CHARS = 100_000
_MAX_URL_CHARS = 8192


@dataclass(frozen=True, slots=True, kw_only=True)
class Names:
    """The columns that settings name; None: one of `KNOWN`."""

    url: str | None
    caption: str | None
    similarity: str | None
    sha256: str | None
    id: str | None
    rank: str | None

    def named(self, role: str) -> str | None:
        name: str | None = getattr(self, role)
        return name

    def find(self, role: str, found: Sequence[str]) -> str | None:
        """The column of a role among those that are there."""
        if (name := self.named(role)) is not None:
            return name if name in found else None
        return next((name for name in KNOWN[role] if name in found), None)

    def check(self, roles: Sequence[str], found: Sequence[str]) -> None:
        """Raises:
        Unreadable: `missing_column`, `duplicate_column`; the detail says which there are, and which is near.
        """
        for role in roles:
            column = self.find(role, found)
            if column is None:
                raise Unreadable("missing_column", self._what_is_missing(role, found))
            if found.count(column) > 1:
                raise Unreadable("duplicate_column", f"{found.count(column)} columns are called {column!r}")

    def _what_is_missing(self, role: str, found: Sequence[str]) -> str:
        wanted = self.named(role) or KNOWN[role][0]
        shown = ", ".join(repr(name[:80]) for name in found[:30]) or "none"
        near = difflib.get_close_matches(wanted.lower(), [name[:80].lower() for name in found[:1000]], 1, 0.6)
        near = [name for name in found if near and name.lower() == near[0]]
        hint = f"did you mean {near[0]!r}? " if near else ""
        given = f"no column {wanted!r}" if self.named(role) else f"no column is known to hold the {role}"
        return f"{given}; there are {shown}; {hint}the setting is `{'by' if role == 'rank' else role + '_column'}`"


def by_role(row: Mapping[str, Any], names: Names, roles: Collection[str] = tuple(KNOWN)) -> dict[str, Any]:
    """The values of a row by what they are: {url, caption, similarity, sha256, id, rank}, of those that are there."""
    return {role: row[column] for role, column in _columns(names, tuple(row)) if role in roles}


@lru_cache(maxsize=8)
def _columns(names: Names, found: tuple[str, ...]) -> tuple[tuple[str, str], ...]:
    """(role, column): the rows of a table all have the same columns."""
    return tuple((role, column) for role in KNOWN if (column := names.find(role, found)) is not None)


def check_downloaded(row: Mapping[str, Any]) -> None:
    """Raises:
    Unreadable: `download_failed`: img2dataset says that it has no image for the row.
    """
    status = row.get(STATUS)
    if STATUS in row and ERROR in row and status != "success":
        raise Unreadable("download_failed", f"{str(status)[:80]}: {str(row[ERROR])[:200]}")


def similarity_of(value: Any) -> float | None:
    """None where the row has none.

    Raises:
        Unreadable: `bad_similarity`.
    """
    if isinstance(value, str) and len(value) <= 64:
        if not value.strip():
            return None
        try:
            value = float(value)
        except ValueError:
            raise Unreadable("bad_similarity", f"{value[:80]!r}, expected a number") from None
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return None
    if type(value) not in (float, int) or abs(value) > 1e6:
        raise Unreadable("bad_similarity", f"{str(value)[:80]!r}, expected a number within 1e6")
    return float(value)


def parse_pair(fields: Mapping[str, Any], load: Callable[[], bytes] | None, doc_id: str, language: str) -> Parsed:
    """One image, and its caption behind it.

    fields: by role; load: what reads the image, or None where only the URL leads to it.

    Raises:
        Unreadable: `no_url`, `bad_url`, `no_caption`, `bad_caption`, `empty_caption`, `caption_too_long`,
            `bad_similarity`, `bad_sha256`.
    """
    url = _url(fields.get("url"), is_needed=load is None)
    sentences = _sentences(fields.get("caption"), language)
    similarity = similarity_of(fields.get("similarity"))
    image = SourceImage(
        index=0,
        name=_name(fields.get("id")),
        url=url,
        load=load,
        sha256=_sha256(fields.get("sha256")),
        similarities=None if similarity is None else np.full(len(sentences), similarity, dtype=np.float32),
    )
    document = SourceDocument(id=doc_id, url=None, sentences=sentences, images=(image,), paragraphs=(0,))
    return Parsed(document=document)


def _url(value: Any, *, is_needed: bool) -> str | None:
    """Of an image that is there already it is only told where it came from, and may be anything."""
    url = _text(value)
    if isinstance(url, str):
        url = url.strip()
        is_one = url[:8].lower().startswith(("http://", "https://")) and url.isprintable()
        if is_one and len(url) <= _MAX_URL_CHARS:
            return url
    if not is_needed:
        return None
    if url is None or url == "":
        raise Unreadable("no_url", "the URL is missing or empty")
    raise Unreadable("bad_url", f"{str(url)[:200]!r}, expected a URL of http or https")


def _sentences(value: Any, language: str) -> tuple[str, ...]:
    caption = _text(value)
    if caption is None:
        raise Unreadable("no_caption", "the caption is missing")
    if not isinstance(caption, str):
        raise Unreadable("bad_caption", f"{str(caption)[:80]!r}, expected a text")
    if len(caption) > _MAX_CAPTION_CHARS:
        raise Unreadable("caption_too_long", f"{len(caption):,} characters, at most {_MAX_CAPTION_CHARS:,}")
    if not (sentences := tuple(split_sentences(caption, language))):
        raise Unreadable("empty_caption", "the caption has nothing but white space")
    return sentences


def _text(value: Any) -> Any:
    """Some tables keep texts as bytes."""
    if isinstance(value, bytes):
        try:
            return value.decode("utf-8")
        except UnicodeDecodeError:
            return value
    return value


def _name(value: Any) -> str | None:
    return str(value)[:200] if isinstance(value, str | int) else None


def _sha256(value: Any) -> str | None:
    if value is None or value == "":
        return None
    if not isinstance(value, str) or not re.fullmatch(r"[0-9a-fA-F]{64}", value):
        raise Unreadable("bad_sha256", f"{str(value)[:80]!r}, expected 64 hex digits")
    return value.lower()
