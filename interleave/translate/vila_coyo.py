"""Image-text pairs for VILA's `LazyCoyoDataset`: shards of pickled dicts with `image` (base64) and `text`.

That class takes four pairs a sample, each a sequence of its own: the image, a newline from 1.5 on, the text, EOS. Of
what a rank's shards hold it reads whole fours, and on every rank as many as on the poorest: up to 4 x ranks - 1 pairs,
the last ones, stay unread.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

from interleave.encode.tokenizer import Tokenizer
from interleave.errors import RecipeError
from interleave.translate.mmc4_fields import numbered
from interleave.translate.passages import Passage, Passages
from interleave.translate.summary import Tally
from interleave.translate.vila_pkl import MAX_SHARD_BYTES, VilaSettings, write_shard
from interleave.translate.vila_units import VilaUnits

PAIRS_PER_SAMPLE = 4


def write_vila_coyo(
    passages: Passages, folder: Path, tally: Tally, *, tokenizer: Tokenizer, settings: VilaSettings
) -> None:
    """Writes the shards.

    Raises:
        RecipeError: there are fewer pairs than the ranks read at once.
    """
    reading = VilaUnits(tokenizer, context=settings.context, tokens_per_image=settings.tokens_per_image)
    places: list[range] = []
    num_bytes = 0
    for numbers, passage in passages.documents("plan"):
        tally.saw(passage.parts)
        reason = _why_not(passage, passages.separator, reading)
        if reason is None:
            places.append(numbers)
            num_bytes += len(passage.pictures[0].jpeg)
        else:
            tally.left_out(reason, passage.parts)
    for number, chosen in enumerate(_deal(places, num_bytes, settings)):
        write_shard(folder, number, [_pair(passages.joined(place), passages.separator, tally) for place in chosen])
    unread = len(places) - _read_at_once(settings) * (len(places) // _read_at_once(settings))
    tally.notes["pairs at the ends of the ranks' shards that VILA does not read: it reads whole fours"] = unread


def _why_not(passage: Passage, separator: str, reading: VilaUnits) -> str | None:
    """Why a document is no pair that VILA can take, if so."""
    if len(passage.pictures) != 1 or not passage.texts:
        return "documents that are no pair of an image and a text"
    picture = passage.pictures[0]
    if passage.parts[0] is not picture and passage.parts[-1] is not picture:
        return "documents whose image stands within the text"
    if reading.num_tokens(numbered([picture, separator.join(passage.texts)])) > reading.room + 2:
        return "pairs longer than the context"
    return None


def _pair(passage: Passage, separator: str, tally: Tally) -> dict[str, Any]:
    tally.wrote(passage.parts)
    picture = passage.pictures[0]
    return {
        "image": base64.b64encode(picture.jpeg).decode("ascii"),
        "text": separator.join(passage.texts),
        "url": picture.url,
        "id": picture.name,
    }


def _read_at_once(settings: VilaSettings) -> int:
    return PAIRS_PER_SAMPLE * settings.num_ranks


def _deal(places: Sequence[range], num_bytes: int, settings: VilaSettings) -> Iterator[Sequence[range]]:
    """The documents of each shard: every rank's shards hold the same number of fours, the last rank's what is over."""
    ranks = settings.num_ranks
    per_rank = len(places) // _read_at_once(settings) * PAIRS_PER_SAMPLE
    shards = settings.num_shards or ranks * max(1, -(-num_bytes * 4 // (3 * ranks * MAX_SHARD_BYTES)))
    if shards % ranks:
        raise RecipeError(
            f"--shards {shards:,} is no multiple of --world-size {ranks:,}: VILA would leave shards unread"
        )
    if per_rank * ranks < shards:
        raise RecipeError(
            f"{len(places):,} pairs do not fill {shards:,} shards: VILA reads {PAIRS_PER_SAMPLE} pairs a sample; "
            f"use a smaller --world-size or fewer --shards, or a dataset of pairs"
        )
    of_rank = shards // ranks
    for rank in range(ranks):
        begin = rank * per_rank
        end = len(places) if rank == ranks - 1 else begin + per_rank
        borders = [begin + (end - begin) * shard // of_rank for shard in range(of_rank + 1)]
        for low, high in pairwise(borders):
            yield places[low:high]
