"""What there is to see of a ledger: the funnel, the rules, and one rule from near."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from interleave.counts import DropLine
from interleave.errors import ShardError
from interleave.validate.explore.effect import Bin, Curve, Effect, alternatives, curve, histogram, nearest, spread
from interleave.validate.explore.examples import Example, Unit, examples
from interleave.validate.explore.ledger import LEVELS, STAGES, Bounds, Ledger, Measured

# (stage, rule, level) -> how many
Drops = Mapping[tuple[str, str, str], int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What is left after a stage."""

    stage: str
    documents: int
    images: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleView:
    """One rule from near."""

    rule: str
    level: str
    bounds: Bounds
    one_in: int
    # Of so many documents one was looked at; the numbers below are of those.
    num_units: int
    num_measured: int
    num_removed: int
    bins: tuple[Bin, ...]
    effects: tuple[Effect, ...]
    curve: Curve | None
    removed: tuple[Example, ...]
    kept: tuple[Example, ...]
    # Examples next to the bound first; none where the work folder is gone.


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """What a dataset's ledger says."""

    path: str
    steps: tuple[Step, ...]
    lines: tuple[DropLine, ...]
    rules: tuple[RuleView, ...]

    def as_plain(self) -> dict[str, Any]:
        """For JSON, without the images themselves."""
        plain = asdict(self)
        for rule in plain["rules"]:
            for example in (*rule["removed"], *rule["kept"]):
                del example["jpeg"]
        return plain


def explore(
    folder: Path,
    rules: Sequence[str] | None,
    *,
    bounds: Sequence[float] = (),
    num_examples: int = 5,
    everywhere: bool = False,
    most_units: int | None = None,
) -> View:
    """What a ledger says, with these rules from near; None: with all that measured something.

    bounds: to try besides those that are tried anyway. everywhere: half of the examples lie far from the bound.
    most_units: rules that measured more are looked at with a part of the documents, since a level is held in memory.

    Raises:
        ShardError: no such dataset, or no such rule.
    """
    if not all(map(math.isfinite, bounds)):
        raise ShardError("a bound is a number, neither nan nor inf")
    ledger = Ledger(folder, most_units)
    drops = ledger.num_drops()
    known = [name for _, name in ledger.rules()]
    measured = [_measured(ledger, name, folder, known) for name in (known if rules is None else rules)]
    pick = spread if everywhere else nearest
    picked = [tuple(_units(each, rows) for rows in pick(each, num_examples)) for each in measured]
    # In one pass over the work folder, whatever the number of rules.
    shown = examples((unit for both in picked for units in both for unit in units), work_folder(folder))
    found = {example.unit: example for example in shown}
    views = [
        _rule_view(each, tuple(bounds), *(tuple(found[unit] for unit in units if unit in found) for units in both))
        for each, both in zip(measured, picked, strict=True)
    ]
    return View(path=str(folder), steps=tuple(_steps(ledger, drops)), lines=tuple(_lines(drops)), rules=tuple(views))


def work_folder(folder: Path) -> Path:
    """Of the build that made a dataset; a part of a dataset (`train`, `val`) shares it with the others."""
    whole = folder.resolve()
    return next((work for at in (whole, whole.parent) if (work := Path(f"{at}.work")).is_dir()), Path(f"{whole}.work"))


def _measured(ledger: Ledger, rule: str, folder: Path, known: Sequence[str]) -> Measured:
    found = ledger.measured(rule)
    if found is None:
        raise ShardError(f"{folder} has no signals of a rule {rule!r}; there are {', '.join(known) or 'none'}")
    return found


def _rule_view(
    measured: Measured, bounds: tuple[float, ...], removed: tuple[Example, ...], kept: tuple[Example, ...]
) -> RuleView:
    num_measured = int((measured.values == measured.values).sum())
    return RuleView(
        rule=measured.rule,
        level=measured.level,
        bounds=measured.bounds,
        one_in=measured.one_in,
        num_units=len(measured.values),
        num_measured=num_measured,
        num_removed=int(measured.by_this.sum()),
        bins=histogram(measured),
        effects=alternatives(measured, bounds),
        curve=curve(measured),
        removed=removed,
        kept=kept,
    )


def _units(measured: Measured, rows: Sequence[int]) -> list[Unit]:
    picked = measured.units.take(pa.array(rows, pa.int64())).to_pylist()
    return [Unit(**unit, value=float(measured.values[row])) for unit, row in zip(picked, rows, strict=True)]


def _steps(ledger: Ledger, drops: Drops) -> list[Step]:
    """What went in, and what each stage left."""
    gone: dict[str, Counter[str]] = {stage: Counter() for stage in STAGES}
    for (stage, _, level), number in drops.items():
        gone[stage][level] += number
    left = Counter({level: ledger.num_units(level) + gone["measure"][level] for level in ("documents", "images")})
    steps = [Step(stage="input", documents=left["documents"], images=left["images"])]
    for stage, less in gone.items():
        if stage == "decontaminate" and not (less["documents"] or less["images"]):  # most recipes have none
            continue
        left.subtract(less)
        steps.append(Step(stage=stage, documents=left["documents"], images=left["images"]))
    return steps


def _lines(drops: Drops) -> list[DropLine]:
    """One line a rule, in the order in which a document passes them."""
    counted: dict[tuple[str, str], dict[str, int]] = {}
    for (stage, rule, level), number in drops.items():
        counted.setdefault((stage, rule), dict.fromkeys(LEVELS, 0))[level] = number
    order = {stage: number for number, stage in enumerate(STAGES)}
    ordered = sorted(counted.items(), key=lambda item: order.get(item[0][0], len(order)))
    return [DropLine(stage=stage, rule=rule, **counts) for (stage, rule), counts in ordered]
