"""Below a depth that Python's stack allows, a page is read by another loop: it should make no difference."""

import pytest
from fixtures_pages import paragraph
from fixtures_reading import CAT, DOG, FOX, A, B, read

DEPTHS = pytest.mark.parametrize("depth", [110, 121, 125, 130, 600])


def deep(markup: str, depth: int) -> list[str]:
    return read("<div>" * depth + markup + "</div>" * depth)


@DEPTHS
@pytest.mark.parametrize(
    "markup",
    [
        f"<p>{CAT}</p>{A}<p>{DOG}</p>{B}<p>{FOX}</p>",
        f"<div>{CAT}</div><div>{A}</div><section>{DOG}<figure>{B}</figure></section><p>{FOX}</p>",
        f"{CAT}<div>{A}</div>{DOG}<div>{B}</div>{FOX}",
        f"<ul><li>{CAT}{A}</li><li>{DOG}{B}</li></ul><blockquote>{FOX}</blockquote>",
        f"<h2>{CAT}</h2>{A}<h2>{DOG}</h2>{B}{FOX}",
    ],
    ids=["flat", "nested", "text between", "list", "headings"],
)
def test_paragraphs_are_not_glued_however_deep_they_lie(markup: str, depth: int) -> None:
    assert deep(markup, depth) == [CAT, "[a.jpg]", DOG, "[b.jpg]", FOX]


@DEPTHS
def test_sentences_are_not_torn_however_deep_they_lie(depth: int) -> None:
    marked = CAT.replace("mat", "<em>m<b>a</b>t</em>").replace("window", "<a href='/x'>win<i>dow</i></a>")
    assert deep(f"<p>{marked}</p>{DOG} It <b>goes</b> on here.", depth) == [CAT, f"{DOG} It goes on here."]


@DEPTHS
def test_two_line_breaks_end_a_paragraph_however_deep_it_lies(depth: int) -> None:
    assert deep(f"{CAT}<br>Still here.<br><br>{DOG}", depth) == [f"{CAT} Still here.", DOG]


@DEPTHS
@pytest.mark.parametrize(
    "markup",
    [
        "<p hidden>Not to be seen.</p>",
        "<div style='display: none'><p>Not to be seen.</p></div>",
        f"<div hidden>{A}</div>",
        "<img src='/a.jpg' style='display:none'>",
        "<p class='sr-only'>Not to be seen.</p>",
        "<nav><p>Not to be seen.</p></nav>",
        f"<div class='sidebar'>{A}<p>Not to be seen.</p></div>",
        "<noscript><p>Please turn on your scripts.</p></noscript>",
        "<select><option>Not to be seen.</option></select><button>Not.</button>",
    ],
)
def test_what_is_not_shown_is_left_out_however_deep_it_lies(markup: str, depth: int) -> None:
    assert deep(f"{paragraph('cat')}{markup}{paragraph('dog')}", depth) == [CAT, DOG]


@DEPTHS
def test_marks_of_references_are_removed_however_deep_they_lie(depth: int) -> None:
    mark = "<sup><a href='#n12'>[12]</a></sup>"
    assert deep(f"<p>{CAT[:-1]}{mark}.</p>{paragraph('dog')}", depth) == [CAT, DOG]


@DEPTHS
def test_a_lazy_picture_is_one_picture_however_deep_it_lies(depth: int) -> None:
    lazy = f"<img src='/grey.gif' data-src='/a.jpg'><noscript>{A}</noscript>"
    parts = deep(f"{paragraph('cat')}{lazy}<p><noscript>{B}</noscript></p>{paragraph('dog')}", depth)
    assert parts == [CAT, "[a.jpg]", "[b.jpg]", DOG]
