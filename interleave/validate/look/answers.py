"""What the page asks of a dataset, answered in plain numbers and texts: by the local server, and into a file."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from functools import cached_property, lru_cache
from itertools import groupby, pairwise
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.compute as pc

from interleave.errors import ShardError
from interleave.sample import key_of
from interleave.shard.manifest import SUMMARY_NAME
from interleave.validate.explore.examples import Example
from interleave.validate.explore.ledger import Ledger
from interleave.validate.explore.view import RuleView, View, explore
from interleave.validate.look.facts import facts_of
from interleave.validate.look.histogram import histogram
from interleave.validate.look.opened import Opened
from interleave.validate.look.packed import open_rows
from interleave.validate.look.query import Query, Rows, matching, page_of
from interleave.validate.look.tokens import Token, open_speller, token_view

_CHARTS = {
    "num_tokens": "Tokens of a sample, images expanded",
    "num_images": "Images of a sample",
    "num_texts": "Texts of a sample",
    "num_bytes": "Bytes of a sample",
}
# Of one sample that are shown; whole documents may have a hundred times as many.
_MOST_TOKENS = 20_000
_NUM_EXAMPLES = 12


class Answers:
    """Answers about one dataset or tar. Safe for several threads."""

    def __init__(self, opened: Opened) -> None:
        self._opened = opened
        self._lock = threading.Lock()
        self._matching = lru_cache(maxsize=16)(self._find)
        # By rule: those that were looked at.
        self._views: dict[str, RuleView] = {}
        # Its texts, tokens and images are asked for one after the other.
        self._read = lru_cache(maxsize=8)(opened.read)

    def overview(self) -> dict[str, Any]:
        """What the dataset is, and its charts."""
        rows, view = self._opened.rows, self._view
        sources = rows.group_by("source", use_threads=False).aggregate([([], "count_all"), ("num_tokens", "sum")])
        return {
            "path": self._opened.path,
            "num_samples": len(rows),
            "facts": facts_of(self._opened),
            "charts": [
                {"name": name, "title": title, "bins": list(map(asdict, histogram(rows[name].to_numpy())))}
                for name, title in _CHARTS.items()
            ],
            "sources": [
                {"source": row["source"], "samples": row["count_all"], "tokens": row["num_tokens_sum"]}
                for row in sorted(sources.to_pylist(), key=lambda row: (-row["count_all"], row["source"]))
            ],
            "steps": [asdict(step) for step in view.steps] if view else [],
            "lines": [asdict(line) for line in view.lines] if view else [],
            "measured_rules": self._rules,
            "seconds": self._seconds(),
        }

    def samples(self, query: Query, start: int, count: int) -> dict[str, Any]:
        """Lines of the samples that a query finds, from a place among them on."""
        with self._lock:
            found = self._matching(Query(**{**asdict(query), "search": ""}))
        page = page_of(self._opened, found, query.search, start, count)
        return {
            "num_matching": page.num_matching,
            "next_start": page.next_start,
            "rows": self._opened.rows.take(pa.array(page.rows)).to_pylist(),
        }

    def sample(self, number: int) -> dict[str, Any]:
        """One sample: its texts and images in reading order.

        Raises:
            ShardError: it is damaged, or was taken down.
        """
        record, _, jpegs = self._read(number)
        images = iter(range(len(jpegs)))
        parts: list[dict[str, Any]] = []
        for text in record.texts:
            if text is not None:
                parts.append({"text": text})
                continue
            at = next(images)
            info, similarity = record.image_info[at], record.similarity[at]
            parts.append(
                {
                    "image": at,
                    "width": info["width"],
                    "height": info["height"],
                    "url": info.get("url") if isinstance(info.get("url"), str) else None,
                    "num_bytes": len(jpegs[at]),
                    "num_tokens": record.span_tokens[at],
                    "similarity": None if not similarity else max(similarity),
                }
            )
        names = ("key", "doc_id", "part", "num_parts", "source", "url", "num_repeated_parts")
        return {"number": number, **{name: getattr(record, name) for name in names}, "parts": parts}

    def image(self, number: int, image: int) -> bytes:
        """A sample's JPEG as stored. Raises ShardError where there is none."""
        jpegs = self._read(number)[2]
        if not 0 <= image < len(jpegs):
            raise ShardError(f"sample {key_of(number)} has {len(jpegs)} images")
        return jpegs[image]

    def tokens(self, number: int) -> dict[str, Any]:
        """The ids of a sample, the pieces that they spell, and which are learned; an image is one entry, without id.

        `segment_starts` are entries where a sentence with its images begins, `learned` are (first entry, entries).
        """
        record, ids, _ = self._read(number)
        speller, reason = self._speller
        entries = list(token_view(record, ids[:_MOST_TOKENS], speller))
        texts = [entry for entry in entries if isinstance(entry, Token)]
        is_learned = [isinstance(entry, Token) and entry.is_learned for entry in entries]
        begins = [at for at, (one, two) in enumerate(pairwise(entries), 1) if one.segment != two.segment]
        return {
            "num_ids": len(ids),
            "num_shown": min(len(ids), _MOST_TOKENS),
            "unspelled": reason,
            "ids": [entry.token_id if isinstance(entry, Token) else None for entry in entries],
            "pieces": {str(entry.token_id): entry.piece for entry in texts if entry.piece is not None},
            "segment_starts": [0, *begins],
            "learned": _runs_of_true(is_learned),
            "images": [
                {"entry": at, "image": entry.image, "runs": entry.runs, "num_tokens": entry.num_tokens}
                for at, entry in enumerate(entries)
                if not isinstance(entry, Token)
            ],
        }

    def packed(self, number: int) -> list[dict[str, Any]]:
        """The rows that a trainer's packing puts a sample into; empty where that is not known."""
        with self._lock:
            return [asdict(row) for row in self._finder.rows_of(number)] if self._finder else []

    def rule(self, name: str) -> dict[str, Any]:
        """A rule from near: its distribution, what other bounds would do, examples.

        Raises:
            ShardError: it measured nothing, or is not known.
        """
        return _plain_rule(self._rule_view(name))

    def rule_pictures(self, name: str) -> list[bytes | None]:
        """The JPEG of each of a rule's examples, None where it has none. Raises as `rule`."""
        view = self._rule_view(name)
        return [example.jpeg for example in (*view.removed, *view.kept)]

    def read_rules(self, most_units: int | None) -> list[str]:
        """Reads the rules that measured something in one pass, with at most about so many units each; their names."""
        folder = self._opened.folder
        if folder is not None:
            found = explore(folder, None, num_examples=_NUM_EXAMPLES, everywhere=True, most_units=most_units)
            self._views = {view.rule: view for view in found.rules}
        return list(self._views)

    def lost(self, rows: pa.Table) -> dict[str, list[int]]:
        """Rule -> those samples among the rows whose document lost images or sentences to it."""
        if self._ledger is None:
            return {}
        return {
            rule: rows["number"].filter(pc.is_in(rows["doc_id"], documents)).to_pylist()
            for rule, documents in self._ledger.lost_to(rows["doc_id"]).items()
        }

    def _find(self, query: Query) -> Rows:
        return matching(self._opened, query, self._lost if query.rule else {})

    def _rule_view(self, name: str) -> RuleView:
        with self._lock:
            if name not in self._views:
                if self._opened.folder is None:
                    raise ShardError(f"{self._opened.path} has no ledger")
                found = explore(self._opened.folder, [name], num_examples=_NUM_EXAMPLES, everywhere=True)
                self._views[name] = found.rules[0]
            return self._views[name]

    def _seconds(self) -> list[dict[str, Any]]:
        """What the build's stages took, where its summary lies beside the dataset."""
        folder = self._opened.folder
        if folder is None or not (folder / SUMMARY_NAME).is_file():
            return []
        try:
            stages = orjson.loads((folder / SUMMARY_NAME).read_bytes())["stages"]
            return [{"stage": str(stage["stage"]), "seconds": float(stage["seconds"])} for stage in stages]
        except (ValueError, LookupError, TypeError):
            return []

    @cached_property
    def _view(self) -> View | None:
        folder = self._opened.folder
        return None if folder is None else explore(folder, [])

    @cached_property
    def _ledger(self) -> Ledger | None:
        folder = self._opened.folder
        return None if folder is None else Ledger(folder)

    @cached_property
    def _rules(self) -> list[str]:
        return [] if self._ledger is None else [name for _, name in self._ledger.rules()]

    @cached_property
    def _lost(self) -> Mapping[str, pa.Array]:
        """Rule -> documents that lost images or sentences to it."""
        return {} if self._ledger is None else self._ledger.lost_to()

    @cached_property
    def _speller(self) -> Any:
        return open_speller(self._opened.manifest)

    @cached_property
    def _finder(self) -> Any:
        return open_rows(self._opened.reader)


def _runs_of_true(flags: Sequence[bool]) -> list[tuple[int, int]]:
    """(position, length) of each run. For [F T T F T]:  [(1, 2), (4, 1)]."""
    found, at = [], 0
    for flag, run in groupby(flags):
        length = len(list(run))
        if flag:
            found.append((at, length))
        at += length
    return found


def _plain_rule(view: RuleView) -> dict[str, Any]:
    return {
        "rule": view.rule,
        "level": view.level,
        "minimum": view.bounds.minimum,
        "maximum": view.bounds.maximum,
        "one_in": view.one_in,
        "num_units": view.num_units,
        "num_measured": view.num_measured,
        "num_removed": view.num_removed,
        "bins": list(map(asdict, view.bins)),
        "curve": None if view.curve is None else asdict(view.curve),
        "examples": [
            {"was_removed": was_removed, **_plain_example(example)}
            for was_removed, examples in ((True, view.removed), (False, view.kept))
            for example in examples
        ],
    }


def _plain_example(example: Example) -> dict[str, Any]:
    return {
        "value": example.unit.value,
        "doc_id": example.unit.doc_id,
        "url": example.url,
        "image_url": example.image_url,
        "text": example.text,
        "has_image": example.jpeg is not None,
    }
