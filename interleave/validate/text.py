"""An outcome for people, and for programs."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import orjson

from interleave.text import harmless
from interleave.validate.findings import Finding, Outcome
from interleave.validate.invariants import INVARIANTS, Severity
from interleave.validate.readiness.judge import Readiness

# Places shown of each code.
_SHOWN = 5


def as_text(path: Path, outcome: Outcome) -> str:
    """A verdict, then each code with its first places, errors before warnings."""
    if outcome.is_sound:
        verdict = "sound" + (f", {outcome.num_warnings:,} warning(s)" if outcome.num_warnings else "")
    else:
        verdict = f"not sound, {outcome.num_errors:,} finding(s)"
        verdict += f" and {outcome.num_warnings:,} warning(s)" if outcome.num_warnings else ""
    lines = [
        f"{path}: {verdict}",
        f"  {outcome.num_shards:,} shard(s), {outcome.num_samples:,} samples, {outcome.num_images:,} images, "
        f"{outcome.num_tokens:,} tokens with images",
    ]
    for code, findings in _by_code(outcome):
        lines += _lines(code, findings, outcome.counts[code])
    lines += [f"  not checked: {sentence}" for sentence in outcome.not_checked]
    return "\n".join(lines)


def as_json(outcome: Outcome, readiness: Readiness | None = None) -> str:
    plain: dict[str, Any] = {
        "sound": outcome.is_sound,
        "num_shards": outcome.num_shards,
        "num_samples": outcome.num_samples,
        "num_images": outcome.num_images,
        "num_tokens": outcome.num_tokens,
        "num_errors": outcome.num_errors,
        "num_warnings": outcome.num_warnings,
        "counts": dict(sorted(outcome.counts.items())),
        "findings": [
            {
                "code": item.code,
                "severity": item.severity,
                "where": item.where,
                "message": item.message,
                "remedy": item.remedy,
            }
            for item in outcome.findings
        ],
        "not_checked": list(outcome.not_checked),
    }
    if readiness is not None:
        plain["readiness"] = readiness.as_plain()
    return orjson.dumps(plain, option=orjson.OPT_INDENT_2).decode()


def as_junit(path: Path, outcome: Outcome) -> bytes:
    """XML as JUnit writes it, which CI systems show: a test case for each invariant; a warning is its output."""
    num_failed = sum(INVARIANTS[code].severity is Severity.ERROR for code in outcome.counts)
    suite = ElementTree.Element(
        "testsuite", name=f"interleave validate {path}", tests=str(len(INVARIANTS)), failures=str(num_failed)
    )
    found = dict(_by_code(outcome))
    for code, invariant in INVARIANTS.items():
        case = ElementTree.SubElement(suite, "testcase", classname="interleave.validate", name=code)
        if code in found:
            is_error = invariant.severity is Severity.ERROR
            told = ElementTree.SubElement(case, "failure" if is_error else "system-out")
            if is_error:
                told.set("message", f"{outcome.counts[code]:,} finding(s); expected: {invariant.holds}")
            told.text = _printable("\n".join(_lines(code, found[code], outcome.counts[code])))
    ElementTree.indent(suite)
    xml: bytes = ElementTree.tostring(suite, encoding="utf-8", xml_declaration=True)
    return xml + b"\n"


def _by_code(outcome: Outcome) -> Iterator[tuple[str, list[Finding]]]:
    order = list(INVARIANTS)
    findings = sorted(
        outcome.findings, key=lambda finding: (finding.severity is Severity.WARNING, order.index(finding.code))
    )
    for code, group in groupby(findings, key=lambda finding: finding.code):
        yield code, list(group)


def _lines(code: str, findings: list[Finding], count: int) -> list[str]:
    invariant = INVARIANTS[code]
    kind = "" if invariant.severity is Severity.ERROR else " (warning)"
    lines = [f"  {code}{kind}, {count:,} x; expected: {invariant.holds}"]
    lines += [f"      {harmless(finding.where)}: {harmless(finding.message)}" for finding in findings[:_SHOWN]]
    if count > _SHOWN:
        lines.append(f"      ... and {count - min(_SHOWN, len(findings)):,} more")
    return [*lines, f"      what to do: {invariant.remedy}"]


def _printable(text: str) -> str:
    """XML has no control characters, not even escaped ones, and no halves of surrogate pairs."""
    return "\n".join(map(harmless, text.split("\n")))
