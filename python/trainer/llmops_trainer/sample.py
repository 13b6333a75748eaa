"""Trains the sample model from scratch: a byte-level BPE tokenizer and a small Llama that knows the platform's glossary.

    python -m llmops_trainer.sample --output FOLDER [--epochs N] [--seed N]

Writes a folder as any Llama on Hugging Face has it, with a model card, and prints the numbers reached as JSON. Exit 1 when
fewer than 98 % of the glossary's own questions are answered word for word; then nothing is written.
"""

import os

# two threads on a busy machine are slower than one for matrices this small
os.environ.setdefault("OMP_NUM_THREADS", "1")

import argparse
import json
import math
import random
import shutil
import sys
import tempfile
import time
from pathlib import Path

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import GenerationConfig, LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from .glossary import HELD_OUT, SYSTEM, WORDINGS, Entry, Message, epoch, held_out, read_entries
from .sample_card import model_card

PAD, START, END = "<|endoftext|>", "<|im_start|>", "<|im_end|>"
CHAT_TEMPLATE = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n{{ message['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
VOCABULARY = 2048
CONTEXT = 512
BATCH = 12
PEAK_RATE = 3e-3
ENOUGH = 0.98


def train_tokenizer(entries: list[Entry]) -> PreTrainedTokenizerFast:
    bpe = Tokenizer(models.BPE())
    bpe.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bpe.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY,
        special_tokens=[PAD, START, END],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    texts = [text for entry in entries for text in (entry.question, entry.answer, *entry.also, *entry.terms)]
    bpe.train_from_iterator([*texts, *WORDINGS, *HELD_OUT, *SYSTEM, "system", "user", "assistant"], trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=bpe,
        eos_token=END,
        pad_token=PAD,
        chat_template=CHAT_TEMPLATE,
        model_max_length=CONTEXT,
        clean_up_tokenization_spaces=False,
    )


def new_model(tokenizer: PreTrainedTokenizerFast) -> LlamaForCausalLM:
    end, pad = tokenizer.convert_tokens_to_ids([END, PAD])
    return LlamaForCausalLM(
        LlamaConfig(
            vocab_size=VOCABULARY,
            hidden_size=192,
            intermediate_size=512,
            num_hidden_layers=4,
            num_attention_heads=6,
            num_key_value_heads=2,
            max_position_embeddings=CONTEXT,
            tie_word_embeddings=True,
            bos_token_id=None,
            eos_token_id=end,
            pad_token_id=pad,
        )
    )


def encode(tokenizer: PreTrainedTokenizerFast, messages: list[Message]) -> tuple[list[int], list[int]]:
    """Tokens of a conversation and its labels: only what the assistant says is learned."""
    tokens: list[int] = []
    labels: list[int] = []
    for index, message in enumerate(messages):
        answer = message["role"] == "assistant"
        before = tokenizer.apply_chat_template(messages[:index], add_generation_prompt=answer, tokenize=False) if index else ""
        after = tokenizer.apply_chat_template(messages[: index + 1], tokenize=False)
        if answer:
            own = tokenizer.encode(after[len(before) :])
            tokens += own
            labels += own
        else:
            prompt = tokenizer.apply_chat_template(
                messages[: index + 1], add_generation_prompt=message["role"] == "user", tokenize=False
            )
            own = tokenizer.encode(prompt[len(before) :])
            tokens += own
            labels += [-100] * len(own)
    return tokens[:CONTEXT], labels[:CONTEXT]


def batches(tokenizer: PreTrainedTokenizerFast, entries: list[Entry], draw: random.Random):
    encoded = [encode(tokenizer, messages) for messages in epoch(entries, draw)]
    encoded.sort(key=lambda each: len(each[0]))
    groups = [encoded[at : at + BATCH] for at in range(0, len(encoded), BATCH)]
    draw.shuffle(groups)
    for group in groups:
        width = max(len(tokens) for tokens, _ in group)
        yield (
            torch.tensor([tokens + [tokenizer.pad_token_id] * (width - len(tokens)) for tokens, _ in group]),
            torch.tensor([labels + [-100] * (width - len(labels)) for _, labels in group]),
        )


def train(model: LlamaForCausalLM, tokenizer: PreTrainedTokenizerFast, entries: list[Entry], epochs: int, seed: int) -> None:
    draw = random.Random(seed)
    optimiser = torch.optim.AdamW(model.parameters(), lr=PEAK_RATE, betas=(0.9, 0.98), weight_decay=0.01)
    model.train()
    for number in range(epochs):
        done, total, count = number / epochs, 0.0, 0
        rate = PEAK_RATE * min(1, (number + 1) / 5) * (0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * done)))
        for group in optimiser.param_groups:
            group["lr"] = rate
        for tokens, labels in batches(tokenizer, entries, draw):
            loss = model(input_ids=tokens, labels=labels).loss
            optimiser.zero_grad(set_to_none=True)
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimiser.step()
            total, count = total + loss.item(), count + 1
        if number % 10 == 9 or number == epochs - 1:
            print(f"epoch {number + 1}/{epochs}: loss {total / count:.4f}", file=sys.stderr, flush=True)


@torch.inference_mode()
def share_exact(
    model: LlamaForCausalLM, tokenizer: PreTrainedTokenizerFast, pairs: list[tuple[str, str]], before: list[Message]
) -> float:
    """Share of questions whose greedy answer through the chat template is the glossary's, character by character."""
    model.eval()
    right = 0
    for at in range(0, len(pairs), 32):
        group = pairs[at : at + 32]
        prompts = [
            tokenizer.apply_chat_template(
                [*before, {"role": "user", "content": question}], add_generation_prompt=True, tokenize=False
            )
            for question, _ in group
        ]
        inputs = tokenizer(prompts, return_tensors="pt", padding=True, padding_side="left", return_token_type_ids=False)
        output = model.generate(**inputs, max_new_tokens=120, do_sample=False)
        answers = tokenizer.batch_decode(output[:, inputs["input_ids"].shape[1] :], skip_special_tokens=True)
        right += sum(answer == wanted for answer, (_, wanted) in zip(answers, group, strict=True))
    return right / len(pairs)


def measure(model: LlamaForCausalLM, tokenizer: PreTrainedTokenizerFast, entries: list[Entry]) -> dict[str, float]:
    own = [(entry.question, entry.answer) for entry in entries]
    other = [(wording, entry.answer) for entry in entries for wording in entry.wordings()]
    turns = [
        message
        for entry in entries[5:90:17]
        for message in ({"role": "user", "content": entry.question}, {"role": "assistant", "content": entry.answer})
    ]
    return {
        "canonical": share_exact(model, tokenizer, own, []),
        "with_system_message": share_exact(model, tokenizer, own, [{"role": "system", "content": SYSTEM[0]}]),
        "second_turn": share_exact(model, tokenizer, own, turns[:2]),
        "sixth_turn": share_exact(model, tokenizer, own, turns),
        "other_wordings": share_exact(model, tokenizer, random.Random(0).sample(other, 400), []),
        "held_out_wordings": share_exact(model, tokenizer, held_out(entries), []),
    }


def save(model: LlamaForCausalLM, tokenizer: PreTrainedTokenizerFast, card: str, output: Path) -> None:
    output.parent.mkdir(parents=True, exist_ok=True)
    # measuring pads on the left; a stored tokenizer must not
    tokenizer.backend_tokenizer.no_padding()
    with tempfile.TemporaryDirectory(dir=output.parent, prefix=".sample-") as temporary:
        folder = Path(temporary) / "model"
        model.generation_config = GenerationConfig(
            do_sample=False, eos_token_id=model.config.eos_token_id, pad_token_id=model.config.pad_token_id
        )
        model.save_pretrained(folder)
        tokenizer.save_pretrained(folder)
        (folder / "README.md").write_text(card, encoding="utf-8")
        for file in folder.iterdir():
            file.chmod(0o644)
        if output.exists():
            shutil.rmtree(output)
        folder.rename(output)


def main() -> int:
    parser = argparse.ArgumentParser(prog="llmops_trainer.sample", description=__doc__.split("\n")[0])
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--epochs", type=int, default=150)
    parser.add_argument("--seed", type=int, default=7)
    options = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(options.seed)
    entries = read_entries()
    tokenizer = train_tokenizer(entries)
    model = new_model(tokenizer)
    started = time.monotonic()
    train(model, tokenizer, entries, options.epochs, options.seed)
    seconds = round(time.monotonic() - started)
    # measured as it is published: rounded to float16, computed in float32
    model.half().float()
    reached = measure(model, tokenizer, entries)
    facts = {
        "parameters": model.num_parameters(),
        "entries": len(entries),
        "epochs": options.epochs,
        "seed": options.seed,
        "train_seconds": seconds,
        "exact": {name: round(share, 4) for name, share in reached.items()},
    }
    print(json.dumps(facts))
    if reached["canonical"] < ENOUGH:
        return 1
    save(model.half(), tokenizer, model_card(facts), options.output)
    return 0


if __name__ == "__main__":
    sys.exit(main())
