import pytest
from fixtures_pages import paragraph
from fixtures_reading import CAT, COW, DOG, FOX, A, B, read

PAGE = f"{paragraph('cat')}{paragraph('dog')}"
LINKS = "".join(f'<li><a href="/{number}">A story about number {number}</a></li>' for number in range(5))
BOOK = "<ul><li>Smith wrote a book about it in 2001, and it says so on its first page.</li></ul>"
ABOUT_CATS = "猫坐在窗边的垫子上，看着外面的雨落在花园里。没有人知道它在那个漫长的下午里到底在想些什么。"
ABOUT_DOGS = "狗躺在门口的台阶上，听着远处的雷声慢慢走近。它想起了去年夏天和主人一起走过的那条小河。"


# What is around the content, without names that say so


def test_lists_of_links_around_the_article_are_left_out() -> None:
    links = f"<div><h3>Popular</h3><ul>{LINKS}</ul></div>"
    assert read(f"{links}<div><h1>Cats</h1>{PAGE}</div>{links}") == ["Cats", CAT, DOG]


def test_a_list_of_links_inside_of_the_article_is_left_out_with_its_heading() -> None:
    picks = f"<h3>Our picks</h3><ul>{LINKS}</ul>"
    assert read(f"<h1>Cats</h1>{paragraph('cat')}{picks}<h2>Dogs</h2>{paragraph('dog')}") == [
        "Cats", CAT, "Dogs", DOG,
    ]  # fmt: skip


def test_links_within_sentences_stay() -> None:
    linked = CAT.replace("mat", "<a href='/mat'>mat</a>").replace("garden", "<a href='/garden'>garden</a>")
    assert read(f"<p>{linked}</p>{paragraph('dog')}") == [CAT, DOG]


@pytest.mark.parametrize(
    ("num_linked", "end", "expected"),
    [(60, "", [FOX[:-1]]), (100, ".", [FOX]), (100, "", []), (130, ".", [])],
)
def test_a_paragraph_of_many_links_is_text_where_it_ends_as_sentences_do(
    num_linked: int, end: str, expected: list[str]
) -> None:
    text = FOX[:-1] + end
    assert read(f"<p><a href='/fox'>{text[:num_linked]}</a>{text[num_linked:]}</p>") == expected


@pytest.mark.parametrize("text", ["Advertisement", "Continue reading below", "Share", "Read more", "广告", "1 of 12"])
def test_what_is_left_of_buttons_is_no_text(text: str) -> None:
    assert read(f"{paragraph('cat')}<p>{text}</p>{paragraph('dog')}") == [CAT, DOG]


def test_a_short_paragraph_between_long_ones_is_text() -> None:
    assert read(f"{paragraph('cat')}<p>So it was</p>{paragraph('dog')}") == [CAT, "So it was", DOG]


def test_scraps_before_and_behind_the_text_are_left_out() -> None:
    assert read(f"<p>12 May 2020</p><p>Jane Doe</p>{PAGE}<p>Back to top</p>") == [CAT, DOG]


def test_tables_and_lists_stay_with_the_text_that_they_belong_to() -> None:
    table = "<table><tr><th>Year</th><th>Cats</th></tr><tr><td>2001</td><td>12</td></tr></table>"
    assert read(f"{PAGE}{table}<ul><li>One</li><li>Two</li></ul>") == [
        CAT,
        DOG,
        "Year | Cats",
        "2001 | 12",
        "One",
        "Two",
    ]


# Sections at the end


@pytest.mark.parametrize(
    "heading",
    ["References", "REFERENCES:", "3. References", "Notes and references", "Notes &amp; References",
     "References / External links", "References, notes and sources", "External links", "See also", "Further reading",
     "Bibliography", "Works cited", "Footnotes", "Related articles", "You may also like", "More from the Daily Cat",
     "Comments", "12 Comments", "Leave a Reply", "About the author", "Share this post", "Einzelnachweise", "Weblinks",
     "Voir aussi", "Notes et références", "Referencias", "参考文献", "参考文献和注释", "外部链接", "参见", "相关阅读",
     "脚注", "関連項目", "参考文献：", "參考文獻", "參考資料：", "外部鏈接", "延伸閱讀", "相關新聞", "Примечания",
     "Ссылки", "Литература", "См. также", "참고 문헌", "참고문헌", "각주", "같이 보기", "References[edit]",
     "See also [edit]", "Selected bibliography", "Reference list", "Bibliographie", "Referências"],
)  # fmt: skip
def test_sections_of_sources_and_links_are_left_out(heading: str) -> None:
    assert read(f"<h1>Cats</h1>{PAGE}<h2>{heading}</h2>{BOOK}<figure>{A}<figcaption>X.</figcaption></figure>") == [
        "Cats", CAT, DOG,
    ]  # fmt: skip


@pytest.mark.parametrize(
    "heading", ["Notes from a journey", "Sources of the Nile", "Reference cats", "历史", "Comment is free"]
)
def test_sections_whose_headings_only_begin_so_stay(heading: str) -> None:
    assert read(f"{PAGE}<h2>{heading}</h2>{paragraph('fox')}") == [CAT, DOG, heading, FOX]


def test_a_section_ends_at_the_next_heading_of_its_rank() -> None:
    sections = f"<h2>References</h2><h3>Books</h3>{BOOK}<h2>Foxes</h2>{paragraph('fox')}"
    assert read(f"<h1>Cats</h1>{PAGE}{sections}") == ["Cats", CAT, DOG, "Foxes", FOX]


def test_a_section_before_any_text_is_none_at_the_end() -> None:
    assert read(f"<h2>Notes</h2>{PAGE}") == ["Notes", CAT, DOG]


@pytest.mark.parametrize(
    "notice",
    ["© 2020 The Authors. All rights reserved.", "Copyright © 2020 The Daily Cat Company, London",
     "(c) 2020 by the authors of this site.", "This article is licensed under CC BY 4.0.",
     "Text is available under the Creative Commons Attribution-ShareAlike License; additional terms may apply.",
     "版权所有，未经许可不得转载。", "本文著作权归作者所有，未经许可不得转载。"],
)  # fmt: skip
def test_notices_of_rights_at_the_end_are_left_out(notice: str) -> None:
    assert read(f"<article>{PAGE}<p>{notice}</p></article>") == [CAT, DOG]
    assert read(f"<article>{PAGE}<p>{notice}</p><p>{notice}</p><p>Back to top</p></article>") == [CAT, DOG]


def test_what_is_said_of_rights_within_the_text_stays() -> None:
    notice = "The album says that all rights reserved for the drummer were lost."
    assert read(f"{paragraph('cat')}<p>{notice}</p>{paragraph('dog')}") == [CAT, notice, DOG]


@pytest.mark.parametrize(
    "text",
    ["The drummer found all rights reserved on the sleeve, and he kept it as a joke for the rest of his life.",
     "It says “All rights reserved” on the first page, and nobody has ever read on behind it."],
)  # fmt: skip
def test_a_last_paragraph_that_only_speaks_of_rights_stays(text: str) -> None:
    assert read(f"<article>{PAGE}<p>{text}</p></article>") == [CAT, DOG, text]


@pytest.mark.parametrize(
    "notice", ["The Daily Cat. All Rights Reserved.", "All rights reserved", "ALL RIGHTS RESERVED!"]
)
def test_a_notice_ends_with_all_rights_reserved(notice: str) -> None:
    assert read(f"<article>{PAGE}<p>{notice}</p></article>") == [CAT, DOG]


# Headings


def test_headings_stay_only_with_text_under_them() -> None:
    sections = f"<h2>Empty</h2><h2>Full</h2>{paragraph('dog')}<h2>Empty as well</h2><h2>Last</h2>"
    assert read(f"<h1>Cats</h1>{paragraph('cat')}{sections}") == ["Cats", CAT, "Full", DOG]


def test_a_heading_over_headings_stays_with_them() -> None:
    sections = f"<h2>Pets</h2><h3>Dogs</h3>{paragraph('dog')}<h2>Others</h2><h3>None</h3><h3>Nobody</h3>"
    assert read(f"<h1>Animals</h1>{paragraph('cat')}{sections}") == ["Animals", CAT, "Pets", "Dogs", DOG]


def test_the_title_a_little_before_the_article_belongs_to_it() -> None:
    assert read(f"<div><h1>Cats</h1><p>Jane Doe</p></div><div><h2>Big ones</h2>{PAGE * 2}</div>") == [
        "Cats", "Big ones", CAT, DOG, CAT, DOG,
    ]  # fmt: skip


# Where the content lies


@pytest.mark.parametrize("tag", ["article", "main", "div class='text' itemprop='articleBody'"])
def test_an_article_that_is_marked_as_such_is_the_content(tag: str) -> None:
    article = f"<{tag}><h1>Cats</h1>{PAGE}</{tag.partition(' ')[0]}>"
    assert read(f"<div>{paragraph('fox')}</div>{article}") == ["Cats", CAT, DOG]


@pytest.mark.parametrize("order", [1, -1])
def test_the_body_of_an_article_is_the_content_beside_a_nameless_element_of_sentences(order: int) -> None:
    parts = [f"<div>{paragraph('fox')}</div>", f"<div itemprop='articleBody'>{PAGE}</div>"][::order]
    assert read("".join(parts)) == [CAT, DOG]


def test_half_of_the_text_in_an_element_that_is_not_marked_is_not_the_content() -> None:
    assert read(f"<div>{paragraph('fox')}</div><div>{PAGE}</div>") == [FOX, CAT, DOG]


def test_an_introduction_outside_of_the_inner_container_is_kept() -> None:
    introduction = "This is the introduction to an article about cats."
    page = f"<div class='text'>{PAGE * 2}</div>"
    assert read(f"<div><p>{introduction}</p>{page}</div>") == [introduction, *[CAT, DOG] * 2]


def test_a_short_section_beside_a_long_one_of_the_same_name_is_kept() -> None:
    sections = (
        f"<section class='part'>{PAGE * 4}</section><section class='part'><p>It ends with a short one.</p></section>"
    )
    assert read(f"<div>{sections}</div>") == [*[CAT, DOG] * 4, "It ends with a short one."]


def test_a_short_article_is_kept() -> None:
    page = f"<h1>Cats</h1><p>Cats are small animals with soft paws.</p>{A}"
    assert read(f"<ul>{LINKS}</ul><article>{page}</article><footer><p>The end of the page is here.</p></footer>") == [
        "Cats", "Cats are small animals with soft paws.", "[a.jpg]",
    ]  # fmt: skip


@pytest.mark.parametrize("body", ["", "<p>Hi</p>", f"<ul>{LINKS}</ul>", f"<ul>{LINKS}</ul>{A}<ul>{LINKS}</ul>"])
def test_a_page_of_scraps_and_links_has_no_content(body: str) -> None:
    assert read(body) == []


# Pictures


def test_pictures_between_blocks_that_are_left_out_are_left_out() -> None:
    links = f"<ul>{LINKS}</ul>"
    assert read(f"<article>{PAGE}{links}{A}{links}</article>") == [CAT, DOG]
    assert read(f"<div>{links}{A}{links}</div><div>{paragraph('cat')}{B}{paragraph('dog')}</div>") == [
        CAT,
        "[b.jpg]",
        DOG,
    ]


def test_teasers_with_pictures_below_an_article_are_left_out() -> None:
    teasers = "".join(f"<div><a href='/{name}'>{name}A story to read next</a></div>" for name in (A, B))
    assert read(f"<article>{PAGE}<h3>Our picks</h3>{teasers}</article>") == [CAT, DOG]


@pytest.mark.parametrize("page", [f"{A}{PAGE}", f"<h1>Cats</h1>{A}{PAGE}"])
def test_a_picture_at_the_top_stays_with_the_text_behind_it(page: str) -> None:
    assert read(page)[-3:] == ["[a.jpg]", CAT, DOG]


def test_a_picture_behind_the_last_paragraph_stays_with_its_caption() -> None:
    assert read(f"{PAGE}<figure>{A}<figcaption>A cat</figcaption></figure><ul>{LINKS}</ul>") == [
        CAT, DOG, "[a.jpg]", "A cat",
    ]  # fmt: skip


def test_a_section_of_figures_stays_with_its_heading() -> None:
    figures = "".join(
        f"<figure>{image}<figcaption>{name}</figcaption></figure>" for image, name in ((A, "X"), (B, "Y"))
    )
    assert read(f"{PAGE}<h2>Figures</h2>{figures}") == [CAT, DOG, "Figures", "[a.jpg]", "X", "[b.jpg]", "Y"]


def test_a_page_of_figures_whose_captions_are_sentences_is_content() -> None:
    caption = "A cat that sits on a mat by the window."
    assert read(f"<h1>Cats</h1><figure>{A}<figcaption>{caption}</figcaption></figure>") == ["Cats", "[a.jpg]", caption]
    assert read(f"<h1>Cats</h1><figure>{A}<figcaption>A cat</figcaption></figure>") == []


# Chinese and Japanese


def test_a_chinese_page_is_read_as_others_are() -> None:
    menu = "".join(f"<li><a href='/{name}'>{name}</a></li>" for name in ("首页", "新闻", "关于我们"))
    sources = "<h2>参考文献</h2><ul><li>王某：《猫的历史》，北京，二〇〇一年。</li></ul>"
    page = f"<h1>动物</h1><p>{ABOUT_CATS}</p>{A}<p>{ABOUT_DOGS}</p>{sources}"
    assert read(f"<div><ul>{menu}</ul></div><div>{page}</div>", lang="zh-CN") == [
        "动物",
        ABOUT_CATS,
        "[a.jpg]",
        ABOUT_DOGS,
    ]


def test_a_short_chinese_sentence_is_text() -> None:
    assert read("<article><p>猫是一种小动物。</p></article>", lang="zh") == ["猫是一种小动物。"]


def test_chinese_text_counts_as_long_where_the_page_does_not_name_its_language() -> None:
    assert read(f"<p>{ABOUT_CATS[:40]}</p>", lang="") == [ABOUT_CATS[:40]]
    assert read("<p>Forty letters of English are not enough</p>", lang="") == []


def test_content_of_a_large_page_with_many_sections_is_whole() -> None:
    sections = "".join(f"<section class='s'><h2>Part {number}</h2>{paragraph('cow')}</section>" for number in range(30))
    assert read(f"<h1>Cows</h1>{sections}") == [
        "Cows",
        *[part for number in range(30) for part in (f"Part {number}", COW)],
    ]
