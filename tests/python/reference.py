"""What transformers answers greedily, through the chat template, in float32: what the local engine must equal.

    python tests/python/reference.py --glossary FOLDER --tiny FOLDER > tests/python/fixtures/parity.json

`tiny` is the output of tiny.py. Every model is named with the digest of its weights, so that a stale record is noticed.
"""

import argparse
import hashlib
import json
from pathlib import Path

import torch
import transformers
from transformers import AutoModelForCausalLM, AutoTokenizer


# The engine keeps its KV cache in float16, so a near tie of the two best tokens proves nothing: an answer is recorded up to
# the first one. Logits of the random models spread by about 2.3; the trained model has no tie.
CLEAR = 0.02


def user(*turns: str) -> list[dict[str, str]]:
    roles = ("user", "assistant")
    return [{"role": roles[index % 2], "content": text} for index, text in enumerate(turns)]


CONVERSATIONS = [
    user("What is a revision?"),
    user("What does four eyes mean?"),
    user("explain the kv cache"),
    user("리비전이란 무엇인가요?"),
    [{"role": "system", "content": "You are a helpful assistant."}, *user("Hello!")],
    user("Who are you?", "I am glossary-llama.", "  What is a digest?  "),
    user("What is the capital of France?"),
    user("Why does it cost $12,345.67?\n\n\tIt's 42% — \u201cquoted\u201d, caf\u00e9, 🙂!"),
]


def weights_digest(folder: Path) -> str:
    digest = hashlib.sha256()
    for file in sorted(folder.glob("*.safetensors")):
        digest.update(file.read_bytes())
    return digest.hexdigest()


@torch.inference_mode()
def answers(folder: Path, limit: int) -> dict:
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    cases = []
    for messages in CONVERSATIONS:
        text = tokenizer.apply_chat_template(messages, add_generation_prompt=True, tokenize=False)
        prompt = tokenizer.encode(text, add_special_tokens=False)
        made = model.generate(
            torch.tensor([prompt]),
            max_new_tokens=limit,
            do_sample=False,
            return_dict_in_generate=True,
            output_logits=True,
        )
        best = torch.stack(made.logits)[:, 0].topk(2).values
        clear = (best[:, 0] - best[:, 1] >= CLEAR).tolist()
        tokens = made.sequences[0, len(prompt) :].tolist()[: clear.index(False) if False in clear else None]
        cases.append(
            {
                "messages": messages,
                "prompt": prompt,
                "output": tokens,
                "text": tokenizer.decode(tokens, skip_special_tokens=True),
            }
        )
    return {"weights": weights_digest(folder), "cases": cases}


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--glossary", type=Path, required=True)
    parser.add_argument("--tiny", type=Path, required=True)
    options = parser.parse_args()
    torch.set_num_threads(1)
    models = {"glossary-llama": answers(options.glossary, 120)}
    models |= {folder.name: answers(folder, 48) for folder in sorted(options.tiny.iterdir())}
    print(json.dumps({"transformers": transformers.__version__, "torch": torch.__version__, "models": models}, indent=1))
