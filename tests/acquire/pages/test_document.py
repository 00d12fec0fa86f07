import base64
from collections.abc import Callable, Mapping

import pytest
from fixtures_pages import page_of, paragraph
from fixtures_reading import CAT, A, B, C

from interleave.acquire.pages.document import MAX_DATA_URL_CHARS, page_document
from interleave.acquire.source import Limits, Parsed
from interleave.errors import Unreadable

URL = "https://example.org/x/page"
JPEG = b"\xff\xd8 one picture"
LIMITS = Limits(max_image_bytes=10_000_000)
CANONICAL = '<link rel="canonical" href="https://example.com/cats">'


def document(body: str, head: str = "", files: Mapping[str, bytes] | None = None, **options: object) -> Parsed:
    """A page as a document; files: what comes with it, by address."""

    def find(url: str) -> Callable[[], bytes] | None:
        return (lambda: files[url]) if files and url in files else None

    settings: dict[str, object] = {"document_url": URL, "url": URL, **options}
    url = str(settings.pop("url"))
    return page_document(page_of(body, head), "an id", url, find, LIMITS, **settings)  # type: ignore[arg-type]


def around(images: str) -> str:
    return f"{paragraph('cat')}{images}{paragraph('dog')}"


def inline(num_bytes: int, scheme: str = "data:") -> str:
    return f'<img src="{scheme}image/png;base64,{base64.b64encode(b"a" * num_bytes).decode()}">'


def test_a_document_has_its_page_as_sentences_and_pictures_at_their_places() -> None:
    found = document(f"<h1>Cats</h1>{around(A)}{B}").document
    assert found.id == "an id"
    assert found.url == URL
    assert found.meta == {"language": "en"}
    assert found.sentences[0] == "Cats"
    assert " ".join(found.sentences[1:3]) == CAT
    assert found.sentences[-1] == ""
    assert [(image.index, image.matched_sentence) for image in found.images] == [(0, 3), (1, 5)]
    assert [image.url for image in found.images] == ["https://example.org/a.jpg", "https://example.org/b.jpg"]
    assert [image.name for image in found.images] == ["a.jpg", "b.jpg"]


def test_a_document_whose_address_is_not_known_has_the_one_that_its_page_says() -> None:
    assert document(CAT, CANONICAL, document_url="").document.url == "https://example.com/cats"
    assert document(CAT, CANONICAL).document.url == URL
    assert document(CAT, document_url="").document.url is None


def test_references_are_relative_to_where_the_page_lay_and_not_to_what_it_says() -> None:
    (image,) = document(around('<img src="a.jpg">'), CANONICAL, document_url="https://example.net/").document.images
    assert image.url == "https://example.org/x/a.jpg"


def test_sentences_are_those_of_the_language_of_the_page() -> None:
    sentences = "猫坐在窗边的垫子上。", "它看着外面的雨落在花园里！", "没有人知道它在想些什么？"
    data = f"<html lang='zh'><body><p>{''.join(sentences)}</p></body></html>"
    found = page_document(data.encode(), "id", URL, lambda _: None, LIMITS, document_url=URL).document
    assert found.sentences == sentences
    assert found.meta == {"language": "zh"}


def test_the_header_says_what_the_page_is_encoded_in() -> None:
    data = f"<html><body><p>Кошка. {CAT}</p></body></html>".encode("koi8-r")
    found = page_document(
        data, "id", URL, lambda _: None, LIMITS, document_url=URL, content_type="text/html; charset=koi8-r"
    )
    assert found.document.sentences[0] == "Кошка."


# Where pictures lie


def test_the_best_address_whose_bytes_are_at_hand_is_taken() -> None:
    images = '<img src="small.jpg" srcset="m.jpg 600w, https://cdn.example.org/l.jpg 1200w">'
    (image,) = document(around(images), files={"https://example.org/x/small.jpg": JPEG}).document.images
    assert image.load is not None
    assert image.load() == JPEG
    assert (image.url, image.name) == ("https://example.org/x/small.jpg", "small.jpg")


def test_without_bytes_the_best_address_is_left() -> None:
    (image,) = document(around('<img src="small.jpg" srcset="a/l.jpg?w=1200 1200w">')).document.images
    assert (image.url, image.name, image.load) == ("https://example.org/x/a/l.jpg?w=1200", "l.jpg", None)


def test_a_saved_page_has_pictures_as_files_and_by_address() -> None:
    images = '<img src="a.jpg"><img src="missing.jpg"><img src="https://example.org/b.jpg">'
    found = document(around(images), files={"file:///d/a.jpg": JPEG}, url="file:///d/page.html")
    assert [(image.index, image.url, image.load is not None) for image in found.document.images] == [
        (0, None, True),
        (2, "https://example.org/b.jpg", False),
    ]
    assert [(index, error.reason) for index, error in found.unusable] == [(1, "image_missing")]


def test_pictures_that_can_never_be_had_keep_their_numbers() -> None:
    found = document(around(f'{A}<img src="b.svg">{C}<img src="javascript:x">'))
    assert [image.index for image in found.document.images] == [0, 2]
    assert [(index, error.reason) for index, error in found.unusable] == [(1, "svg_image"), (3, "bad_image_url")]


# Pictures within the page


def test_a_picture_within_the_page_is_decoded_when_it_is_asked_for() -> None:
    (image,) = document(around(inline(500))).document.images
    assert (image.url, image.name) == (None, None)
    assert image.load is not None
    assert image.load() == b"a" * 500


def test_a_picture_within_the_page_is_bound_by_the_limit_for_pictures() -> None:
    data = page_of(around(inline(500)))
    found = page_document(data, "id", URL, lambda _: None, Limits(max_image_bytes=499), document_url=URL)
    (image,) = found.document.images
    assert image.load is not None
    with pytest.raises(Unreadable) as caught:
        image.load()
    assert caught.value.reason == "too_many_bytes"


def test_pictures_within_the_page_have_room_for_so_many_characters() -> None:
    num_bytes = MAX_DATA_URL_CHARS // 4 * 3 // 2 - 300
    found = document(around(f"{inline(num_bytes)}{A}{inline(num_bytes)}{inline(num_bytes)}{B}"))
    assert [image.index for image in found.document.images] == [0, 1, 2, 4]
    assert [(index, error.reason) for index, error in found.unusable] == [(3, "too_many_bytes")]


@pytest.mark.parametrize("scheme", ["DATA:", "Data:"])
def test_pictures_within_the_page_count_towards_that_room_in_capitals_too(scheme: str) -> None:
    num_bytes = MAX_DATA_URL_CHARS // 4 * 3 // 2 - 300
    found = document(around(f"{inline(num_bytes, scheme) * 3}{A}"))
    assert [image.index for image in found.document.images] == [0, 1, 3]
    assert [(index, error.reason) for index, error in found.unusable] == [(2, "too_many_bytes")]


# Refusals


@pytest.mark.parametrize("head", ['<meta name="robots" content="noai">', '<meta name="tdm-reservation" content="1">'])
def test_a_page_that_asks_not_to_be_used_is_refused_unless_the_recipe_says_otherwise(head: str) -> None:
    with pytest.raises(Unreadable) as caught:
        document(CAT, head)
    assert caught.value.reason == "opted_out"
    assert document(CAT, head, respect_opt_out=False).document.sentences == document(CAT).document.sentences


@pytest.mark.parametrize("body", ["", "<nav><a href='/'>Home</a></nav>", "<p>Hi</p>"])
def test_a_page_without_content_is_refused(body: str) -> None:
    with pytest.raises(Unreadable) as caught:
        document(body)
    assert caught.value.reason == "no_content"


def test_alternative_texts_are_captions_where_the_recipe_says_so() -> None:
    body = around('<img src="a.jpg" alt="A cat on a mat">')
    assert "A cat on a mat" not in document(body).document.sentences
    found = document(body, alt_text="caption").document
    assert found.sentences[2] == "A cat on a mat"
    assert found.images[0].matched_sentence == 2
