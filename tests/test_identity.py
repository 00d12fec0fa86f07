import subprocess
import sys

from hypothesis import given
from hypothesis import strategies as st

from interleave.identity import document_id, fingerprint, seeded_u64, text_digest

CODE = """
from interleave.identity import document_id, fingerprint, seeded_u64
print(document_id("mmc4", "a.jsonl", 3), fingerprint({"b": [1, 2.5, None], "a": "é"}), seeded_u64(7, "stage", 3))
"""


def test_names_are_the_same_in_another_process_with_another_hash_seed() -> None:
    outputs = {
        subprocess.run(
            [sys.executable, "-c", CODE], env={"PYTHONHASHSEED": seed}, capture_output=True, text=True, check=True
        ).stdout
        for seed in ("1", "2")
    }
    here = document_id("mmc4", "a.jsonl", 3), fingerprint({"a": "é", "b": [1, 2.5, None]}), seeded_u64(7, "stage", 3)
    assert outputs == {" ".join(map(str, here)) + "\n"}


def test_an_id_is_32_hex_digits_of_where_a_document_stands() -> None:
    places = [("a", "b", 1), ("a", "b", 11), ("ab", "", 1), ("a", "b1", 1), ("b", "a", 1)]
    ids = {document_id(*place) for place in places}
    assert len(ids) == len(places)
    assert all(len(found) == 32 and int(found, 16) >= 0 for found in ids)


def test_ids_do_not_change_between_versions() -> None:
    assert document_id("mmc4", "docs.jsonl", 0) == "1476bd83b7d097a8b6343e2a9960a72f"
    assert seeded_u64(0, "order", 1) == 15540658682215099021
    assert text_digest("a").hex() == "27c35e6e9373877f29e562464e46497e"


def test_a_fingerprint_does_not_depend_on_the_order_of_keys_but_on_that_of_lists() -> None:
    assert fingerprint({"a": 1, "b": {"c": 2, "d": 3}}) == fingerprint({"b": {"d": 3, "c": 2}, "a": 1})
    assert fingerprint([1, 2]) != fingerprint([2, 1])
    assert fingerprint({"a": None}) != fingerprint({})
    assert fingerprint("1") != fingerprint(1)


@given(st.integers(0, 2**63), st.integers(0, 2**63), st.text(max_size=5))
def test_seeded_numbers_have_64_bits_and_differ_with_seed_and_name(one: int, other: int, name: str) -> None:
    assert 0 <= seeded_u64(one, name) < 2**64
    assert (seeded_u64(one, name) == seeded_u64(other, name)) == (one == other)
    assert seeded_u64(one, name, 1) != seeded_u64(one, name, 2)
