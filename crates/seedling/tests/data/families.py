"""Logits of tiny models of every family that is read, by Hugging Face's transformers: `families.py > families.json`.

Needs `pip install torch transformers`; the versions stand in the output. Weights follow a formula that ../families.rs computes too, so
that only the configurations and a few logits are stored. Everything is computed in double precision, on contexts long enough for scaled
rotary positions to matter.
"""

import json
import sys

import torch
import transformers
from transformers import AutoConfig, AutoModelForCausalLM

LENGTH, LAST = 96, 2
SHAPE = dict(
    vocab_size=24, hidden_size=32, intermediate_size=48, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2,
    max_position_embeddings=128, rms_norm_eps=1e-5, tie_word_embeddings=False, bos_token_id=0, eos_token_id=1,
)
LLAMA3 = dict(rope_type="llama3", factor=8.0, low_freq_factor=1.0, high_freq_factor=4.0, original_max_position_embeddings=32)
FAMILIES = {
    "llama": ("llama", dict(head_dim=8)),
    "llama, tied, linear scaling": ("llama", dict(tie_word_embeddings=True, rope=dict(rope_type="linear", factor=4.0))),
    "llama, scaling of Llama 3.1": ("llama", dict(rope=LLAMA3)),
    "mistral": ("mistral", dict(head_dim=8, sliding_window=None)),
    "qwen2": ("qwen2", dict()),
    "qwen3": ("qwen3", dict(head_dim=16)),
    "qwen3, tied": ("qwen3", dict(head_dim=16, tie_word_embeddings=True)),
}


def values(name, shape):
    salt = sum((at + 1) * byte for at, byte in enumerate(name.encode())) % 1009
    count = torch.arange(torch.tensor(shape).prod().item(), dtype=torch.int64)
    spread = ((count * 37 + salt * 101) % 1009).double() / 1009 - 0.5
    if name.endswith("norm.weight"):
        spread = 1 + spread
    elif len(shape) == 2 and "embed_tokens" not in name:
        spread = spread * 4 / shape[1] ** 0.5
    return spread.float().reshape(shape)


def family(kind, changes):
    settings = {**SHAPE, "rope_theta": 500.0, **changes}
    rope = settings.pop("rope", None)
    if rope:
        settings["rope_scaling"] = rope
    config = AutoConfig.for_model(kind, **settings)
    model = AutoModelForCausalLM.from_config(config, attn_implementation="eager")
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            parameter.copy_(values(name, list(parameter.shape)))
        tokens = torch.tensor([[(at * 7 + at * at) % 24 for at in range(LENGTH)]])
        logits = model.double()(tokens).logits[0, -LAST:]
    return {"config": json.loads(config.to_json_string(use_diff=False)), "logits": logits.tolist()}


def main():
    # Rotary tables are made before the model becomes double; they must not be what differs.
    torch.set_default_dtype(torch.float64)
    found = {name: family(*one) for name, one in FAMILIES.items()}
    versions = {"transformers": transformers.__version__, "torch": torch.__version__}
    json.dump({"versions": versions, "families": found}, sys.stdout, indent=1)


if __name__ == "__main__":
    main()
