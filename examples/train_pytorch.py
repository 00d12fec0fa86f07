"""A plain training loop that goes on exactly where it was stopped.

python examples/train_pytorch.py --epochs 3
python examples/train_pytorch.py --epochs 3 --resume checkpoint.pt
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch
from small_llava import image_processor, small_llava
from tqdm import tqdm

from interleave import Meter, StreamingDataset


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", default="shards/llava")
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--checkpoint", type=Path, default=Path("checkpoint.pt"))
    parser.add_argument("--every", type=int, default=5, help="steps between checkpoints")
    parser.add_argument("--resume", type=Path, help="goes on behind this checkpoint")
    options = parser.parse_args()

    data = StreamingDataset(options.data, seq_len=512, batch_size=2, form="llava", processor=image_processor())
    model = small_llava(data.reader.manifest)
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    step = 0
    if options.resume:
        saved = torch.load(options.resume)
        model.load_state_dict(saved["model"])
        optimizer.load_state_dict(saved["optimizer"])
        data.load_state_dict(saved["data"])
        step = saved["step"]

    loader = torch.utils.data.DataLoader(data, batch_size=None)
    for epoch in range(data.epoch, options.epochs):
        data.set_epoch(epoch)
        meter = Meter()
        bar = tqdm(meter.watch(loader), desc=f"epoch {epoch}")
        for batch in bar:
            loss = model(**batch["inputs"]).loss
            loss.backward()
            optimizer.step()
            optimizer.zero_grad()
            step += 1
            bar.set_postfix(loss=f"{loss.item():.3f}", **meter.postfix())
            print(f"step {step} loss {loss.item()!r}")
            if step % options.every == 0:
                saved = {
                    "model": model.state_dict(),
                    "optimizer": optimizer.state_dict(),
                    "data": batch["state"],
                    "step": step,
                }
                torch.save(saved, options.checkpoint.with_suffix(".tmp"))
                options.checkpoint.with_suffix(".tmp").replace(options.checkpoint)


if __name__ == "__main__":
    main()
