"""What encoding stores of a document is what the model's own processor makes of it, from the profile to the ids."""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path

import pytest
from real_processors import CASES, Case, Size, ids_of_processor, open_case
from records import make_image

from interleave.document import Document, Encoded, Image, Sentence
from interleave.encode.layout import LayoutSettings, lay_out
from interleave.encode.model import TargetModel, Wanted, target_model
from interleave.encode.profiles.profile import Form
from interleave.encode.tokenizer import load_tokenizer

pytest.importorskip("transformers")
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")


def make_document(texts: Sequence[str], sizes: Sequence[Size]) -> Document:
    """Texts with an image between each two; an empty text is none."""
    parts: list[Sentence | Image] = []
    for at, text in enumerate(texts):
        parts += [Sentence(index=at, text=text)] * bool(text)
        if at < len(sizes):
            parts.append(make_image(at, matched=at, width=sizes[at][0], height=sizes[at][1]))
    return Document(id="d", source="s", url=None, parts=tuple(parts))


def resolve(case: Case, form: Form, tokenizer: Path) -> TargetModel:
    return target_model(
        Wanted(
            profile=case.profile,
            layout="document",
            tokenizer=str(tokenizer),
            placeholder=None,
            tokens_per_image=None,
            form=form,
            options=case.options,
            context=None,
            bos=None,
            eos=None,
        )
    )


def encode(document: Document, model: TargetModel) -> Encoded:
    settings = LayoutSettings(
        image=model.image,
        separator=" ",
        text_before=model.text_before,
        text_after=model.text_after,
        strip=False,
        bos=None,
        eos=None,
        longest_sentence=None,
    )
    return lay_out([document], load_tokenizer(Path(model.tokenizer_file)), settings)[0]


def expand_spans(encoded: Encoded, model: TargetModel) -> list[int]:
    """Stored ids with each image as it is in the model."""
    ids, end, spans = [], 0, encoded.spans
    for span in spans:
        ids += encoded.token_ids[end : span.start].tolist()
        expanded = model.image.expanded(span.image.width, span.image.height, len(spans)).tolist()
        assert len(expanded) == span.num_tokens
        ids += expanded
        end = span.start + span.length
    return [*ids, *encoded.token_ids[end:].tolist()]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_document_is_stored_as_its_model_is_given_it(
    case: Case, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    profile, _, processor = open_case(case, monkeypatch)
    file = tmp_path / "tokenizer.json"
    processor.tokenizer.backend_tokenizer.save(str(file))
    models: list[TargetModel] = [resolve(case, form, file) for form in ("expanded", "compact")]
    rng = random.Random(f"documents {case}")
    for texts in (("The cat", "sat"), ("The cat", "sat on the mat.\nA dog", "", "ran home"), ("", "beta", "")):
        sizes = [(rng.randint(5, 1200), rng.randint(5, 1200)) for _ in texts[1:]]
        document = make_document(texts, sizes)
        theirs, _ = ids_of_processor(processor, profile, texts, sizes, case.unchanged)
        expanded, compact = (encode(document, model) for model in models)
        assert expanded.token_ids.tolist() == theirs, sizes
        assert expand_spans(compact, models[1]) == theirs, sizes
        assert len(compact.token_ids) <= len(theirs)
