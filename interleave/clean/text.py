"""Repair of text: what a reader would call the same sentence, without the damage of the web.

"The cafÃ©\u200b  is\topen &amp; warm"  ->  "The café is open & warm"
"""

from __future__ import annotations

import re

import ftfy

from interleave.settings import Settings

# Quotes, ligatures and full-width forms are how people write (「，」 is correct Chinese): only damage is repaired.
_FTFY = ftfy.TextFixerConfig(
    uncurl_quotes=False,
    fix_latin_ligatures=False,
    fix_character_width=False,
    remove_control_chars=False,  # a switch of its own, which leaves a space where one split words
    normalization="NFC",
    explain=False,
)
# Zero-width space, word joiner, byte-order mark, soft hyphen, directional overrides: invisible, and they split words.
# Joiners (U+200C, U+200D) stay: Persian and emoji need them.
_INVISIBLE = re.compile("[\u00ad\u200b\u200e\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufeff\ufff9-\ufffb]")
_CONTROL = re.compile("[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f]")
_SPACES = re.compile(r"\s+")


class Repair(Settings):
    """Repair of sentences. Nothing is removed but what cannot be seen."""

    encoding: bool = True
    """Undo wrong decodings (mojibake) and HTML entities, and normalise to NFC, with ftfy."""

    control_characters: bool = True
    """Remove control, zero-width and directional characters."""

    whitespace: bool = True
    """Make each run of white space one space, none at either end."""


def repair(text: str, settings: Repair) -> str:
    """The text without damage; may be empty."""
    if settings.encoding and _may_be_damaged(text):
        text = ftfy.fix_text(text, _FTFY)
    if settings.control_characters and not text.isprintable():
        text = _INVISIBLE.sub("", _CONTROL.sub(" ", text))
    if settings.whitespace:
        text = _SPACES.sub(" ", text).strip()
    return text


def _may_be_damaged(text: str) -> bool:
    """Plain printable ASCII without an entity is what ftfy would return as it is: most English sentences."""
    return "&" in text or not (text.isascii() and text.isprintable())
