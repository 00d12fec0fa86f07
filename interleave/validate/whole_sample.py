"""Everything that is checked of one sample: its members, what they say, and its images."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import IO, Any

from interleave.errors import ShardError
from interleave.sample import marked, read_ids, read_record
from interleave.shard.takedown_request import Request
from interleave.validate import image_checks, sample_checks
from interleave.validate.findings import Findings, Found
from interleave.validate.level import Level
from interleave.validate.measured import MeasuredImages, check_source, open_measured
from interleave.validate.sample_checks import Expected, Sample
from interleave.validate.samples import RawSample, read_member
from interleave.validate.spelling import Spelling, check_spelling


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleChecks:
    """What samples are checked against."""

    level: Level
    expected: Expected | None
    # What the manifest says; None of a tar that stands alone.
    taken_down: Request
    # What the dataset's record of take-downs names.
    spelling: Spelling | None
    # None where the tokenizer is not here.
    measured: str | None
    # File of the table of images; None where there is none.
    forgotten: frozenset[str]
    # Documents that lost a sample to a take-down: the table knows nothing of them.
    are_blurred: bool
    # Whether faces were blurred after images were measured: they look otherwise now.
    used_side: int | None
    # px; the model enlarges images with a smaller short side.


class SampleChecker:
    """Checks sample after sample."""

    def __init__(self, checks: SampleChecks, findings: Findings, shard: str) -> None:
        self._checks = checks
        self._findings = findings
        self._shard = shard
        self._measured = None if checks.measured is None else open_measured(checks.measured)

    def check(self, file: IO[bytes], raw: RawSample) -> Sample | None:
        """Reads a sample and checks it; None where it is none."""
        self._add(sample_checks.check_members(raw), raw.key)
        sample = self._read(file, raw)
        if sample is None:
            return None
        for found in self._checks_of(sample):
            self._add(found, raw.key)
        if self._checks.level.reads_images:
            self._check_images(file, sample)
        return sample

    def _add(self, found: Found, where: str) -> None:
        self._findings.add(found, f"{self._shard} {where}")

    def _read(self, file: IO[bytes], raw: RawSample) -> Sample | None:
        if raw.json is None or raw.ids is None:
            return None
        try:
            record = read_record(read_member(file, raw.json))
        except ShardError as error:
            self._add(iter([("sample-json", str(error))]), raw.key)
            return None
        try:
            ids = read_ids(read_member(file, raw.ids))
        except ShardError as error:
            self._add(iter([("sample-ids", str(error))]), raw.key)
            return None
        return Sample(raw=raw, record=record, ids=ids, covered=marked(record.spans, len(ids)))

    def _checks_of(self, sample: Sample) -> Iterator[Found]:
        expected = self._checks.expected
        yield sample_checks.check_taken_down(sample, self._checks.taken_down)
        yield sample_checks.check_record(sample, expected)
        yield sample_checks.check_spans(sample, expected)
        yield sample_checks.check_loss(sample, expected)
        yield sample_checks.check_cuts(sample)
        yield sample_checks.check_texts(sample)
        if expected is None:
            return
        yield sample_checks.check_ids(sample, expected)
        yield sample_checks.check_special_tokens(sample, expected)
        yield sample_checks.check_context(sample, expected)
        if self._checks.spelling is not None:
            yield check_spelling(sample, expected, self._checks.spelling)
        if (measured := self._measured_of(sample)) is not None:
            yield check_source(sample.record, measured)

    def _measured_of(self, sample: Sample) -> MeasuredImages | None:
        """What was measured of a sample's document; None where that is not known any more."""
        return None if sample.record.doc_id in self._checks.forgotten else self._measured

    def _check_images(self, file: IO[bytes], sample: Sample) -> None:
        for member, info in zip(sample.raw.images, sample.record.image_info, strict=False):
            for found in self._checks_of_image(read_member(file, member), sample, info):
                self._add(found, member.name)

    def _checks_of_image(self, jpeg: bytes, sample: Sample, info: Mapping[str, Any]) -> Iterator[Found]:
        yield image_checks.check_jpeg(jpeg, info["width"], info["height"])
        yield image_checks.check_large_enough(info["width"], info["height"], self._checks.used_side)
        if self._checks.level is Level.PARANOID:
            yield image_checks.check_pixels(jpeg, self._phash(sample, info["index"]))

    def _phash(self, sample: Sample, image: int) -> int | None:
        measured = self._measured_of(sample)
        found = None if measured is None else measured.find(sample.record.doc_id, image)
        return None if found is None or self._checks.are_blurred else found[1]


def digest_of(sample: Sample) -> bytes:
    """8 bytes that are the same for samples with the same ids and the same images."""
    images = "".join(str(info.get("sha256")) for info in sample.record.image_info)
    return hashlib.blake2b(sample.ids.tobytes() + images.encode(), digest_size=8).digest()
