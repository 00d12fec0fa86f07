"""A tar of interleaved documents that another project wrote: as far as it goes.

It has no ids, no spans and no index. What can be said is whether a build would read all of it: the tar, each sample's
JSON, the images that it names, and whether they decode.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from interleave.acquire.archives.bodies import How, parse_sample
from interleave.acquire.archives.samples import Sample, read_samples
from interleave.acquire.source import Parsed
from interleave.errors import TaskError, Unreadable
from interleave.images.headers import format_of
from interleave.images.normalise import ImageTarget, normalise
from interleave.images.stored import read_through
from interleave.sample import IDS_SUFFIX
from interleave.validate.findings import Findings, Found, Outcome
from interleave.validate.level import Level

NOT_CHECKED = (
    "ids, spans, what is learned, context, sizes and metadata of images: another project wrote it, without token ids; "
    "a recipe with a source of kind `webdataset` builds a dataset of it",
)

# Samples at the beginning of a tar that tell whose it is.
_LOOKED_AT = 20

# Reason of an `Unreadable` -> code; others are about the JSON.
_CODES = {
    "damaged_file": "tar-structure",
    "not_a_regular_file": "tar-structure",
    "sparse_member": "tar-structure",
    "unsafe_member_name": "member-name",
    "bad_member_name": "member-name",
    "not_in_a_sample": "sample-members",
    "no_json": "sample-members",
    "two_json_files": "sample-members",
    "too_many_members": "sample-members",
    "bad_image_entry": "image-count",
    "image_missing": "image-count",
    "duplicate_member": "image-count",
    "unreferenced_image": "image-count",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ForeignTask:
    """A tar to validate."""

    path: str
    level: Level


def is_foreign(path: Path) -> bool:
    """Whether a tar begins with samples, and none of them has token ids, as this project's have."""
    try:
        first = [item for item in islice(read_samples(str(path)), _LOOKED_AT) if isinstance(item, Sample)]
    except TaskError:
        return False
    return bool(first) and not any(member.name.endswith(IDS_SUFFIX) for sample in first for member in sample.members)


def validate_foreign(task: ForeignTask) -> Outcome:
    """Reads a tar once, as a build would. What is wrong with it is a finding, not an exception."""
    checker = _Checker(task)
    try:
        checker.check()
    except TaskError as error:
        checker.add(iter([("missing-file", str(error))]))
    return Outcome(
        num_shards=1,
        num_samples=checker.num_samples,
        num_images=checker.num_images,
        findings=tuple(checker.findings.kept),
        counts=checker.findings.counts,
        not_checked=NOT_CHECKED,
    )


class _Checker:
    def __init__(self, task: ForeignTask) -> None:
        self._task = task
        self._how = How(path=task.path, layout=None, language="en", max_image_bytes=ImageTarget().max_bytes)
        self.findings = Findings()
        self.num_samples = self.num_images = 0

    def add(self, found: Found, where: str = "") -> None:
        self.findings.add(found, f"{Path(self._task.path).name} {where[:200]}".strip())

    def check(self) -> None:
        seen = set[str]()
        for item in read_samples(self._task.path):
            if not isinstance(item, Sample):
                self.add(_of(item.error), item.where)
                continue
            self.num_samples += 1
            if item.key in seen:
                self.add(iter([("key-order", "its members stand at several places, or it is doubled")]), item.key)
            seen.add(item.key)
            try:
                self._check_parsed(parse_sample(item, "", self._how), item.key)
            except Unreadable as error:
                self.add(_of(error), item.key)

    def _check_parsed(self, parsed: Parsed, key: str) -> None:
        for index, error in parsed.unusable:
            self.add(_of(error), f"{key} image {index}")
        for image in parsed.document.images:
            self.num_images += 1
            if image.load is not None and self._task.level.reads_images:
                try:
                    _decode(image.load())
                except Unreadable as error:
                    self.add(iter([("image-decode", f"does not decode: {error}")]), f"{key} image {image.index}")


def _decode(data: bytes) -> None:
    if format_of(data) == "jpeg":
        read_through(data)
    else:
        normalise(data, ImageTarget())


def _of(error: Unreadable) -> Iterator[tuple[str, str]]:
    yield _CODES.get(error.reason, "sample-json"), str(error)
