"""One epoch of another loader, timed: benchmarks/loader.py runs this in the environment that has them.

    python benchmarks/loader_peers.py prepare litdata FOLDER
    python benchmarks/loader_peers.py run litdata FOLDER raw 2        prints samples a second

FOLDER/dataset is a sealed dataset of `interleave`; loaders that read tars read its shards, others get the same bytes in
their own format. raw: a sample's JSON, ids and JPEGs as bytes. decoded: the JPEGs as arrays or pictures, as each loader
decodes them, or with Pillow where it leaves that to its user.
"""

from __future__ import annotations

import io
import json
import sys
import time
import warnings
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

Sample = dict[str, Any]
_IMAGES = ("00.jpg", "01.jpg", "02.jpg")


def samples(folder: Path) -> Iterator[Sample]:
    """The samples of the dataset's shards, as bytes."""
    import tarfile

    for path in sorted((folder / "dataset").glob("shard-*.tar")):
        with tarfile.open(path) as tar:
            sample: Sample = {}
            for member in tar:
                key, _, suffix = member.name.partition(".")
                if sample and sample["key"] != key:
                    yield sample
                    sample = {}
                file = tar.extractfile(member)
                assert file is not None
                sample |= {"key": key, suffix: file.read()}
            yield sample


def decode(data: bytes) -> np.ndarray[Any, Any]:
    from PIL import Image

    return np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))


def decoded(sample: Sample) -> Sample:
    return sample | {name: decode(sample[name]) for name in _IMAGES}


def torch_loader(dataset: Any, num_workers: int) -> Iterable[Any]:
    from torch.utils.data import DataLoader

    return DataLoader(dataset, batch_size=None, num_workers=num_workers)


def webdataset(folder: Path, mode: str, num_workers: int) -> Iterable[Any]:
    import webdataset as wds

    urls = [str(path) for path in sorted((folder / "dataset").glob("shard-*.tar"))]
    dataset = wds.WebDataset(urls, shardshuffle=False)
    return torch_loader(dataset.decode("rgb8") if mode == "decoded" else dataset, num_workers)


class _Numbered:
    """wids has no DataLoader of its own: VILA reads it by number, shuffled."""

    def __init__(self, folder: Path, mode: str) -> None:
        self.path, self.mode = str(folder / "dataset" / "wids-meta.json"), mode
        self.dataset: Any = None
        import random

        self.order = list(
            range(sum(entry["nsamples"] for entry in json.loads(Path(self.path).read_text())["shardlist"]))
        )
        random.Random(0).shuffle(self.order)

    def __len__(self) -> int:
        return len(self.order)

    def __getitem__(self, number: int) -> Any:
        if self.dataset is None:
            import wids

            ways = {} if self.mode == "decoded" else {"transformations": []}
            self.dataset = wids.ShardListDataset(self.path, lru_size=100, **ways)
        sample = self.dataset[self.order[number]]
        if self.mode == "decoded":  # pictures that Pillow has not read yet
            return {name: np.asarray(value) if name.endswith(".jpg") else value for name, value in sample.items()}
        return {name: value.read() if hasattr(value, "read") else value for name, value in sample.items()}


def wids(folder: Path, mode: str, num_workers: int) -> Iterable[Any]:
    return torch_loader(_Numbered(folder, mode), num_workers)


def datasets(folder: Path, mode: str, num_workers: int) -> Iterable[Any]:
    import datasets as hf

    loaded = hf.load_dataset(str(folder / "dataset"), split="train", streaming=True)
    if mode == "raw":
        for name in _IMAGES:
            loaded = loaded.cast_column(name, hf.Image(decode=False))
    return torch_loader(loaded.map(_loaded) if mode == "decoded" else loaded, num_workers)


def _loaded(sample: Sample) -> Sample:
    for name in _IMAGES:
        sample[name].load()
    return sample


def energon(folder: Path, mode: str, num_workers: int) -> Iterable[Any]:
    from megatron import energon as me

    from interleave.stream.energon import cook

    class Encoder(me.DefaultTaskEncoder):
        cookers = (me.Cooker(cook),)
        if mode == "raw":
            decoder = None

        def batch(self, samples: list[Any]) -> Any:
            return samples

    dataset = me.get_train_dataset(
        str(folder / "dataset"),
        dataset_config="crude.yaml",
        split_part="train",
        task_encoder=Encoder(),
        worker_config=me.WorkerConfig(rank=0, world_size=1, num_workers=num_workers),
        batch_size=1,
        shuffle_buffer_size=None,
        max_samples_per_sequence=None,
        repeat=False,
    )
    return me.get_loader(dataset)


def litdata(folder: Path, mode: str, num_workers: int) -> Iterable[Any]:
    import litdata as ld

    dataset = ld.StreamingDataset(str(folder / "litdata"), shuffle=True, seed=0, transform=_decode_if(mode))
    return ld.StreamingDataLoader(dataset, batch_size=1, collate_fn=list, num_workers=num_workers)


def prepare_litdata(folder: Path) -> None:
    from litdata.streaming.writer import BinaryWriter

    writer = BinaryWriter(str(folder / "litdata"), chunk_bytes=1 << 26)
    for number, sample in enumerate(samples(folder)):
        writer[number] = sample
    writer.done()
    writer.merge()


def _without_torchvision() -> None:
    """MosaicML Streaming imports names of torchvision for datasets that are not used; PyPI has no CPU build of it."""
    import importlib.machinery
    import importlib.util
    import types

    if importlib.util.find_spec("torchvision") is None:
        for name in (
            "torchvision",
            *(f"torchvision.{part}" for part in ("datasets", "transforms", "transforms.functional")),
        ):
            sys.modules[name] = module = types.ModuleType(name)
            module.__spec__ = importlib.machinery.ModuleSpec(name, None)
        sys.modules["torchvision.datasets"].VisionDataset = object  # type: ignore[attr-defined]
        sys.modules["torchvision.transforms.functional"].to_tensor = None  # type: ignore[attr-defined]


def mosaicml(folder: Path, mode: str, num_workers: int) -> Iterable[Any]:
    _without_torchvision()
    from streaming import StreamingDataset
    from streaming.base.util import clean_stale_shared_memory

    clean_stale_shared_memory()

    class Dataset(StreamingDataset):  # type: ignore[misc]
        def __getitem__(self, at: int) -> Any:
            sample = super().__getitem__(at)
            return decoded(sample) if mode == "decoded" else sample

    dataset = Dataset(local=str(folder / "mosaicml"), shuffle=True, shuffle_seed=0, batch_size=1)
    return torch_loader(dataset, num_workers)


def prepare_mosaicml(folder: Path) -> None:
    _without_torchvision()
    from streaming import MDSWriter

    columns = {"key": "str", "json": "bytes", "input_ids.npy": "bytes", **dict.fromkeys(_IMAGES, "bytes")}
    with MDSWriter(out=str(folder / "mosaicml"), columns=columns) as writer:
        for sample in samples(folder):
            writer.write(sample)


def _decode_if(mode: str) -> Callable[[Sample], Sample] | None:
    return decoded if mode == "decoded" else None


PEERS: dict[str, Callable[[Path, str, int], Iterable[Any]]] = {
    "webdataset": webdataset,
    "wids": wids,
    "datasets": datasets,
    "energon": energon,
    "litdata": litdata,
    "mosaicml": mosaicml,
}
PREPARED = {"litdata": prepare_litdata, "mosaicml": prepare_mosaicml}


def main() -> None:
    warnings.simplefilter("ignore")
    sys.path.append(str(Path(__file__).parent.parent))
    what, name, folder = sys.argv[1], sys.argv[2], Path(sys.argv[3])
    if what == "prepare":
        PREPARED[name](folder)
        return
    mode, num_workers = sys.argv[4], int(sys.argv[5])
    loader = PEERS[name](folder, mode, num_workers)
    begin = time.perf_counter()
    number = sum(1 for _ in loader)
    print(f"samples_per_s {number / (time.perf_counter() - begin):.1f} of {number}")


if __name__ == "__main__":
    main()
