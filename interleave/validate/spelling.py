"""Whether the ids of a sample spell its texts: with the tokenizer at hand, another one's ids are told at once.

Between two images the ids are decoded, and compared with the texts that stand there, white space aside: tokenizers add
and leave out spaces at the ends of what they encode. What a profile writes around images may stand there, too.

    texts  "A cat ." <image> "It sat."      ids  1 319 6635 869 -200 739 3290 29889 2
    runs   "A cat ."         "It sat."      decoded  "A cat ."       "It sat."
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from interleave.document import Int32s
from interleave.encode.layouts import LAYOUTS
from interleave.encode.profiles.known import PROFILES
from interleave.encode.tokenizer import Tokenizer, load_tokenizer
from interleave.validate.findings import Found
from interleave.validate.sample_checks import Expected, Sample

# What a decoder writes for bytes that are no whole character: where a sentence was cut between two ids of one.
_TORN = "\ufffd"
_SHOWN = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Spelling:
    """How a dataset's texts became ids."""

    tokenizer_file: str
    separator: str
    # Joins sentences.
    text_before: str
    text_after: str
    # Around each image.

    @property
    def tokenizer(self) -> Tokenizer:
        return load_tokenizer(Path(self.tokenizer_file))


def spelling(tokenizer_file: Path, expected: Expected, separator: str) -> Spelling:
    profile, layout = PROFILES[expected.model.profile], LAYOUTS[expected.model.layout]
    return Spelling(
        tokenizer_file=str(tokenizer_file),
        separator=separator,
        text_before=profile.text_before,
        text_after=profile.text_after + layout.text_after,
    )


def check_spelling(sample: Sample, expected: Expected, how: Spelling) -> Found:
    """The ids between images spell the texts that stand there."""
    tokenizer = how.tokenizer
    of_text = sample.ids[~sample.covered]
    if len(of_text) and not 0 <= of_text.min() <= of_text.max() < tokenizer.vocab_size:
        return  # said by another check
    for number, (ids, texts) in enumerate(zip(_runs_of_ids(sample, expected), _runs_of_texts(sample), strict=True)):
        text = how.separator.join(texts)
        # One id's bytes behind the other's: not all that a decoder does, and ten times as fast.
        if tokenizer.spellings.spell(ids).strip() == text.strip().encode():
            continue
        decoded = tokenizer.decode(ids.tolist())
        if not (_same(decoded, text, how) or _same(decoded, _given_back(tokenizer, text), how)):
            where = f"behind image {number - 1}" if number else "at the beginning"
            yield "ids-text", f"the ids {where} spell {decoded[:_SHOWN]!r}, the text is {text[:_SHOWN]!r}"
            return


def _runs_of_ids(sample: Sample, expected: Expected) -> Iterator[Int32s]:
    """Ids in front of the first image, between two, and behind the last one; without BOS and EOS."""
    ids, record = sample.ids, sample.record
    begin, end = 0, len(ids)
    if record.part == 0 and expected.tokenizer.bos is not None:
        begin = 1
    if record.part == record.num_parts - 1 and expected.tokenizer.eos is not None:
        end -= 1
    edges = [begin, *(edge for start, length in record.spans for edge in (start, start + length)), end]
    for low, high in zip(edges[::2], edges[1::2], strict=True):
        yield ids[low : max(high, low)]


def _runs_of_texts(sample: Sample) -> Iterator[Sequence[str]]:
    texts = sample.record.texts
    images = [-1, *(at for at, text in enumerate(texts) if text is None), len(texts)]
    for low, high in pairwise(images):
        yield [text for text in texts[low + 1 : high] if text is not None]


def _same(decoded: str, text: str, how: Spelling) -> bool:
    """Whether a run of ids spells a text, alone or with what is written around images."""
    found = _squashed(decoded)
    before, body, after = _squashed(how.text_before), _squashed(text), _squashed(how.text_after)
    wanted = {body, after + body, body + before, after + body + before}
    if found in wanted:
        return True
    if _TORN not in (found[:1], found[-1:]):
        return False
    # The character that was torn goes with its first id.
    whole = found.strip(_TORN)
    return any(item == whole or (found.endswith(_TORN) and item[:-1] == whole) for item in wanted)


def _squashed(text: str) -> str:
    return "".join(text.split())


def _given_back(tokenizer: Tokenizer, text: str) -> str:
    """What the tokenizer makes of a text and back: some of them change characters before they cut."""
    return tokenizer.decode(tokenizer.encode_batch([text])[0].ids.tolist()) if text else ""
