"""Interleaved image-text documents as training data for vision-language models.

from interleave import StreamingDataset
data = StreamingDataset("shards/mmc4", seq_len=4096, batch_size=8)
loader = torch.utils.data.DataLoader(data, batch_size=None)
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from interleave.stream.batch import collate
    from interleave.stream.dataset import StreamingDataset
    from interleave.stream.meter import Meter
    from interleave.stream.mix import Part
    from interleave.stream.packed_rows import PackedRows
    from interleave.stream.reader import DatasetReader
    from interleave.stream.storage.cache import Cache

__version__ = "0.1.0"
__all__ = ["Cache", "DatasetReader", "Meter", "PackedRows", "Part", "StreamingDataset", "__version__", "collate"]

_HOMES = {
    "Cache": "interleave.stream.storage.cache",
    "DatasetReader": "interleave.stream.reader",
    "Meter": "interleave.stream.meter",
    "PackedRows": "interleave.stream.packed_rows",
    "Part": "interleave.stream.mix",
    "StreamingDataset": "interleave.stream.dataset",
    "collate": "interleave.stream.batch",
}


def __getattr__(name: str) -> Any:
    """Imports on first use: the command line starts without torch, and reading needs none."""
    if name not in _HOMES:
        raise AttributeError(f"module 'interleave' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_HOMES[name]), name)
