"""Which elements of a page are no part of what it says, by their names alone: navigation, banners, forms, hidden parts.

Names are words of `class` and `id`, as designers use them all over the web. An element that holds most of the page's
text is kept whatever it is called.
"""

from __future__ import annotations

import re
from functools import lru_cache
from itertools import islice
from typing import Any


def names(text: str) -> frozenset[str]:
    """The words of a text."""
    return frozenset(text.split())


# Never text of a page, nor pictures.
SKIPPED = names("""
    script style template head iframe frame object embed applet video audio canvas svg math map progress meter button
    select textarea input option datalist dialog link meta title track param rp rt
    """)

# How much of the page's running text an element may hold and still be left out, by how sure its name is.
SURE, LIKELY = 0.8, 0.35
_TAGS = {"nav": SURE, "footer": SURE, "aside": SURE, "menu": SURE, "form": LIKELY, "fieldset": LIKELY, "label": LIKELY}
_ROLES = names("""
    navigation banner contentinfo search menu menubar dialog alertdialog complementary toolbar tablist doc-endnotes
    doc-bibliography
    """)

# Words of class and id, between hyphens, underscores and capitals.
_SURE_WORDS = names("""
    footer foot sidebar nav navbar navigation menu submenu breadcrumb breadcrumbs crumbs navheader navfooter
    cookie cookies consent gdpr newsletter
    related recommended recommendations recirc outbrain taboola
    adsense advertisement advert adverts advertising sponsored
    editsection navbox reflist references refbegin catlinks printfooter ambox mbox sistersitebox hatnote dablink
    indexterm noprint addthis sharedaddy shareaholic
    comment comments commentlist commentary disqus respond trackbacks kommentar kommentare leserkommentare commentaire
    commentaires comentario comentarios commenti kommentarer
    """)
_LIKELY_WORDS = names("""
    ad ads banner promo promos promoted sponsor sponsors paywall popup modal overlay lightbox
    bio byline copyright dateline disclaimer masthead metadata meta postmeta
    login subscribe subscription signup share shares sharing sharebar sharer social follow
    pager pagination tags tagcloud taglist teaser teasers toc toolbar topbar widget widgets
    recommend trending popular rating ratings
    """)
# These say it in any place of a name ("post-comments-list"); the others are sure only as the last word of one.
_COMMENTS = frozenset(word for word in _SURE_WORDS if word.startswith(("comment", "kommentar", "coment"))) | names(
    "disqus respond trackbacks leserkommentare"
)
# A name with one of these says what is elsewhere, or is a state: "has-sidebar", "js-menu-open", "field-label-hidden".
_MODIFIERS = names("has with w no not without enabled disabled label is page wrapper container layout content body")
_HIDDEN = names("""
    hidden invisible sr-only visually-hidden visuallyhidden screen-reader-text screen-reader-only skip-link d-none
    noprint print-only mw-empty-elt element-invisible assistive-text offscreen
    """)
_MAX_WORDS = 5  # longer names are sentences of a CSS framework
_PIECES = re.compile(r"[-_:]+")
_MIN_RUNNING_CHARS = 60
_HIDING_STYLE = re.compile(r"display\s*:\s*none|visibility\s*:\s*hidden")
# Not behind fewer letters: ids that a program made look like "mwAdY".
_CAMEL = re.compile(r"(?<=[a-z]{3})(?=[A-Z])")
_REFERENCE = re.compile(r"\[[^\[\]]{1,24}\]|\(?\d{1,3}\)?[a-z]?")
_FIGURE = re.compile(
    r"(?:^|[\s_\-])(?:figure|informalfigure|thumb|thumbinner|gallerybox|wp-caption|image-?(?:block|wrapper|container)|"
    r"captioned-image|mediaobject)(?=$|\s)"
)
_CAPTION = re.compile(
    r"(?:^|[\s_\-])(?:thumb|image|img|photo|wp|fig|figure|gallery)?-?(?:caption|gallerytext)(?=$|[\s_\-])"
)
# These wrap whole pages, and their classes speak of what is in them.
_NEVER_NOISE = frozenset(["html", "body", "main", "article", "h1"])


def is_hidden(element: Any) -> bool:
    """Whether a browser would not show it."""
    attributes = element.attrib
    if "hidden" in attributes and attributes["hidden"] != "until-found":
        return True
    style = attributes.get("style")
    return bool(style and _HIDING_STYLE.search(style.lower()))


def noise_share(element: Any, tag: str) -> float:
    """The share of the page's running text below which the element is none of it; 0: it is text."""
    if tag in _NEVER_NOISE:
        return 0.0
    attributes = element.attrib
    share = _TAGS.get(tag, 0.0)
    if not attributes:
        return share
    if role := attributes.get("role"):
        share = max(share, SURE if role in _ROLES else 0.0)
    called = f"{attributes.get('class', '')} {attributes.get('id', '')}"
    return max(share, _share_of_names(called[:500])) if len(called) > 1 else share


def num_running_chars(element: Any) -> int:
    """Characters of the longer texts that are not links."""
    num_chars = 0
    for item in element.iter():
        tag = item.tag
        if tag != "a" and tag not in SKIPPED and (text := item.text) and len(text) >= _MIN_RUNNING_CHARS:
            num_chars += len(text.strip())
        if (text := item.tail) and len(text) >= _MIN_RUNNING_CHARS and item is not element:
            num_chars += len(text.strip())
    return num_chars


def is_figure(tag: str, called: str) -> bool:
    return tag == "figure" or (called != "" and _is_figure_name(called[:200]))


def is_caption(tag: str, called: str) -> bool:
    return tag == "figcaption" or (called != "" and _is_caption_name(called[:200]))


def is_reference_mark(element: Any, tag: str) -> bool:
    """`<sup><a href="#note-1">[1]</a></sup>` and the like."""
    if tag == "a" and not element.get("href", "").startswith("#"):
        return False
    if len(element) > 4:
        return False
    text = "".join(islice(element.itertext(), 8)).strip()
    if not 0 < len(text) <= 26 or not _REFERENCE.fullmatch(text):
        return False
    return text.startswith("[") or (tag == "sup" and element.find(".//a") is not None)


def is_infobox(called: str) -> bool:
    return "infobox" in called


@lru_cache(maxsize=8192)
def _share_of_names(called: str) -> float:
    return max(map(_share_of_name, called.split()), default=0.0)


def _share_of_name(name: str) -> float:
    if name in _HIDDEN:
        return SURE
    words = _PIECES.split(_CAMEL.sub("-", name).lower())
    if len(words) > _MAX_WORDS or not _MODIFIERS.isdisjoint(words):
        return 0.0
    # The last word says what it is, those before it of which kind or where.
    if words[-1] in _SURE_WORDS or not _COMMENTS.isdisjoint(words):
        return SURE
    return LIKELY if any(word in _LIKELY_WORDS or word in _SURE_WORDS for word in words) else 0.0


@lru_cache(maxsize=4096)
def _is_figure_name(called: str) -> bool:
    return _FIGURE.search(called.lower()) is not None


@lru_cache(maxsize=4096)
def _is_caption_name(called: str) -> bool:
    return _CAPTION.search(called.lower()) is not None
