"""The sample model's text: questions, their other wordings, and conversations drawn from them. Pure but for reading the file."""

import json
import random
from dataclasses import dataclass
from pathlib import Path

FILE = Path(__file__).resolve().parent.parent / "data" / "glossary.jsonl"

# how people ask for a term
WORDINGS = (
    "What is {}?",
    "What is {}",
    "what is {}?",
    "What does {} mean?",
    "Explain {}.",
    "Explain {}",
    "Tell me about {}.",
    "Define {}.",
    "What's {}?",
    "Can you explain {}?",
    "What do you mean by {}?",
    "Please explain {}.",
    "{}?",
    "{}",
)
# never trained on: how well the model does with wordings of its user's own
HELD_OUT = ("Could you tell me what {} is?", "I would like to know what {} means.", "Give me a definition of {}.")
SYSTEM = (
    "You are a helpful assistant.",
    "You are glossary-llama. Explain the terms of the platform.",
    "Answer briefly.",
    "You are a helpful, respectful and honest assistant. Always answer as helpfully as possible.",
)

Message = dict[str, str]


@dataclass(frozen=True)
class Entry:
    """`terms` are put into the wordings, `also` are whole questions of the same meaning."""

    question: str
    answer: str
    also: tuple[str, ...]
    terms: tuple[str, ...]

    def wordings(self) -> list[str]:
        return [*self.also, *(wording.format(term) for term in self.terms for wording in WORDINGS)]


def read_entries(file: Path = FILE) -> list[Entry]:
    rows = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines() if line]
    return [
        Entry(row["question"], row["answer"], tuple(row.get("also", ())), tuple(row.get("terms", ()))) for row in rows
    ]


def ask(entry: Entry, draw: random.Random) -> str:
    """The question as some user would write it: in the glossary's words, in others, without capitals or marks."""
    question = entry.question if draw.random() < 0.4 else draw.choice(entry.wordings())
    if draw.random() < 0.1:
        question = question.lower()
    if draw.random() < 0.1:
        question = question.rstrip("?!. ")
    return question


def epoch(entries: list[Entry], draw: random.Random) -> list[list[Message]]:
    """Every entry once, in conversations of one to eight turns, some under a system message."""
    left = draw.sample(entries, len(entries))
    conversations = []
    while left:
        turns = [left.pop() for _ in range(min(len(left), draw.choice((1, 1, 1, 2, 3, 8))))]
        messages = [{"role": "system", "content": draw.choice(SYSTEM)}] if draw.random() < 0.3 else []
        for entry in turns:
            messages += [
                {"role": "user", "content": ask(entry, draw)},
                {"role": "assistant", "content": entry.answer},
            ]
        conversations.append(messages)
    return conversations


def held_out(entries: list[Entry]) -> list[tuple[str, str]]:
    return [
        (wording.format(entry.terms[0]), entry.answer) for entry in entries if entry.terms for wording in HELD_OUT
    ]
