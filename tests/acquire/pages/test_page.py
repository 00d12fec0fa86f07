import pytest
from fixtures_pages import page_of, paragraph
from fixtures_reading import CAT, DOG, URL, A, B, read
from hypothesis import given
from hypothesis import strategies as st

from interleave.acquire.pages.page import MAX_PAGE_BYTES, Page, parse_page, read_page
from interleave.errors import Unreadable

PAGE = f"{paragraph('cat')}{paragraph('dog')}"


def page(head: str = "", body: str = PAGE) -> Page:
    return read_page(page_of(body, head), URL)


def language(page: str) -> str:
    return read_page(page.encode(), URL).language


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        ('<link rel="canonical" href="https://example.com/cats">', "https://example.com/cats"),
        ('<link REL="Canonical" href="http://example.com/cats">', "http://example.com/cats"),
        ('<link rel="stylesheet" href="https://example.com/x"><link rel="canonical" href="https://example.com/y">',
         "https://example.com/y"),
        ('<link rel="canonical" href="/cats">', "https://example.org/cats"),
        ('<link rel="canonical" href=" cats?of=all ">', "https://example.org/cats?of=all"),
        ('<link rel="canonical" href="//example.com/cats">', "https://example.com/cats"),
        ('<link rel="canonical alternate" href="https://example.com/cats">', "https://example.com/cats"),
        ('<link rel="canonical" href="http://["><link rel="canonical" href="/cats">', "https://example.org/cats"),
        ('<link rel="canonical" href="javascript:x">', None),
        ('<link rel="canonical" href="">', None),
        ('<link rel="canonical">', None),
        ('<link rel="alternate" href="https://example.com/cats">', None),
        ("", None),
    ],
)  # fmt: skip
def test_a_page_says_its_own_address(head: str, expected: str | None) -> None:
    assert page(head).canonical == expected


@pytest.mark.parametrize(
    ("declared", "expected"),
    [("en", "en"), ("EN-us", "en"), ("zh-Hant-TW", "zh"), ("de_AT", "de"), ("  fr ", "fr"), ("gsw", "gsw")],
)
def test_the_language_is_what_lang_says(declared: str, expected: str) -> None:
    assert language(f'<html lang="{declared}"><body>{PAGE}</body></html>') == expected
    assert language(f'<html><body lang="{declared}">{PAGE}</body></html>') == expected
    assert language(f'<html xml:lang="{declared}"><body>{PAGE}</body></html>') == expected


@pytest.mark.parametrize("declared", ["", "x", "english", "i-klingon", "../x", "12"])
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (CAT, "en"),
        ("猫坐在窗边的垫子上，看着外面的雨落在花园里。没有人知道它在想些什么。", "zh"),
        ("猫は窓のそばに座って、雨が庭に降るのを見ていた。だれも猫の考えを知らない。", "ja"),
        ("고양이는 창가에 앉아 정원에 비가 내리는 것을 보았다. 아무도 그 생각을 모른다.", "ko"),
    ],
)
def test_the_language_is_known_by_its_letters_where_lang_says_nothing(declared: str, text: str, expected: str) -> None:
    assert language(f'<html lang="{declared}"><body><p>{text}</p></body></html>') == expected


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        ('<meta name="robots" content="noai">', "noai"),
        ('<meta name=" Robots " content="follow, NOIMAGEAI">', "noimageai"),
        ('<meta name="robots" content="all"><meta name="robots" content="noindex;nofollow">', "noindex"),
        ('<meta name="robots" content="none">', "none"),
        ('<meta name="robots" content="otherbot: noimageindex">', "noimageindex"),
        ('<meta name="tdm-reservation" content=" 1 ">', "tdm-reservation"),
        ('<meta name="tdm-reservation" content="0">', None),
        ('<meta name="robots" content="index, follow, noarchive, max-image-preview:none">', None),
        ('<meta name="description" content="noai">', None),
        ('<meta name="robots">', None),
    ],
)
def test_a_page_may_ask_not_to_be_used(head: str, expected: str | None) -> None:
    assert page(head).opt_out == expected


@pytest.mark.parametrize(
    ("base", "expected"),
    [
        ("https://cdn.example.org/x/y", "https://cdn.example.org/x/a.jpg"),
        ("/x/", "https://example.org/x/a.jpg"),
        ("x/", "https://example.org/x/a.jpg"),
        ("//cdn.example.org", "https://cdn.example.org/a.jpg"),
        ("", "https://example.org/a.jpg"),
        (" /x/ ", "https://example.org/x/a.jpg"),
        ("http://[", "https://example.org/a.jpg"),
        ("file:///etc/", "https://example.org/a.jpg"),
        (" FILE:///etc/ ", "https://example.org/a.jpg"),
    ],
)
def test_pictures_are_relative_to_the_base_of_the_page(base: str, expected: str) -> None:
    picture = page(f'<base href="{base}">', f'{PAGE}<img src="a.jpg">').parts[-1]
    assert not isinstance(picture, str)
    assert picture.urls == (expected,)


def test_the_first_base_that_has_an_address_counts() -> None:
    head = '<base target="_blank"><base href="/x/"><base href="/y/">'
    picture = page(head, f'{PAGE}<img src="a.jpg">').parts[-1]
    assert not isinstance(picture, str)
    assert picture.urls == ("https://example.org/x/a.jpg",)


ILLUSTRATED = (
    f'{paragraph("cat")}<img src="/a.jpg" alt="A cat on a mat"><img src="/b.jpg" alt="cat"><img src="/c.jpg">'
    f'{paragraph("dog")}<figure><img src="/d.jpg" alt="A sleeping dog"><figcaption>A dog.</figcaption></figure>'
)


def test_alternative_texts_are_dropped() -> None:
    assert read(ILLUSTRATED) == [CAT, "[a.jpg]", "[b.jpg]", "[c.jpg]", DOG, "[d.jpg]", "A dog."]


def test_alternative_texts_of_two_words_are_captions_where_there_is_none() -> None:
    assert read(ILLUSTRATED, alt_text="caption") == [
        CAT, "[a.jpg]", "A cat on a mat", "[b.jpg]", "[c.jpg]", DOG, "[d.jpg]", "A dog.",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("alt", "is_caption"),
    [("窗边的猫", True), ("猫坐在垫子上。", True), ("窓のそばのねこ", True), ("猫", False), ("猫photo", False)],
)
def test_alternative_texts_in_chinese_and_japanese_are_captions_without_blanks(alt: str, is_caption: bool) -> None:
    parts = read(f'{paragraph("cat")}<img src="/a.jpg" alt="{alt}">{paragraph("dog")}', alt_text="caption")
    assert parts == [CAT, "[a.jpg]", *[alt] * is_caption, DOG]


def test_no_alternative_text_comes_between_pictures_and_the_caption_that_they_share() -> None:
    images = '<img src="/a.jpg" alt="A cat on a mat"><img src="/b.jpg" alt="A dog on a mat">'
    figure = f"<figure>{images}<figcaption>Two animals.</figcaption></figure>"
    assert read(f"{paragraph('cat')}{figure}{paragraph('dog')}", alt_text="caption") == [
        CAT, "[a.jpg]", "[b.jpg]", "Two animals.", DOG,
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("title", "expected"),
    [
        ("2. Cats", "2 Cats"),
        ("2.1. Big cats", "2.1 Big cats"),
        ("Table 3. Cats", "Table 3 Cats"),
        ("Cats No. 5. And more", "Cats No. 5. And more"),
        ("2.5 million cats", "2.5 million cats"),
    ],
)
def test_the_number_of_a_heading_does_not_end_a_sentence(title: str, expected: str) -> None:
    assert read(f"<h2>{title}</h2>{PAGE}") == [expected, CAT, DOG]


def test_the_number_of_a_caption_does_not_end_a_sentence() -> None:
    figure = f"<figure>{A}<figcaption>Figure 3. A cat.</figcaption></figure>"
    assert read(f"{paragraph('cat')}{figure}<p>Fig. 4. It is a text.</p>{paragraph('dog')}") == [
        CAT, "[a.jpg]", "Figure 3 A cat.", "Fig. 4. It is a text.", DOG,
    ]  # fmt: skip


@pytest.mark.parametrize(
    "markup",
    [
        "<script>if (a < b) { '<p>' } // </p></script>",
        "<script><!-- <p>x</p> --></script>",
        "<style>p > a { content: '</p>' }</style>",
        "<!-- <script> -->",
        "<!-->",
        "<!-- a -- b --!>",
        "<![CDATA[ ]]>",
        "<?php ?>",
        "\0",
    ],
)
def test_what_is_no_text_does_not_end_the_text_around_it(markup: str) -> None:
    assert read(f"{paragraph('cat')}{markup}{paragraph('dog')}") == [CAT, DOG]


def test_a_script_that_does_not_end_takes_the_rest() -> None:
    assert read(f"{paragraph('cat')}<script>{paragraph('dog')}") == [CAT]


@pytest.mark.parametrize("data", [CAT, f"<p>{CAT}", f"<body><p>{CAT}</body></html>", f"<HTML><P>{CAT}</P></HTML>"])
def test_a_page_needs_no_head(data: str) -> None:
    assert read_page(data.encode(), URL).parts == (CAT,)


@pytest.mark.parametrize("end", ["</body>", "</html>", "</BODY >\n</HTML>", "</body x='y'></html></body></html>"])
def test_text_behind_an_early_end_of_the_page_is_kept(end: str) -> None:
    assert read(f"{paragraph('cat')}{end}{paragraph('dog')}{end}{A}") == [CAT, DOG, "[a.jpg]"]
    assert read(f"<div><div>{paragraph('cat')}{end}</div>{A}{paragraph('dog')}</div>") == [CAT, "[a.jpg]", DOG]


def test_a_second_document_in_the_file_belongs_to_the_page() -> None:
    second = page_of(f"{A}{paragraph('dog')}", "<style>p { color: red }</style>").replace(b"<title>x</title>", b"")
    cat, picture, dog = read_page(page_of(paragraph("cat")) + b"\n" + second, URL).parts
    assert (cat, dog) == (CAT, DOG)
    assert not isinstance(picture, str)


@pytest.mark.parametrize(
    "data", [b"", b" \n", b"<!-- x -->", b"<html>", b"<html><head></head></html>", b"<frameset></frameset>"]
)
def test_a_page_without_a_body_has_no_content(data: bytes) -> None:
    with pytest.raises(Unreadable) as caught:
        read_page(data, URL)
    assert caught.value.reason == "no_content"


def test_scripts_do_not_count_as_text() -> None:
    _, num_chars = parse_page(page_of(f"<p>{CAT}</p><script>{'x' * 100_000}</script><!--{'y' * 100_000}-->"))
    assert len(CAT) < num_chars < len(CAT) + 200


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (page_of(CAT).ljust(MAX_PAGE_BYTES + 1), "too_many_bytes"),
        (page_of("<b>a" * 200_001), "too_many_elements"),
        (page_of(f"<p {'a ' * 257}>"), "too_many_elements"),
        (page_of("<p>" + "a b " * 250_001), "too_much_text"),
        (page_of("<i>" * 2100 + CAT), "too_deep"),
    ],
)
def test_pages_beyond_the_limits_are_refused(data: bytes, reason: str) -> None:
    with pytest.raises(Unreadable) as caught:
        read_page(data, URL)
    assert caught.value.reason == reason


def test_pages_within_the_limits_are_read() -> None:
    assert read(f"<p {' '.join(f'a{number}=1' for number in range(255))}>{CAT}</p>") == [CAT]
    assert read(f"<script>{'<p>' * 300_000}</script><p>{CAT}</p>") == [CAT]
    assert read(f"<p title='{'x ' * 600_000}'>{CAT}</p>") == [CAT]


_TAGS = st.sampled_from(
    ["p", "/p", "div", "/div", "table", "tr", "td", "/table", "ul", "li", "figure", "figcaption", "/figure", "br", "h2",
     "/h2", "a", "nav", "noscript", "/noscript", "picture", "source", "sup", "form", "article", "pre", "script", "!--"]
)  # fmt: skip
_MARKUP = st.lists(
    _TAGS.map("<{}>".format) | st.sampled_from([A, B, f"{CAT} ", "One. ", "[1]", "\n"]), max_size=40
).map("".join)


@given(_MARKUP)
def test_any_markup_gives_parts_that_say_something(markup: str) -> None:
    parts = read_page(page_of(markup), URL).parts
    assert all(part.strip() for part in parts if isinstance(part, str))
    assert sum(not isinstance(part, str) for part in parts) <= markup.count("<img")
