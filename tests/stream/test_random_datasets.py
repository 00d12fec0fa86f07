"""Random datasets, budgets and mixtures: over an epoch no token and no image is lost, doubled, or over a limit.

The datasets are indexes without shards: what is planned looks at nothing else.
"""

from __future__ import annotations

import tempfile
from collections import Counter
from itertools import accumulate
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
from fixtures_build import whole_documents, write_manifest_of
from hypothesis import given, settings
from hypothesis import strategies as st

from interleave import Part, StreamingDataset
from interleave.sample import key_of
from interleave.shard.index import INDEX_NAME, SCHEMA, write_index

# Where a document's units begin among its ids, its images there, and how many tokens each is.
DOCUMENTS = st.lists(
    st.tuples(
        st.lists(st.integers(1, 30), min_size=1, max_size=8),  # ids of each unit
        st.lists(st.integers(0, 7), max_size=5, unique=True),  # units that begin with an image
    ),
    min_size=1,
    max_size=20,
)


def row_of(number: int, units: list[int], with_image: list[int]) -> dict[str, Any]:
    """A sample of the index; an image is one id at the begin of its unit, and 12 tokens."""
    cuts = [0, *accumulate(units)]
    starts = [cuts[unit] for unit in sorted(with_image) if unit < len(units)]
    return {
        "key": key_of(number),
        "shard": 0,
        "offset": number * 1000,
        "num_bytes": 1000,
        "member_offsets": [],
        "member_bytes": [],
        "num_ids": cuts[-1],
        "num_tokens": cuts[-1] + 11 * len(starts),
        "num_content_tokens": cuts[-1],
        "num_images": len(starts),
        "num_pixels": 1000 * len(starts),
        "num_texts": len(units),
        "source": "random",
        "doc_id": f"{number:032x}",
        "part": 0,
        "cuts": cuts[:-1],
        "span_starts": starts,
        "span_lengths": [1] * len(starts),
        "span_tokens": [12] * len(starts),
        "span_pixels": [1000] * len(starts),
    }


def write(folder: Path, rows: list[dict[str, Any]]) -> Path:
    folder.mkdir()
    write_index(folder / INDEX_NAME, [pa.RecordBatch.from_pylist(rows, schema=SCHEMA)])
    manifest = orjson.loads((whole_documents() / "manifest.json").read_bytes())
    manifest |= {"num_samples": len(rows), "num_removed_samples": 0}
    write_manifest_of(folder, manifest)
    return folder


@settings(max_examples=60)
@given(st.data())
def test_an_epoch_has_every_token_and_every_image_as_often_as_it_should(data: st.DataObject) -> None:
    documents = data.draw(st.lists(DOCUMENTS, min_size=1, max_size=3))
    tables = [[row_of(at, *document) for at, document in enumerate(found)] for found in documents]
    epochs = [data.draw(st.integers(1, 2)) for _ in tables]
    packing = data.draw(st.booleans())
    seq_len = data.draw(st.integers(14, 120))
    max_images = data.draw(st.none() | st.integers(1, 4))
    world_size = data.draw(st.integers(1, 4))
    batch_tokens = None if packing else data.draw(st.none() | st.integers(seq_len, 4 * seq_len))
    batch_images = None if packing else data.draw(st.none() | st.integers(1, 8))
    batch_pixels = None if packing else data.draw(st.none() | st.integers(1000, 8000))
    with tempfile.TemporaryDirectory() as scratch:
        parts = [
            Part(write(Path(scratch) / str(at), rows), data.draw(st.sampled_from([0.5, 1.0, 2.0])), epochs[at])
            for at, rows in enumerate(tables)
        ]
        dataset = StreamingDataset(
            parts,
            seq_len=seq_len,
            batch_size=data.draw(st.integers(1, 4)),
            window=data.draw(st.integers(1, 12)),
            block_size=data.draw(st.none() | st.integers(1, 6)),
            max_images=max_images,
            packing=packing,
            batch_tokens=batch_tokens,
            batch_images=batch_images,
            batch_pixels=batch_pixels,
            until="all",
            rank=0,
            world_size=world_size,
        )
        ranks = [list(dataset.plan.rounds(0, dataset.plan.start, rank, world_size)) for rank in range(world_size)]
        assert len(dataset) == len(ranks[0])
    planned = [row for batches in ranks for rows, _ in batches for row in rows]
    for batches in ranks:
        for rows, _ in batches:
            longest = max((row.num_tokens for row in rows), default=0)
            assert batch_tokens is None or len(rows) <= 1 or len(rows) * longest <= batch_tokens
            assert batch_images is None or len(rows) <= 1 or sum(row.num_images for row in rows) <= batch_images
            assert batch_pixels is None or len(rows) <= 1 or sum(row.num_pixels for row in rows) <= batch_pixels
            assert all(row.num_pixels == 1000 * row.num_images for row in rows)
    for source, rows in enumerate(tables):
        mine = [row for row in planned if row.source == source]
        assert all(row.num_tokens <= seq_len for row in mine)
        assert max_images is None or all(row.num_images <= max_images for row in mine)
        assert sum(row.num_images for row in mine) == epochs[source] * sum(row["num_images"] for row in rows)
        assert sum(row.num_tokens for row in mine) == epochs[source] * sum(row["num_tokens"] for row in rows)
        seen: Counter[tuple[int, int]] = Counter()
        for row in mine:
            for sample, start, stop in row.items:
                seen.update((sample, at) for at in range(start, rows[sample]["num_ids"] if stop is None else stop))
        assert set(seen.values()) <= {epochs[source]}
        assert len(seen) == sum(row["num_ids"] for row in rows)
