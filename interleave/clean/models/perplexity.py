"""How unlikely a language model finds a document's text."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from pydantic import Field

from interleave.align.models.scoring import (
    Model,
    ModelName,
    Of,
    Revision,
    ScoreName,
    Scoring,
    score_rows,
    torch_device,
)
from interleave.align.models.transformers_loading import NEWEST, load_model
from interleave.settings import Location, Settings

if TYPE_CHECKING:
    import torch

_IGNORED = -100  # torch's cross entropy leaves such labels out
_LARGEST = 1e6


class PerplexityScores(Settings):
    """Perplexity of a document: e to the mean negative log-likelihood of its tokens, at most 1e6.

    OBELICS keeps up to 1,500, of another model (KenLM on Wikipedia): a bound belongs to its model.
    """

    kind: Literal["perplexity"]
    """Scores of documents by a causal language model."""

    name: ScoreName = "perplexity"
    """What the rest of the recipe calls them."""

    model: ModelName
    """A folder, or a name on the Hugging Face hub."""

    revision: Revision | None = None
    """Commit or tag on the hub. null: the newest."""

    max_tokens: Annotated[int, Field(ge=2)] = 1024
    """Tokens that are looked at, from the beginning; at most the model's context."""

    path: Location
    """The table, a Parquet file."""

    @property
    def of(self) -> Of:
        return "document"

    def scorings(self) -> tuple[Scoring[str]]:
        return (Scoring(table=Path(self.path), of="document", open=self._open, rows_per_part=256),)

    def _open(self, device: str | None) -> Model[str]:
        import transformers

        on = torch_device(device)
        model = load_model(transformers.AutoModelForCausalLM, self.model, self.revision, on)
        tokenizer = transformers.AutoTokenizer.from_pretrained(self.model, revision=self.revision or NEWEST)
        context = getattr(model.config, "max_position_embeddings", None) or self.max_tokens
        num_tokens = min(self.max_tokens, context)

        def score(texts: Sequence[str]) -> pa.Table:
            ids = [_ids(text, tokenizer, num_tokens) for text in texts]
            known = [position for position, found in enumerate(ids) if len(found) >= 2]
            scores = np.full(len(texts), np.nan, dtype=np.float32)
            if known:
                scores[known] = _perplexities([ids[position] for position in known], model, on)
            return score_rows(scores)

        return score


def _ids(text: str, tokenizer: Any, num_tokens: int) -> list[int]:
    """The first ids of a text, behind the mark of a beginning where the model has one: so the first word counts."""
    ids: list[int] = tokenizer(text, truncation=True, max_length=num_tokens)["input_ids"]
    begin = tokenizer.bos_token_id
    return ids if begin is None or ids[:1] == [begin] else [begin, *ids][:num_tokens]


def _perplexities(ids: Sequence[Sequence[int]], model: Any, device: torch.device) -> npt.NDArray[np.float32]:
    import torch
    from torch.nn.functional import cross_entropy

    longest = max(map(len, ids))
    # Filled up at the end: what comes behind a token changes nothing for a causal model.
    filled = torch.tensor([[*found, *[0] * (longest - len(found))] for found in ids], device=device)
    lengths = torch.tensor([len(found) for found in ids], device=device)
    mask = torch.arange(longest, device=device) < lengths[:, None]
    with torch.inference_mode():
        logits = model(input_ids=filled, attention_mask=mask.long()).logits.float()
        labels = filled.masked_fill(~mask, _IGNORED)[:, 1:]
        losses = cross_entropy(logits[:, :-1].transpose(1, 2), labels, ignore_index=_IGNORED, reduction="none")
        means = losses.double().sum(dim=1) / (lengths - 1)
    found: npt.NDArray[np.float32] = means.exp().clamp(max=_LARGEST).float().cpu().numpy()
    return found
