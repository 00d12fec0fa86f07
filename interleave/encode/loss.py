"""Which ids are learned.

`text`: all but images. `after_image`: of these, the sentence directly behind an image alone, up to the next sentence's
border (VILA's `image_following_text_only`); EOS where the last sentence is one.
"""

from __future__ import annotations

from typing import Literal, TypeAlias

import numpy as np

from interleave.document import Encoded, ImageSpan

Loss: TypeAlias = Literal["text", "after_image"]


def loss_spans(encoded: Encoded, loss: Loss) -> list[tuple[int, int]]:
    """(start, length) of each run of ids that are learned.

    ids  B i a a a i b b E   (i an image)   ->   text: (0, 1) (2, 3) (6, 3);   after_image: (2, 3) (6, 3)
    """
    learned = np.full(len(encoded.token_ids), loss == "text")
    if loss == "after_image":
        _mark_behind_images(learned, encoded)
    for span in encoded.spans:
        learned[span.start : span.start + span.length] = False
    learned[: encoded.num_repeated] = False
    edges = np.flatnonzero(np.diff(np.concatenate([[False], learned, [False]])))
    return [(int(start), int(stop - start)) for start, stop in edges.reshape(-1, 2)]


def _mark_behind_images(learned: np.ndarray[tuple[int], np.dtype[np.bool_]], encoded: Encoded) -> None:
    end = 0
    is_behind = False
    for part in encoded.parts:
        if not isinstance(part, ImageSpan):
            if is_behind:  # with what wraps the image
                learned[end : part.start + part.length] = True
            is_behind = is_behind and not part.length
        else:
            is_behind = True
        end = part.start + part.length
    if encoded.parts and end < len(learned):
        learned[end:] = learned[end - 1] or is_behind
