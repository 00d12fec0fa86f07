"""Stage 2, run or skip: an answer with its reasons, costs and commands."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from interleave.shard.manifest import read_manifest
from interleave.validate.readiness.judge import Grade, Readiness, judge
from interleave.validate.readiness.observe import observe
from interleave.validate.stage2.cost import Cost, Machine
from interleave.validate.stage2.launch import CAUTION, run_commands, skip_commands
from interleave.validate.stage2.needs import Need


class Answer(StrEnum):
    """What to do."""

    RUN = "run"
    SKIP = "skip"


@dataclass(frozen=True, slots=True, kw_only=True)
class Skipped:
    """A benchmark with and without Stage 2."""

    benchmark: str
    with_stage2: str
    without: str


# With: VILA-7B as released (VILA's README, March 2024). Without: one user's run (github.com/NVlabs/VILA/issues/12).
SKIPPED = (
    Skipped(benchmark="MME, perception / cognition", with_stage2="1489.4", without="1457.42 / 306.43"),
    Skipped(benchmark="MMBench", with_stage2="69.8", without="68.9"),
    Skipped(benchmark="MMBench-CN", with_stage2="61.0", without="61.77"),
    Skipped(benchmark="GQA", with_stage2="63.1", without="61.93"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Advice:
    """An answer and what it rests on."""

    path: str
    answer: Answer
    reasons: tuple[str, ...]
    cautions: tuple[str, ...]
    machine: Machine
    cost: Cost
    # One epoch of this dataset.
    vilas_cost: Cost
    # Of VILA's own Stage 2 with the same machine and profile.
    readiness: Readiness
    release: str
    # Of VILA, whose scripts the first commands are of; the others are of 1.0.
    commands_run: tuple[str, ...]
    commands_skip: tuple[str, ...]

    def as_plain(self) -> dict[str, Any]:
        return {
            "path": self.path,
            "answer": self.answer,
            "reasons": list(self.reasons),
            "cautions": list(self.cautions),
            "machine": asdict(self.machine),
            "cost": asdict(self.cost),
            "vilas_cost": asdict(self.vilas_cost),
            "skipped": [asdict(line) for line in SKIPPED],
            "readiness": self.readiness.as_plain(),
            "release": self.release,
            "commands_run": list(self.commands_run),
            "commands_skip": list(self.commands_skip),
        }


def advise(dataset: Path, needs: Sequence[Need], machine: Machine, gpu_hours: float | None) -> Advice:
    """Whether Stage 2 with this dataset is worth it for what the model is to do.

    needs: at least one.
    gpu_hours: that there are; None: enough.

    Raises:
        ShardError: it is no sealed dataset.
    """
    readiness, profile = judge(observe(dataset)), read_manifest(dataset).model.profile
    seen = readiness.observed
    cost = machine.cost(seen.num_tokens, seen.num_images)
    per_image = (seen.num_tokens - seen.num_text_tokens) / max(seen.num_images, 1)
    wanted = [need for need in dict.fromkeys(needs) if need.why]
    return Advice(
        path=str(dataset),
        answer=Answer.RUN if wanted else Answer.SKIP,
        reasons=tuple(_reasons(needs, wanted)),
        cautions=tuple(_cautions(wanted, readiness, cost, gpu_hours, profile)),
        machine=machine,
        cost=cost,
        vilas_cost=machine.vilas_own(per_image),
        readiness=readiness,
        release="release 1.5" if profile == "vila-1.5" else "release 1.0",
        commands_run=tuple(run_commands(dataset, profile, seen.num_samples)),
        commands_skip=tuple(skip_commands()),
    )


def _reasons(needs: Sequence[Need], wanted: Sequence[Need]) -> Iterator[str]:
    if not wanted:
        yield "zero-shot benchmarks alone lose little without it: a user who skipped it measured what the table says"
        return
    yield from (need.why for need in wanted)
    if Need.BENCHMARKS in needs:
        yield "zero-shot benchmarks would not need it: they lose little without"


def _cautions(
    wanted: Sequence[Need], readiness: Readiness, cost: Cost, gpu_hours: float | None, profile: str
) -> Iterator[str]:
    if not wanted:
        yield CAUTION
        yield "VILA's authors saw zero-shot gains from Stage 2, too (github.com/NVlabs/VILA/issues/12)"
        return
    if readiness.grade is Grade.BAD:
        yield f"this dataset alone will not do: {readiness.verdict} (`interleave validate --readiness` says why)"
    if gpu_hours is not None and cost.gpu_hours > gpu_hours:
        share = gpu_hours / cost.gpu_hours
        yield (
            f"{hours(gpu_hours)} GPU hours are {share:.0%} of what one epoch takes: train on the best part by "
            "similarity (`best_similarity` in the recipe), or a smaller model, or with fewer tokens an image"
        )
    if not profile.startswith("vila"):
        yield f"the dataset is for {profile}: the commands need it built again with `profile=vila-1.0` or `vila-1.5`"


def hours(number: float) -> str:
    """To two digits where there are few: a trial takes seconds."""
    return f"{number:,.0f}" if number >= 10 else f"{number:.2g}"
