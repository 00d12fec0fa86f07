"""A view of the ledger as one HTML page: no script, no request to anywhere, everything that a page said escaped."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

from interleave.files import write_bytes
from interleave.text import harmless
from interleave.validate.explore.effect import Bin
from interleave.validate.explore.ledger import Bounds
from interleave.validate.explore.view import RuleView, View

# px, of a chart; at its margins a label stands beside its mark.
_WIDTH, _HEIGHT, _MARGIN = 720, 160, 40


def write_page(view: View, path: Path) -> None:
    """Writes the page."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("interleave.validate.explore", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(harmless=harmless, count=_count, data_url=_data_url)
    page = environment.get_template("page.html").render(
        view=view,
        most=max((step.documents for step in view.steps), default=0) or 1,
        charts={rule.rule: _chart(rule) for rule in view.rules},
        width=_WIDTH,
        height=_HEIGHT,
    )
    write_bytes(path, page.encode("utf-8", "replace"))


def _chart(rule: RuleView) -> dict[str, Any]:
    """Bars of a histogram, and where the bounds lie, in px."""
    step = _WIDTH / max(len(rule.bins), 1)
    most = max((sum(_counts(each)) for each in rule.bins), default=0) or 1
    bars = []
    for number, each in enumerate(rule.bins):
        base = float(_HEIGHT)
        for kind, count in zip(("kept", "removed", "other"), _counts(each), strict=True):
            # What is rare must not vanish beside what is common.
            tall = max(_HEIGHT * count / most, 1.5) if count else 0.0
            base -= tall
            title = f"{each.low:.4g} to {each.high:.4g}: {count:,}"
            bars.append({"kind": kind, "x": number * step, "y": base, "w": step - 1, "h": tall, "title": title})
    return {"bars": bars, "marks": list(_marks(rule.bins, rule.bounds, step))}


def _counts(each: Bin) -> tuple[int, int, int]:
    return each.num_kept, each.num_by_this, each.num_by_other


def _marks(bins: tuple[Bin, ...], bounds: Bounds, step: float) -> list[dict[str, Any]]:
    marks = []
    for name, bound in (("min", bounds.minimum), ("max", bounds.maximum)):
        for number, each in enumerate(bins):
            is_last = number == len(bins) - 1
            if bound is not None and (each.low <= bound < each.high or (is_last and bound == each.high)):
                share = (bound - each.low) / (each.high - each.low)
                x = (number + share) * step
                anchor = "start" if x < _MARGIN else "end" if x > _WIDTH - _MARGIN else "middle"
                marks.append({"x": x, "anchor": anchor, "label": f"{name} {bound:g}"})
    return marks


def _count(number: int) -> str:
    return f"{number:,}" if number else "·"


def _data_url(jpeg: bytes) -> str:
    return "data:image/jpeg;base64," + base64.b64encode(jpeg).decode()
