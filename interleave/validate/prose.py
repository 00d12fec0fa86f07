"""Sentences in lists, wrapped at a terminal's width."""

from __future__ import annotations

import textwrap


def item(mark: str, sentence: str, width: int) -> str:
    """A sentence behind a mark, its further lines below its first word.

    `- a long sentence` in 12 columns: "  - a long", "    sentence".
    """
    head = f"  {mark} "
    return textwrap.fill(
        sentence,
        width=max(width, len(head) + 20),
        initial_indent=head,
        subsequent_indent=" " * len(head),
        break_long_words=False,
        break_on_hyphens=False,
    )
