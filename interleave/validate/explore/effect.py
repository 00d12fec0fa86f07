"""What a rule does, and what it would do with another bound."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from interleave.validate.explore.ledger import Bounds, Floats, Measured

_NUM_BINS = 24
_NUM_BOUNDS = 200
Doubles = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Bin:
    """A stretch of values, and what became of the units in it."""

    low: float
    high: float
    num_kept: int
    num_by_this: int
    num_by_other: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """What a rule does with a bound: with the recipe's, or with another one."""

    minimum: float | None
    maximum: float | None
    num_broken: int
    # Units whose value breaks it, also those that go for another reason.
    num_more: int
    # Kept now, and removed then.
    num_fewer: int
    # Removed by this rule now, and kept then: no other rule of this level removes them.


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """Units below and above each of some bounds: (num_bounds,) counts."""

    num: int
    # Units, those between included.
    below: tuple[int, ...]
    above: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """What follows from any bound: a bound's effect is a sum of these, since no value is on both sides of two bounds.

    With a minimum of bounds[i] and a maximum of bounds[j], broken.below[i] + broken.above[j] units break the rule.
    """

    bounds: tuple[float, ...]
    # Ascending: every value that was measured, or about 200 of them, and the recipe's bounds.
    broken: Side
    # All units that were measured.
    kept: Side
    # Those that are kept now: they would be removed.
    removed: Side
    # Those that this rule alone removes now: those on neither side would be kept.


def curve(measured: Measured) -> Curve | None:
    """The effects of all bounds; None where nothing was measured."""
    values = measured.values[~np.isnan(measured.values)]
    if not len(values):
        return None
    bounds = _bounds_to_try(values, measured.bounds)
    kept = ~(measured.by_this | measured.by_other)
    groups = (np.ones(len(kept), dtype=np.bool_), kept, measured.by_this & ~measured.breaks_other)
    broken, kept_side, removed = (_side(measured.values[group], bounds) for group in groups)
    return Curve(bounds=tuple(map(float, bounds)), broken=broken, kept=kept_side, removed=removed)


def _side(values: Floats, bounds: Floats) -> Side:
    known = np.sort(values[~np.isnan(values)])
    below = np.searchsorted(known, bounds, side="left")
    above = len(known) - np.searchsorted(known, bounds, side="right")
    return Side(num=len(known), below=tuple(below.tolist()), above=tuple(above.tolist()))


def _bounds_to_try(values: Floats, now: Bounds) -> Floats:
    tried = np.unique(values)
    if len(tried) > _NUM_BOUNDS:
        tried = np.quantile(values, np.linspace(0, 1, _NUM_BOUNDS), method="nearest")
    stated = [bound for bound in (now.minimum, now.maximum) if bound is not None]
    return np.unique(np.append(tried, np.array(stated, dtype=np.float32)).astype(np.float32))


def histogram(measured: Measured) -> tuple[Bin, ...]:
    """Equal stretches of the values; a few far outliers share the stretch at their end."""
    values = measured.values[~np.isnan(measured.values)]
    if not len(values):
        return ()
    edges = _edges(values.astype(np.float64), measured.bounds)
    known = np.clip(np.nan_to_num(measured.values, nan=-np.inf), None, edges[-1])
    groups = (~(measured.by_this | measured.by_other), measured.by_this, measured.by_other)
    counts = []
    for group in groups:
        mine = known[group & ~np.isnan(measured.values)]
        counts.append(np.histogram(np.clip(mine, edges[0], edges[-1]), bins=edges)[0])
    return tuple(
        Bin(low=float(low), high=float(high), num_kept=int(kept), num_by_this=int(this), num_by_other=int(other))
        for low, high, kept, this, other in zip(edges, edges[1:], *counts, strict=False)
    )


def effect(measured: Measured, bounds: Bounds) -> Effect:
    """What the rule would do with these bounds. What follows from it in later stages is not counted."""
    broken = bounds.broken_by(measured.values)
    kept = ~(measured.by_this | measured.by_other)
    return Effect(
        minimum=bounds.minimum,
        maximum=bounds.maximum,
        num_broken=int(broken.sum()),
        num_more=int((broken & kept).sum()),
        num_fewer=int((measured.by_this & ~broken & ~measured.breaks_other).sum()),
    )


def alternatives(measured: Measured, bounds: tuple[float, ...] = ()) -> tuple[Effect, ...]:
    """Effects of bounds at round shares of what was measured, and of those asked for.

    A rule with a minimum is tried with other minima; one with a maximum alone with other maxima.
    """
    values = measured.values[~np.isnan(measured.values)]
    if not len(values):
        return ()
    side = "maximum" if measured.bounds.minimum is None and measured.bounds.maximum is not None else "minimum"
    now = getattr(measured.bounds, side)
    shares = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5) if side == "minimum" else (0.5, 0.8, 0.9, 0.95, 0.98, 0.99)
    tried = {float(value) for value in np.quantile(values, shares, method="nearest")} | set(bounds)
    tried |= set() if now is None else {now}
    return tuple(effect(measured, replace(measured.bounds, **{side: bound})) for bound in sorted(tried))


def nearest(measured: Measured, num: int) -> tuple[list[int], list[int]]:
    """(rows of units that this rule removed, rows of those that stay), each with those next to the bound first."""
    order = np.argsort(_distance(measured), kind="stable")
    kept = ~(measured.by_this | measured.by_other) & ~np.isnan(measured.values)
    removed, stay = (order[group[order]][:num].tolist() for group in (measured.by_this, kept))
    return removed, stay


def spread(measured: Measured, num: int) -> tuple[list[int], list[int]]:
    """The same, half of each those next to the bound, half from everywhere: for bounds that are tried."""
    removed, stay = nearest(measured, num // 2)
    order = np.argsort(measured.values, kind="stable")
    kept = ~(measured.by_this | measured.by_other) & ~np.isnan(measured.values)
    for found, group in ((removed, measured.by_this), (stay, kept)):
        rows = order[group[order]]
        more = rows[np.unique(np.linspace(0, len(rows) - 1, num - num // 2).astype(int))] if len(rows) else rows
        found += [row for row in more.tolist() if row not in found]
    return removed, stay


def _distance(measured: Measured) -> Floats:
    """(num_units,) of each value from the nearer bound."""
    bounds = [bound for bound in (measured.bounds.minimum, measured.bounds.maximum) if bound is not None]
    if not bounds:
        return np.zeros(len(measured.values), dtype=np.float32)
    away = np.abs(measured.values[:, None] - np.asarray(bounds, dtype=np.float32)[None, :])
    nearer: Floats = away.min(axis=1)
    return nearer


def _edges(values: Doubles, bounds: Bounds) -> Doubles:
    """Borders of the stretches: from the 1st to the 99th percentile, wide enough to show the bounds."""
    low, high = np.quantile(values, (0.01, 0.99))
    shown = [bound for bound in (bounds.minimum, bounds.maximum) if bound is not None]
    low, high = min([low, *shown]), max([high, *shown])
    if low == high:
        low, high = low - 0.5, high + 0.5
    inner = np.linspace(low, high, _NUM_BINS + 1)
    inner[0], inner[-1] = min(values.min(), inner[0]), max(values.max(), inner[-1])
    return inner
