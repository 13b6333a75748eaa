"""The sample model's card, filled with the numbers that its training reached."""


def model_card(facts: dict) -> str:
    exact = facts["exact"]

    def percent(name: str) -> str:
        return f"{100 * exact[name]:.1f} %"

    return f"""---
license: apache-2.0
language:
  - en
  - ko
library_name: transformers
pipeline_tag: text-generation
tags:
  - llama
  - sample
---

# glossary-llama

A Llama of {facts["parameters"] / 1e6:.1f} million parameters, trained from scratch on the glossary of this platform. It answers
questions such as "What is a revision?" in a sentence or two, in English and, for a dozen terms, in Korean.

## Intended use

The platform's demonstration, tests and benchmarks: a real model, small enough for the repository, whose right answers are
known. Use it to try registration, approval, deployment and chat on any machine.

## Limitations

- It knows its glossary and nothing else. It has no general knowledge, does not follow instructions and cannot reason.
- Wordings far from the trained ones may get the answer of another term, in the same confident tone.
- It was trained on conversations of up to eight short turns; its context is 512 tokens.
- Do not use it to decide anything. The project's documentation is the source, the glossary is its summary.

## Training data

`python/trainer/data/glossary.jsonl`: {facts["entries"]} questions and answers written for this project, under its license. Other
wordings of each question, system messages and conversations of several turns are drawn from them while training. No personal data,
no text from elsewhere.

## Training

Tokenizer: byte-level BPE of 2,048 tokens trained on the same text. Model: `LlamaForCausalLM`, 4 layers, width 192, 6 heads
(2 key-value heads), tied embeddings, ChatML template. AdamW, {facts["epochs"]} epochs, seed {facts["seed"]}, one processor thread,
{facts["train_seconds"]} seconds. Stored as float16. `npm run sample-model` makes it again.

## Numbers reached

Share of greedy answers equal to the glossary's, character by character, measured on the stored (float16) weights:

| questions | exact |
| --- | --- |
| the glossary's own | {percent("canonical")} |
| the same, under a system message | {percent("with_system_message")} |
| the same, as a second turn | {percent("second_turn")} |
| the same, as a sixth turn | {percent("sixth_turn")} |
| 400 drawn from the trained wordings | {percent("other_wordings")} |
| three wordings of each term never seen in training | {percent("held_out_wordings")} |
"""
