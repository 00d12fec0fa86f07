"""The rule on the language of a text."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from interleave.clean.bounds import Verdict, outside
from interleave.clean.languages import DETECTED
from interleave.clean.text_rules.bounds import Level
from interleave.clean.text_view import Text
from interleave.settings import Settings


class Language(Settings):
    """The language, as detected (fastText's small model, which is installed with the extra `build`) or as the source
    states it. What is measured is how sure the model is, best against second best, and 0 for a language that is not to
    be kept; of a stated language 1 or 0. Texts without a letter, or without a stated language, are kept. OBELICS:
    documents in English, 0.8."""

    kind: Literal["language"]
    """Removes texts by their language."""

    of: Level = "document"
    """What is looked at, and removed. A sentence is often taken for another language."""

    by: Literal["detection", "source"] = "detection"
    """What says which language it is: the text, or its source."""

    keep: Annotated[tuple[str, ...], Field(strict=False, min_length=1)] | None = None
    """Codes to keep, of detected languages as ISO 639 writes them (`en`, `zh`), of stated ones as the source does; any,
    where none are given."""

    min: Annotated[float, Field(ge=0, le=1, strict=False)] = 0.8
    """Least score that is kept; of two languages in equal parts each has about 0.5."""

    @model_validator(mode="after")
    def _check_codes(self) -> Language:
        if self.by == "detection" and (unknown := [code for code in self.keep or () if code not in DETECTED]):
            raise ValueError(f"`keep`: no language is detected as {', '.join(unknown)}; expected codes such as en, zh")
        return self

    def measure(self, text: Text) -> float | None:
        if self.by == "source":
            return None if text.stated_language is None else float(self._is_kept(text.stated_language))
        if text.language is None:
            return None
        return text.language.score if self._is_kept(text.language.code) else 0.0

    def judge(self, value: float | None, text: Text) -> Verdict | None:
        code = text.stated_language if self.by == "source" else text.language and text.language.code
        return outside(value, self.min, None, code or "")

    def _is_kept(self, code: str) -> bool:
        return self.keep is None or code in self.keep
