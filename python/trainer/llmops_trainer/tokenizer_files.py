"""From `tokenizer.json` and its neighbours to GGUF's vocabulary: byte-level BPE, the kind Llama 3, Qwen and our own models have."""

from dataclasses import dataclass
from pathlib import Path

from .errors import Refusal
from .safetensors_files import read_json

NORMAL, CONTROL, USER_DEFINED, UNUSED = 1, 3, 4, 5
LIMIT = 200_000_000

# GGUF names a pre-tokenizer instead of carrying its pattern: pattern of tokenizer.json → that name
LLAMA3_PATTERN = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
PATTERNS = {LLAMA3_PATTERN: "llama-bpe", LLAMA3_PATTERN.replace(r"\p{N}{1,3}", r"\p{N}"): "qwen2"}


@dataclass(frozen=True)
class Vocabulary:
    pre: str
    tokens: list[str]
    types: list[int]
    merges: list[str]
    bos: int | None
    eos: int | None
    unk: int | None
    pad: int | None
    add_bos: bool
    add_eos: bool
    chat_template: str | None


def unsupported(message: str) -> Refusal:
    return Refusal("tokenizer_unsupported", message, supported=["byte-level BPE: gpt-2, llama-bpe, qwen2"])


def invalid(message: str) -> Refusal:
    return Refusal("tokenizer_invalid", message)


def read_vocabulary(folder: Path, config: dict, size: int) -> Vocabulary:
    """`size` is the model's: the rows that no token has are filled with unused tokens."""
    tokenizer = read_json(folder / "tokenizer.json", invalid, LIMIT)
    settings = optional(folder / "tokenizer_config.json")
    generation = optional(folder / "generation_config.json")
    pre = pre_tokenizer(tokenizer)
    model = tokenizer["model"]
    tokens: list[str | None] = [None] * size
    types = [UNUSED] * size
    for text, index in model["vocab"].items():
        put(tokens, types, index, text, NORMAL)
    ids = dict(model["vocab"])
    added = tokenizer.get("added_tokens") or []
    for entry in added if isinstance(added, list) else []:
        if not isinstance(entry, dict) or not isinstance(entry.get("content"), str):
            raise invalid("tokenizer.json: added_tokens has an entry without content")
        put(tokens, types, entry.get("id"), entry["content"], CONTROL if entry.get("special") else USER_DEFINED)
        ids[entry["content"]] = entry["id"]

    def special(name: str) -> int | None:
        text = settings.get(f"{name}_token")
        text = text.get("content") if isinstance(text, dict) else text
        if isinstance(text, str) and text in ids:
            return ids[text]
        for source in (generation, config):
            given = source.get(f"{name}_token_id")
            given = given[0] if isinstance(given, list) and given else given
            if type(given) is int and 0 <= given < size:
                return given
        return None

    bos, eos = special("bos"), special("eos")
    before, after = around(tokenizer.get("post_processor"))
    text_of = [text if text is not None else f"[PAD{index}]" for index, text in enumerate(tokens)]
    return Vocabulary(
        pre=pre,
        tokens=text_of,
        types=types,
        merges=merges(model.get("merges"), model["vocab"]),
        bos=bos,
        eos=eos,
        unk=special("unk"),
        pad=special("pad"),
        add_bos=bos is not None and text_of[bos] in before,
        add_eos=eos is not None and text_of[eos] in after,
        chat_template=chat_template(folder, settings),
    )


def optional(file: Path) -> dict:
    return read_json(file, invalid, LIMIT) if file.exists() else {}


def put(tokens: list[str | None], types: list[int], index: object, text: str, kind: int) -> None:
    if type(index) is not int or not 0 <= index < len(tokens):
        raise invalid(f"tokenizer.json: token {text[:40]!r} has the id {str(index)[:20]}, the model has {len(tokens)} rows")
    if tokens[index] not in (None, text):
        raise invalid(f"tokenizer.json: two tokens have the id {index}")
    tokens[index], types[index] = text, kind


def pre_tokenizer(tokenizer: dict) -> str:
    model = tokenizer.get("model")
    if not isinstance(model, dict) or not isinstance(model.get("vocab"), dict) or model.get("byte_fallback"):
        raise unsupported("tokenizer.json is not byte-level BPE")
    if model.get("type", "BPE") != "BPE":
        raise unsupported(f"tokenizer.json has the model {str(model.get('type'))[:40]}, only BPE is supported")
    given = tokenizer.get("pre_tokenizer")
    steps = given.get("pretokenizers") if isinstance(given, dict) and given.get("type") == "Sequence" else [given]
    steps = steps if isinstance(steps, list) and all(isinstance(step, dict) for step in steps) else []
    if not steps or steps[-1].get("type") != "ByteLevel" or steps[-1].get("add_prefix_space"):
        raise unsupported("tokenizer.json must end its pre-tokenizers with ByteLevel, without a prefix space")
    normalizer = tokenizer.get("normalizer")
    nfc = isinstance(normalizer, dict) and normalizer.get("type") == "NFC"
    if len(steps) == 1 and steps[0].get("use_regex", True) and normalizer is None:
        return "gpt-2"
    if len(steps) == 2 and steps[0].get("type") == "Split" and not steps[1].get("use_regex", True):
        pattern = steps[0].get("pattern")
        pre = PATTERNS.get(pattern.get("Regex", "") if isinstance(pattern, dict) else "")
        isolated = steps[0].get("behavior") == "Isolated" and not steps[0].get("invert")
        if pre is not None and isolated and (normalizer is None or (nfc and pre == "qwen2")):
            return pre
    raise unsupported("the engine does not know this tokenizer's pre-tokenizer pattern")


def merges(given: object, vocabulary: dict) -> list[str]:
    """Written as "a b" or ["a", "b"]; byte-level tokens have no space in them."""
    if not isinstance(given, list):
        raise invalid("tokenizer.json: merges must be a list")
    found = [" ".join(map(str, each)) if isinstance(each, list) else str(each) for each in given]
    for each in found:
        if each.count(" ") != 1 or any(part not in vocabulary for part in each.split(" ")):
            raise invalid(f"tokenizer.json: the merge {each[:40]!r} does not join two tokens")
    return found


def around(processor: object) -> tuple[set[str], set[str]]:
    """The special tokens that the tokenizer puts before and after a plain text."""
    if not isinstance(processor, dict):
        return set(), set()
    if processor.get("type") == "Sequence":
        parts = [around(each) for each in processor.get("processors") or []]
        return set().union(*(part[0] for part in parts)), set().union(*(part[1] for part in parts))
    before: set[str] = set()
    after: set[str] = set()
    if processor.get("type") == "TemplateProcessing":
        side = before
        for step in processor.get("single") or []:
            if "SpecialToken" in step:
                side.add(str(step["SpecialToken"].get("id")))
            else:
                side = after
    return before, after


def chat_template(folder: Path, settings: dict) -> str | None:
    file = folder / "chat_template.jinja"
    if file.exists():
        try:
            return file.read_text(encoding="utf-8")
        except (OSError, ValueError) as error:
            raise invalid("chat_template.jinja is not readable UTF-8") from error
    given = settings.get("chat_template")
    if isinstance(given, list):
        named = {each.get("name"): each.get("template") for each in given if isinstance(each, dict)}
        given = named.get("default")
    return given if isinstance(given, str) else None
