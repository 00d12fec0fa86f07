"""How closely a dataset is looked at."""

from __future__ import annotations

from enum import StrEnum


class Level(StrEnum):
    """Each looks at all that the one before looks at.

    quick     files, manifest, index, ledger; tars from header to header, with every sample's JSON and ids
    full      all bytes: checksums, every image read through, ids against texts
    paranoid  every image decoded twice, by two decoders, and against what the build measured
    """

    QUICK = "quick"
    FULL = "full"
    PARANOID = "paranoid"

    @property
    def reads_images(self) -> bool:
        return self is not Level.QUICK
