"""Converts a Llama-family safetensors folder to one GGUF file for the local engine. Needs numpy and gguf alone.

    python -m llmops_trainer.convert --source FOLDER --output FILE.gguf [--dtype f16|f32]

Prints {architecture, tensors, parameters, output} on stdout. Exit 2 with {"error": {code, message, supported?}} on stderr
for input that cannot be used: architecture_unsupported, tokenizer_unsupported, config_invalid, tokenizer_invalid, weights_invalid.
The output appears only when it is whole, and the same input gives the same bytes.
"""

import argparse
import json
import os
import sys
from pathlib import Path

import gguf
import numpy as np

from .architectures import Architecture, Plan, interleave, plan
from .errors import Refusal, weights_invalid
from .safetensors_files import Tensor, read_folder, read_json
from .tokenizer_files import Vocabulary, read_vocabulary

TYPES = {"f32": np.float32, "f16": np.float16}
FILE_TYPES = {"f32": gguf.LlamaFileType.ALL_F32, "f16": gguf.LlamaFileType.MOSTLY_F16}


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="llmops_trainer.convert", description=__doc__.split("\n")[0])
    parser.add_argument("--source", type=Path, required=True, help="folder with config.json, tokenizer.json, *.safetensors")
    parser.add_argument("--output", type=Path, required=True, help="the GGUF file to write")
    parser.add_argument("--dtype", choices=sorted(TYPES), default="f16", help="of the matrices; vectors stay f32")
    options = parser.parse_args(arguments)
    try:
        print(json.dumps(convert(options.source, options.output, options.dtype)))
    except Refusal as refusal:
        print(json.dumps(refusal.as_dict()), file=sys.stderr)
        return 2
    return 0


def convert(source: Path, output: Path, dtype: str) -> dict[str, object]:
    config = read_json(source / "config.json", lambda why: Refusal("config_invalid", why))
    shape = plan(config)
    found = read_folder(source)
    check(shape, found)
    try:
        vocabulary = read_vocabulary(source, config, shape.vocabulary)
    except (TypeError, AttributeError, KeyError) as error:
        raise Refusal("tokenizer_invalid", f"the tokenizer's files are not formed as they should be: {error!r}") from error
    # beside the target, so that the rename is atomic; the pid keeps two conversions apart
    temporary = output.with_name(f".{output.name}.{os.getpid()}.part")
    try:
        parameters = write(temporary, shape, vocabulary, found, dtype)
        with temporary.open("rb") as stream:
            os.fsync(stream.fileno())
        os.replace(temporary, output)
    finally:
        temporary.unlink(missing_ok=True)
    return {
        "architecture": shape.name,
        "tensors": len(shape.tensors),
        "parameters": parameters,
        "output": str(output),
    }


def check(shape: Architecture, found: dict[str, Tensor]) -> None:
    wanted = {each.source: each for each in shape.tensors}
    for name, each in wanted.items():
        if name not in found:
            raise weights_invalid(f"tensor {name} is missing")
        if found[name].shape != each.shape:
            raise weights_invalid(f"tensor {name} has the shape {found[name].shape}, config.json asks for {each.shape}")
        if found[name].dtype not in ("F64", "F32", "F16", "BF16"):
            raise weights_invalid(f"tensor {name} is {found[name].dtype}, not floating point")
    # a tied head may be stored twice, old checkpoints keep their rotation table: both are derived
    extra = [n for n in found if n not in wanted and n != "lm_head.weight" and not n.endswith("rotary_emb.inv_freq")]
    if extra:
        raise weights_invalid(f"tensor {extra[0]} does not belong to {shape.name} with this config.json")


def write(file: Path, shape: Architecture, vocabulary: Vocabulary, found: dict[str, Tensor], dtype: str) -> int:
    writer = gguf.GGUFWriter(file, shape.gguf)
    describe(writer, shape, dtype)
    describe_tokens(writer, vocabulary)
    # GGUF's engines want vectors in f32 whatever the matrices are
    kinds = [TYPES[dtype] if len(each.shape) > 1 else np.float32 for each in shape.tensors]
    if shape.rope_factors is not None:
        factors = shape.rope_factors
        writer.add_tensor_info("rope_freqs.weight", factors.shape, factors.dtype, factors.nbytes)
    total = 0
    for each, kind in zip(shape.tensors, kinds, strict=True):
        count = int(np.prod(each.shape))
        total += count
        writer.add_tensor_info(each.target, each.shape, np.dtype(kind), count * np.dtype(kind).itemsize)
    try:
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_ti_data_to_file()
        if shape.rope_factors is not None:
            writer.write_tensor_data(shape.rope_factors)
        for each, kind in zip(shape.tensors, kinds, strict=True):
            writer.write_tensor_data(values(each, found[each.source], kind))
    finally:
        writer.close()
    return total


def values(each: Plan, tensor: Tensor, kind: type) -> np.ndarray:
    with np.errstate(over="ignore"):
        result = interleave(tensor.read(), each.heads).astype(kind)
    if not np.isfinite(result).all():
        hint = "; try --dtype f32" if kind is np.float16 else ""
        raise weights_invalid(f"tensor {each.source} has values that are not finite as {np.dtype(kind).name}{hint}")
    return np.ascontiguousarray(result)


def describe(writer: gguf.GGUFWriter, shape: Architecture, dtype: str) -> None:
    writer.add_file_type(FILE_TYPES[dtype])
    writer.add_context_length(shape.context)
    writer.add_embedding_length(shape.hidden)
    writer.add_block_count(shape.layers)
    writer.add_feed_forward_length(shape.feed_forward)
    writer.add_head_count(shape.heads)
    writer.add_head_count_kv(shape.kv_heads)
    writer.add_key_length(shape.head_dim)
    writer.add_value_length(shape.head_dim)
    writer.add_layer_norm_rms_eps(shape.norm_epsilon)
    writer.add_rope_dimension_count(shape.head_dim)
    writer.add_rope_freq_base(shape.rope_base)
    writer.add_vocab_size(shape.vocabulary)
    if shape.rope_linear_factor is not None:
        writer.add_rope_scaling_type(gguf.RopeScalingType.LINEAR)
        writer.add_rope_scaling_factor(shape.rope_linear_factor)


def describe_tokens(writer: gguf.GGUFWriter, vocabulary: Vocabulary) -> None:
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre(vocabulary.pre)
    writer.add_token_list(vocabulary.tokens)
    writer.add_token_types(vocabulary.types)
    writer.add_token_merges(vocabulary.merges)
    writer.add_add_bos_token(vocabulary.add_bos)
    writer.add_add_eos_token(vocabulary.add_eos)
    for index, add in (
        (vocabulary.bos, writer.add_bos_token_id),
        (vocabulary.eos, writer.add_eos_token_id),
        (vocabulary.unk, writer.add_unk_token_id),
        (vocabulary.pad, writer.add_pad_token_id),
    ):
        if index is not None:
            add(index)
    if vocabulary.chat_template is not None:
        writer.add_chat_template(vocabulary.chat_template)


if __name__ == "__main__":
    sys.exit(main())
