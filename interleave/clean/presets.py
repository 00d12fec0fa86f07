"""Named groups of rules, with the figures of published corpora.

They hold the rules that need nothing but the documents. Left out, since they need the scores of a model: NSFW of images
(`mmc4`, `obelics`), perplexity (`obelics`). Left out, since they need lists that were not published: common words and
spam words (`obelics`). Duplicates are another stage's matter.

The figures are those of the source, what is measured is adapted to our units (`text_rules`). Corpora of English keep
any language here, so that a group serves Chinese, too: add `kind: language`, `keep: [en]`.

Where a source knows no paragraphs, a sentence is one, and what is measured in ten words says little. So rules of
`obelics` on paragraphs begin at as many words as left no more than one wrong drop in five, read on a textbook and on
recipes in English and Chinese, one sentence a paragraph; and these are left out, since most of what they dropped was
good: obscene words in paragraphs (`obelics`, `omnicorpus`) and any at all in a document (`c4`), stopwords in documents
(`obelics`). So is 0.99 by langdetect (`c4`): that model is nearly always sure.
"""

from __future__ import annotations

from typing import Literal

from interleave.clean.document_rules import (
    CharactersPerImage,
    DocumentRule,
    MatchedImages,
    NumImages,
    NumSentences,
    ReadableImages,
)
from interleave.clean.image_rules import (
    AspectRatio,
    BestSimilarity,
    Blank,
    Entropy,
    ImageRule,
    ImageSide,
    Sharpness,
    TextBanner,
    UrlTokens,
)
from interleave.clean.text_rules import (
    AlphabeticWords,
    BulletLines,
    CharacterRepetition,
    Digits,
    DuplicateLineCharacters,
    DuplicateLines,
    DuplicateNGrams,
    EllipsisLines,
    FlaggedWords,
    Language,
    LongestWord,
    MeanWordLength,
    NumStopwords,
    NumWords,
    Phrases,
    Punctuation,
    SpecialCharacters,
    Stopwords,
    SymbolsPerWord,
    TerminalPunctuation,
    TextRule,
    TopNGram,
    Uppercase,
    WordRepetition,
)
from interleave.clean.text_rules.phrases import CALLS_TO_ACTION, CODE, PLACEHOLDERS, POLICIES, SCRIPT_NOTICES
from interleave.settings import Settings

Name = Literal["mmc4", "mmc4-core", "obelics", "omnicorpus", "mint-1t", "datacomp", "gopher", "c4", "vila", "looks"]


class Preset(Settings):
    """A named group of rules, put in this place."""

    kind: Literal["preset"]
    """Stands for the rules of a published corpus."""

    name: Name
    """`mmc4`: image sides, aspect ratio, URL words, similarity. `mmc4-core`: 2-15 images, 4-40 sentences, 3 of 4 images
    well matched. `obelics`:
    images, paragraphs, documents. `omnicorpus`, `gopher`, `c4`: text. `mint-1t`, `datacomp`: images. `vila`: no
    document with an image missing. `looks`: our own, no images that are blank, blurred, or nothing but a few words."""


# OBELICS (arXiv 2306.16527, appendix A.3.2; build_obelics/../configs/config_filter_web_documents.yaml).
_OBELICS: tuple[TextRule | ImageRule | DocumentRule, ...] = (
    ImageSide(kind="image_side", min=150, max=20_000),
    AspectRatio(kind="aspect_ratio", min=0.5, max=2.0),
    NumWords(kind="num_words", of="paragraph", min=4, max=1000),
    CharacterRepetition(kind="character_repetition", of="paragraph", n=10, max=0.1, from_words=50),
    WordRepetition(kind="word_repetition", of="paragraph", n=5, max=0.1),
    SpecialCharacters(kind="special_characters", of="paragraph", max=0.3, from_words=24),
    Stopwords(kind="stopwords", of="paragraph", min=0.3, from_words=50),
    Punctuation(kind="punctuation", of="paragraph", min=0.001, from_words=50),
    NumImages(kind="num_images", min=1, max=30),
    NumWords(kind="num_words", min=10, max=2000),
    CharacterRepetition(kind="character_repetition", of="document", n=10, max=0.1),
    WordRepetition(kind="word_repetition", of="document", n=5, max=0.2),
    SpecialCharacters(kind="special_characters", of="document", max=0.275),
    FlaggedWords(kind="flagged_words", max=0.01),
    Punctuation(kind="punctuation", of="document", min=0.03),
    Language(kind="language", min=0.8),
)

# OmniCorpus (arXiv 2406.08418; human_feedback_textfiltering/run.py and text_filter/filters.py).
_OMNICORPUS: tuple[TextRule | ImageRule | DocumentRule, ...] = (
    NumWords(kind="num_words", of="paragraph", min=5),
    Uppercase(kind="uppercase", of="paragraph", max=0.8),
    Digits(kind="digits", of="paragraph", max=0.8),
    Phrases(kind="phrases", of="paragraph", phrases=CALLS_TO_ACTION, up_to_words=10),
    NumWords(kind="num_words", min=50, max=100_000),
    MeanWordLength(kind="mean_word_length", min=3, max=10),
    AlphabeticWords(kind="alphabetic_words", min=0.8),
    NumStopwords(kind="num_stopwords", min=2),
    FlaggedWords(kind="flagged_words", max=0.02),
    CharactersPerImage(kind="characters_per_image", min=50),
)

# Gopher (arXiv 2112.11446, appendix A.1.1: quality; table A1: repetition). Lines and paragraphs are one here.
_GOPHER: tuple[TextRule | ImageRule | DocumentRule, ...] = (
    NumWords(kind="num_words", min=50, max=100_000),
    MeanWordLength(kind="mean_word_length", min=3, max=10),
    SymbolsPerWord(kind="symbols_per_word", max=0.1),
    BulletLines(kind="bullet_lines", max=0.9),
    EllipsisLines(kind="ellipsis_lines", max=0.3),
    AlphabeticWords(kind="alphabetic_words", min=0.8),
    NumStopwords(kind="num_stopwords", min=2),
    DuplicateLines(kind="duplicate_lines", max=0.3),
    DuplicateLineCharacters(kind="duplicate_line_characters", max=0.2),
    *(TopNGram(kind="top_n_gram", n=n, max=most) for n, most in ((2, 0.2), (3, 0.18), (4, 0.16))),
    *(
        DuplicateNGrams(kind="duplicate_n_grams", n=n, max=most)
        for n, most in ((5, 0.15), (6, 0.14), (7, 0.13), (8, 0.12), (9, 0.11), (10, 0.1))
    ),
)

# C4 (arXiv 1910.10683, section 2.2, with the figures of its code, tensorflow_datasets/text/c4_utils.py).
_C4: tuple[TextRule | ImageRule | DocumentRule, ...] = (
    TerminalPunctuation(kind="terminal_punctuation", of="paragraph", min=1),
    NumWords(kind="num_words", of="paragraph", min=5),
    LongestWord(kind="longest_word", of="paragraph", max=1000),
    Phrases(kind="phrases", of="paragraph", phrases=(*SCRIPT_NOTICES, *POLICIES)),
    NumSentences(kind="num_sentences", min=3),
    Phrases(kind="phrases", of="document", phrases=(*PLACEHOLDERS, *CODE)),
)

# MINT-1T (arXiv 2406.11271), section 3.2.
_MINT_1T: tuple[TextRule | ImageRule | DocumentRule, ...] = (
    ImageSide(kind="image_side", min=150, max=20_000),
    UrlTokens(kind="url_tokens", tokens=("logo", "avatar", "porn", "xxx")),
    NumImages(kind="num_images", min=1, max=30),
)

PRESETS: dict[Name, tuple[TextRule | ImageRule | DocumentRule, ...]] = {
    # MMC4 (arXiv 2304.06939), section 3.
    "mmc4": (
        ImageSide(kind="image_side", min=150),
        AspectRatio(kind="aspect_ratio", min=0.5, max=2.0),
        UrlTokens(kind="url_tokens"),
        BestSimilarity(kind="best_similarity", min=0.15),
    ),
    # The same, section 3.3.
    "mmc4-core": (
        NumImages(kind="num_images", min=2, max=15),
        NumSentences(kind="num_sentences", min=4, max=40),
        MatchedImages(kind="matched_images", similarity=0.25, min=0.75),
    ),
    "obelics": _OBELICS,
    "omnicorpus": _OMNICORPUS,
    "mint-1t": _MINT_1T,
    # DataComp (arXiv 2304.14108), appendix N: basic filtering.
    "datacomp": (
        ImageSide(kind="image_side", min=200),
        AspectRatio(kind="aspect_ratio", min=0.3333, max=3.0),
    ),
    "gopher": _GOPHER,
    "c4": _C4,
    # VILA (data_prepare of its repository): a document is left out when one of its images cannot be had.
    "vila": (ReadableImages(kind="readable_images", min=1.0),),
    "looks": (
        Blank(kind="blank"),
        Entropy(kind="entropy"),
        Sharpness(kind="sharpness"),
        TextBanner(kind="text_banner"),
    ),
}
