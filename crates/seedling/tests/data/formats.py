"""Blocks of every format of weights and what they mean, by the reference in PyPI's gguf: `formats.py > formats.json`.

Needs `pip install gguf numpy`; the version stands in the output. Bytes and 32-bit floats are in hexadecimal, the lowest byte
first. The first weights of a format were quantised by the reference where it can, the others come from random bits.
"""

import importlib.metadata
import json
import sys

import numpy as np
from gguf import GGML_QUANT_SIZES, GGMLQuantizationType, quants

FORMATS = ["F32", "F16", "BF16", "Q8_0", "Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q4_K", "Q5_K", "Q6_K"]
# Where the 16-bit factors of a block are.
FACTORS = {"Q4_1": (0, 2), "Q5_1": (0, 2), "Q4_K": (0, 2), "Q5_K": (0, 2), "Q6_K": (208,)}


def blocks(kind, name, random):
    """Random blocks with finite factors, a subnormal one and a negative one among them."""
    weights, size = GGML_QUANT_SIZES[kind]
    count = max(256 // weights, 2)
    if weights == 1:
        return random.standard_normal(count).astype(np.float32).view(np.uint8).reshape(-1, size)[:64]
    made = random.integers(0, 256, (count, size), np.uint8)
    for at in FACTORS.get(name, (0,)):
        factors = random.standard_normal(count).astype(np.float16)
        factors[0], factors[1] = np.float16(3e-7), -np.float16(0.125)
        made[:, at:at + 2] = factors.view(np.uint8).reshape(count, 2)
    return made[:4]


def main():
    random = np.random.default_rng(13)
    found = {"gguf": importlib.metadata.version("gguf"), "formats": []}
    for name in FORMATS:
        kind = GGMLQuantizationType[name]
        data = blocks(kind, name, random).reshape(-1)
        try:
            ordinary = random.standard_normal(max(32, GGML_QUANT_SIZES[kind][0])).astype(np.float32)
            data = np.concatenate([quants.quantize(ordinary, kind).view(np.uint8).reshape(-1), data])
        except NotImplementedError:
            pass
        # 16-bit floats from random bits may be what is no number; those are tested elsewhere.
        weights = quants.dequantize(data if name not in ("F32", "F16") else data.view(kind.name.replace("F", "float").lower()), kind)
        weights = np.asarray(weights, np.float32).reshape(-1)
        found["formats"].append({"name": name, "id": int(kind), "bytes": data.tobytes().hex(), "weights": weights.tobytes().hex()})
    json.dump(found, sys.stdout, indent=0)
    print()


if __name__ == "__main__":
    main()
