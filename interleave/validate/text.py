"""An outcome for people, and for programs."""

from __future__ import annotations

from pathlib import Path

import orjson

from interleave.validate.findings import Outcome

_SHOWN = 50


def as_text(path: Path, outcome: Outcome) -> str:
    read = (
        f"{outcome.num_shards:,} shard(s), {outcome.num_samples:,} samples, {outcome.num_images:,} images, "
        f"{outcome.num_tokens:,} tokens with images"
    )
    if not outcome.num_findings:
        return f"{path}: sound\n  {read}"
    lines = [f"{path}: not sound, {outcome.num_findings:,} finding(s)", f"  {read}"]
    for finding in outcome.findings[:_SHOWN]:
        lines += [f"  {finding.code}: {finding.where}: {finding.message}", f"      {finding.remedy}"]
    if outcome.num_findings > _SHOWN:
        lines.append(f"  ... and {outcome.num_findings - _SHOWN:,} more")
    return "\n".join(lines)


def as_json(outcome: Outcome) -> str:
    plain = {
        "sound": not outcome.num_findings,
        "num_shards": outcome.num_shards,
        "num_samples": outcome.num_samples,
        "num_images": outcome.num_images,
        "num_tokens": outcome.num_tokens,
        "num_findings": outcome.num_findings,
        "findings": [
            {"code": item.code, "where": item.where, "message": item.message, "remedy": item.remedy}
            for item in outcome.findings
        ],
    }
    return orjson.dumps(plain, option=orjson.OPT_INDENT_2).decode()
