"""What rules have in common: bounds on a number, and the verdict where one is broken.

A rule measures a number (or nothing, where there is nothing to measure), and judges it by its bounds. What was measured
stays in the signals, so that other bounds can be tried without measuring again.
"""

from __future__ import annotations

from typing import Annotated, NamedTuple

from pydantic import Field, model_validator

from interleave.settings import Settings


class Verdict(NamedTuple):
    """Why a rule removes something: what was measured, and the bound that it broke."""

    value: float | None
    threshold: float | None
    detail: str = ""


def outside(value: float | None, minimum: float | None, maximum: float | None, detail: str = "") -> Verdict | None:
    """The verdict on a value that breaks a bound; None where it keeps both, or where there is no value."""
    if value is None:
        return None
    if minimum is not None and value < minimum:
        return Verdict(value, minimum, detail)
    if maximum is not None and value > maximum:
        return Verdict(value, maximum, detail)
    return None


class Bounds(Settings):
    """A rule with `min` and `max`, at least one of them given."""

    @model_validator(mode="after")
    def _check_order(self) -> Bounds:
        low, high = getattr(self, "min", None), getattr(self, "max", None)
        if low is None and high is None:
            raise ValueError("give `min`, `max`, or both")
        if low is not None and high is not None and low > high:
            raise ValueError(f"`min` ({low}) is above `max` ({high})")
        return self


class CountBounds(Bounds):
    min: Annotated[int, Field(ge=0)] | None = None
    """Least that is kept."""

    max: Annotated[int, Field(ge=0)] | None = None
    """Most that is kept."""
