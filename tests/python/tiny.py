"""Makes tiny random models of each supported architecture and feature, the same bytes on every machine. Needs numpy alone.

    python tests/python/tiny.py --tokenizer FOLDER --output FOLDER

Values lie on a grid that bfloat16, float16 and float32 all hold exactly, so that rounding proves nothing and hides nothing.
"""

import argparse
import json
import math
import shutil
import struct
import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "python" / "trainer"))

from llmops_trainer.architectures import plan  # noqa: E402
from llmops_trainer.tokenizer_files import LLAMA3_PATTERN  # noqa: E402

BASE = {
    "architectures": ["LlamaForCausalLM"],
    "model_type": "llama",
    "hidden_size": 64,
    "intermediate_size": 96,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 256,
    "vocab_size": 2048,
    "hidden_act": "silu",
    "rms_norm_eps": 1e-5,
    "tie_word_embeddings": False,
    "bos_token_id": None,
    "eos_token_id": 2,
    "pad_token_id": 0,
}
LLAMA3 = {"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0}
LLAMA3 |= {"original_max_position_embeddings": 64, "rope_theta": 500000.0}
QWEN2 = {"architectures": ["Qwen2ForCausalLM"], "model_type": "qwen2"}
MISTRAL = {"architectures": ["MistralForCausalLM"], "model_type": "mistral"}

# name → (changes of config.json, dtype, files, pre-tokenizer)
VARIANTS = {
    "llama-plain": ({"num_key_value_heads": 4}, "F32", 1, "gpt-2"),
    "llama-biases-wide-heads": ({"attention_bias": True, "mlp_bias": True, "head_dim": 32}, "F16", 1, "gpt-2"),
    "llama-rope-llama3-sharded": ({"rope_parameters": LLAMA3}, "BF16", 3, "llama-bpe"),
    "llama-rope-linear-tied": (
        {"rope_scaling": {"type": "linear", "factor": 4.0}, "rope_theta": 10000.0, "tie_word_embeddings": True},
        "F32",
        1,
        "gpt-2",
    ),
    "mistral-window": ({**MISTRAL, "sliding_window": 128, "rope_theta": 1000000.0}, "BF16", 1, "gpt-2"),
    "qwen2-biases": ({**QWEN2, "rope_theta": 1000000.0}, "BF16", 2, "qwen2"),
}


def encode(values: np.ndarray, dtype: str) -> bytes:
    if dtype == "BF16":
        return (values.astype("<f4").view("<u4") >> 16).astype("<u2").tobytes()
    return values.astype({"F32": "<f4", "F16": "<f2"}[dtype]).tobytes()


def write_safetensors(file: Path, tensors: dict[str, np.ndarray], dtype: str) -> None:
    header, data, at = {"__metadata__": {"format": "pt"}}, [], 0
    for name, values in tensors.items():
        raw = encode(values, dtype)
        header[name] = {"dtype": dtype, "shape": list(values.shape), "data_offsets": [at, at + len(raw)]}
        data.append(raw)
        at += len(raw)
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    file.write_bytes(struct.pack("<Q", len(text)) + text + b"".join(data))


def weights(config: dict, seed: int) -> dict[str, np.ndarray]:
    random = np.random.default_rng(seed)
    found = {}
    for each in plan(config).tensors:
        # uniform on a grid of 255 values; widths keep activations near one and the best token well ahead
        grid = random.integers(-127, 128, size=each.shape).astype(np.float32)
        if len(each.shape) == 2:
            scale = 1.0 if "embed" in each.source else 2.0 / math.sqrt(each.shape[1])
            found[each.source] = grid * np.float32(2.0 ** round(math.log2(scale / 73)))
        elif each.source.endswith("bias"):
            found[each.source] = grid * np.float32(2.0**-9)
        else:
            found[each.source] = 1 + np.round(grid / 8) * np.float32(2.0**-6)
    return found


def tokenizer(source: Path, target: Path, pre: str) -> None:
    for name in ("tokenizer.json", "tokenizer_config.json", "chat_template.jinja"):
        shutil.copyfile(source / name, target / name)
    if pre != "gpt-2":
        pattern = LLAMA3_PATTERN if pre == "llama-bpe" else LLAMA3_PATTERN.replace(r"\p{N}{1,3}", r"\p{N}")
        file = target / "tokenizer.json"
        content = json.loads(file.read_text(encoding="utf-8"))
        split = {"type": "Split", "pattern": {"Regex": pattern}, "behavior": "Isolated", "invert": False}
        bytes_ = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": False, "use_regex": False}
        content["pre_tokenizer"] = {"type": "Sequence", "pretokenizers": [split, bytes_]}
        content["normalizer"] = {"type": "NFC"} if pre == "qwen2" else None
        file.write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")


def make(name: str, folder: Path, source: Path, seed: int) -> None:
    changes, dtype, files, pre = VARIANTS[name]
    folder.mkdir(parents=True)
    config = {**BASE, **changes}
    (folder / "config.json").write_text(json.dumps(config, indent=2))
    tokenizer(source, folder, pre)
    tensors = list(weights(config, seed).items())
    if files == 1:
        write_safetensors(folder / "model.safetensors", dict(tensors), dtype)
        return
    places = {}
    for number in range(files):
        file = f"model-{number + 1:05d}-of-{files:05d}.safetensors"
        part = dict(tensors[number::files])
        write_safetensors(folder / file, part, dtype)
        places |= dict.fromkeys(part, file)
    (folder / "model.safetensors.index.json").write_text(json.dumps({"metadata": {}, "weight_map": places}))


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--tokenizer", type=Path, required=True)
    parser.add_argument("--output", type=Path, required=True)
    options = parser.parse_args()
    for seed, name in enumerate(VARIANTS):
        make(name, options.output / name, options.tokenizer, seed)
