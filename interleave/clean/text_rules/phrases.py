"""A rule on phrases, and the phrases that published corpora look for."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Annotated, Literal

from pydantic import Field

from interleave.clean.bounds import Verdict, outside
from interleave.clean.text_rules.bounds import Level
from interleave.clean.text_view import Text
from interleave.clean.words import fold, is_unspaced
from interleave.settings import Settings

# C4 (arXiv 1910.10683, section 2.2): a line with "Javascript", most of which say that it should be switched on; its
# code has the policies, too.
SCRIPT_NOTICES = ("javascript",)
POLICIES = (
    "terms of use", "privacy policy", "cookie policy", "uses cookies", "use of cookies", "use cookies",
    "使用条款", "隐私政策", "隐私权政策", "使用cookie", "使用 cookie",
)  # fmt: skip
# C4: a page with one of these is a template, or code.
PLACEHOLDERS = ("lorem ipsum",)
CODE = ("{",)
# Of OmniCorpus (run.py: short_discard, social_media_discard) and their like in Chinese.
CALLS_TO_ACTION = (
    "sign in", "sign-in", "sign up", "log in", "read more", "continue reading", "click here", "subscribe",
    "item in cart", "items in cart", "add to cart", "share this",
    "点击查看", "阅读更多", "阅读全文", "查看更多", "查看全文", "展开全文", "立即登录", "登录注册", "扫码关注",
    "关注公众号", "加入购物车", "版权所有", "未经允许不得转载",
)  # fmt: skip


class Phrases(Settings):
    """How many of the phrases a text has, without regard to case. A phrase that begins or ends with a letter is looked
    for at the borders of words, so "log in" is not in "blog inside"; Chinese has no such borders."""

    kind: Literal["phrases"]
    """Removes boilerplate: notices on cookies, calls to sign up, placeholders."""

    of: Level = "sentence"
    """What is looked at, and removed."""

    phrases: Annotated[tuple[Annotated[str, Field(min_length=1)], ...], Field(strict=False, min_length=1)] = (
        *POLICIES,
        *CALLS_TO_ACTION,
    )
    """Phrases to look for; those of C4 and OmniCorpus, in English and Chinese, where none are given."""

    max: Annotated[int, Field(ge=0)] = 0
    """Most of them that are kept."""

    up_to_words: Annotated[int, Field(ge=1)] | None = None
    """Longer texts are kept: a story may say "sign in", too. OmniCorpus: 10."""

    def measure(self, text: Text) -> float | None:
        """How many different ones occur."""
        if not text.lines or (self.up_to_words is not None and text.length_in_words > self.up_to_words):
            return None
        return len(self._found(text))

    def judge(self, value: float | None, text: Text) -> Verdict | None:
        broken = outside(value, None, self.max)
        return None if broken is None else broken._replace(detail=self._found(text)[0])

    def _found(self, text: Text) -> Sequence[str]:
        return [
            phrase
            for phrase, folded, pattern in _compiled(self.phrases)
            if folded in text.lowered and (pattern is None or pattern.search(text.lowered))
        ]


@lru_cache(64)
def _compiled(phrases: tuple[str, ...]) -> list[tuple[str, str, re.Pattern[str] | None]]:
    """(phrase, as it is looked for, a pattern with the borders of words where it has any)."""
    compiled = []
    for phrase in phrases:
        folded = fold(phrase)
        before = r"(?<!\w)" if _is_spaced(folded[0]) else ""
        after = r"(?!\w)" if _is_spaced(folded[-1]) else ""
        pattern = re.compile(before + re.escape(folded) + after) if before or after else None
        compiled.append((phrase, folded, pattern))
    return compiled


def _is_spaced(character: str) -> bool:
    return character.isalnum() and not is_unspaced(character)
