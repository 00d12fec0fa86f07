"""Several ranks share one sequence of rows, and go on exactly where they were stopped, also with more or fewer of them.

torchrun --nproc-per-node 2 examples/train_ddp.py
torchrun --nproc-per-node 4 examples/train_ddp.py --resume checkpoint-ddp.pt
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch
from small_llava import image_processor, small_llava
from torch import distributed
from torch.nn.parallel import DistributedDataParallel

from interleave import StreamingDataset


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", default="shards/llava")
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--checkpoint", type=Path, default=Path("checkpoint-ddp.pt"))
    parser.add_argument("--every", type=int, default=5, help="steps between checkpoints")
    parser.add_argument("--seen", type=Path, help="a folder: each rank writes the keys of its rows there")
    parser.add_argument("--resume", type=Path, help="goes on behind this checkpoint")
    options = parser.parse_args()

    distributed.init_process_group("gloo")
    rank = distributed.get_rank()
    # Rank and world size are those of the process group. Every rank has as many batches, so none is waited for in vain.
    data = StreamingDataset(
        options.data, seq_len=512, form="llava", processor=image_processor(), dummy_images=True, num_threads=1
    )
    model = DistributedDataParallel(small_llava(data.reader.manifest))
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    step = 0
    if options.resume:
        saved = torch.load(options.resume)
        model.load_state_dict(saved["model"])
        optimizer.load_state_dict(saved["optimizer"])
        data.load_state_dict(saved["data"])
        step = saved["step"]

    while step < options.steps:
        for batch in torch.utils.data.DataLoader(data, batch_size=None):
            # The mean over all ranks' tokens, however many of them each has: DDP divides by the number of ranks.
            num_learned = (batch["inputs"]["labels"][:, 1:] != -100).sum()
            total = num_learned.clone()
            distributed.all_reduce(total)
            loss = model(**batch["inputs"], num_items_in_batch=total).loss * distributed.get_world_size()
            loss.backward()
            optimizer.step()
            optimizer.zero_grad()
            step += 1
            distributed.all_reduce(loss.detach_())
            if options.seen:
                with (options.seen / f"rank-{rank}.txt").open("a") as seen:
                    seen.write(f"{step} {' '.join(key for keys in batch['keys'] for key in keys)}\n")
            if rank == 0:
                print(f"step {step} loss {loss.item() / distributed.get_world_size()!r}", flush=True)
                if step % options.every == 0:
                    saved = {
                        "model": model.state_dict(),
                        "optimizer": optimizer.state_dict(),
                        "data": batch["state"],
                        "step": step,
                    }
                    torch.save(saved, options.checkpoint.with_suffix(".tmp"))
                    options.checkpoint.with_suffix(".tmp").replace(options.checkpoint)
            if step == options.steps:
                break
        data.set_epoch(data.epoch + 1)
    # The model under DDP goes before its process group: the other way round the last of gloo's threads is waited for
    # under the interpreter's lock, which it may want itself.
    del model
    distributed.destroy_process_group()


if __name__ == "__main__":
    main()
