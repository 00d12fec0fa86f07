"""The part of a recipe that says what is a duplicate, and which of several is kept."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from interleave.settings import Locations, Settings


class DocumentDuplicates(Settings):
    """Which documents count as the same."""

    url: Literal["newest", "first"] | None = None
    """Of documents of one URL keep the newest (by the date that a source gives), or the one of the smallest id. null:
    all."""

    near: Annotated[float, Field(gt=0, le=1)] | None = 0.8
    """Jaccard similarity of word 5-grams from which documents are duplicates. null: equal text only."""

    same_images: Annotated[int, Field(ge=1)] | None = None
    """Documents with the same images, and at least so many different ones, are duplicates. null: they are not."""

    keep: Literal["first", "longest", "oldest", "newest"] = "longest"
    """Which one is kept. By date, those without one come last; ties go to the smallest document id."""


class ParagraphDuplicates(Settings):
    """Which paragraphs are repeated: menus, appeals, notices. Images in them stay."""

    within: Literal["domain", "corpus"] = "domain"
    """Where copies are counted."""

    max_copies: Annotated[int, Field(ge=1)] = 1
    """Most copies a paragraph may have."""

    min_words: Annotated[int, Field(ge=1)] = 1
    """Shorter paragraphs are never repeated."""

    policy: Literal["drop_all", "keep_n"] = "drop_all"
    """Above `max_copies`: drop every copy, as OBELICS does, or keep that many, in the order of document ids."""


class ImageDuplicates(Settings):
    """Which images count as the same, and how often one may occur."""

    within_document: Annotated[int, Field(ge=0, le=16)] | None = 5
    """Hamming distance of 64-bit perceptual hashes up to which a document keeps the first one only. null: keep all."""

    across: Annotated[int, Field(ge=0, le=7)] = 2
    """Hamming distance up to which images of different documents are copies of each other."""

    max_copies: Annotated[int, Field(ge=1)] | None = 10
    """Most copies an image may have in the corpus (MMC4: 10). null: any number."""

    max_copies_per_domain: Annotated[int, Field(ge=1)] | None = None
    """Most copies that are left of an image in a domain. null: any number."""

    policy: Literal["drop_all", "keep_n"] = "drop_all"
    """Above a limit: drop every copy, as MMC4 does, or keep that many."""

    keep: Literal["first", "longest", "oldest", "newest"] = "first"
    """Whose copies `keep_n` keeps: those of the documents with the smallest ids, of the longest, oldest, newest."""


class Dedup(Settings):
    """Duplicates among what the rules left over."""

    against: Locations = ()
    """Folders of datasets that were built before: what they hold already is not taken again."""

    documents: DocumentDuplicates | None = DocumentDuplicates()
    """Duplicate documents. null: all are kept."""

    paragraphs: ParagraphDuplicates | None = None
    """Repeated paragraphs. null: all are kept."""

    images: ImageDuplicates | None = ImageDuplicates()
    """Duplicate images. null: all are kept."""
