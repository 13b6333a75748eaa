"""What the Llama family is made of: from `config.json` to GGUF's numbers and the list of tensors that must be there. Pure."""

import math
from dataclasses import dataclass, field

import numpy as np

from .errors import Refusal

# architecture of transformers → architecture of GGUF. Each was proven by equal greedy output (tests/python/parity.test.ts).
SUPPORTED = {"LlamaForCausalLM": "llama", "MistralForCausalLM": "llama", "Qwen2ForCausalLM": "qwen2"}


@dataclass(frozen=True)
class Plan:
    """One tensor to be: where it comes from, its shape there, and the heads whose rope pairs must be interleaved (0: none)."""

    source: str
    target: str
    shape: tuple[int, ...]
    heads: int = 0


@dataclass(frozen=True)
class Architecture:
    name: str
    gguf: str
    vocabulary: int
    hidden: int
    layers: int
    feed_forward: int
    heads: int
    kv_heads: int
    head_dim: int
    context: int
    norm_epsilon: float
    rope_base: float
    rope_linear_factor: float | None
    tensors: list[Plan] = field(default_factory=list)
    # divisors of the rotation frequencies (`rope_type` llama3), one for each pair
    rope_factors: np.ndarray | None = None


def unsupported(message: str) -> Refusal:
    return Refusal("architecture_unsupported", message, supported=list(SUPPORTED))


def invalid(message: str) -> Refusal:
    return Refusal("config_invalid", f"config.json: {message}")


def number(config: dict, key: str, default: object = None, kind: type = int, most: float = 2**31) -> float:
    value = config.get(key)
    value = default if value is None else value
    accepted = (int,) if kind is int else (int, float)
    if type(value) not in accepted or not 0 < value < most:
        raise invalid(f"{key} must be a positive {'whole ' if kind is int else ''}number, not {str(value)[:40]}")
    return value


def plan(config: dict) -> Architecture:
    """Raises `architecture_unsupported` for another family or feature, `config_invalid` for numbers that cannot be."""
    names = config.get("architectures")
    name = names[0] if isinstance(names, list) and len(names) == 1 and isinstance(names[0], str) else None
    if name not in SUPPORTED:
        raise unsupported(f"the architecture {str(names)[:80]} cannot be served by the local engine")
    if config.get("quantization_config"):
        raise unsupported("quantised safetensors cannot be converted; use the unquantised weights or a GGUF file")
    if config.get("hidden_act", "silu") != "silu":
        raise unsupported(f"the activation {str(config['hidden_act'])[:40]} is not supported, silu is")
    hidden, heads = number(config, "hidden_size"), number(config, "num_attention_heads")
    kv_heads = number(config, "num_key_value_heads", default=heads)
    head_dim = number(config, "head_dim", default=hidden // heads)
    if heads % kv_heads or head_dim % 2:
        raise invalid("heads must be a multiple of key-value heads, and a head's size even")
    context = number(config, "max_position_embeddings")
    window = config.get("sliding_window") if config.get("use_sliding_window", name == "MistralForCausalLM") else None
    base, linear, factors = rope(config, head_dim)
    shape = Architecture(
        name=name,
        gguf=SUPPORTED[name],
        vocabulary=number(config, "vocab_size"),
        hidden=hidden,
        layers=number(config, "num_hidden_layers", most=1000),
        feed_forward=number(config, "intermediate_size"),
        heads=heads,
        kv_heads=kv_heads,
        head_dim=head_dim,
        # the engine has no window for these families: within one window both see the same
        context=min(context, number(config, "sliding_window")) if window else context,
        norm_epsilon=number(config, "rms_norm_eps", default=1e-6, kind=float),
        rope_base=base,
        rope_linear_factor=linear,
        rope_factors=factors,
    )
    shape.tensors.extend(tensors(shape, config))
    return shape


def rope(config: dict, head_dim: int) -> tuple[float, float | None, np.ndarray | None]:
    """Base, linear factor and frequency factors; transformers 5 writes `rope_parameters`, earlier ones two keys."""
    given = config.get("rope_parameters") or config.get("rope_scaling") or {}
    if not isinstance(given, dict):
        raise invalid("rope_parameters must be an object")
    if given.get("partial_rotary_factor", config.get("partial_rotary_factor", 1)) not in (1, None):
        raise unsupported("a partial rotary embedding is not supported")
    base = number({**config, **given}, "rope_theta", default=10000.0, kind=float, most=math.inf)
    kind = given.get("rope_type", given.get("type", "default"))
    if kind == "default":
        return base, None, None
    if kind == "linear":
        return base, number(given, "factor", kind=float), None
    if kind == "llama3":
        return base, None, llama3_factors(given, base, head_dim)
    raise unsupported(f"the rope type {str(kind)[:40]} is not supported; default, linear and llama3 are")


def llama3_factors(given: dict, base: float, head_dim: int) -> np.ndarray:
    factor = number(given, "factor", kind=float)
    low, high = number(given, "low_freq_factor", kind=float), number(given, "high_freq_factor", kind=float)
    old_context = number(given, "original_max_position_embeddings")
    if low >= high:
        raise invalid("low_freq_factor must be under high_freq_factor")
    wavelengths = 2 * math.pi * base ** (np.arange(0, head_dim, 2, dtype=np.float64) / head_dim)
    smooth = np.clip((old_context / wavelengths - low) / (high - low), 0, 1)
    return (1 / ((1 - smooth) / factor + smooth)).astype(np.float32)


def tensors(shape: Architecture, config: dict) -> list[Plan]:
    h, q, kv = shape.hidden, shape.heads * shape.head_dim, shape.kv_heads * shape.head_dim
    # Llama's weights pair dimension i with i + half; GGUF's llama pairs neighbours, its qwen2 does as transformers
    rotate = shape.gguf == "llama"
    qkv_bias = shape.gguf == "qwen2" or bool(config.get("attention_bias"))
    out_bias = shape.gguf == "llama" and bool(config.get("attention_bias"))
    mlp_bias = shape.gguf == "llama" and bool(config.get("mlp_bias"))
    found = [
        Plan("model.embed_tokens.weight", "token_embd.weight", (shape.vocabulary, h)),
        Plan("model.norm.weight", "output_norm.weight", (h,)),
    ]
    if not config.get("tie_word_embeddings", False):
        found.append(Plan("lm_head.weight", "output.weight", (shape.vocabulary, h)))
    for layer in range(shape.layers):
        at, to = f"model.layers.{layer}", f"blk.{layer}"
        found += [
            Plan(f"{at}.input_layernorm.weight", f"{to}.attn_norm.weight", (h,)),
            Plan(f"{at}.post_attention_layernorm.weight", f"{to}.ffn_norm.weight", (h,)),
        ]
        for source, target, rows, columns, heads, bias in (
            ("self_attn.q_proj", "attn_q", q, h, shape.heads if rotate else 0, qkv_bias),
            ("self_attn.k_proj", "attn_k", kv, h, shape.kv_heads if rotate else 0, qkv_bias),
            ("self_attn.v_proj", "attn_v", kv, h, 0, qkv_bias),
            ("self_attn.o_proj", "attn_output", h, q, 0, out_bias),
            ("mlp.gate_proj", "ffn_gate", shape.feed_forward, h, 0, mlp_bias),
            ("mlp.up_proj", "ffn_up", shape.feed_forward, h, 0, mlp_bias),
            ("mlp.down_proj", "ffn_down", h, shape.feed_forward, 0, mlp_bias),
        ):
            found.append(Plan(f"{at}.{source}.weight", f"{to}.{target}.weight", (rows, columns), heads))
            if bias:
                found.append(Plan(f"{at}.{source}.bias", f"{to}.{target}.bias", (rows,), heads))
    return found


def interleave(values: np.ndarray, heads: int) -> np.ndarray:
    """Rows of each head from halves (0, n, 1, n + 1 …) to neighbours, as GGUF's rope of llama pairs them."""
    if heads == 0:
        return values
    split = values.reshape(heads, 2, values.shape[0] // heads // 2, *values.shape[1:])
    return split.swapaxes(1, 2).reshape(values.shape)
