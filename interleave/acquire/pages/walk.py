"""A walk over a page's elements in reading order: blocks of text, pictures, and which containers they stand in.

Left out on the way: what is hidden, what `noise` names, marks of references ("[12]") and of editing ("[edit]").
A row of a table becomes one block, its cells joined by " | "; cells that hold blocks are walked as the page is.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from interleave.acquire.pages.blocks import (
    BREAK,
    Container,
    Text,
    Walked,
    captioned,
    num_chars_of,
    paragraphs_of,
    pictures_between_sentences,
)
from interleave.acquire.pages.noise import (
    SKIPPED,
    is_caption,
    is_figure,
    is_hidden,
    is_infobox,
    is_reference_mark,
    names,
    noise_share,
    num_running_chars,
)
from interleave.acquire.pages.pictures import Picture, is_lazy, picture_of

HEADINGS = {f"h{level}": level for level in range(1, 7)}
_BLOCKS = names("""
    p div section article main header body html center blockquote address details summary ul ol dl li dt dd
    table tbody thead tfoot tr td th caption figure figcaption hgroup hr
    """)
# What may hold a page's content and no more; lists and quotations are parts of it.
_CONTAINERS = names("body div section article main td center table form font span")
_NAMED = names("div section article main")
_GROUPS = names("ul ol dl table")
_LISTED = names("li dt dd")
# What makes a cell of a table a piece of layout.
_LAYOUT = names("img picture table ul ol dl pre h1 h2 h3 h4 figure noscript article section")
_MAX_CELL_CHARS = 500
_MAX_HEADING_CHARS = 120
# The parser goes deeper (2048); what lies below is read as plain text. Five frames of Python's thousand a level.
_MAX_DEPTH = 120
_MAX_KEPT = 20  # elements that hold most of the page and are called noise: each is counted through


class Walker:
    """The state of one walk: finished blocks, and the paragraph that is being read."""

    def __init__(self, base: str, language: str) -> None:
        self._base = base
        self._language = language
        self._num_chars = self._num_kept = 0
        self._blocks: list[Text | Picture] = []
        self._containers: list[Container] = []
        self._parent = -1
        self._group = 0
        self._num_groups = 0
        self._pieces: list[str | Picture] = []
        self._in_link = self._link_chars = 0
        self._kind, self._level = "p", 0

    def walk(self, body: Any) -> Walked:
        self._num_chars = num_running_chars(body)
        self._element(body, 0)
        self._flush()
        return Walked(self._blocks, self._containers)

    def _element(self, element: Any, depth: int) -> None:
        tag = element.tag
        if not isinstance(tag, str) or tag in SKIPPED:
            return
        if tag == "img":
            if (picture := picture_of(element, self._base)) is not None and not self._is_left_out(element, tag):
                self._pieces.append(picture)
        elif tag == "br":
            self._pieces.append(BREAK)
        elif tag == "noscript":
            self._noscript(element, depth)
        elif not self._is_left_out(element, tag):
            if depth >= _MAX_DEPTH:
                self._too_deep(element)
            elif tag in _BLOCKS or tag in HEADINGS or tag == "pre":
                self._block(element, tag, depth)
            else:
                self._inline(element, tag, depth)

    def _is_left_out(self, element: Any, tag: str) -> bool:
        if element.attrib and is_hidden(element):
            return True
        if tag in ("sup", "a") and is_reference_mark(element, tag):
            return True
        # Most of a page is not noise, whatever it is called: pages in a form, themes with odd names.
        share = noise_share(element, tag) if self._num_kept < _MAX_KEPT else 0.0
        if not share or (self._num_chars and num_running_chars(element) >= share * self._num_chars):
            self._num_kept += share > 0
            return False
        return True

    def _children(self, element: Any, depth: int) -> None:
        if element.text:
            self._say(element.text)
        for child in element:
            self._element(child, depth + 1)
            if child.tail:
                self._say(child.tail)

    def _say(self, text: str) -> None:
        self._pieces.append(text)
        if self._in_link:
            self._link_chars += len(text.strip())

    def _inline(self, element: Any, tag: str, depth: int) -> None:
        if tag == "a" and "href" in element.attrib:
            self._in_link += 1
            self._children(element, depth)
            self._in_link -= 1
        elif tag == "q":
            self._pieces.append("“")
            self._children(element, depth)
            self._pieces.append("”")
        else:
            self._children(element, depth)

    def _block(self, element: Any, tag: str, depth: int) -> None:
        self._flush()
        before = self._kind, self._level, self._group
        called = f"{element.get('class', '')} {element.get('id', '')}" if element.attrib else ""
        if tag in HEADINGS:
            self._kind, self._level = "heading", HEADINGS[tag]
        elif tag == "pre":
            self._kind = "pre"
        elif tag in _LISTED:
            self._kind = "item"
        elif is_caption(tag, called):
            self._kind = "caption"
        if tag in _GROUPS:
            self._num_groups += 1
            self._group = self._num_groups if self._group == 0 else self._group
        start = len(self._blocks)
        self._inside(element, tag, called, depth)
        self._flush()
        if is_figure(tag, called):
            self._blocks[start:] = captioned(self._blocks[start:])
        self._kind, self._level, self._group = before

    def _inside(self, element: Any, tag: str, called: str, depth: int) -> None:
        if tag == "tr":
            self._row(element, depth)
        elif tag == "table" and is_infobox(called):
            self._infobox(element, depth)
        elif tag in _CONTAINERS:
            self._container(element, tag, depth)
        else:
            self._children(element, depth)

    def _container(self, element: Any, tag: str, depth: int) -> None:
        position, parent = len(self._containers), self._parent
        is_article = tag in ("article", "main") or element.get("itemprop") == "articleBody"
        called = element.get("class", "")[:100] + element.get("itemprop", "")[:40]
        name = f"{tag}.{called}" if tag in _NAMED else ""
        self._containers.append(Container(len(self._blocks), 0, parent, is_article, name))
        self._parent = position
        self._children(element, depth)
        self._flush()
        self._parent = parent
        self._containers[position] = replace(self._containers[position], end=len(self._blocks))

    def _row(self, element: Any, depth: int) -> None:
        self._kind = "row"
        num_cells = 0
        for cell in element:
            if cell.tag not in ("td", "th") or self._is_left_out(cell, cell.tag):
                continue
            if _is_plain(cell):
                if num_cells:
                    self._pieces.append(" | ")
                self._children_inline(cell, depth + 1)
                num_cells += 1
            else:
                self._flush()
                self._kind = "p"
                self._container(cell, "td", depth + 1)
                self._kind, num_cells = "row", 0

    def _children_inline(self, element: Any, depth: int) -> None:
        """The text of a cell whose blocks are words and no more: they do not end the row."""
        if element.text:
            self._say(element.text)
        for child in element:
            if child.tag in ("p", "div", "br", "center"):
                if not self._is_left_out(child, child.tag):
                    self._pieces.append(" ")
                    self._children_inline(child, depth + 1)
            elif child.tag in _BLOCKS:
                self._children_inline(child, depth + 1)
            else:
                self._element(child, depth + 1)
            if child.tail:
                self._say(child.tail)

    def _infobox(self, element: Any, depth: int) -> None:
        """Pictures with what is written in their cells; names and values are no text."""
        for cell in element.iter("td", "th"):
            images = list(cell.iter("img"))
            if images and not any(True for _ in cell.iter("table")):
                start = len(self._blocks)
                self._children(cell, depth + 1)
                self._flush()
                made = self._blocks[start:]
                self._blocks[start:] = captioned(made) if any(isinstance(item, Picture) for item in made) else []

    def _noscript(self, element: Any, depth: int) -> None:
        """Pictures for browsers without scripts; not where the lazy one beside it leads to the same."""
        beside: set[str] = set()
        for neighbour in (element.getprevious(), element.getnext()):
            if neighbour is None or not isinstance(neighbour.tag, str) or neighbour.tag == "noscript":
                continue
            for image in neighbour.iter("img"):
                picture = picture_of(image, self._base)
                if picture is not None and picture.urls and is_lazy(image):
                    return
                beside.update(picture.urls if picture is not None else ())
        for image in element.iter("img"):
            picture = picture_of(image, self._base)
            if picture is not None and beside.isdisjoint(picture.urls):
                self._pieces.append(picture)

    def _too_deep(self, element: Any) -> None:
        from lxml import etree

        steps = etree.iterwalk(element, events=("start", "end"))
        for event, item in steps:
            tag = item.tag
            is_block = tag in _BLOCKS or tag in HEADINGS
            if event == "end":
                if is_block:
                    self._flush()
                if item.tail and item is not element:
                    self._say(item.tail)
            elif not isinstance(tag, str) or tag in SKIPPED or (item is not element and self._is_left_out(item, tag)):
                steps.skip_subtree()
            elif tag in ("img", "br", "noscript"):
                self._element(item, 0)
                steps.skip_subtree()
            else:
                if is_block:
                    self._flush()
                if item.text:
                    self._say(item.text)

    def _flush(self) -> None:
        """Ends the paragraph."""
        pieces, self._pieces = self._pieces, []
        link_chars, self._link_chars = self._link_chars, 0
        if not pieces:
            return
        num_chars = num_chars_of(pieces)
        link_share = min(link_chars / max(num_chars, 1), 1.0)
        for paragraph in paragraphs_of(pieces):
            if all(isinstance(piece, str) for piece in paragraph):
                self._add_text("".join(map(str, paragraph)), 0, link_share)
                continue
            num_chars = num_chars_of(paragraph)
            for item in pictures_between_sentences(paragraph, self._language):
                if isinstance(item, str):
                    self._add_text(item, num_chars, link_share)
                else:
                    self._blocks.append(item)

    def _add_text(self, text: str, num_chars: int, link_share: float) -> None:
        text = text.strip("\n ") if self._kind == "pre" else " ".join(text.split())
        text = text.strip("| ") if self._kind == "row" else text
        if not text:
            return
        kind, level = self._kind, self._level
        if kind == "heading" and len(text) > _MAX_HEADING_CHARS:
            kind, level = "p", 0
        elif kind == "caption" and not self._is_behind_picture():
            kind = "p"
        self._blocks.append(Text(text, kind, level, max(num_chars, len(text)), link_share, self._group))

    def _is_behind_picture(self) -> bool:
        last = self._blocks[-1] if self._blocks else None
        return isinstance(last, Picture) or (last is not None and last.kind == "caption")


def _is_plain(cell: Any) -> bool:
    num_chars = 0
    for item in cell.iter():
        if item.tag in _LAYOUT:
            return False
        num_chars += len(item.text or "")
    return num_chars <= _MAX_CELL_CHARS
