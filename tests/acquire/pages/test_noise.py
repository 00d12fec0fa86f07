import pytest
from fixtures_pages import paragraph
from fixtures_reading import CAT, COW, DOG, FOX, A, read
from lxml import html

from interleave.acquire.pages.noise import (
    LIKELY,
    SURE,
    is_caption,
    is_figure,
    is_hidden,
    is_infobox,
    noise_share,
    num_running_chars,
)

LINKS = "".join(f'<li><a href="/{number}">A story about number {number}</a></li>' for number in range(5))
REMARK = "<p>This one should not be in the text, since it is no part of the article.</p>"


def share(markup: str) -> float:
    element = html.fragment_fromstring(markup)
    return noise_share(element, element.tag)


@pytest.mark.parametrize(
    "markup",
    [
        f"<nav><ul>{LINKS}</ul>{REMARK}</nav>",
        f"<footer>{REMARK}</footer>",
        f"<aside>{REMARK}</aside>",
        f"<div class='sidebar'>{REMARK}{A}</div>",
        f"<div id='left-nav'>{REMARK}</div>",
        f"<div class='cookie-banner'>{REMARK}</div>",
        f"<div id='gdprConsent'>{REMARK}</div>",
        f"<section class='newsletter'>{REMARK}<form><input name='mail'></form></section>",
        f"<div class='related'><h3>Related</h3>{A}{REMARK}</div>",
        f"<div class='sponsored'>{REMARK}{A}</div>",
        f"<div role='dialog'>{REMARK}</div>",
        f"<div role='navigation'>{REMARK}</div>",
        f"<section id='comments'><h3>Two comments</h3>{REMARK * 8}</section>",
        f"<ol class='post-comments-list'><li>{REMARK}</li></ol>",
        f"<div id='disqus_thread'>{REMARK}</div>",
        f"<form>{REMARK}<label>Name</label><input></form>",
        f"<div class='share-buttons'>{REMARK}</div>",
        f"<div class='breadcrumbs'>{REMARK}</div>",
        f"<div class='reflist'>{REMARK}</div>",
    ],
)
def test_what_an_element_is_called_leaves_it_out(markup: str) -> None:
    article = f"<article>{paragraph('cat') * 5}{markup}{paragraph('dog')}</article>"
    assert read(article) == [CAT] * 5 + [DOG]
    assert read(f"{markup}{article.replace(markup, '')}{markup}") == [CAT] * 5 + [DOG]


@pytest.mark.parametrize("name", ["comments", "sidebar", "menu", "cookie-consent", "newsletter", "ad", "d-none"])
@pytest.mark.parametrize("tag", ["div", "section", "form", "aside"])
def test_an_element_that_holds_the_page_is_kept_whatever_it_is_called(tag: str, name: str) -> None:
    page = f"<h1>Cats</h1>{paragraph('cat')}{A}{paragraph('dog')}"
    assert read(f"<{tag} class='{name}' id='{name}'>{page}</{tag}>") == ["Cats", CAT, "[a.jpg]", DOG]


def test_noisy_names_inside_of_one_another_keep_the_page() -> None:
    assert read(f"<div class='menu'><div id='nav'><form>{paragraph('cat')}{paragraph('dog')}</form></div></div>") == [
        CAT, DOG,
    ]  # fmt: skip


def test_an_article_in_a_form_is_kept_beside_a_form_that_is_left_out() -> None:
    page = "".join(map(paragraph, ("cat", "dog", "fox", "cow")))
    assert read(f"<form id='aspnetForm'>{page}</form><form>{REMARK}</form>") == [CAT, DOG, FOX, COW]


@pytest.mark.parametrize(
    "name",
    ["has-sidebar", "no-comments", "without-nav", "js-menu-open-with-nav", "page-footer-wrapper", "sidebar-layout",
     "menuitem", "standard", "navy", "brelated", "post-5", "mwAdY"],
)  # fmt: skip
def test_names_that_say_what_is_elsewhere_are_no_noise(name: str) -> None:
    assert share(f"<div class='{name}'></div>") == 0.0


@pytest.mark.parametrize(
    ("markup", "expected"),
    [
        ("<div class='sidebar'></div>", SURE),
        ("<div class='left-sidebar'></div>", SURE),
        ("<div class='leftSidebar'></div>", SURE),
        ("<div class='LEFT_SIDEBAR'></div>", SURE),
        ("<div class='post sidebar'></div>", SURE),
        ("<div id='sidebar'></div>", SURE),
        ("<div class='sidebar-left'></div>", LIKELY),
        ("<div class='ad-slot'></div>", LIKELY),
        ("<div class='comments-area-inner'></div>", SURE),
        ("<div class='ad' role='banner'></div>", SURE),
        ("<div role='main'></div>", 0.0),
        ("<form></form>", LIKELY),
        ("<nav></nav>", SURE),
        ("<p></p>", 0.0),
        ("<article class='sidebar'></article>", 0.0),
        ("<main class='comments'></main>", 0.0),
        ("<h1 class='menu'></h1>", 0.0),
        ("<div class='sm-ad-md-nav-lg-w-xl'></div>", 0.0),
    ],
)
def test_the_last_word_of_a_name_is_the_surest(markup: str, expected: float) -> None:
    assert share(markup) == expected


def test_only_one_of_many_names_has_to_be_noise() -> None:
    assert share("<div class='col-md-4 sidebar has-sidebar' id='x'></div>") == SURE


@pytest.mark.parametrize(
    ("attributes", "expected"),
    [
        ("hidden", True),
        ("hidden=''", True),
        ("hidden='until-found'", False),
        ("style='display:none'", True),
        ("style='DISPLAY : NONE;'", True),
        ("style='visibility: hidden'", True),
        ("style='display: block'", False),
        ("style='overflow: hidden'", False),
        ("class='hidden'", False),
    ],
)
def test_an_element_is_hidden_by_its_attributes(attributes: str, expected: bool) -> None:
    assert is_hidden(html.fragment_fromstring(f"<div {attributes}></div>")) is expected


def test_running_text_is_long_and_no_link() -> None:
    long = "x" * 60
    assert num_running_chars(html.fragment_fromstring(f"<div>{long}</div>")) == 60
    assert num_running_chars(html.fragment_fromstring(f"<div><a href='/'>{long}</a>{long}x</div>")) == 61
    assert num_running_chars(html.fragment_fromstring(f"<div>{long[1:]}<p>{long[1:]}</p></div>")) == 0
    assert num_running_chars(html.fragment_fromstring(f"<div><style>{long}</style></div>")) == 0
    outer = html.fragment_fromstring(f"<div><p>{long}</p>{long}</div>")
    assert num_running_chars(outer[0]) == 60


@pytest.mark.parametrize(
    ("tag", "name", "expected"),
    [
        ("figure", "", True),
        ("div", "figure", True),
        ("div", "thumb tright", True),
        ("div", "post wp-caption", True),
        ("div", "image-container", True),
        ("div", "thumbs", False),
        ("div", "figures-of-speech", False),
        ("div", "", False),
    ],
)
def test_a_figure_is_known_by_its_tag_or_name(tag: str, name: str, expected: bool) -> None:
    assert is_figure(tag, name) is expected


@pytest.mark.parametrize(
    ("tag", "name", "expected"),
    [
        ("figcaption", "", True),
        ("p", "wp-caption-text", True),
        ("div", "thumbcaption", True),
        ("span", "image-caption large", True),
        ("div", "Caption", True),
        ("div", "captions-off", False),
        ("div", "recaptioned", False),
        ("p", "", False),
    ],
)
def test_a_caption_is_known_by_its_tag_or_name(tag: str, name: str, expected: bool) -> None:
    assert is_caption(tag, name) is expected


def test_an_infobox_is_known_by_its_name() -> None:
    assert is_infobox("infobox biography vcard")
    assert not is_infobox("wikitable")
