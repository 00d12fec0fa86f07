"""The rules on text. Each says what it looks at: a sentence, a paragraph, a document, or the text around an image.

    counts       how long: words, characters, word length
    characters   what it is made of: punctuation, digits, capitals, symbols
    lines        how lines begin and end, and which are repeated
    repetition   n-grams of characters and words that come again
    vocabulary   stopwords, obscene and common words
    phrases      boilerplate
    language     in which language it is

A sentence or paragraph that breaks a rule goes, and the images in it stay where they are; by the text around it an
image goes; by a document's text the document.
"""

from __future__ import annotations

from interleave.clean.text_rules.bounds import Level
from interleave.clean.text_rules.characters import (
    AlphabeticWords,
    Digits,
    Punctuation,
    SpecialCharacters,
    SymbolsPerWord,
    Uppercase,
)
from interleave.clean.text_rules.counts import LongestWord, MeanWordLength, NumCharacters, NumWords
from interleave.clean.text_rules.language import Language
from interleave.clean.text_rules.lines import (
    BulletLines,
    DuplicateLineCharacters,
    DuplicateLines,
    EllipsisLines,
    TerminalPunctuation,
)
from interleave.clean.text_rules.phrases import Phrases
from interleave.clean.text_rules.repetition import CharacterRepetition, DuplicateNGrams, TopNGram, WordRepetition
from interleave.clean.text_rules.vocabulary import CommonWords, FlaggedWords, NumStopwords, Stopwords

__all__ = [
    "AlphabeticWords",
    "BulletLines",
    "CharacterRepetition",
    "CommonWords",
    "Digits",
    "DuplicateLineCharacters",
    "DuplicateLines",
    "DuplicateNGrams",
    "EllipsisLines",
    "FlaggedWords",
    "Language",
    "Level",
    "LongestWord",
    "MeanWordLength",
    "NumCharacters",
    "NumStopwords",
    "NumWords",
    "Phrases",
    "Punctuation",
    "SpecialCharacters",
    "Stopwords",
    "SymbolsPerWord",
    "TerminalPunctuation",
    "TextRule",
    "TopNGram",
    "Uppercase",
    "WordRepetition",
]  # fmt: skip

TextRule = (
    NumWords
    | NumCharacters
    | MeanWordLength
    | LongestWord
    | SpecialCharacters
    | Punctuation
    | Digits
    | Uppercase
    | AlphabeticWords
    | SymbolsPerWord
    | BulletLines
    | EllipsisLines
    | TerminalPunctuation
    | DuplicateLines
    | DuplicateLineCharacters
    | CharacterRepetition
    | WordRepetition
    | TopNGram
    | DuplicateNGrams
    | Stopwords
    | NumStopwords
    | FlaggedWords
    | CommonWords
    | Phrases
    | Language
)
