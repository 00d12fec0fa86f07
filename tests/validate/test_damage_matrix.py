"""Each kind of damage and of fault once; `python tests/validate/damage_matrix.py` is a thousand of them."""

from __future__ import annotations

import atexit
import shutil
import tempfile
from functools import cache
from pathlib import Path

import pytest
from damage_matrix import Source, is_found, sources
from fixtures_damage import DAMAGES, FAULTS, Kind

from interleave.validate.level import Level


@cache
def datasets() -> list[Source]:
    folder = Path(tempfile.mkdtemp())
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return list(sources(folder))


@pytest.mark.parametrize("kind", [*DAMAGES, *FAULTS], ids=lambda kind: kind.name)
def test_it_is_found_wherever_it_fits(kind: Kind) -> None:
    found = [is_found(kind, source, 0, Level.PARANOID) for source in datasets() if source.folder.name != "mmc4"]
    assert set(found) - {None} == {True}
