import pytest
from fixtures_pages import paragraph
from fixtures_reading import CAT, DOG, A, B, C, read

LAZY = "<img class='lazyload' src='/grey.gif' data-src='/a.jpg'>"


def between(markup: str) -> list[str]:
    """The pictures between two paragraphs."""
    parts = read(f"{paragraph('cat')}{markup}{paragraph('dog')}")
    assert (parts[0], parts[-1]) == (CAT, DOG)
    return parts[1:-1]


@pytest.mark.parametrize(
    "markup",
    [
        f"<noscript>{A}</noscript><noscript>{B}</noscript><noscript>{C}</noscript>",
        f"<p><noscript>{A}</noscript>\n<noscript>{B}</noscript></p><noscript>{C}</noscript>",
        f"<noscript>{A}{B}</noscript><noscript><p>{C}</p></noscript>",
        f"{A}<noscript>{B}</noscript>{C}",
        f"<p>{A}</p><noscript>{B}</noscript><p>{C}</p>",
        f"{A}<noscript>{B}</noscript><noscript>{C}</noscript>",
    ],
)
def test_pictures_for_browsers_without_scripts_come_beside_others(markup: str) -> None:
    assert between(markup) == ["[a.jpg]", "[b.jpg]", "[c.jpg]"]


@pytest.mark.parametrize(
    "markup",
    [
        f"{LAZY}<noscript>{A}</noscript>",
        f"<noscript>{A}</noscript>{LAZY}",
        f"<div>{LAZY}</div><noscript>{A}</noscript>",
        f"{LAZY}<noscript><img src='/a-large.jpg'></noscript>",
        f"<img data-srcset='/a.jpg 600w'><noscript>{A}</noscript>",
        "<img class='lazy' src='/a.jpg'><noscript><img src='/a-large.jpg'></noscript>",
        f"{A}<noscript>{A}</noscript>",
    ],
)
def test_the_copy_of_a_lazy_picture_does_not_come_beside_it(markup: str) -> None:
    assert between(markup) == ["[a.jpg]"]


@pytest.mark.parametrize("end", ["", "</source>", "<source srcset='/c.webp'>"])
def test_a_picture_comes_whether_its_sources_are_closed_or_not(end: str) -> None:
    markup = f"<picture><source srcset='/b.webp'>{end}{A}</picture>"
    assert between(markup) in (["[b.webp]"], ["[c.webp]"])


def test_of_pictures_without_scripts_only_those_come_that_are_not_beside_them() -> None:
    assert between(f"{A}<noscript>{A}{B}</noscript>") == ["[a.jpg]", "[b.jpg]"]
