"""Text as tables, ledgers and terminals can hold it: names of files and damaged JSON have lone surrogates."""

from __future__ import annotations


def storable(text: str) -> str:
    """The same with `?` for lone surrogates."""
    return text.encode("utf-8", "replace").decode()


def printable(name: str) -> str:
    """The same with an escape for each lone surrogate, so that different names stay different."""
    return name.encode("utf-8", "backslashreplace").decode()
