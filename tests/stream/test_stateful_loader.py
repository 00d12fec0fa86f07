"""torchdata's StatefulDataLoader stops and resumes anywhere, with and without workers."""

from __future__ import annotations

import pickle
from typing import Any

import pytest
from fixtures_build import sample_dataset

from interleave import StreamingDataset
from interleave.errors import ShardError

torchdata = pytest.importorskip("torchdata.stateful_dataloader")

pytestmark = [
    pytest.mark.filterwarnings("ignore:.*set_vital.*:UserWarning"),
    pytest.mark.filterwarnings("ignore:.*multi-threaded, use of fork.*:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:This DataLoader will create:UserWarning"),
]


def loader(num_workers: int) -> Any:
    dataset = StreamingDataset(
        sample_dataset(), images="bytes", batch_size=2, window=12, rank=0, world_size=1, num_threads=1
    )
    return torchdata.StatefulDataLoader(dataset, batch_size=None, num_workers=num_workers)


@pytest.mark.parametrize(("num_workers", "stops"), [(0, range(1, 10)), (2, (1, 4, 9)), (3, (1, 2, 5))])
def test_a_stateful_loader_goes_on_behind_the_batch_where_it_was_stopped(num_workers: int, stops: range) -> None:
    whole = [batch["keys"] for batch in loader(0)]
    for stop in stops:
        running = loader(num_workers)
        reading = iter(running)
        before = [next(reading)["keys"] for _ in range(stop)]
        state = pickle.loads(pickle.dumps(running.state_dict()))
        del reading
        resumed = loader(num_workers)
        resumed.load_state_dict(state)
        assert before + [batch["keys"] for batch in resumed] == whole
        assert [batch["keys"] for batch in resumed] == whole


def test_workers_that_persist_resume_in_a_later_epoch() -> None:
    def keys(number: int) -> list[Any]:
        alone = loader(0)
        alone.dataset.set_epoch(number)
        return [batch["keys"] for batch in alone]

    running = torchdata.StatefulDataLoader(
        loader(0).dataset, batch_size=None, num_workers=2, persistent_workers=True, prefetch_factor=2
    )
    assert [batch["keys"] for batch in running] == keys(0)
    for stop in (1, 3):
        running.dataset.set_epoch(stop)
        reading = iter(running)
        before = [next(reading)["keys"] for _ in range(stop)]
        state = pickle.loads(pickle.dumps(running.state_dict()))
        assert before + [batch["keys"] for batch in reading] == keys(stop)
        resumed = loader(2)
        resumed.load_state_dict(state)
        assert before + [batch["keys"] for batch in resumed] == keys(stop)


def test_the_state_of_a_batch_is_small_and_a_workers_own_one_is_no_state_for_all() -> None:
    running = loader(2)
    batch = next(iter(running))
    assert len(pickle.dumps(batch["state"])) < 1000
    own = batch["state"] | {"worker": [0, 2, 1]}
    with pytest.raises(ShardError, match=r"is of one worker .*save batch\['state'\]"):
        loader(0).dataset.load_state_dict(own)
