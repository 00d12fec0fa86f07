"""No version with a known fault satisfies what the package asks for."""

from __future__ import annotations

import re
import tomllib
from importlib import metadata

import pytest
from fixtures_build import ROOT
from packaging.requirements import Requirement
from packaging.version import Version

_ROW = re.compile(r"^\| (?P<name>[a-z0-9_-]+) \| (?P<floor>[0-9.]+) \| .*(CVE|GHSA)-", re.MULTILINE)


def floors() -> dict[str, Version]:
    table = (ROOT / "docs/dependencies.md").read_text().partition("## Floors")[2]
    return {row["name"]: Version(row["floor"]) for row in _ROW.finditer(table)}


def requirements() -> list[Requirement]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    texts = [*project["dependencies"], *(text for extra in project["optional-dependencies"].values() for text in extra)]
    return [Requirement(text) for text in texts]


@pytest.mark.parametrize("name", floors())
def test_what_is_asked_for_is_no_older_than_the_version_without_the_fault(name: str) -> None:
    asked = [requirement for requirement in requirements() if requirement.name == name]
    assert asked, f"{name} is no dependency"
    for requirement in asked:
        least = [Version(item.version) for item in requirement.specifier if item.operator in (">=", "==", "~=")]
        assert least and max(least) >= floors()[name], requirement


def test_the_table_is_read() -> None:
    assert len(floors()) >= 14
    assert floors()["pillow"] <= Version(metadata.version("pillow"))
