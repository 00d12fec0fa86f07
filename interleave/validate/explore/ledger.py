"""A sealed dataset's ledger as columns: what each rule measured, and what became of everything that it measured.

Levels are `documents`, `images` and `sentences`; a unit is one of them. Nothing is decoded, no shard is read.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from pydantic import TypeAdapter, ValidationError

from interleave.clean.rules import Rule, sort_rules
from interleave.drops import DROPS
from interleave.errors import ShardError
from interleave.shard.manifest import read_manifest

LEVELS = ("documents", "images", "sentences")
STAGES = ("measure", "clean", "decontaminate", "dedup", "settle")
_UNIT = {"documents": None, "images": "image", "sentences": "sentence"}
_PREFIX = "rule."

Floats = npt.NDArray[np.float32]
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """What a rule keeps: minimum <= value <= maximum, where they are given."""

    minimum: float | None = None
    maximum: float | None = None

    def broken_by(self, values: Floats) -> Bools:
        """(num_values,) which of them the rule removes; NaN is kept."""
        broken = np.zeros(len(values), dtype=np.bool_)
        if self.minimum is not None:
            broken |= values < np.float32(self.minimum)
        if self.maximum is not None:
            broken |= values > np.float32(self.maximum)
        return broken


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """A rule, everything that it looked at, and what became of it."""

    rule: str
    level: str
    bounds: Bounds
    units: pa.Table
    # doc_id and, for images and sentences, their index: one row a unit.
    values: Floats
    # (num_units,) NaN where there was nothing to measure.
    by_this: Bools
    # Removed by this rule: the first one that the unit broke.
    by_other: Bools
    # Removed by another one, or with its document.
    breaks_other: Bools
    # Breaks another rule that looks at the same level: it would go without this one, too.
    one_in: int = 1
    # Of so many documents one was looked at.


class Ledger:
    """The ledger of one dataset.

    most_units: of a level with more, `measured` looks at those of every 2nd, 4th, 8th ... document, by its id: ids are
    hashes, so that is a fair draw, and the same each time. None: at all of them, which are held in memory.

    Raises:
        ShardError: the folder is no finished dataset, or its ledger cannot be read.
    """

    def __init__(self, folder: Path, most_units: int | None = None) -> None:
        self.manifest = read_manifest(folder)
        self._most_units = most_units
        self._tables: dict[str, tuple[pa.Schema, int]] = {}
        self._folder = folder / "ledger"
        if not set(DROPS.names) <= set(self._schema("drops").names):
            raise ShardError(f"{self._folder / 'drops.parquet'} is no ledger: expected {', '.join(DROPS.names)}")
        self._read: tuple[str, pa.Table, pa.ChunkedArray] | None = None
        # The level that was asked for last: its name, what its rules measured, who removed what.
        self._recipe = recipe_bounds(self.manifest.recipe)

    def num_drops(self) -> dict[tuple[str, str, str], int]:
        """(stage, rule, level) -> drops, in the order in which they were first met; counted a row group at a time."""
        counts: Counter[tuple[str, str, str]] = Counter()
        for table in self._groups("drops", ["stage", "rule", "image", "sentence"]):
            units = pc.if_else(pc.is_valid(table["sentence"]), "sentences", "documents")
            named = table.append_column("level", pc.if_else(pc.is_valid(table["image"]), "images", units))
            groups = named.group_by(["stage", "rule", "level"], use_threads=False).aggregate([([], "count_all")])
            for row in groups.to_pylist():
                counts[row["stage"], row["rule"], row["level"]] += row["count_all"]
        return dict(counts)

    def num_units(self, level: str) -> int:
        """Rows of a level's signals."""
        return self._known(level)[1]

    def one_in(self, level: str) -> int:
        """Of so many documents `measured` looks at one: a power of two, 1 for all."""
        if self._most_units is None:
            return 1
        num_times = -(-self.num_units(level) // max(self._most_units, 1))
        return 1 << max(num_times - 1, 0).bit_length()

    def lost_to(self, doc_ids: pa.Array | pa.ChunkedArray | None = None) -> dict[str, pa.Array]:
        """Rule -> documents that lost images or sentences to it: among these, or among all."""
        found: dict[str, list[pa.Array]] = {}
        for table in self._groups("drops", ["doc_id", "rule", "image", "sentence"]):
            is_part = pc.or_(pc.is_valid(table["image"]), pc.is_valid(table["sentence"]))
            parts = table.filter(is_part if doc_ids is None else pc.and_(is_part, pc.is_in(table["doc_id"], doc_ids)))
            for rule in pc.unique(parts["rule"]).to_pylist():
                found.setdefault(rule, []).append(pc.unique(parts.filter(pc.equal(parts["rule"], rule))["doc_id"]))
        return {rule: pc.unique(pa.chunked_array(parts)) for rule, parts in found.items()}

    def level(self, level: str) -> pa.Table:
        """The signals of a level, of the documents that are looked at."""
        return self._signals(level, self._schema(level).names)

    def rules(self) -> Iterator[tuple[str, str]]:
        """(level, name) of every rule that measured something."""
        for level in LEVELS:
            for name in self._schema(level).names:
                if name.startswith(_PREFIX):
                    yield level, name.removeprefix(_PREFIX)

    def measured(self, rule: str) -> Measured | None:
        """What a rule measured, or None for what leaves no signals: duplicates, and what could not be read."""
        level = next((level for level, name in self.rules() if name == rule), None)
        if level is None:
            return None
        table, reasons = self._measured(level)
        units = _units(table, level)
        by_this = np.asarray(pc.fill_null(pc.equal(reasons, rule), False))
        values = _floats(table, rule)
        others = [name for of, name in self.rules() if of == level and name != rule]
        breaks_other = np.zeros(len(values), dtype=np.bool_)
        for name in others:
            breaks_other |= self.bounds(name).broken_by(_floats(table, name))
        return Measured(
            rule=rule,
            level=level,
            bounds=self.bounds(rule),
            units=units,
            values=values,
            by_this=by_this,
            by_other=np.asarray(pc.is_valid(reasons)) & ~by_this,
            breaks_other=breaks_other,
            one_in=self.one_in(level),
        )

    def _measured(self, level: str) -> tuple[pa.Table, pa.ChunkedArray]:
        """What the rules of a level measured, and the rule that removed each unit."""
        if self._read is None or self._read[0] != level:
            self._read = None  # it is let go before the next one is read
            rules = [_PREFIX + name for of, name in self.rules() if of == level]
            table = self._signals(level, [name for name in ("doc_id", _UNIT[level], *rules) if name])
            self._read = (level, table, self.reasons(level, _units(table, level)))
        return self._read[1:]

    def _signals(self, level: str, columns: list[str]) -> pa.Table:
        groups = [self._looked_at(table, level) for table in self._groups(level, columns)]
        return pa.concat_tables([self._schema(level).empty_table().select(columns), *groups])

    def bounds(self, rule: str) -> Bounds:
        """What a rule keeps: by the recipe, or else by what its drops were held against."""
        return self._recipe[rule] if rule in self._recipe else self._stated.get(rule, Bounds())

    @cached_property
    def _stated(self) -> dict[str, Bounds]:
        """By rule: what the first of its drops on either side were held against."""
        found: dict[str, Bounds] = {}
        for table in self._groups("drops", ["rule", "value", "threshold"]):
            for rule in pc.unique(table["rule"]).to_pylist():
                of_rule = table.filter(pc.equal(table["rule"], rule))
                values, thresholds = (of_rule[name].to_numpy().astype(np.float64) for name in ("value", "threshold"))
                known = found.get(rule, Bounds())
                low, high = _first(thresholds[values < thresholds]), _first(thresholds[values > thresholds])
                found[rule] = Bounds(
                    minimum=low if known.minimum is None else known.minimum,
                    maximum=high if known.maximum is None else known.maximum,
                )
        return found

    def reasons(self, level: str, units: pa.Table) -> pa.ChunkedArray:
        """(num_units,) the rule that removed a unit, or its document; null where it was kept.

        units: doc_id and, for images and sentences, their index.
        """
        of_documents = self._dropped("documents", level).rename_columns(["doc_id", "document_rule"])
        numbered = units.append_column("row", pa.array(np.arange(len(units))))
        joined = numbered.join(of_documents, "doc_id")
        column = _UNIT[level]
        if column is None:
            joined = joined.append_column("reason", joined["document_rule"])
        else:
            joined = joined.join(self._dropped(level, level), ["doc_id", column])
            joined = joined.append_column("reason", pc.coalesce(joined["rule"], joined["document_rule"]))
        return joined.sort_by("row")["reason"]

    def _dropped(self, level: str, of: str) -> pa.Table:
        """doc_id, index of the unit, rule: drops of a level, of the documents that are looked at for another one."""
        column = _UNIT[level]
        names = [name for name in ("doc_id", column, "rule") if name]
        found = [DROPS.empty_table().select(names)]
        for group in self._groups("drops", ["doc_id", "image", "sentence", "rule"]):
            table = self._looked_at(group, of)
            is_part = pc.or_(pc.is_valid(table["image"]), pc.is_valid(table["sentence"]))
            is_unit = pc.invert(is_part) if column is None else pc.is_valid(table[column])
            found.append(table.filter(is_unit).select(names))
        return pa.concat_tables(found)

    def _looked_at(self, table: pa.Table, level: str) -> pa.Table:
        """Its rows of the documents that are looked at for a level."""
        if (one_in := self.one_in(level)) == 1:
            return table
        return table.filter(pc.less(table["doc_id"], f"{2**128 // one_in:032x}"))

    def _schema(self, name: str) -> pa.Schema:
        return self._known(name)[0]

    def _known(self, name: str) -> tuple[pa.Schema, int]:
        """Schema and rows of a table."""
        if name not in self._tables:
            with self._opened(name) as file:
                self._tables[name] = file.schema_arrow, int(file.metadata.num_rows)
        return self._tables[name]

    def _groups(self, name: str, columns: list[str]) -> Iterator[pa.Table]:
        with self._opened(name) as file:
            for group in range(file.num_row_groups):
                yield file.read_row_group(group, columns=columns)
                pa.default_memory_pool().release_unused()  # it would keep what decoding took

    @contextmanager
    def _opened(self, name: str) -> Iterator[pq.ParquetFile]:
        path = self._folder / f"{name}.parquet"
        try:
            with pq.ParquetFile(path) as file:
                yield file
        except (OSError, pa.ArrowException) as error:
            raise ShardError(f"{path} cannot be read: {str(error)[:200]}") from None


def _units(table: pa.Table, level: str) -> pa.Table:
    """doc_id and, for images and sentences, their index."""
    return table.select([name for name in ("doc_id", _UNIT[level]) if name])


def recipe_bounds(recipe: Mapping[str, Any]) -> dict[str, Bounds]:
    """The bounds of the rules of a recipe that have `min` or `max`, by the names that the ledger has for them."""
    try:
        rules = [_rule(raw) for raw in recipe["clean"]["rules"]]
    except (LookupError, TypeError):
        return {}
    named = sort_rules(rules)
    return {
        name: Bounds(minimum=getattr(rule, "min", None), maximum=getattr(rule, "max", None))
        for name, rule, _ in (*named.sentence, *named.paragraph, *named.image, *named.document)
        if hasattr(rule, "min") or hasattr(rule, "max")
    }


def _rule(raw: Mapping[str, Any]) -> Any:
    """A rule as the manifest has it. One of a package that is not here, or whose list of words is not, has its name and
    its bounds."""
    try:
        return TypeAdapter(Rule).validate_python(raw, strict=False)
    except ValidationError:
        known = {name: raw[name] for name in ("kind", "of", "n", "min", "max") if name in raw}
        return SimpleNamespace(subject="text" if "of" in raw else "document", **known)


def _floats(table: pa.Table, rule: str) -> Floats:
    """(num_units,) what a rule measured, NaN for nothing."""
    return np.asarray(table[_PREFIX + rule].to_numpy(zero_copy_only=False), dtype=np.float32)


def _first(thresholds: npt.NDArray[np.float64]) -> float | None:
    return float(thresholds[0]) if len(thresholds) else None
