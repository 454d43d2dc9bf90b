"""llama-cpp-python's server: `llama_server.py write MODEL`, then `llama_server.py serve NAME MODEL LIBRARIES PORT`.

The model that `write` makes is tiny and has random weights, always the same ones. Its vocabulary is the 256 bytes, so
that every text has one way to be cut into tokens, many characters have several, and a single one of these is no text.
It is served under the name `bytes`, and by `embedder` for vectors. Runs in benchmarks/.venv, which prepare.py makes.
Next: prepare.py, llama.rs.
"""

import ctypes
import os
import pathlib
import sys

WIDTH, LAYERS, HEADS, INNER, CONTEXT = 64, 2, 4, 128, 512
# Of other models, so that their examples fit.
LONGER_CONTEXT = 2048


def alphabet():
    """The 256 bytes as GPT-2's vocabulary writes them: printable ones as they are, the others from U+0100 on."""
    plain = {*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)}
    others = iter(range(0x100, 0x200))
    return [chr(byte if byte in plain else next(others)) for byte in range(256)]


def write(path):
    import gguf
    import numpy as np

    dice = np.random.default_rng(20)
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_name("bytes")
    writer.add_context_length(CONTEXT)
    writer.add_embedding_length(WIDTH)
    writer.add_block_count(LAYERS)
    writer.add_feed_forward_length(INNER)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(HEADS)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_dimension_count(WIDTH // HEADS)
    writer.add_pooling_type(gguf.PoolingType.MEAN)
    names = [*alphabet(), "<|end|>"]
    writer.add_vocab_size(len(names))
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("gpt-2")
    writer.add_token_list(names)
    writer.add_token_types([gguf.TokenType.NORMAL] * 256 + [gguf.TokenType.CONTROL])
    # The format wants one at least; no text has the two bytes that this one joins.
    writer.add_token_merges([f"{names[0]} {names[1]}"])
    writer.add_bos_token_id(256)
    writer.add_eos_token_id(256)
    writer.add_add_bos_token(True)

    def tensor(name, *shape, scale=1.5):
        values = dice.standard_normal(shape) * scale / np.sqrt(shape[-1])
        writer.add_tensor(f"{name}.weight", values.astype(np.float32))

    tensor("token_embd", len(names), WIDTH, scale=8.0)
    tensor("output", len(names), WIDTH)
    writer.add_tensor("output_norm.weight", np.ones(WIDTH, np.float32))
    for layer in range(LAYERS):
        for name in ("attn_norm", "ffn_norm"):
            writer.add_tensor(f"blk.{layer}.{name}.weight", np.ones(WIDTH, np.float32))
        for name in ("attn_q", "attn_k", "attn_v", "attn_output"):
            tensor(f"blk.{layer}.{name}", WIDTH, WIDTH)
        tensor(f"blk.{layer}.ffn_gate", INNER, WIDTH)
        tensor(f"blk.{layer}.ffn_up", INNER, WIDTH)
        tensor(f"blk.{layer}.ffn_down", WIDTH, INNER)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def serve(name, model, libraries, port):
    sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[4] / "benchmarks"))
    from llama_peer import Library

    os.environ["LLAMA_CPP_LIB_PATH"] = libraries
    ctypes.CDLL = Library
    loader = Library(os.path.join(libraries, "libggml.so"))
    loader.ggml_backend_load_all_from_path.argtypes = [ctypes.c_char_p]
    loader.ggml_backend_load_all_from_path(libraries.encode())

    import uvicorn
    from llama_cpp.server.app import create_app
    from llama_cpp.server.settings import ModelSettings, ServerSettings

    # The flag for embeddings makes a context that only embeds: one entry for each use.
    # Two threads that wait for each other crawl on cores that others use.
    own = name == "bytes"
    one = dict(model=model, n_ctx=CONTEXT if own else LONGER_CONTEXT, n_threads=1, n_threads_batch=1, verbose=False)
    models = [ModelSettings(model_alias=name, logits_all=True, **one)]
    if own:
        models.append(ModelSettings(model_alias="embedder", embedding=True, **one))
    server = ServerSettings(host="127.0.0.1", port=port, interrupt_requests=False)
    uvicorn.run(create_app(server_settings=server, model_settings=models), host="127.0.0.1", port=port)


if __name__ == "__main__":
    if sys.argv[1] == "write":
        write(sys.argv[2])
    else:
        serve(*sys.argv[2:5], int(sys.argv[5]))
