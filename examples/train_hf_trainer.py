"""Hugging Face's Trainer, which hands out rows by number; on one rank or several.

python examples/train_hf_trainer.py
torchrun --nproc-per-node 2 examples/train_hf_trainer.py --resume
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import Any

from small_llava import image_processor, small_llava
from transformers import Trainer, TrainingArguments
from transformers.trainer_utils import get_last_checkpoint

from interleave import PackedRows, StreamingDataset


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", default="shards/llava")
    parser.add_argument("--output", default="hf-trainer")
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--seen", type=Path, help="a folder: each rank writes the numbers of its rows there")
    parser.add_argument("--resume", action="store_true", help="goes on behind the last checkpoint")
    options = parser.parse_args()

    # One rank here: it is accelerate that deals out numbers.
    data = StreamingDataset(
        options.data,
        seq_len=512,
        form="llava",
        processor=image_processor(),
        dummy_images=True,
        rank=0,
        world_size=1,
    )
    rows = PackedRows(data)

    def collate(batch: list[Any]) -> dict[str, Any]:
        if options.seen:
            with (options.seen / f"rank-{os.environ.get('RANK', '0')}.txt").open("a") as seen:
                seen.writelines(f"{row.window} {row.row}\n" for row in batch)
        return rows.inputs(batch)

    model = small_llava(data.reader.manifest)
    if options.resume:
        # Trainer 5.24 saves LLaVA's weights by their old names, and finds none of them again: it only warns.
        model = model.from_pretrained(get_last_checkpoint(options.output))
        model.model.vision_tower.requires_grad_(False)
    trainer = Trainer(
        model=model,
        args=TrainingArguments(
            output_dir=options.output,
            max_steps=options.steps,
            per_device_train_batch_size=1,
            learning_rate=3e-3,
            lr_scheduler_type="constant",
            train_sampling_strategy="sequential",
            logging_steps=1,
            save_steps=5,
            use_cpu=True,
            report_to="none",
        ),
        train_dataset=rows,
        data_collator=collate,
    )
    trainer.train(resume_from_checkpoint=options.resume)
    for entry in trainer.state.log_history:
        if "loss" in entry and trainer.is_world_process_zero():
            print(f"step {entry['step']} loss {entry['loss']!r}")
    # The model under DDP goes before its process group: the other way round the last of gloo's threads is waited for
    # under the interpreter's lock, which it may want itself.
    accelerator = trainer.accelerator
    del trainer
    accelerator.free_memory()
    accelerator.end_training()


if __name__ == "__main__":
    main()
