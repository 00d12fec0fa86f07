from pathlib import Path

import pytest
from fixtures_reading import record
from fixtures_warc import BODY, HTML, IMAGE, JPEG, LATER, OTHER, PAGE, SITE, Found, image, page, revisit, same_as

DIGEST = "WARC-Payload-Digest: sha1:AAAABBBBCCCCDDDDEEEEFFFFGGGGHHHH"


def test_a_page_under_a_new_address_is_a_document_of_that_address(tmp_path: Path) -> None:
    found = Found(
        tmp_path, [page(), revisit("https://example.net/two", *same_as(PAGE)), image("https://example.net/a.jpg")]
    )
    assert found.urls == [PAGE, "https://example.net/two"]
    assert found.images == [IMAGE, JPEG]
    assert found.documents[0].sentences == found.documents[1].sentences


def test_a_page_is_found_by_the_digest_of_its_payload(tmp_path: Path) -> None:
    original = record(PAGE, BODY, HTML, warc=[DIGEST])
    found = Found(tmp_path, [revisit(f"{SITE}/before", DIGEST), original, revisit(f"{SITE}/after", DIGEST)])
    assert found.urls == [f"{SITE}/before", PAGE, f"{SITE}/after"]


def test_a_page_that_did_not_change_is_one_document(tmp_path: Path) -> None:
    found = Found(tmp_path, [page(), revisit(PAGE, *same_as(PAGE))])
    assert found.reasons == [None, "duplicate_capture"]


@pytest.mark.parametrize(
    "refers_to",
    [(), (DIGEST,), same_as(PAGE, LATER), same_as(f"{SITE}/none")],
    ids=["nothing", "digest", "other date", "other address"],
)
def test_a_revisit_of_what_is_not_there_is_refused(tmp_path: Path, refers_to: tuple[str, ...]) -> None:
    found = Found(tmp_path, [page(), revisit(f"{SITE}/two", *refers_to)])
    assert found.reasons == [None, "revisit_unresolved"]


@pytest.mark.parametrize("refers_to", [(DIGEST,), same_as(f"{SITE}/first.jpg")], ids=["digest", "address"])
def test_a_revisit_of_an_image_leads_to_its_bytes(tmp_path: Path, refers_to: tuple[str, ...]) -> None:
    first = record(f"{SITE}/first.jpg", JPEG, "Content-Type: image/jpeg", warc=[DIGEST])
    found = Found(tmp_path, [first, revisit(IMAGE, *refers_to, media_type="image/jpeg"), page()])
    assert found.images == [JPEG]
    assert found.reasons == [None]


def test_a_revisit_of_an_image_that_is_not_there_is_no_document(tmp_path: Path) -> None:
    assert Found(tmp_path, [page(), revisit(IMAGE, DIGEST, media_type="image/jpeg")]).reasons == [None]


def test_a_revisit_of_an_image_that_comes_later_in_the_file_leads_to_its_bytes(tmp_path: Path) -> None:
    first = record(f"{SITE}/first.jpg", JPEG, "Content-Type: image/jpeg", warc=[DIGEST])
    for refers_to in ((DIGEST,), same_as(f"{SITE}/first.jpg")):
        found = Found(tmp_path, [page(), revisit(IMAGE, *refers_to, media_type="image/jpeg"), first])
        assert found.images == [JPEG]
        assert found.reasons == [None]


def test_a_revisit_that_comes_early_does_not_replace_an_image(tmp_path: Path) -> None:
    first = record(f"{SITE}/first.jpg", JPEG, "Content-Type: image/jpeg", warc=[DIGEST])
    early = revisit(IMAGE, DIGEST, media_type="image/jpeg", date="2023-01-01T00:00:00Z")
    assert Found(tmp_path, [early, page(), image(body=OTHER), first]).images == [OTHER]


def test_a_revisit_of_an_image_whose_original_is_a_page_leads_nowhere(tmp_path: Path) -> None:
    original = record(f"{SITE}/two", BODY, HTML, warc=[DIGEST])
    found = Found(tmp_path, [page(), revisit(IMAGE, DIGEST, media_type="image/jpeg"), original])
    assert found.images == [IMAGE, IMAGE]
