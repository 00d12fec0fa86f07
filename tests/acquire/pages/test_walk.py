import pytest
from fixtures_pages import paragraph
from fixtures_reading import CAT, DOG, FOX, A, B, C, read

BLANK = '<img src="data:image/gif;base64,R0lGODlhAQABAAAAACw=">'


def between(markup: str) -> list[str]:
    """What a piece of a page between two paragraphs is read as."""
    parts = read(f"{paragraph('cat')}{markup}{paragraph('dog')}")
    assert parts[0] == CAT
    assert parts[-1] == DOG
    return parts[1:-1]


# Text and pictures in order


@pytest.mark.parametrize(
    "markup",
    [
        f"<p>{CAT}</p>{A}<p>{DOG}</p>{B}<p>{FOX}</p>",
        f"<div><p>{CAT}</p><div><a href='/'>{A}</a></div></div><section><p>{DOG}</p>{B}</section><p>{FOX}</p>",
        f"<div>{CAT}<div>{A}</div>{DOG}<div>{B}</div>{FOX}</div>",
        f"<span>{CAT}<p>{A}</p>{DOG}<center>{B}</center></span>{FOX}",
        f"{CAT}<hr>{A}<hr>{DOG}<hr>{B}<hr>{FOX}",
        f"<p>{CAT}<p>{A}<p>{DOG}<p>{B}<p>{FOX}",
        f"<p>{CAT} {A}</p><p>{DOG} {B}</p><p>{FOX}</p>",
        f"<p>{CAT}</p><p>{A}{DOG}</p><p>{B}{FOX}</p>",
        f"<div>{CAT}<br><br>{A}<br><br>{DOG}<br><br>{B}<br><br>{FOX}</div>",
        f"<ul><li>{CAT}{A}</li><li>{DOG}{B}</li></ul><blockquote>{FOX}</blockquote>",
    ],
    ids=["flat", "nested", "text between", "inline around", "rules", "unclosed", "at the end", "at the beginning",
         "lines", "list"],
)  # fmt: skip
def test_text_and_pictures_come_in_the_order_of_the_page(markup: str) -> None:
    assert read(markup) == [CAT, "[a.jpg]", DOG, "[b.jpg]", FOX]


def test_marks_within_a_sentence_do_not_divide_it() -> None:
    assert read(f"<p>{CAT.replace('mat', '<em>m<b>a</b>t</em>').replace('window', '<a href=x>window</a>')}</p>") == [
        CAT
    ]


def test_an_anchor_that_leads_nowhere_is_no_link() -> None:
    assert read(f"<p><a name='top'>{CAT}</a></p><p><a href='/dog'>{DOG}</a></p>") == [CAT]


def test_white_space_is_as_a_browser_shows_it() -> None:
    assert read(f"<p>\n  {CAT.replace(' ', '   ').replace('. ', '.&nbsp; ')}\n</p>") == [CAT]


def test_a_picture_inside_of_a_sentence_is_put_before_that_sentence() -> None:
    sentences = (
        "The cat sat on the mat by the window.",
        "Click on the",
        "icon to open the gate of the garden. Then stop.",
    )
    assert read(f"<p>{sentences[0]} {sentences[1]} <a href='/x'>{A}</a> {sentences[2]}</p>") == [
        sentences[0], "[a.jpg]", f"{sentences[1]} {sentences[2]}",
    ]  # fmt: skip


def test_quotations_inside_of_a_sentence_have_quotation_marks() -> None:
    assert between("<p>She said <q>stay here</q> to the cat.</p>") == ["She said “stay here” to the cat."]


def test_two_line_breaks_end_a_paragraph_and_one_does_not() -> None:
    assert read(f"<div>{CAT}<br>Still here.<br><br>{DOG}<br>\n<br/>{FOX}</div>") == [f"{CAT} Still here.", DOG, FOX]


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (f"A cat<br><br>{A}<br><br>A dog", ["A cat", "[a.jpg]", "A dog"]),
        (f"A cat<br>{A}<br>sits<br><br>A dog", ["[a.jpg]", "A cat sits", "A dog"]),
        (f"One line<br/>\n<br/>Another<br> {A} goes on<br><br>And a third", ["One line", "[a.jpg]", "Another goes on",
         "And a third"]),
        (f"{CAT}<br><br>{DOG} {A}<br><br><br>{B} {FOX}", [CAT, DOG, "[a.jpg]", "[b.jpg]", FOX]),
        (f"{A}<br><br>{B}<br><br>", ["[a.jpg]", "[b.jpg]"]),
    ],
)  # fmt: skip
def test_two_line_breaks_end_a_paragraph_beside_pictures_too(lines: str, expected: list[str]) -> None:
    assert between(f"<div>{lines}</div>") == expected


def test_preformatted_text_keeps_its_lines() -> None:
    assert between("<pre>\ndef f():\n    return 1\n</pre>") == ["def f():\n    return 1"]


# Captions


@pytest.mark.parametrize(
    "markup",
    [
        f"<figure>{A}<figcaption>Two cats.</figcaption></figure>",
        f"<figure><figcaption>Two cats.</figcaption>{A}</figure>",
        f"<figure><a href='/large'>{A}</a><p>Two cats.</p></figure>",
        f"<figure><div>{A}</div><figcaption><p>Two <i>cats</i>.</p></figcaption></figure>",
        f"<div class='wp-caption alignleft'>{A}<p class='wp-caption-text'>Two cats.</p></div>",
        f"<div class='thumb tright'><div class='thumbinner'>{A}<div class='thumbcaption'>Two cats.</div></div></div>",
        f"<div>{A}<div class='image-caption'>Two cats.</div></div>",
    ],
    ids=["behind", "before", "p", "nested", "WordPress", "MediaWiki", "class"],
)
def test_a_caption_stands_behind_its_picture(markup: str) -> None:
    assert between(markup) == ["[a.jpg]", "Two cats."]


def test_all_paragraphs_of_a_caption_belong_to_it() -> None:
    caption = "<div class='image-caption'><p>Two cats.</p><p>Figure 2. A dog.</p></div>"
    assert between(f"<div>{A}{caption}</div>") == ["[a.jpg]", "Two cats.", "Figure 2 A dog."]
    assert between(caption) == ["Two cats.", "Figure 2. A dog."]


def test_pictures_of_one_figure_share_its_caption() -> None:
    assert between(f"<figure><figcaption>Three cats.</figcaption>{A}{B}{C}</figure>") == [
        "[a.jpg]", "[b.jpg]", "[c.jpg]", "Three cats.",
    ]  # fmt: skip


def test_figures_in_a_figure_keep_their_own_captions() -> None:
    inner = [
        f"<figure>{picture}<figcaption>{text}</figcaption></figure>" for picture, text in ((A, "One."), (B, "Two."))
    ]
    assert between(f"<figure>{''.join(inner)}<figcaption>Both.</figcaption></figure>") == [
        "[a.jpg]", "One.", "[b.jpg]", "Two.", "Both.",
    ]  # fmt: skip


# Tables and lists


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ("<tr><th>Name</th><th>Age</th></tr><tr><td>Tom</td><td>3</td></tr>", ["Name | Age", "Tom | 3"]),
        ("<thead><tr><td>A<td>B<tbody><tr><td>1<td>2", ["A | B", "1 | 2"]),
        ("<tr><td><p>Tom</p><p>Cat</p></td><td>3<br>years</td></tr>", ["Tom Cat | 3 years"]),
        ("<tr><td>Tom</td><td><b>3</b> <i>years</i></td></tr>", ["Tom | 3 years"]),
        ("<caption>Ages</caption><tr><td>Tom</td><td>3</td></tr>", ["Ages", "Tom | 3"]),
        ("<tr><td>Tom</td><td hidden>secret</td><td>3</td></tr>", ["Tom | 3"]),
    ],
)
def test_the_cells_of_a_row_are_joined(rows: str, expected: list[str]) -> None:
    assert between(f"<table>{rows}</table>") == expected


def test_a_table_for_layout_is_read_as_the_page_is() -> None:
    menu = "<ul><li><a href='/1'>Home</a></li><li><a href='/2'>News</a></li></ul>"
    page = f"<h1>Cats</h1>{paragraph('cat')}{A}{paragraph('dog')}"
    assert read(f"<table><tr><td>{menu}</td><td>{page}</td></tr></table>") == ["Cats", CAT, "[a.jpg]", DOG]


def test_pictures_in_cells_stay_before_the_text_of_their_row() -> None:
    rows = "".join(f"<tr><td>{image}</td><td>It is a cat.</td></tr>" for image in (A, B))
    assert between(f"<table>{rows}</table>") == ["[a.jpg]", "It is a cat.", "[b.jpg]", "It is a cat."]


def test_of_an_infobox_the_picture_and_its_caption_are_left() -> None:
    rows = f"<tr><td>{A}<br>A cat</td></tr><tr><th>Legs</th><td>Four legs</td></tr>"
    assert between(f"<table class='infobox vcard'>{rows}</table>") == ["[a.jpg]", "A cat"]
    nested = f"<tr><td><b>Animals</b><table>{rows}</table></td></tr>"
    assert between(f"<table class='infobox'>{nested}</table>") == ["[a.jpg]", "A cat"]


@pytest.mark.parametrize(
    ("markup", "expected"),
    [
        ("<ul><li>One</li><li>Two</li></ul>", ["One", "Two"]),
        ("<ol><li>One<li>Two</ol>", ["One", "Two"]),
        ("<ul><li>One<ul><li>Inner</li></ul></li><li>Two</li></ul>", ["One", "Inner", "Two"]),
        ("<ul><li><p>One</p><p>More</p></li></ul>", ["One", "More"]),
        ("<dl><dt>Cat</dt><dd>An animal</dd></dl>", ["Cat", "An animal"]),
        (f"<ul><li>{A}One</li><li>Two {B}</li></ul>", ["[a.jpg]", "One", "Two", "[b.jpg]"]),
    ],
)
def test_the_items_of_a_list_are_paragraphs(markup: str, expected: list[str]) -> None:
    assert between(markup) == expected


# What no reader sees


@pytest.mark.parametrize(
    "markup",
    [
        "<p hidden>Not to be seen.</p>",
        "<p style='color: red; display: NONE'>Not to be seen.</p>",
        "<p style='visibility:hidden'>Not to be seen.</p>",
        "<p class='sr-only'>Not to be seen.</p>",
        f"<div hidden>{A}</div>",
        "<img src='/a.jpg' style='display:none'>",
        "<script>Not.to('be seen.')</script><style>p { not: seen }</style><template>Not to be seen.</template>",
        "<!-- <p>Not to be seen.</p> -->",
        f"<iframe>Not.</iframe><svg><text>Not.</text></svg><video>{A}Not.</video><button>Not.</button>",
        "<select><option>Not to be seen.</option></select><textarea>Not to be seen.</textarea>",
        "<noscript><p>Please turn on your scripts.</p></noscript>",
    ],
)
def test_what_a_browser_does_not_show_is_left_out(markup: str) -> None:
    assert between(markup) == []


def test_what_is_found_by_a_search_in_the_page_is_shown() -> None:
    assert between("<p hidden='until-found'>It is to be found.</p>") == ["It is to be found."]


def test_readings_of_characters_are_left_out() -> None:
    text = "漢<ruby>字<rp>(</rp><rt>じ</rt><rp>)</rp></ruby>を読む猫は窓のそばに座って、雨が庭に降るのを見ていた。"
    assert read(f"<p>{text}</p>", lang="ja") == ["漢字を読む猫は窓のそばに座って、雨が庭に降るのを見ていた。"]


@pytest.mark.parametrize(
    "markup",
    [
        f"<noscript>{A}</noscript>",
        f"<p>{BLANK}<noscript>{A}</noscript></p>",
        f"<p><img data-src='/a.jpg' src='x.gif'><noscript>{A}</noscript></p>",
        f"<p><noscript>{A}</noscript><img data-src='/a.jpg' src='x.gif'></p>",
        f"<figure><div>{BLANK}</div><noscript><span>{A}</span></noscript></figure>",
    ],
)
def test_a_lazy_picture_with_its_copy_for_browsers_without_scripts_is_one_picture(markup: str) -> None:
    assert between(markup) == ["[a.jpg]"]


# Marks of references


@pytest.mark.parametrize(
    "mark",
    [
        "<sup><a href='#n12'>[12]</a></sup>",
        "<sup id='r1'><a href='#n1'>1</a></sup>",
        "<sup>[12]</sup>",
        "<a href='#n1'>[a]</a>",
        "<sup><i><a href='/wiki/CN'><span>[citation needed]</span></a></i></sup>",
    ],
)
def test_marks_of_references_are_removed(mark: str) -> None:
    assert between(f"<p>A cat{mark} sleeps in the house.{mark}</p>") == ["A cat sleeps in the house."]


@pytest.mark.parametrize(
    ("markup", "expected"),
    [
        ("<p>An area of 3 m<sup>2</sup> is enough.</p>", "An area of 3 m2 is enough."),
        ("<p>Water is H<sub>2</sub>O, as we know.</p>", "Water is H2O, as we know."),
        ("<p>He wrote [12] on the wall of it.</p>", "He wrote [12] on the wall of it."),
        ("<p>It is said in <a href='#s7'>section 7</a> of it.</p>", "It is said in section 7 of it."),
        ("<p>The room is <a href='/12'>[12]</a> in the hall.</p>", "The room is [12] in the hall."),
    ],
)
def test_numbers_that_are_no_references_stay(markup: str, expected: str) -> None:
    assert between(markup) == [expected]


# Depth


@pytest.mark.parametrize("tag", ["div", "span", "b", "blockquote", "ul><li", "font"])
@pytest.mark.parametrize("depth", [50, 130, 900])
def test_text_and_pictures_are_read_however_deep_they_lie(tag: str, depth: int) -> None:
    markup = f"<p>{CAT}</p>{A}<p>{DOG}</p>"
    assert read(f"<{tag}>" * depth + markup + f"</{tag.rpartition('<')[2]}>" * depth) == [CAT, "[a.jpg]", DOG]
