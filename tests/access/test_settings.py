"""What a recipe says of asking the web: every fault is one sentence that says where, what, and what to write."""

from __future__ import annotations

from pathlib import Path

import pytest

from interleave.access.settings import Fetch
from interleave.errors import RecipeError
from interleave.recipe_file import load_recipe

RECIPE = """
source: {kind: mmc4, path: docs.jsonl}
output: out
tokenizer: tok/tokenizer.json
fetch: {contact: me@lab.example}
"""


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    (tmp_path / "recipe.yaml").write_text(RECIPE)
    return tmp_path / "recipe.yaml"


def load(recipe: Path, *overrides: str) -> Fetch:
    found = load_recipe(recipe, [f"fetch{override}" for override in overrides]).fetch
    assert found is not None
    return found


def faults(recipe: Path, *overrides: str) -> list[str]:
    with pytest.raises(RecipeError) as caught:
        load(recipe, *overrides)
    return [line.strip() for line in str(caught.value).splitlines()[1:]]


def test_a_contact_is_all_that_must_be_said(recipe: Path) -> None:
    found = load(recipe)
    assert (found.keep, found.retry, found.engine, found.offline, found.store) == (
        "original",
        "transient",
        "interleave",
        False,
        None,
    )
    assert (found.politeness.robots, found.politeness.headers, found.politeness.tdmrep) == (True, True, "auto")
    assert (found.allow, found.resolve) == ((), {}), "nothing that is not public is reached unless a recipe says so"


def test_without_fetch_nothing_is_asked(recipe: Path) -> None:
    assert load_recipe(recipe, ["fetch=null"]).fetch is None


@pytest.mark.parametrize(
    ("override", "fault"),
    [
        ("={}", "fetch.contact: missing, this key is required"),
        (".contcat=a", "fetch.contcat: unknown key; did you mean 'contact'?"),
        (".politeness.robot=true", "fetch.politeness.robot: unknown key; did you mean 'robots'?"),
        (".allow=10.0.0.0/8", "fetch.allow: expected a list; write [10.0.0.0/8] (got '10.0.0.0/8')"),
        (
            "={contact: a@b.example, resolve: {'http://a': '1.2.3.4:80'}}",
            "fetch.resolve: 'http://a' is no host; write its name alone, for example images.example",
        ),
        (".connect_timeout_s=true", "fetch.connect_timeout_s: expected seconds, a number above 0 (got True)"),
        (".store=''", "fetch.store: expected a path (got '')"),
        (".keep=orginal", "fetch.keep: Input should be 'original', 'normalised' or 'none' (got 'orginal')"),
        (".retry=always", "fetch.retry: Input should be 'transient', 'all' or 'none' (got 'always')"),
        (".engine=curl", "fetch.engine: Input should be 'interleave' or 'img2dataset' (got 'curl')"),
        (".offline=1", "fetch.offline: Input should be a valid boolean (got 1)"),
        (".connections=0", "fetch.connections: Input should be greater than or equal to 1 (got 0)"),
        (".connections=4097", "fetch.connections: Input should be less than or equal to 4096 (got 4097)"),
        (".connections=1.5", "fetch.connections: Input should be a valid integer (got 1.5)"),
        (".attempts=0", "fetch.attempts: Input should be greater than or equal to 1 (got 0)"),
        (".max_redirects=21", "fetch.max_redirects: Input should be less than or equal to 20 (got 21)"),
        (".deadline_s=0", "fetch.deadline_s: Input should be greater than 0 (got 0)"),
        (".deadline_s=.inf", "fetch.deadline_s: Input should be a finite number (got inf)"),
        (".connect_timeout_s=.nan", "fetch.connect_timeout_s: Input should be a finite number (got nan)"),
        (
            ".politeness.requests_per_second=0",
            "fetch.politeness.requests_per_second: Input should be greater than 0 (got 0)",
        ),
        (
            ".politeness.connections_per_host=0",
            "fetch.politeness.connections_per_host: Input should be greater than or equal to 1 (got 0)",
        ),
        (
            ".politeness.tdmrep=sometimes",
            "fetch.politeness.tdmrep: Input should be 'auto', 'always' or 'never' (got 'sometimes')",
        ),
        (
            ".allow=[10.0.0.0/33]",
            "fetch.allow: '10.0.0.0/33' is no network; write for example 10.1.0.0/16 (got ['10.0.0.0/33'])",
        ),
        (
            ".allow=[localhost]",
            "fetch.allow: 'localhost' is no network; write for example 10.1.0.0/16 (got ['localhost'])",
        ),
        (".img2dataset={encode_format: png}", "fetch.img2dataset: encode_quality: 0 to 9 for PNG"),
        (
            "={contact: a@b.example, keep: none, store: s}",
            "fetch: `keep: none` would empty a `store` that other builds use; leave one of them out",
        ),
        (
            "={contact: a@b.example, keep: normalised, engine: img2dataset}",
            "fetch: `engine: img2dataset` keeps its own form of images; leave out `keep: normalised`",
        ),
    ],
)
def test_a_fault_is_one_sentence(recipe: Path, override: str, fault: str) -> None:
    assert faults(recipe, override) == [fault]


@pytest.mark.parametrize(
    "place",
    ["localhost", "127.0.0.1", "127.0.0.1:0", "127.0.0.1:65536", "127.0.0.1:http", "b.example:80", "::1", ":80"],
)
def test_a_place_is_an_address_with_a_port(recipe: Path, place: str) -> None:
    assert faults(recipe, f".resolve={{a.example: '{place}'}}") == [
        f"fetch.resolve: a.example: {place!r} is no place; write ADDRESS:PORT, for example 127.0.0.1:8080"
    ]


@pytest.mark.parametrize("contact", ["ab", "me at lab", "büro@lab.example", "a@b.example\\r\\nX-A: b", "x" * 201])
def test_a_contact_fits_into_a_header(recipe: Path, contact: str) -> None:
    (fault,) = faults(recipe, f'.contact="{contact}"')
    assert "is no e-mail address or web page: 3 to 200 ASCII characters without blanks" in fault


def test_all_faults_are_named_at_once(recipe: Path) -> None:
    found = faults(recipe, ".connections=0", ".retry=always", ".politeness.tdmrep=7")
    assert [fault.partition(":")[0] for fault in found] == [
        "fetch.retry",
        "fetch.connections",
        "fetch.politeness.tdmrep",
    ]


def test_sound_settings_are_taken_as_they_stand(recipe: Path) -> None:
    found = load(
        recipe,
        ".allow=[10.1.0.0/16, 'fd00::/8', 127.0.0.1]",
        ".resolve={a.example: '127.0.0.1:8080', b.example: '[::1]:81'}",
        ".deadline_s=0.5",
        ".max_redirects=0",
        ".politeness={requests_per_second: null, tdmrep: never}",
        ".img2dataset={encode_format: png, encode_quality: 9}",
        ".store=images",
    )
    assert found.allow == ("10.1.0.0/16", "fd00::/8", "127.0.0.1")
    assert found.resolve == {"a.example": "127.0.0.1:8080", "b.example": "[::1]:81"}
    assert (found.deadline_s, found.max_redirects, found.politeness.requests_per_second) == (0.5, 0, None)
    assert found.store == str(Path.cwd() / "images")
