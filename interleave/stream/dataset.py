"""The dataset that a trainer iterates: packed batches, sharded over ranks and workers, resumable at any batch.

    manifest + index ─> plan (order, windows, rows, mixture, batches) ─> read ─> decode ─> batch

A batch is the next `batch_size` rows of one global sequence; ranks take batches in turn, and DataLoader workers take a
rank's batches in turn, which is also the order in which DataLoader hands them out. So the global sequence of rows is
the same for every world size and any number of workers.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from torch.utils.data import IterableDataset, get_worker_info

from interleave.errors import ShardError
from interleave.stream.ahead import ahead
from interleave.stream.fill import Augment, BatchFiller, Images
from interleave.stream.forms.known import FORMS
from interleave.stream.forms.wanted import Processor
from interleave.stream.mix import By, Until
from interleave.stream.parts import Data, check_alike, mixture_of, parts_of
from interleave.stream.plan import EpochPlan, PlanSettings
from interleave.stream.ranks import num_cores, place
from interleave.stream.reader import DatasetReader
from interleave.stream.rows import PlannedRow
from interleave.stream.start import Start
from interleave.stream.state import States
from interleave.stream.storage.cache import Cache

_IMAGES = ("nchw", "nhwc", "bytes")
_MAX_THREADS = 8
_logger = logging.getLogger("interleave")


class StreamingDataset(IterableDataset[dict[str, Any]]):
    """Packed training batches from sealed shards.

    Use with `DataLoader(dataset, batch_size=None, num_workers=0)`: batches come ready (`collate` has their shapes), and
    threads decode ahead; worker processes are possible, and seldom faster.

    data: a dataset's folder or URL; or several, each perhaps a `Part` with its weight; or a mixture recipe (.yaml).
    cache: where shards behind a URL are kept.
    seq_len: length of a row in expanded tokens; the dataset's context by default.
    batch_size: rows a batch.
    seed, shuffle: order of the samples; another one each epoch (`set_epoch`).
    block_size: shuffles blocks of so many neighbours, 16 of them mixed at a time: for disks on which seeks are dear.
    window: samples that are packed together. More pad less, and reach further.
    max_images: most images of a row. Samples that have more are cut where whole documents are stored, else refused.
    packing: False gives a row to each sample, batches of like length, padded to their longest, in multiples of 8.
    batch_tokens: without packing: rows times their length, at most; batches have up to batch_size rows then.
    batch_images, batch_pixels: without packing: images of a batch, and their pixels as stored, at most, unless one
        sample alone has more.
    group_below: samples of fewer tokens that stand side by side in a row, and have one source, become one segment and
        see each other; their keys stand in one text, with `+` between them. 0: none do.
    mix_by, until: whether weights are shares of tokens or of samples; whether an epoch ends where the first dataset is
        used up ("first") or goes on with the others ("all"). As the mixture recipe says, else tokens and first.
    rank, world_size: from torch.distributed, else from RANK and WORLD_SIZE, else one rank.
    model_parallel: so many neighbouring ranks see the same batches.
    drop_last: leaves out the end of an epoch that has no whole batch for each rank. Otherwise nothing is left out:
        batches of the last round are smaller, and where it has fewer rows than ranks some get one of padding alone.
        Every rank has equally many either way.
    images: "nchw" or "nhwc" uint8, or "bytes": JPEGs as they are stored.
    augment: (image, numpy random generator) -> image, its numbers the same however often it is read.
    processor: a transformers image processor, or images -> dict of tensors that join the batch.
    form: the shape of batches, see `collate`.
    dummy_images: gives a batch without images one that nothing is learned of, in its padding or in one row more: with a
        sharded vision tower a rank that has none would be waited for without end.
    padding: id of padding positions; their label is -100 and their segment 0.
    tokenizer: the trainer's, as a recipe names one; another one than made the ids is refused.
    num_threads: that read and decode; 0: none, all is done when a batch is asked for.
    num_ahead: batches that are made ahead.
    max_skipped: unreadable samples after which this process stops. Up to there they leave padding, and are named in the
        batch's "skipped" and in the log.

    Each batch holds the state to resume behind it under "state": with workers that read ahead it is the one to save.
    Samples that were taken down leave padding; where a row held nothing else, it is all padding.

    Raises:
        ValueError: an argument is impossible.
        ShardError: a folder is no finished dataset, its samples do not fit seq_len, their ids are another tokenizer's,
            or datasets are for different models.
    """

    def __init__(
        self,
        data: Data,
        *,
        seq_len: int | None = None,
        batch_size: int = 1,
        seed: int = 0,
        shuffle: bool = True,
        block_size: int | None = None,
        window: int = 1000,
        max_images: int | None = None,
        packing: bool = True,
        batch_tokens: int | None = None,
        batch_images: int | None = None,
        batch_pixels: int | None = None,
        group_below: int = 0,
        mix_by: By | None = None,
        until: Until | None = None,
        rank: int | None = None,
        world_size: int | None = None,
        model_parallel: int = 1,
        drop_last: bool = False,
        images: Images = "nchw",
        augment: Augment | None = None,
        processor: Processor | None = None,
        form: str = "pad",
        dummy_images: bool = False,
        padding: int = 0,
        tokenizer: str | Path | None = None,
        num_threads: int | None = None,
        num_ahead: int | None = None,
        max_skipped: int = 100,
        cache: Cache | None = None,
    ) -> None:
        if not -(2**31) <= padding < 2**31:
            raise ValueError(f"padding is {padding}, expected an id")
        for name, value, known in (("images", images, _IMAGES), ("form", form, FORMS)):
            if value not in known:
                raise ValueError(f"{name} is {value!r}, expected one of {', '.join(known)}")
        mixture = mixture_of(data)
        parts = parts_of(data, mixture)
        self.readers = [DatasetReader(part.folder, cache) for part in parts]
        check_alike(self.readers)
        if tokenizer is not None:
            self.readers[0].check_tokenizer(tokenizer)
        settings = PlanSettings(
            seq_len=_length(self.readers, seq_len),
            batch_size=batch_size,
            batch_tokens=batch_tokens,
            batch_images=batch_images,
            batch_pixels=batch_pixels,
            seed=seed,
            shuffle=shuffle,
            block_size=block_size,
            window=window,
            max_images=max_images,
            packing=packing,
            mix_by=mix_by or (mixture.by if mixture else "tokens"),
            until=until or (mixture.until if mixture else "first"),
            drop_last=drop_last,
        )
        self.seq_len = settings.seq_len
        self.plan = EpochPlan(self.readers, parts, settings)
        self.rank, self.world_size = place(rank, world_size, model_parallel)
        self._filler = BatchFiller(
            readers=self.readers,
            seq_len=settings.seq_len,
            packing=packing,
            padding=padding,
            group_below=group_below,
            images=images,
            augment=augment,
            seed=seed,
            processor=processor,
            form=form,
            dummy_images=dummy_images,
        )
        self._max_skipped = max_skipped
        self._num_threads = num_threads
        self._num_ahead = num_ahead
        self._states = States(self.readers, parts, settings)
        self._start = Start(self.plan.start)
        # Where this process's iteration began, the state behind its last batch, and batches of other workers before its
        # next one.
        self._behind: tuple[float, dict[str, Any], int] | None = None
        self._lengths: dict[int, int] = {}

    @property
    def reader(self) -> DatasetReader:
        """The dataset, or the first one of several: all are for one model."""
        return self.readers[0]

    @property
    def epoch(self) -> int:
        return self._start.read().epoch

    def __len__(self) -> int:
        """Batches of this epoch on this rank: exact, and counted by packing its sizes once (about 10 us a sample).

        Raises:
            TypeError: the mixture has no end.
        """
        if self.plan.is_endless:
            raise TypeError("a mixture whose datasets are all repeated without end has no length")
        epoch = self.epoch
        if epoch not in self._lengths:
            rounds = self.plan.rounds(epoch, self.plan.start, self.rank, self.world_size)
            self._lengths = {epoch: sum(1 for _ in rounds)}
        return self._lengths[epoch]

    def set_epoch(self, epoch: int) -> None:
        """Begins another epoch, in another order. Call it before each one, as with DistributedSampler.

        It reaches worker processes that persist. In the epoch of a state that was loaded it changes nothing.
        """
        if epoch != self.epoch:
            self._start.write(epoch, self.plan.start)

    def state_dict(self) -> dict[str, Any]:
        """The state behind the last batch of this process. With num_workers > 0 save `batch["state"]` instead.

        In a worker process it is the worker's own, for torchdata's StatefulDataLoader.
        """
        start, worker = self._start.read(), get_worker_info()
        state, first = self._states.write(start.epoch, start.position), start.first
        if self._behind is not None and self._behind[0] == start.number:
            _, state, first = self._behind
        if worker is None:
            return dict(state)
        return state | {"worker": [worker.id, worker.num_workers, worker.id if first is None else first]}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Goes on where a state was taken, with any world size and number of workers.

        An iteration that is under way does not go on: it would not be where the state says.

        Raises:
            ShardError: the state is of other datasets, another tokenizer, or settings that make another order; or it is
                a worker's own, and this is another worker.
        """
        epoch, position = self._states.read(state)
        if "worker" in state:
            self._start.write_own(epoch, position, self._checked_first(state["worker"]))
        else:
            self._start.write(epoch, position)

    def __iter__(self) -> Iterator[dict[str, Any]]:
        start = self._start.read()
        worker = get_worker_info()
        worker_id, num_workers = (worker.id, worker.num_workers) if worker else (0, 1)
        first = worker_id if start.first is None else start.first
        rounds = self.plan.rounds(start.epoch, start.position, self.rank, self.world_size)
        threads = self._num_threads
        if threads is None:
            threads = max(1, min(_MAX_THREADS, num_cores() // num_workers))
        filler = self._filler.for_epoch(start.epoch)
        made = ahead(
            lambda turn: (filler.fill(turn[0]), turn[1]),
            islice(rounds, first, None, num_workers),
            num_threads=threads,
            num_ahead=2 * threads if self._num_ahead is None else self._num_ahead,
        )
        num_skipped = 0
        for batch, position in made:
            if self._start.read().number != start.number:
                raise RuntimeError("the dataset was set to another place while it was iterated: begin a new iteration")
            num_skipped += self._warn(batch["skipped"], num_skipped)
            batch["state"] = self._states.write(start.epoch, position)
            self._behind = (start.number, batch["state"], num_workers - 1)
            yield batch
        self._start.finish(start)

    @staticmethod
    def _checked_first(own: object) -> int:
        """Of a worker's own state: batches of the others before its next."""
        worker = get_worker_info()
        if not isinstance(own, list | tuple) or worker is None or list(own[:2]) != [worker.id, worker.num_workers]:
            raise ShardError(
                f"the state to resume is of one worker ({own}): load it with as many workers, through the "
                f"StatefulDataLoader that saved it, or save batch['state']"
            )
        return int(own[2])

    def _warn(self, skipped: Sequence[str], num_before: int) -> int:
        for what in skipped:
            _logger.warning("skipped: %s", what)
        if (number := num_before + len(skipped)) > self._max_skipped:
            last = skipped[-1]
            raise ShardError(
                f"{number:,} samples could not be read, max_skipped={self._max_skipped:,}; the last: {last}"
            )
        return len(skipped)

    def planned_rows(self) -> Iterator[PlannedRow]:
        """All rows of this epoch in their global order, not read yet; `read_batch` reads them."""
        return self.plan.rows(self.epoch, self.plan.start)

    def read_batch(self, rows: Sequence[PlannedRow]) -> dict[str, Any]:
        """A batch of rows of this epoch."""
        batch = self._filler.for_epoch(self.epoch).fill(rows)
        self._warn(batch["skipped"], 0)
        return batch


def _length(readers: list[DatasetReader], seq_len: int | None) -> int:
    contexts = [reader.manifest.model.context for reader in readers]
    known = [context for context in contexts if context is not None]
    if seq_len is not None:
        return seq_len
    if not known:
        raise ShardError(f"{readers[0].folder}: whole documents are stored; say how long a row is: seq_len=4096")
    return max(known)
