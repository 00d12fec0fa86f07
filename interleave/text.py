"""Text as tables, ledgers and terminals can hold it: names of files and damaged JSON have lone surrogates."""

from __future__ import annotations


def storable(text: str) -> str:
    """The same with `?` for lone surrogates."""
    return text.encode("utf-8", "replace").decode()


def harmless(text: str) -> str:
    """Without control characters: a page must not steer the terminal that shows it."""
    joiners = "\u200c\u200d"
    return "".join(character if character.isprintable() or character in joiners else "\ufffd" for character in text)


def printable(name: str) -> str:
    """The same with an escape for each lone surrogate, so that different names stay different."""
    return name.encode("utf-8", "backslashreplace").decode()
