"""What is no content by its words: headings of lists of sources, notices of rights, what is left of buttons.

In English, German, French, Spanish, Portuguese, Italian, Russian, Chinese, Japanese and Korean.
"""

from __future__ import annotations

import re

# Headings of sections that hold lists of sources and links: "Notes", "3. References and external links".
_END_WORD = (
    r"(?:references?|notes|footnotes|citations|sources|works cited|bibliography|"
    r"external (?:links?|references)|see also|further reading|related (?:articles|posts|links|topics|stories|content)|"
    r"einzelnachweise|weblinks|siehe auch|literatur|quellen|références|liens externes|voir aussi|notes et références|"
    r"referencias|enlaces externos|véase también|collegamenti esterni|note|altri progetti|"
    r"selected bibliography|reference list|bibliographie|bibliografía|bibliografia|referências|ligações externas|"
    r"примечания|ссылки|литература|см\. также|참고 ?문헌|외부 ?링크|같이 ?보기|각주|"
    r"参考文献|參考文獻|参考资料|參考資料|外部链接|外部鏈接|外部連結|参见|参見|參見|延伸阅读|延伸閱讀|"
    r"相关(?:阅读|新闻|文章|报道)|相關(?:閱讀|新聞|文章|報導)|热门(?:推荐|文章)|熱門(?:推薦|文章)|注释|註釋|脚注|関連項目|外部リンク)"
)
END_SECTION = re.compile(
    rf"[\d.\s]*(?:{_END_WORD}(?:\s*(?:and|&|/|,|und|et|y|e|和|与|及)\s*{_END_WORD}){{0,3}}|"
    r"you may also like|read (?:more|next|also)|recommended(?: reading)?|more (?:from|stories|news)\b.{0,40}|"
    r"(?:leave a )?(?:comment|reply)s?|\d* ?(?:comments?|responses?|replies)|share this(?: (?:article|post|story))?|"
    r"about the authors?)\s*[:：]?\s*(?:\[edit\])?",
    re.IGNORECASE,
)
# What stands below a page's text without being marked as its footer.
NOTICE = re.compile(
    r"\ball rights reserved\W*$|(?:^|\s)(?:©|\(c\)|copyright)\s*(?:©|\(c\))?\s*(?:19|20)\d\d\b|"
    r"\b(?:text|content|article|page|work)s? (?:is|are) (?:available|licen[cs]ed|released) under\b|"
    r"版权所有|版權所有|保留所有权利|著作权归|転載を禁じ",
    re.IGNORECASE,
)
# What is left of buttons and advertisements.
SCRAP = re.compile(
    r"(?:advert(?:ise?ment)?s?|continue reading(?: below)?|(?:story|article) continues below(?: advertisement)?|"
    r"read (?:more|full article)|close|captions?|share|tweet|print|email|loading|(?:image )?\d+ of \d+|don't miss|"
    r"click to (?:enlarge|expand)|enlarge|anzeige|werbung|publicité|publicidade?|广告|広告)\W*",
    re.IGNORECASE,
)
