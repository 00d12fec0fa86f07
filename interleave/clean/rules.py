"""The rules of a recipe, sorted by what they remove: the order in which a document passes them.

    sentence -> paragraph -> image, also by the text around it -> document

A rule is its own configuration: it names its bounds and what it removes. `measure` gives a number, or None where there
is nothing to measure; `judge` gives the verdict on that number.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Generic, Literal, NamedTuple, TypeVar, Union

from pydantic import Field

from interleave.clean.document_rules import DocumentRule
from interleave.clean.image_rules import ImageRule
from interleave.clean.presets import PRESETS, Preset
from interleave.clean.score_rules import ScoreBounds
from interleave.clean.text_rules import TextRule
from interleave.files import sha256_of
from interleave.plugins import installed_kinds
from interleave.settings import identity

AnyRule = TextRule | ImageRule | DocumentRule | ScoreBounds
# Installed packages add rules by an entry point of this group. Such a class says what its `measure` is given:
# `subject = "text"` (with a field `of`), "image" or "document".
GROUP = "interleave.rules"
if TYPE_CHECKING:
    Rule = AnyRule | Preset
else:
    Rule = Annotated[Union[(AnyRule, Preset, *installed_kinds(GROUP, "rule"))], Field(discriminator="kind")]
Kind = TypeVar("Kind")
Subject = Literal["text", "image", "document", "scores"]


class Named(NamedTuple, Generic[Kind]):
    """A rule under the name that the ledger gives it."""

    name: str
    rule: Kind
    subject: Subject
    # What its `measure` is given.


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """The rules of a recipe, each group in the recipe's order."""

    sentence: tuple[Named[TextRule], ...] = ()
    paragraph: tuple[Named[TextRule], ...] = ()
    image: tuple[Named[ImageRule | TextRule | ScoreBounds], ...] = ()
    document: tuple[Named[DocumentRule | TextRule | ScoreBounds], ...] = ()


def sort_rules(rules: Iterable[Rule]) -> Rules:
    """The rules by what they remove, presets unfolded.

    A rule is called by its kind, behind what its text is where that is not the document (`sentence.num_words`), a score
    by its table (`score.nsfw`), one on n-grams by their length (`top_n_gram.2`); a second rule of one name is called
    `num_words#2`.
    """
    groups: dict[str, list[Named[Any]]] = {}
    times: dict[str, int] = {}
    for rule in _unfold(rules):
        subject = _subject_of(rule)
        removes: str = getattr(rule, "of", subject)
        name = _name_of(rule, removes if subject == "text" else "document")
        times[name] = times.get(name, 0) + 1
        called = name if times[name] == 1 else f"{name}#{times[name]}"
        group = "image" if removes == "around_image" else removes
        groups.setdefault(group, []).append(Named(name=called, rule=rule, subject=subject))
    return Rules(**{group: tuple(named) for group, named in groups.items()})


def _subject_of(rule: AnyRule) -> Subject:
    if isinstance(rule, TextRule):
        return "text"
    if isinstance(rule, ScoreBounds):
        return "scores"
    if isinstance(rule, ImageRule):
        return "image"
    return "document" if isinstance(rule, DocumentRule) else rule.subject


def _name_of(rule: AnyRule, text: str) -> str:
    if isinstance(rule, ScoreBounds):
        return f"score.{rule.name}"
    length = f".{rule.n}" if hasattr(rule, "n") else ""
    return rule.kind + length if text == "document" else f"{text}.{rule.kind}{length}"


def rules_identity(rules: Rules) -> dict[str, list[object]]:
    """The rules as plain data: what a fingerprint of them is taken of. Lists of words count by what is in them."""
    groups = ("sentence", "paragraph", "image", "document")
    return {group: [rule_identity(named.rule) for named in getattr(rules, group)] for group in groups}


def rule_identity(rule: Rule) -> dict[str, object]:
    """A rule as plain data; the list of words that it names is known by its SHA-256."""
    file: str | None = getattr(rule, "file", None)
    return identity(rule) | ({"file": sha256_of(Path(file))} if file else {})


def _unfold(rules: Iterable[Rule]) -> Iterator[AnyRule]:
    for rule in rules:
        if isinstance(rule, Preset):
            yield from PRESETS[rule.name]
        else:
            yield rule
