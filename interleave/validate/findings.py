"""What a check found: a code, a place, a sentence; and what a whole validation comes to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from interleave.validate.invariants import INVARIANTS, Severity

# (code, message)
Found = Iterator[tuple[str, str]]

# Of each code, kept of a shard: the others are counted.
MAX_FINDINGS = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """Something that is not as it should be."""

    code: str
    where: str
    # File, and sample or member in it.
    message: str

    def __post_init__(self) -> None:
        assert self.code in INVARIANTS, self.code

    @property
    def severity(self) -> Severity:
        return INVARIANTS[self.code].severity

    @property
    def remedy(self) -> str:
        return INVARIANTS[self.code].remedy


class Findings:
    """Counts everything that is found, and keeps the first of each code."""

    def __init__(self) -> None:
        self.kept: list[Finding] = []
        self.counts: Counter[str] = Counter()

    def add(self, found: Iterable[tuple[str, str]], where: str) -> None:
        for code, message in found:
            self.counts[code] += 1
            if self.counts[code] <= MAX_FINDINGS:
                self.kept.append(Finding(code=code, where=where, message=message))


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a validation looked at, and what it found."""

    num_shards: int = 0
    num_samples: int = 0
    num_images: int = 0
    num_tokens: int = 0
    findings: tuple[Finding, ...] = ()
    # In the order of the files.
    counts: Mapping[str, int]
    # Of all findings by code, also of those that were not kept.
    not_checked: tuple[str, ...] = ()
    # What was asked for or is usual and could not be looked at, and why.

    @property
    def num_errors(self) -> int:
        return self._num(Severity.ERROR)

    @property
    def num_warnings(self) -> int:
        return self._num(Severity.WARNING)

    @property
    def is_sound(self) -> bool:
        return not self.num_errors

    def _num(self, severity: Severity) -> int:
        return sum(number for code, number in self.counts.items() if INVARIANTS[code].severity is severity)


def join(outcomes: Iterable[Outcome]) -> Outcome:
    """Several outcomes as one."""
    joined = list(outcomes)
    return Outcome(
        num_shards=sum(outcome.num_shards for outcome in joined),
        num_samples=sum(outcome.num_samples for outcome in joined),
        num_images=sum(outcome.num_images for outcome in joined),
        num_tokens=sum(outcome.num_tokens for outcome in joined),
        findings=tuple(finding for outcome in joined for finding in outcome.findings),
        counts=sum((Counter(outcome.counts) for outcome in joined), Counter()),
        not_checked=tuple(dict.fromkeys(sentence for outcome in joined for sentence in outcome.not_checked)),
    )
