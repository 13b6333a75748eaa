"""Safetensors headers that lie or are broken: the reader must refuse each by name, whatever the bytes are.

    python tests/python/hostile.py FILE.safetensors COUNT → {"refused": n, "read": n}
"""

import json
import random
import struct
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "python" / "trainer"))

from llmops_trainer.errors import Refusal  # noqa: E402
from llmops_trainer.safetensors_files import read_header  # noqa: E402


def framed(header: bytes, data: bytes = b"", length: int | None = None) -> bytes:
    return struct.pack("<Q", len(header) if length is None else length) + header + data


def tensor(**changes: object) -> bytes:
    return json.dumps({"a": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8], **changes}}).encode()


GOOD = bytes(8)
HOSTILE = {
    "empty": b"",
    "seven bytes": b"1234567",
    "length of all ones": b"\xff" * 8 + b"{}",
    "length beyond the file": framed(tensor(), GOOD, length=10_000),
    "length over the limit": framed(b"{}", b"", length=100_000_001),
    "no header": framed(b""),
    "not JSON": framed(b"{" * 50),
    "not UTF-8": framed(b'{"\xff\xfe": 1}'),
    "an array": framed(b"[]"),
    "deep nesting": framed(b"[" * 200_000 + b"]" * 200_000),
    "a number of 100,000 digits": framed(b'{"a": ' + b"9" * 100_000 + b"}"),
    "a key twice": framed(tensor()[:-1] + b"," + tensor()[1:], GOOD),
    "tensor not an object": framed(b'{"a": 1}'),
    "unknown dtype": framed(tensor(dtype="F31"), GOOD),
    "dtype not text": framed(tensor(dtype=["F32"]), GOOD),
    "negative shape": framed(tensor(shape=[-2]), GOOD),
    "fraction in the shape": framed(tensor(shape=[2.0]), GOOD),
    "shape of true": framed(tensor(shape=[True, 2]), GOOD),
    "shape overflowing 64 bits": framed(tensor(shape=[2**32, 2**32, 2**32]), GOOD),
    "a thousand dimensions": framed(tensor(shape=[1] * 1000), GOOD),
    "offsets beyond the file": framed(tensor(data_offsets=[8, 16]), GOOD),
    "offsets reversed": framed(tensor(data_offsets=[8, 0]), GOOD),
    "negative offset": framed(tensor(data_offsets=[-8, 0]), GOOD),
    "one offset": framed(tensor(data_offsets=[0]), GOOD),
    "size unlike the shape": framed(tensor(shape=[1]), GOOD),
    "overlap": framed(json.dumps({k: json.loads(tensor())["a"] for k in "ab"}).encode(), GOOD),
}


def refused(file: Path, content: bytes) -> bool:
    file.write_bytes(content)
    try:
        read_header(file)
    except Refusal as refusal:
        if refusal.code != "weights_invalid" or str(file.parent) in refusal.message:
            raise AssertionError(refusal.as_dict()) from refusal
        return True
    return False


def main() -> None:
    header = Path(sys.argv[1]).read_bytes()
    header = header[: 8 + struct.unpack("<Q", header[:8])[0]]
    draw = random.Random(1)
    counts = {"refused": 0, "read": 0}
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "model.safetensors"
        for name, content in HOSTILE.items():
            if not refused(file, content):
                raise AssertionError(f"{name} was read")
        for _ in range(int(sys.argv[2])):
            mutated = bytearray(header)
            for _ in range(draw.randint(1, 4)):
                mutated[draw.randrange(len(mutated))] = draw.randrange(256)
            cut = draw.randrange(len(mutated)) if draw.random() < 0.3 else len(mutated)
            counts["refused" if refused(file, bytes(mutated[:cut])) else "read"] += 1
    print(json.dumps(counts))


if __name__ == "__main__":
    main()
