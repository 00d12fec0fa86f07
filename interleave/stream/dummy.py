"""An image that nothing is learned of, for batches that have none."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import simplejpeg

from interleave.encode.image_tokens import ImageTokens
from interleave.pack.row import Segment

# px; what every profile takes, with as few tokens as it makes of anything.
_SIDE = 56


def dummy_segment(tokens: ImageTokens) -> Segment:
    """A grey square as a segment of its own.

    Raises:
        ValueError: the profile came from a package that is not installed here.
    """
    ids = tokens.expanded(_SIDE, _SIDE, 1)
    return Segment(
        token_ids=ids,
        loss_mask=np.zeros(len(ids), dtype=np.bool_),
        span_starts=np.zeros(1, dtype=np.int32),
        span_lengths=np.array([len(ids)], dtype=np.int32),
        span_ids=(ids,),
        span_grids=np.array([tokens.grid(_SIDE, _SIDE)], dtype=np.int32) if tokens.has_grid else None,
        placeholder=tokens.placeholder,
        images=(_jpeg(),),
        key="dummy",
        doc_id="dummy",
        source="dummy",
        weight=0.0,
    )


@lru_cache(maxsize=1)
def _jpeg() -> bytes:
    grey = np.full((_SIDE, _SIDE, 3), 127, dtype=np.uint8)
    return simplejpeg.encode_jpeg(grey, quality=90)  # type: ignore[no-any-return]
