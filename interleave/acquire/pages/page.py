"""From the bytes of a web page to its content: paragraphs and pictures in reading order.

    bytes -> text -> elements -> blocks -> main content -> parts
             charset             walk       content

Paragraphs are what a reader sees as such: headings, paragraphs, items of lists (without numbers and bullets), rows of
tables (cells joined by " | "), captions directly behind their pictures. Left out: navigation, hidden elements, forms,
marks of references, sections of references and links at the end, names and values of infoboxes, lists of links.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import urljoin

from interleave.access.opt_out import opt_out_in
from interleave.acquire.pages.blocks import caption_of
from interleave.acquire.pages.charset import decode_page
from interleave.acquire.pages.pictures import Picture
from interleave.errors import Unreadable

HTML_TYPES = ("text/html", "application/xhtml+xml")

AltText = Literal["drop", "caption"]

# Longer pages are data in the form of a page; the parser takes some 50 bytes of memory for a byte of tags.
MAX_PAGE_BYTES = 8 * 1024 * 1024
MAX_TAGS = 200_000
MAX_TEXT_CHARS = 1_000_000
_MAX_ATTRIBUTES = 256  # the parser's time is quadratic in them
# What is no part of the text, and may be most of the bytes. One pattern, since each may stand inside of the others.
_RAW = re.compile(
    r"<script\b.*?(?:</script[^<>]*+>|\Z)|<style\b.*?(?:</style[^<>]*+>|\Z)|<!--(?:-?>|.*?(?:--!?>|\Z))",
    re.IGNORECASE | re.DOTALL,
)
# Browsers read on behind these; libxml2 does not.
_ENDS = re.compile(r"</(?:body|html)\b[^<>]*+>", re.IGNORECASE)
# A tag is matched as a whole, however long, so that nothing is looked at twice; its attributes are counted behind that.
_ATTRIBUTE = r"[\s/]*+[^\s/>][^\s/>=]*+(?:\s*+=\s*+(?:\"[^\"]*+\"|'[^']*+'|[^\s>\"'][^\s>]*+)?+)?+"
_TAG = re.compile(rf"<[a-zA-Z][^\s>/]*+((?:{_ATTRIBUTE})*+)")
_NEXT_ATTRIBUTE = re.compile(_ATTRIBUTE)
# "2.1. Blur", "Figure 3. A cat": the full stop would end a sentence.
_NUMBER = re.compile(
    r"^((?:(?:figure|fig\.?|table|abb\.?|abbildung|tabelle) )?\d[\d.]{0,12}?)\.\s+(?=\S)", re.IGNORECASE
)
_MIN_DENSE_PHRASE = 4  # characters
_LANGUAGE = re.compile(r"[a-z]{2,3}(?=$|[-_])")
_HAN, _KANA, _HANGUL = re.compile(r"[\u4e00-\u9fff]"), re.compile(r"[\u3040-\u30ff]"), re.compile(r"[\uac00-\ud7af]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """The content of a page."""

    parts: tuple[str | Picture, ...]
    language: str
    # Of ISO 639, by the page's word or by its letters.
    opt_out: str | None
    # The word by which the page asks not to be used, where there is one.
    canonical: str | None
    # The address that the page says is its own.


def read_page(data: bytes, url: str, content_type: str = "", alt_text: AltText = "drop") -> Page:
    """The content of a page.

    url: what its references are relative to; content_type: the HTTP header, for the charset.
    alt_text: "caption" puts an image's alternative text behind it where it has no caption.

    Raises:
        Unreadable: `too_many_bytes`, `too_many_elements`, `too_much_text`, `too_deep`, `not_text`, `no_content`.
    """
    from interleave.acquire.pages.content import main_content
    from interleave.acquire.pages.walk import Walker

    tree, num_chars = parse_page(data, content_type)
    body = tree.find("body")
    if body is None:
        raise Unreadable("no_content", "the page has no body")
    if num_chars > MAX_TEXT_CHARS and (num_chars := sum(map(len, body.itertext()))) > MAX_TEXT_CHARS:
        raise Unreadable("too_much_text", f"{num_chars:,} characters, at most {MAX_TEXT_CHARS:,}")
    language = _language(tree, body)
    walked = Walker(base_of(tree, url), language).walk(body)
    blocks = main_content(walked, dense_script=language in ("zh", "ja", "ko"))
    parts: list[str | Picture] = []
    for position, block in enumerate(blocks):
        if not isinstance(block, Picture):
            is_titled = block.kind in ("heading", "caption")
            parts.append(_NUMBER.sub(r"\1 ", block.text) if is_titled else block.text)
            continue
        parts.append(block)
        if alt_text == "caption" and _is_phrase(block.alt) and caption_of(blocks, position) is None:
            parts.append(block.alt)
    return Page(parts=tuple(parts), language=language, opt_out=_opt_out(tree), canonical=_canonical(tree, url))


def _is_phrase(alt: str) -> bool:
    """Whether an alternative text says more than a name does."""
    return " " in alt or len(_HAN.findall(alt)) + len(_KANA.findall(alt)) >= _MIN_DENSE_PHRASE


def parse_page(data: bytes, content_type: str = "") -> tuple[Any, int]:
    """A page's root element, and how many characters the page has without scripts and styles.

    Raises:
        Unreadable: `too_many_bytes`, `too_many_elements`, `too_deep`, `not_text`, `no_content`.
    """
    text = _text(data, content_type)
    return _tree(text), len(text)


def _text(data: bytes, content_type: str) -> str:
    if len(data) > MAX_PAGE_BYTES:
        raise Unreadable("too_many_bytes", f"more than {MAX_PAGE_BYTES:,} bytes of HTML")
    text = _ENDS.sub("", _RAW.sub("", decode_page(data, content_type)).replace("\0", ""))
    if text.count("<") > MAX_TAGS:
        raise Unreadable("too_many_elements", f"{text.count('<'):,} tags, at most {MAX_TAGS:,}")
    if any(_num_attributes(tag[1]) > _MAX_ATTRIBUTES for tag in _TAG.finditer(text)):
        raise Unreadable("too_many_elements", f"a tag with more than {_MAX_ATTRIBUTES} attributes")
    return text


def _num_attributes(text: str) -> int:
    if len(text) <= 2 * _MAX_ATTRIBUTES:  # one takes two characters at least
        return 0
    count = end = 0
    # Each begins where the one before it ended: searching would try every character of a long run of slashes.
    while found := _NEXT_ATTRIBUTE.match(text, end):
        count, end = count + 1, found.end()
    return count


def _tree(text: str) -> Any:
    from lxml import etree

    parser = etree.HTMLParser(encoding="utf-8", remove_comments=True, remove_pis=True, huge_tree=True, no_network=True)
    try:
        tree = etree.fromstring(text.encode("utf-8", "replace"), parser)
    except etree.XMLSyntaxError:
        raise Unreadable("no_content", "the page has no elements") from None
    if any(entry.type == etree.ErrorTypes.ERR_RESOURCE_LIMIT for entry in parser.error_log):
        raise Unreadable("too_deep", "elements inside of one another, 2048 and more")
    if tree is None:
        raise Unreadable("no_content", "the page has no elements")
    return tree


def base_of(tree: Any, url: str) -> str:
    """What the references of a page are relative to."""
    element = tree.find(".//base[@href]")
    if element is None:
        return url
    try:
        base = urljoin(url, str(element.get("href")).strip())
    except ValueError:
        return url
    # A page of the web may not name a folder of this machine.
    return url if base[:5].lower() == "file:" and not url.startswith("file:") else base


def _language(tree: Any, body: Any) -> str:
    """What `lang` says, or the script."""
    declared = (tree.get("lang") or body.get("lang") or tree.get("xml:lang") or "").strip().lower()
    if match := _LANGUAGE.match(declared):
        return match[0]
    sample = "".join(body.itertext())[:20_000]
    if len(_KANA.findall(sample)) > len(sample) / 50:
        return "ja"
    if len(_HANGUL.findall(sample)) > len(sample) / 20:
        return "ko"
    return "zh" if len(_HAN.findall(sample)) > len(sample) / 20 else "en"


def _opt_out(tree: Any) -> str | None:
    for meta in tree.iter("meta"):
        name, content = meta.get("name", "").strip().lower(), meta.get("content", "")
        if name == "robots" and (word := opt_out_in(content)):
            return word
        if name == "tdm-reservation" and content.strip() == "1":
            return "tdm-reservation"
    return None


def _canonical(tree: Any, url: str) -> str | None:
    for link in tree.iter("link"):
        if "canonical" in link.get("rel", "").lower().split():
            reference = link.get("href", "").strip()
            try:
                found = str(urljoin(url, reference)) if reference else ""
            except ValueError:
                continue
            if found.lower().startswith(("http://", "https://")):
                return found[:2000]
    return None
