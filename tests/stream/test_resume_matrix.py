"""A short form of the matrix of ranks and workers; `python tests/stream/resume_matrix.py` is all of it."""

from __future__ import annotations

import pytest
from fixtures_build import sample_dataset, small_dataset, whole_documents
from resume_matrix import check

from interleave.stream.mix import Part

pytestmark = [
    pytest.mark.filterwarnings("ignore:.*multi-threaded, use of fork.*:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:This DataLoader will create:UserWarning"),
]


@pytest.mark.parametrize(("num_ranks", "num_workers"), [(1, 2), (2, 0), (4, 1), (8, 0)])
def test_ranks_and_workers_read_one_sequence_and_resume_as_others(num_ranks: int, num_workers: int) -> None:
    assert list(check(sample_dataset(), [(num_ranks, num_workers)], 2, window=12))


def test_a_mixture_resumes_as_other_ranks_and_workers() -> None:
    data = [Part(sample_dataset(), 1.0), Part(small_dataset(), 0.5, max_epochs=2)]
    assert list(check(data, [(2, 2)], 4, window=5, until="all", block_size=3))


def test_rows_of_one_sample_in_batches_of_like_length_resume_too() -> None:
    options = {"packing": False, "seq_len": 4096, "batch_size": 3, "batch_tokens": 9000, "window": 7}
    assert list(check(whole_documents(), [(2, 2)], 4, **options))
