"""A model of random weights with the shapes of Qwen2.5-1.5B, as a GGUF file in the mix Q4_K_M: `random_gguf.py FILE [LAYERS]`.

Speed does not depend on what weights say. The mix is llama.cpp's: Q4_K, but Q6_K for the embedding (which is the head too) and
for half of the layers' values and down projections. Needs gguf and numpy. Used by quantised.py.
"""

import pathlib
import sys

import gguf
import numpy as np
from gguf import GGMLQuantizationType as Kind

HIDDEN, FFN, HEADS, KV_HEADS, DIM, VOCAB, LAYERS = 1536, 8960, 12, 2, 128, 151936, 28


def q4_k(random, rows, columns):
    """Codes around their middle: an offset of 7.5 scales."""
    count = rows * columns // 256
    blocks = random.integers(0, 256, (count, 144), np.uint8)
    scale = np.float16(1.4e-4)
    blocks[:, 0:2] = np.frombuffer(scale.tobytes(), np.uint8)
    blocks[:, 2:4] = np.frombuffer(np.float16(7.5 * scale).tobytes(), np.uint8)
    # Eight scales of 6 bits and eight equal offsets: the first four of each are whole bytes, the last four share bytes.
    scales = random.integers(16, 48, (count, 8), np.uint8)
    blocks[:, 4:8] = blocks[:, 8:12] = scales[:, :4] | (scales[:, 4:] >> 4 << 6)
    blocks[:, 12:16] = (scales[:, 4:] & 15) * 17
    return blocks.reshape(rows, -1)


def q6_k(random, rows, columns):
    count = rows * columns // 256
    blocks = random.integers(0, 256, (count, 210), np.uint8)
    blocks[:, 208:210] = np.frombuffer(np.float16(1.7e-5).tobytes(), np.uint8)
    return blocks.reshape(rows, -1)


def more_bits(layer, layers):
    return layer < layers // 8 or layer >= 7 * layers // 8 or (layer - layers // 8) % 3 == 2


def write(path, layers=LAYERS):
    random = np.random.default_rng(15)
    writer = gguf.GGUFWriter(path, "qwen2")
    writer.add_name("random")
    writer.add_context_length(8192)
    writer.add_embedding_length(HIDDEN)
    writer.add_block_count(layers)
    writer.add_feed_forward_length(FFN)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(KV_HEADS)
    writer.add_rope_freq_base(1e6)
    writer.add_layer_norm_rms_eps(1e-6)
    writer.add_vocab_size(VOCAB)
    writer.add_tokenizer_model("none")
    writer.add_file_type(15)

    def coded(name, rows, columns, six=False):
        made = (q6_k if six else q4_k)(random, rows, columns)
        writer.add_tensor(name, made, raw_dtype=Kind.Q6_K if six else Kind.Q4_K)

    def plain(name, numbers):
        writer.add_tensor(name, numbers.astype(np.float32))

    coded("token_embd.weight", VOCAB, HIDDEN, True)
    plain("output_norm.weight", np.ones(HIDDEN))
    for layer in range(layers):
        name, six = f"blk.{layer}.{{}}".format, more_bits(layer, layers)
        plain(name("attn_norm.weight"), np.ones(HIDDEN))
        plain(name("ffn_norm.weight"), np.ones(HIDDEN))
        for part, width in (("q", HEADS * DIM), ("k", KV_HEADS * DIM), ("v", KV_HEADS * DIM)):
            coded(name(f"attn_{part}.weight"), width, HIDDEN, six and part == "v")
            plain(name(f"attn_{part}.bias"), random.standard_normal(width) / 10)
        coded(name("attn_output.weight"), HIDDEN, HEADS * DIM)
        coded(name("ffn_gate.weight"), FFN, HIDDEN)
        coded(name("ffn_up.weight"), FFN, HIDDEN)
        coded(name("ffn_down.weight"), HIDDEN, FFN, six)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


if __name__ == "__main__":
    write(pathlib.Path(sys.argv[1]), *map(int, sys.argv[2:]))
