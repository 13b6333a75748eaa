"""Reads safetensors with numpy alone: nothing in a file is trusted, nothing is unpickled, one tensor is in memory at a time."""

import json
import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from .errors import Refusal, weights_invalid

# the format's own limit; a larger header is an attack, not a model
HEADER_LIMIT = 100_000_000
INDEX = "model.safetensors.index.json"
FILE_NAME = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,127}\Z")
BYTES = {"F64": 8, "F32": 4, "F16": 2, "BF16": 2, "I64": 8, "I32": 4, "I16": 2, "I8": 1, "U8": 1, "BOOL": 1}
BYTES |= {"U16": 2, "U32": 4, "U64": 8, "F8_E4M3": 1, "F8_E5M2": 1}


@dataclass(frozen=True)
class Tensor:
    name: str
    dtype: str
    shape: tuple[int, ...]
    file: Path
    # bytes from the start of the file
    offset: int

    def read(self) -> np.ndarray:
        """The values as float32, or as float16 where the file has that."""
        count = math.prod(self.shape)
        kind = {"F64": "<f8", "F32": "<f4", "F16": "<f2", "BF16": "<u2"}[self.dtype]
        values = np.fromfile(self.file, dtype=kind, count=count, offset=self.offset)
        if values.size != count:
            raise weights_invalid(f"{self.file.name}: tensor {self.name} is cut off")
        if self.dtype == "BF16":
            # bfloat16 is the upper half of a float32
            values = (values.astype(np.uint32) << 16).view(np.float32)
        elif self.dtype == "F64":
            values = values.astype(np.float32)
        return values.reshape(self.shape)


def read_json(file: Path, refuse: Callable[[str], Refusal], limit: int = HEADER_LIMIT) -> dict:
    try:
        if file.stat().st_size > limit:
            raise refuse(f"{file.name} is larger than {limit} bytes")
        value = parse_json(file.read_bytes())
    except (OSError, ValueError, RecursionError) as error:
        raise refuse(f"{file.name} cannot be read: {reason(error)}") from error
    if not isinstance(value, dict):
        raise refuse(f"{file.name} is not a JSON object")
    return value


def parse_json(data: bytes) -> object:
    return json.loads(data.decode("utf-8"), object_pairs_hook=unique)


def reason(error: BaseException) -> str:
    """Why, without the folder of the server in it."""
    return error.strerror or type(error).__name__ if isinstance(error, OSError) else str(error)[:200]


def unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found: dict[str, object] = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key is given twice")
    return found


def read_header(file: Path) -> dict[str, Tensor]:
    """The tensors of one file, every offset checked against the file's real size."""

    def broken(why: str) -> Refusal:
        return weights_invalid(f"{file.name}: {why}")

    try:
        size = file.stat().st_size
        with file.open("rb") as stream:
            length = int.from_bytes(stream.read(8), "little")
            if size < 8 or length > size - 8:
                raise broken(f"the header says {length} bytes, the file has {size}")
            if length > HEADER_LIMIT:
                raise broken(f"the header says {length} bytes, more than {HEADER_LIMIT}")
            header = parse_json(stream.read(length))
    except (OSError, ValueError, RecursionError) as error:
        raise broken(f"the header cannot be read: {reason(error)}") from error
    if not isinstance(header, dict):
        raise broken("the header is not a JSON object")
    tensors = {}
    for name, entry in header.items():
        if name != "__metadata__":
            tensors[name] = tensor_of(name, entry, file, start=8 + length, room=size - 8 - length, broken=broken)
    end = 8 + length
    for tensor in sorted(tensors.values(), key=lambda each: each.offset):
        if math.prod(tensor.shape) and tensor.offset < end:
            raise broken(f"tensor {tensor.name} overlaps another")
        end = max(end, tensor.offset + math.prod(tensor.shape) * BYTES[tensor.dtype])
    return tensors


def tensor_of(name: str, entry: object, file: Path, start: int, room: int, broken: Callable[[str], Refusal]) -> Tensor:
    def whole(values: object, most: int) -> bool:
        return isinstance(values, list) and len(values) <= most and all(type(v) is int and v >= 0 for v in values)

    if not isinstance(entry, dict):
        raise broken(f"tensor {name} is not an object")
    dtype, shape, offsets = entry.get("dtype"), entry.get("shape"), entry.get("data_offsets")
    if not isinstance(dtype, str) or dtype not in BYTES:
        raise broken(f"tensor {name} has an unknown dtype")
    if not whole(shape, 8) or not whole(offsets, 2) or len(offsets) != 2:
        raise broken(f"tensor {name} has a wrong shape or wrong offsets")
    begin, end = offsets
    if not begin <= end <= room or end - begin != math.prod(shape) * BYTES[dtype]:
        raise broken(f"tensor {name}: offsets {begin}–{end} do not fit its shape or the file")
    return Tensor(name, dtype, tuple(shape), file, start + begin)


def read_folder(folder: Path) -> dict[str, Tensor]:
    """All tensors of `model.safetensors`, or of the shards that the index names."""
    index = folder / INDEX
    if not index.exists():
        files = sorted(folder.glob("*.safetensors"))
        if len(files) != 1:
            raise weights_invalid(f"one .safetensors file or a {INDEX} is needed; there are {len(files)} files")
        return read_header(files[0])
    places = read_json(index, weights_invalid).get("weight_map")
    if not isinstance(places, dict) or not all(isinstance(v, str) and FILE_NAME.match(v) for v in places.values()):
        raise weights_invalid(f"{INDEX}: weight_map must give a plain file name for each tensor")
    shards = {name: read_header(folder / name) for name in sorted(set(places.values()))}
    tensors = {}
    for name, shard in places.items():
        if name not in shards[shard]:
            raise weights_invalid(f"{INDEX} says that {shard} has {name}; it does not")
        tensors[name] = shards[shard][name]
    return tensors
