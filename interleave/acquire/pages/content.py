"""Which blocks of a page are its content: judged by length, by the share of links, and by what stands around them.

    blocks -> the smallest container of most running text -> without its link lists, scraps and references -> content

The idea that running text is long and has few links is Kohlschütter et al.'s (Boilerplate Detection using Shallow Text
Features, 2010); that neighbours decide about short blocks is Pomikálek's (jusText, 2011).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from itertools import accumulate

from interleave.acquire.pages.blocks import Text, Walked, caption_of
from interleave.acquire.pages.furniture import END_SECTION, NOTICE, SCRAP
from interleave.acquire.pages.pictures import Picture

Block = Text | Picture

_MIN_RUNNING_CHARS = 80
_MAX_LINKS = 0.4  # share of a block's characters
_MAX_LINKS_OF_SENTENCES = 0.7  # the same where it ends as a sentence does
_MAX_LINKS_INSIDE = 0.8  # of a list's or a table's, between running text
_MAX_LINKS_OF_TABLES = 0.6  # elsewhere
_MIN_SENTENCE_CHARS = 25
_MIN_PLAIN_CHARS = 18  # without the links: "Includes six tracks of" is text, "See also:" is none
_ROOT_SHARE = 0.8  # of the running text that a smaller container must have
_ARTICLE_SHARE = 0.5  # the same where the page says that it is the article
_MAX_NOTICE_CHARS = 300
_MAX_TITLE_DISTANCE = 15  # blocks between a page's title and its text
_SENTENCE_END = re.compile(r"""[.!?…。！？:：][”"'’»)\]]*$""")
# Chinese and Japanese: a character says about as much as three letters do.
_DENSE_SENTENCE_END = re.compile(r"[。！？][”’»）」』]*$")


def main_content(page: Walked, dense_script: bool) -> list[Block]:
    """The blocks of the page that are content, in order.

    dense_script: Chinese, Japanese, Korean: a character says about as much as three letters do.
    """
    blocks = page.blocks
    min_chars = _MIN_RUNNING_CHARS // 3 if dense_script else _MIN_RUNNING_CHARS
    running = [isinstance(block, Text) and _is_running(block, min_chars) for block in blocks]
    start, end = _root(page, running)
    start = _title_before(blocks, start)
    blocks, running = blocks[start:end], running[start:end]
    kept = _kept_text(blocks, running)
    is_at_end = _drop_end_sections(blocks, kept)
    _drop_notices(blocks, kept)
    _keep_headings(blocks, kept)
    _keep_pictures(blocks, kept, is_at_end)
    _keep_headings(blocks, kept)  # now those, too, that have nothing but pictures under them
    return [block for block, is_kept in zip(blocks, kept, strict=True) if is_kept]


def _is_running(block: Text, min_chars: int) -> bool:
    if block.kind in ("heading", "caption") or block.num_chars < min_chars:
        return False
    if block.link_share <= _MAX_LINKS:
        return True
    return block.num_chars >= 1.5 * min_chars and block.link_share <= _MAX_LINKS_OF_SENTENCES and _is_sentence(block)


def _root(page: Walked, running: Sequence[bool]) -> tuple[int, int]:
    """Blocks [start, end) of the smallest container that holds most of what its parent holds, from the body down.

    Paragraphs right before the smaller one are an introduction, and others of its kind beside it are sections as it is
    one: then the larger one is the content.
    """
    chars = [
        round(len(block.text) * (1 - block.link_share)) if is_running and isinstance(block, Text) else 0
        for block, is_running in zip(page.blocks, running, strict=True)
    ]
    sums = [0, *accumulate(chars)]
    owners = _owners(page)
    siblings: dict[int, list[int]] = {}
    for position, container in enumerate(page.containers):
        siblings.setdefault(container.parent, []).append(position)
    best, mass = 0, sums[-1]
    inside = {-1}  # the best one so far, and those in it that were passed over
    for position, container in enumerate(page.containers):
        if container.parent not in inside:
            continue
        held = sums[container.end] - sums[container.start]
        if mass and held >= (_ARTICLE_SHARE if container.is_article else _ROOT_SHARE) * mass:
            if _has_peer(page, siblings[container.parent], position) or _has_introduction(page, owners, position, best):
                break
            best, mass, inside = position, held, set()
        inside.add(position)
    return page.containers[best].start, page.containers[best].end


def _owners(page: Walked) -> list[int]:
    """The innermost container of each block."""
    owners: list[int] = []
    around, coming = [-1], 0
    for position in range(len(page.blocks)):
        while around[-1] >= 0 and page.containers[around[-1]].end <= position:
            around.pop()
        while coming < len(page.containers) and page.containers[coming].start <= position:
            if page.containers[coming].end > position:
                around.append(coming)
            coming += 1
        owners.append(around[-1])
    return owners


def _has_introduction(page: Walked, owners: Sequence[int], position: int, outermost: int) -> bool:
    """Whether sentences stand before a container, right in those that it stands in, up to `outermost`."""
    start, around = page.containers[position].start, {outermost}
    while (position := page.containers[position].parent) > outermost:
        around.add(position)
    begin = page.containers[outermost].start
    num_chars = sum(_num_said(page.blocks[at]) for at in range(begin, start) if owners[at] in around)
    # Right in the body stand notices as well.
    return num_chars > (_MAX_NOTICE_CHARS if outermost == 0 else 0)


def _has_peer(page: Walked, siblings: Sequence[int], position: int) -> bool:
    """Whether a container of the same name and parent holds sentences or a picture's caption, too."""
    name = page.containers[position].name
    peers = (page.containers[at] for at in siblings if at != position and name and page.containers[at].name == name)
    return any(_is_said(block) for peer in peers for block in page.blocks[peer.start : peer.end])


def _is_said(block: Block) -> bool:
    return _num_said(block) > 0 or (isinstance(block, Text) and block.kind == "caption")


def _num_said(block: Block) -> int:
    """Characters of a paragraph that is a sentence and no link."""
    if not isinstance(block, Text) or block.kind == "caption" or block.group or not _is_sentence(block):
        return 0
    return len(block.text) if block.link_share <= _MAX_LINKS else 0


def _title_before(blocks: Sequence[Block], start: int) -> int:
    """Where the page's title stands a little before its text, the title and what is between belong to it.

    The title is a heading of the highest rank on the page.
    """
    title = min((block.level for block in blocks if isinstance(block, Text) and block.level), default=1)
    for position in range(start - 1, max(start - _MAX_TITLE_DISTANCE, 0) - 1, -1):
        block = blocks[position]
        if isinstance(block, Text) and block.level == title:
            return position
    return start


def _kept_text(blocks: Sequence[Block], running: Sequence[bool]) -> list[bool]:
    """Running text, and the short blocks and lists between it that are not links."""
    found = [position for position, is_running in enumerate(running) if is_running]
    first, last = (found[0], found[-1]) if found else (len(blocks), -1)
    links = _group_links(blocks)
    return [
        running[position] or (isinstance(block, Text) and _is_kept(block, first < position < last, links))
        for position, block in enumerate(blocks)
    ]


def _is_kept(block: Text, is_inside: bool, links: Mapping[int, float]) -> bool:
    """A block that is not running text itself; is_inside: between blocks that are."""
    if block.kind in ("heading", "caption") or SCRAP.fullmatch(block.text):
        return False
    if block.group:
        outside = _MAX_LINKS_OF_TABLES if block.kind == "row" else _MAX_LINKS
        return links[block.group] <= (_MAX_LINKS_INSIDE if is_inside else outside)
    if block.link_share > _MAX_LINKS:
        is_phrase = block.num_chars * (1 - block.link_share) >= _MIN_PLAIN_CHARS
        return is_inside and is_phrase and block.link_share <= _MAX_LINKS_OF_SENTENCES
    return is_inside or _is_sentence(block)


def _is_sentence(block: Text) -> bool:
    if len(block.text) >= _MIN_SENTENCE_CHARS:
        return _SENTENCE_END.search(block.text) is not None
    return len(block.text) >= _MIN_SENTENCE_CHARS // 3 and _DENSE_SENTENCE_END.search(block.text) is not None


def _group_links(blocks: Sequence[Block]) -> dict[int, float]:
    """The share of links in each list and table."""
    chars: dict[int, list[float]] = {}
    for block in blocks:
        if isinstance(block, Text) and block.group:
            sums = chars.setdefault(block.group, [0.0, 0.0])
            sums[0] += block.link_share * len(block.text)
            sums[1] += len(block.text)
    return {group: sums[0] / max(sums[1], 1.0) for group, sums in chars.items()}


def _drop_end_sections(blocks: Sequence[Block], kept: list[bool]) -> list[bool]:
    """References, external links and the like, up to the next heading of their rank; which blocks they are."""
    level = 0  # of the section that is being dropped
    anything = False
    is_at_end = [False] * len(blocks)
    for position, block in enumerate(blocks):
        if isinstance(block, Text) and block.kind == "heading" and (level == 0 or block.level <= level):
            level = block.level if anything and END_SECTION.fullmatch(block.text) else 0
        anything = anything or kept[position]
        if level:
            kept[position], is_at_end[position] = False, True
    return is_at_end


def _drop_notices(blocks: Sequence[Block], kept: list[bool]) -> None:
    """Notices of rights and licences behind the last text that is none."""
    for position in range(len(blocks) - 1, -1, -1):
        block = blocks[position]
        if not kept[position] or not isinstance(block, Text):
            continue
        if len(block.text) > _MAX_NOTICE_CHARS or not NOTICE.search(block.text):
            return
        kept[position] = False


def _keep_headings(blocks: Sequence[Block], kept: list[bool]) -> None:
    """A heading stays where something that stays is under it."""
    lowest = 7  # rank of a heading that has text under it, seen from below
    under = False
    for position in range(len(blocks) - 1, -1, -1):
        block = blocks[position]
        if not isinstance(block, Text) or block.kind != "heading":
            under = under or kept[position]
            continue
        kept[position] = under or (lowest > block.level and lowest < 7)
        if kept[position]:
            lowest = block.level
        elif lowest >= block.level:
            lowest = 7
        under = False


def _keep_pictures(blocks: Sequence[Block], kept: list[bool], is_at_end: Sequence[bool]) -> None:
    """A picture stays, with its captions, where the text before it or behind it stays.

    One with a caption does so, too, where a heading is between (a section of figures), or where the caption is text
    enough (a page of figures).
    """
    near = _nearest_text(blocks, kept, range(len(blocks)), "caption")
    above = _nearest_text(blocks, kept, range(len(blocks)), "caption", "heading")
    behind = _nearest_text(blocks, kept, range(len(blocks) - 1, -1, -1), "caption")
    with_picture = False
    for position, block in enumerate(blocks):
        if isinstance(block, Picture):
            with_picture = kept[position] = near[position] or behind[position]
            if not with_picture and not is_at_end[position] and (caption := caption_of(blocks, position)):
                with_picture = kept[position] = above[position] or _is_sentence(caption)
        elif block.kind == "caption":
            kept[position] = with_picture
        else:
            with_picture = False


def _nearest_text(blocks: Sequence[Block], kept: Sequence[bool], order: range, *skipped: str) -> list[bool]:
    """For each block: whether the last text before it, in this order, stays; texts of kinds `skipped` do not count."""
    found = [False] * len(blocks)
    stays = False
    for position in order:
        found[position] = stays
        block = blocks[position]
        if isinstance(block, Text) and block.kind not in skipped:
            stays = kept[position]
    return found
