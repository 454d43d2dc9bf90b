"""Logits of tiny models of every design that is run, by Hugging Face's transformers: `designs.py > designs.json`.

Needs `pip install torch transformers`; the versions stand in the output. Weights follow a formula that ../designs.rs computes too, so that
only configurations, names, shapes and a few logits are stored. Everything is computed in double precision, on texts that are longer than
windows and first contexts.
"""

import json
import sys

import torch
import transformers
from transformers import AutoConfig, AutoModelForCausalLM

LENGTH, LAST = 96, 2
LLAMA = dict(
    vocab_size=24, hidden_size=32, intermediate_size=48, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2,
    max_position_embeddings=128, tie_word_embeddings=False, bos_token_id=0, eos_token_id=1, pad_token_id=0,
)
GPT = dict(vocab_size=24, n_embd=32, n_layer=2, n_head=4, n_positions=128, bos_token_id=0, eos_token_id=1)
NEOX = {**LLAMA, "rotary_pct": 0.5, "hidden_act": "gelu"}
YARN = dict(rope_type="yarn", factor=4.0, original_max_position_embeddings=32)
LONGROPE = dict(rope_type="longrope", short_factor=[1.0, 1.25, 1.5, 2.0], long_factor=[1.0, 2.0, 4.0, 8.0])
DESIGNS = {
    "mistral, sliding window": ("mistral", {**LLAMA, "head_dim": 8, "sliding_window": 20}),
    "qwen2, sliding window in later layers": (
        "qwen2", {**LLAMA, "use_sliding_window": True, "sliding_window": 20, "max_window_layers": 1}),
    "qwen2, yarn": ("qwen2", {**LLAMA, "rope": YARN}),
    "llama, yarn with its own numbers": (
        "llama", {**LLAMA, "rope": {**YARN, "beta_fast": 16.0, "beta_slow": 2.0, "attention_factor": 1.25}}),
    "llama, dynamic": ("llama", {**LLAMA, "rope": dict(rope_type="dynamic", factor=2.0)}),
    "gemma3": (
        "gemma3_text",
        {**LLAMA, "num_hidden_layers": 4, "head_dim": 16, "sliding_window": 20, "tie_word_embeddings": True,
         "query_pre_attn_scalar": 24, "layer_types": ["sliding_attention"] * 2 + ["full_attention", "sliding_attention"]}),
    "gemma3, of the usual numbers": (
        "gemma3_text",
        {**LLAMA, "num_hidden_layers": 7, "head_dim": 16, "query_pre_attn_scalar": 16, "sliding_window": 20, "tie_word_embeddings": True}),
    "gemma3, capped": (
        "gemma3_text",
        {**LLAMA, "head_dim": 16, "sliding_window": 20, "tie_word_embeddings": True, "final_logit_softcapping": 3.0,
         "layer_types": ["sliding_attention", "full_attention"]}),
    "phi3": ("phi3", {**LLAMA, "sliding_window": 20}),
    "phi3, longrope": (
        "phi3",
        {**LLAMA, "max_position_embeddings": 512, "original_max_position_embeddings": 128, "rope": LONGROPE}),
    "phi3, half a head rotated": ("phi3", {**LLAMA, "partial_rotary_factor": 0.5}),
    "gpt2": ("gpt2", GPT),
    "gpt-neox": ("gpt_neox", NEOX),
    "gpt-neox, sequential": ("gpt_neox", {**NEOX, "use_parallel_residual": False, "hidden_act": "gelu_new"}),
    "codegen": ("codegen", {**GPT, "n_head": 8, "n_ctx": 128, "rotary_dim": 2, "tie_word_embeddings": False}),
    "codegen, wide heads": ("codegen", {**GPT, "n_ctx": 128, "rotary_dim": 4, "tie_word_embeddings": False}),
}


def values(name, shape):
    salt = sum((at + 1) * byte for at, byte in enumerate(name.encode())) % 1009
    count = torch.arange(torch.tensor(shape).prod().item(), dtype=torch.int64)
    spread = ((count * 37 + salt * 101) % 1009).double() / 1009 - 0.5
    if len(shape) == 1 and name.endswith(".weight"):
        spread = 1 + spread
    elif len(shape) == 2 and not any(part in name for part in ["embed_tokens", "embed_in", "wte", "wpe"]):
        spread = spread * 4 / shape[1] ** 0.5
    return spread.float().reshape(shape)


def design(kind, changes):
    settings = {"rope_theta": 500.0, **changes}
    rope = settings.pop("rope", None)
    if rope:
        settings["rope_scaling"] = rope
    if kind in ("gpt2", "codegen"):
        del settings["rope_theta"]
    config = AutoConfig.for_model(kind, **settings)
    model = AutoModelForCausalLM.from_config(config, attn_implementation="eager")
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            parameter.copy_(values(name, list(parameter.shape)))
        tokens = torch.tensor([[(at * 7 + at * at) % 24 for at in range(LENGTH)]])
        logits = model.double().eval()(tokens).logits[0, -LAST:]
    tensors = {name: list(parameter.shape) for name, parameter in model.named_parameters()}
    return {"config": json.loads(config.to_json_string(use_diff=False)), "tensors": tensors, "logits": logits.tolist()}


def main():
    # Rotary tables are made before the model becomes double; they must not be what differs.
    torch.set_default_dtype(torch.float64)
    found = {name: design(*one) for name, one in DESIGNS.items()}
    versions = {"transformers": transformers.__version__, "torch": torch.__version__}
    json.dump({"versions": versions, "designs": found}, sys.stdout)
    print()


if __name__ == "__main__":
    main()
