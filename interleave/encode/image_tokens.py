"""The ids that stand for an image, by its size: a profile with its tokens looked up.

Built from a recipe (`interleave.encode.model`), and again from a manifest, so that whoever reads shards needs no
tokenizer.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from interleave.document import Int32s
from interleave.encode.profiles.known import PROFILES
from interleave.encode.profiles.profile import Form, Profile, Run


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageTokens:
    """What an image becomes among ids. All sizes are in px, of the image as stored.

    For VILA 1.0 an image is stored as [-200] and expands to 576 times -200. For Qwen2-VL, 1 the start mark, 2 the end
    mark and 3 the placeholder, an image of 56 x 84 px is stored as [1 3 2] (compact) and expands to [1 3 3 3 3 3 3 2].
    """

    profile: str
    form: Form
    options: Mapping[str, int]
    # Of the profile, those with defaults included.
    placeholder: int
    # What the model replaces by what it sees.
    ids: Mapping[str, tuple[int, ...]]
    # Of the profile's marks.
    tokens_per_image: int | None
    # Of every image, whatever the profile says; None: as the profile says.

    def stored(self, width: int, height: int, num_images: int) -> Int32s:
        """(num_ids,) what stands for the image in a shard; `num_images` is that of its document.

        Raises:
            ValueError: the model takes no image of this size.
        """
        if self.form == "expanded":
            return self.expanded(width, height, num_images)
        if self.tokens_per_image is not None:
            return self._ids([(self._profile.placeholder, 1)])
        return self._ids(self._profile.write(width, height, num_images, self.options))

    def expanded(self, width: int, height: int, num_images: int) -> Int32s:
        """(num_tokens,) what stands for the image in the model's input.

        Raises:
            ValueError: the model takes no image of this size.
        """
        if self.tokens_per_image is not None:
            return np.full(self.tokens_per_image, self.placeholder, dtype=np.int32)
        return self._ids(self._profile.expand(width, height, num_images, self.options))

    @property
    def is_known(self) -> bool:
        """Whether the package that the profile came from is installed here."""
        return self.profile in PROFILES

    @property
    def own_ids(self) -> tuple[int, ...]:
        """Ids that stand inside images alone: the placeholder and the marks, but not the white space between them."""
        return (self.placeholder, *(number for mark, ids in self.ids.items() if mark.strip() for number in ids))

    @property
    def has_grid(self) -> bool:
        """Whether the model's positions have more than one dimension (mRoPE)."""
        known = PROFILES.get(self.profile)
        return known is not None and known.grid is not None and self.tokens_per_image is None

    def grid(self, width: int, height: int) -> tuple[int, int]:
        """Rows and columns of an image's placeholders, where the profile `has_grid`."""
        grid = self._profile.grid
        assert grid is not None, "asked where there is one"
        return grid(width, height, self.options)

    @property
    def _profile(self) -> Profile:
        """
        Raises:
            ValueError: the profile came from a package that is not installed here.
        """
        if not self.is_known:
            raise ValueError(f"the profile {self.profile} is unknown here; install the package that it came from")
        return PROFILES[self.profile]

    def _ids(self, runs: Iterable[Run]) -> Int32s:
        placeholder = self._profile.placeholder
        pieces = [
            np.tile(np.array((self.placeholder,) if token == placeholder else self.ids[str(token)], np.int32), times)
            for token, times in runs
        ]
        return np.concatenate(pieces)
