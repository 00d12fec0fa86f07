"""What there is to see of a ledger: the funnel, the rules, and one rule from near."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from interleave.counts import DropLine
from interleave.errors import ShardError
from interleave.validate.explore.effect import Bin, Effect, alternatives, histogram, nearest
from interleave.validate.explore.examples import Example, Unit, examples
from interleave.validate.explore.ledger import LEVELS, STAGES, Bounds, Ledger, Measured


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
    num_units: int
    num_measured: int
    num_removed: int
    bins: tuple[Bin, ...]
    effects: tuple[Effect, ...]
    removed: tuple[Example, ...]
    kept: tuple[Example, ...]
    # Examples next to the bound; none where the work folder is gone.


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


def explore(folder: Path, rules: Sequence[str] | None, *, bounds: Sequence[float] = (), num_examples: int = 5) -> View:
    """What a ledger says, with these rules from near; None: with all that measured something.

    bounds: to try besides those that are tried anyway.

    Raises:
        ShardError: no such dataset, or no such rule.
    """
    if not all(map(math.isfinite, bounds)):
        raise ShardError("a bound is a number, neither nan nor inf")
    ledger = Ledger(folder)
    known = [name for _, name in ledger.rules()]
    views = [
        _rule_view(_measured(ledger, name, folder, known), tuple(bounds), num_examples, work_folder(folder))
        for name in (known if rules is None else rules)
    ]
    return View(path=str(folder), steps=tuple(_steps(ledger)), lines=tuple(_lines(ledger)), rules=tuple(views))


def work_folder(folder: Path) -> Path:
    """Of the build that made a dataset; a part of a dataset (`train`, `val`) shares it with the others."""
    whole = folder.resolve()
    return next((work for at in (whole, whole.parent) if (work := Path(f"{at}.work")).is_dir()), Path(f"{whole}.work"))


def _measured(ledger: Ledger, rule: str, folder: Path, known: Sequence[str]) -> Measured:
    found = ledger.measured(rule)
    if found is None:
        raise ShardError(f"{folder} has no signals of a rule {rule!r}; there are {', '.join(known) or 'none'}")
    return found


def _rule_view(measured: Measured, bounds: tuple[float, ...], num_examples: int, work: Path) -> RuleView:
    removed, kept = nearest(measured, num_examples)
    num_measured = int((measured.values == measured.values).sum())
    return RuleView(
        rule=measured.rule,
        level=measured.level,
        bounds=measured.bounds,
        num_units=len(measured.values),
        num_measured=num_measured,
        num_removed=int(measured.by_this.sum()),
        bins=histogram(measured),
        effects=alternatives(measured, bounds),
        removed=tuple(examples(_units(measured, removed), work)),
        kept=tuple(examples(_units(measured, kept), work)),
    )


def _units(measured: Measured, rows: Sequence[int]) -> list[Unit]:
    picked = measured.units.take(pa.array(rows, pa.int64())).to_pylist()
    return [Unit(**unit, value=float(measured.values[row])) for unit, row in zip(picked, rows, strict=True)]


def _steps(ledger: Ledger) -> list[Step]:
    """What went in, and what each stage left."""
    drops = ledger.drops
    is_document = pc.and_(pc.is_null(drops["image"]), pc.is_null(drops["sentence"]))
    gone = {
        stage: (
            pc.sum(pc.and_(pc.equal(drops["stage"], stage), is_document)).as_py() or 0,
            pc.sum(pc.and_(pc.equal(drops["stage"], stage), pc.is_valid(drops["image"]))).as_py() or 0,
        )
        for stage in STAGES
    }
    documents = len(ledger.level("documents")) + gone["measure"][0]
    images = len(ledger.level("images")) + gone["measure"][1]
    steps = [Step(stage="input", documents=documents, images=images)]
    for stage, (less_documents, less_images) in gone.items():
        if stage == "decontaminate" and not (less_documents or less_images):  # most recipes have none
            continue
        documents, images = documents - less_documents, images - less_images
        steps.append(Step(stage=stage, documents=documents, images=images))
    return steps


def _lines(ledger: Ledger) -> list[DropLine]:
    """One line a rule, in the order in which a document passes them."""
    counted: dict[tuple[str, str], dict[str, int]] = {}
    named = ledger.drops.select(["stage", "rule", "image", "sentence"])
    level = pc.if_else(
        pc.is_valid(named["image"]), "images", pc.if_else(pc.is_valid(named["sentence"]), "sentences", "documents")
    )
    groups = named.append_column("level", level).group_by(["stage", "rule", "level"], use_threads=False)
    for row in groups.aggregate([([], "count_all")]).to_pylist():
        counted.setdefault((row["stage"], row["rule"]), dict.fromkeys(LEVELS, 0))[row["level"]] = row["count_all"]
    order = {stage: number for number, stage in enumerate(STAGES)}
    ordered = sorted(counted.items(), key=lambda item: order.get(item[0][0], len(order)))
    return [DropLine(stage=stage, rule=rule, **counts) for (stage, rule), counts in ordered]
