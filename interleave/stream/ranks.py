"""Which part of the batches a process takes."""

from __future__ import annotations

import os

import torch


def place(rank: int | None, world_size: int | None, model_parallel: int) -> tuple[int, int]:
    """Data-parallel rank and world size: as given, else of torch.distributed, else of RANK and WORLD_SIZE, else one.

    model_parallel: so many neighbouring ranks share a model (tensor, context and pipeline parallelism together), and
        see the same batches.

    Raises:
        ValueError: rank is not in its world, or the world is not made of whole models.
    """
    if (rank is None) != (world_size is None):
        raise ValueError("give rank and world_size together")
    if rank is None or world_size is None:
        rank, world_size = _found()
    if not 0 <= rank < world_size:
        raise ValueError(f"rank {rank} is not in a world of {world_size}")
    if model_parallel < 1 or world_size % model_parallel:
        raise ValueError(f"model_parallel is {model_parallel}, expected a divisor of the world size {world_size}")
    return rank // model_parallel, world_size // model_parallel


def num_cores() -> int:
    """Cores for this process, where others of the same job run on this machine."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, cores // int(os.environ.get("LOCAL_WORLD_SIZE", "1")))


def _found() -> tuple[int, int]:
    if torch.distributed.is_available() and torch.distributed.is_initialized():
        return torch.distributed.get_rank(), torch.distributed.get_world_size()
    return int(os.environ.get("RANK", "0")), int(os.environ.get("WORLD_SIZE", "1"))
