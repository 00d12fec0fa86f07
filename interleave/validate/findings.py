"""What a check found: a code to search for, a place, a sentence, and what to do."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

# Code -> what to do. Codes are stable; sentences may change.
REMEDIES = {
    "tar-structure": "fetch the shard again, or build the dataset again",
    "member-name": "build the dataset again: some readers drop such names silently",
    "sample-members": "build the dataset again: a sample is one .json, one .input_ids.npy and its images, side by side",
    "key-order": "build the dataset again: keys count up, each once in the dataset",
    "sample-json": "build the dataset again",
    "image-count": "build the dataset again: placeholders, spans and image members must be the same number",
    "span-placeholder": "build the dataset again: spans must cover exactly the placeholder ids",
    "id-range": "build again with the tokenizer that the model has",
    "context": "build again with the model's context",
    "loss-span": "build the dataset again",
    "placeholder-text": "build the dataset again: a literal placeholder in a text becomes an image for some trainers",
    "image-decode": "fetch the shard again, or build the dataset again",
    "image-size": "build the dataset again",
    "image-metadata": "build the dataset again: images should hold nothing but pixels",
    "checksum": "fetch the file again: it is not the one that was sealed",
    "manifest-counts": "build the dataset again",
    "index": "build the dataset again: a loader would read other bytes than the sample's",
    "missing-file": "fetch the file again",
    "taken-down": "run `interleave takedown` on the dataset with `--from` its takedowns.txt",
    "takedown-unfinished": "run `interleave takedown` on the dataset: it completes what was interrupted",
    "unknown-shard": "remove the file, or build the dataset again: readers that list the folder would read it",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """Something that is not as it should be."""

    code: str
    where: str
    # File, and sample or member in it.
    message: str

    def __post_init__(self) -> None:
        assert self.code in REMEDIES, self.code

    @property
    def remedy(self) -> str:
        return REMEDIES[self.code]


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a validation looked at and found."""

    num_shards: int
    num_samples: int
    num_images: int
    num_tokens: int
    findings: tuple[Finding, ...]
    # In the order of the files; the first MAX_FINDINGS a shard.
    num_findings: int


MAX_FINDINGS = 100


def join(outcomes: Iterable[Outcome]) -> Outcome:
    """Several outcomes as one."""
    all_of_them = list(outcomes)
    return Outcome(
        num_shards=sum(outcome.num_shards for outcome in all_of_them),
        num_samples=sum(outcome.num_samples for outcome in all_of_them),
        num_images=sum(outcome.num_images for outcome in all_of_them),
        num_tokens=sum(outcome.num_tokens for outcome in all_of_them),
        findings=tuple(finding for outcome in all_of_them for finding in outcome.findings),
        num_findings=sum(outcome.num_findings for outcome in all_of_them),
    )
