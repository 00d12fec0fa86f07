"""The shapes in which batches come, by name."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from interleave.pack.row import Row
from interleave.stream.forms.llava import llava
from interleave.stream.forms.pad import pad
from interleave.stream.forms.qwen2_vl import qwen2_vl
from interleave.stream.forms.varlen import varlen
from interleave.stream.forms.vila import vila
from interleave.stream.forms.wanted import Wanted

FORMS: dict[str, Callable[[Sequence[Row], Wanted], dict[str, Any]]] = {
    "pad": pad,
    "varlen": varlen,
    "vila": vila,
    "llava": llava,
    "qwen2_vl": qwen2_vl,
}
