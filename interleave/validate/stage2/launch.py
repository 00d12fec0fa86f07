"""The commands of either path with VILA's own scripts."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from shlex import join

# GPUs that VILA's script for Stage 2 expects, at 8 a node.
_NUM_GPUS, _A_NODE = 128, 8


def run_commands(dataset: Path, profile: str, num_samples: int) -> Iterator[str]:
    """Stage 2 with this dataset, then Stage 3. Fewer samples than GPUs are for fewer of these."""
    num_nodes = max(1, min(_NUM_GPUS, num_samples) // _A_NODE)
    name = "".join(letter if letter.isalnum() else "_" for letter in dataset.resolve().name)
    exported = str(Path.cwd() / "exports" / dataset.resolve().name)
    words = [str(dataset.resolve()), exported, "--world-size", str(num_nodes * _A_NODE)]
    yield f"interleave export vila-pkl {join(words)}"
    yield "# in llava/data/datasets_mixture.py, inside register_datasets_mixtures():"
    yield f"#   interleaved = Dataset({name!r}, 'mmc4', {exported!r})"
    yield "#   add_dataset(interleaved)"
    yield from (_of_release_1_5 if profile == "vila-1.5" else _of_release_1_0)(name, num_nodes)


def _of_release_1_0(name: str, num_nodes: int) -> Iterator[str]:
    scripts = "scripts/v1_5/paper"
    yield f"#   DATASETS_MIXTURES.update({{'coyo_25m_{name}': [coyo_25m, interleaved]}})"
    yield f"sed -i 's/coyo_25m_mmc4core/coyo_25m_{name}/' {scripts}/2_pretrain_mmc4_coyo.sh"
    yield f'sbatch -N {num_nodes} {scripts}/2_pretrain_mmc4_coyo.sh "$PWD" NousResearch/Llama-2-7b-hf STAGE1 STAGE2'
    yield f"bash {scripts}/3_sft.sh ./checkpoints/STAGE2 STAGE3"


def _of_release_1_5(name: str, num_nodes: int) -> Iterator[str]:
    """Its scripts take the model from the environment, whatever checkpoint their arguments name."""
    scripts = "scripts/v1_5/release/13b"
    yield f"sed -i 's/+mmc4core+/+{name}+/' {scripts}/2_pretrain.sh"
    yield f"BASE_MODEL_PATH=./checkpoints/STAGE1 sbatch -N {num_nodes} {scripts}/2_pretrain.sh STAGE1 STAGE2"
    yield f"BASE_MODEL_PATH=./checkpoints/STAGE2 bash {scripts}/3_sft.sh STAGE2 STAGE3"


def skip_commands() -> Iterator[str]:
    """Stage 3 from an instruction-tuned language model with the projector of Stage 1."""
    scripts = "scripts/v1_5/paper"
    adapter = "--pretrain_mm_mlp_adapter ./checkpoints/STAGE1/mm_projector.bin"
    yield f"bash {scripts}/1_mm_align.sh lmsys/vicuna-7b-v1.5 STAGE1"
    yield f"sed 's|--model_name_or_path $STAGE2_PATH|& {adapter}|' {scripts}/3_sft.sh > sft_only.sh"
    yield "bash sft_only.sh lmsys/vicuna-7b-v1.5 STAGE3"


CAUTION = (
    "The paper's Stage 2 starts from Llama-2-7b, which is not instruction-tuned; without it Stage 3 starts from "
    "vicuna-7b-v1.5, which is. The two paths differ in more than Stage 2."
)
