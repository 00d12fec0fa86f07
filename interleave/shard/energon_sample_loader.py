"""Makes a sample Megatron-Energon's `InterleavedSample`: its texts and images in reading order.

Written by `interleave` into the dataset, as .nv-meta/sample_loader.py; Energon runs it there.
"""

from typing import Any


def sample_loader(sample: dict[str, Any]) -> dict[str, Any]:
    """Decoded members, by the part of their names behind the key -> fields of an `InterleavedSample`."""
    record = sample["json"]
    behind_key = len(record["key"]) + 1
    pairs = zip(record["texts"], record["images"], strict=True)
    return {"sequence": [sample[image[behind_key:]] if text is None else text for text, image in pairs]}


def part_filter(part: str) -> bool:
    """Token ids are not read: an `InterleavedSample` has no place for them."""
    return part == "json" or part.endswith(".jpg")
