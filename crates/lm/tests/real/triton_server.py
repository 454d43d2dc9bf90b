"""NVIDIA Triton with two models that imitate what people serve: `triton_server.py HTTP_PORT GRPC_PORT`.

`tokens` has FasterTransformer's tensors: it writes the prompt's tokens over and over, beginning with the one that the
seed says. `text` takes and gives text: it writes the prompt's words over and over, in the same way, but by itself from
the second one on. Runs in the environment that prepare.py makes. Next: triton.rs, which starts this.
"""

import sys

import numpy as np
from pytriton.decorators import batch, first_value
from pytriton.model_config import ModelConfig, Tensor
from pytriton.triton import Triton, TritonConfig


def one(name, dtype, optional=True):
    return Tensor(name=name, dtype=dtype, shape=(1,), optional=optional)


@batch
def write_tokens(
    input_ids, input_lengths, request_output_len, random_seed=None, runtime_top_k=None, temperature=None, **_
):
    rows, lengths = [], []
    for at, (prompt, length, count) in enumerate(zip(input_ids, input_lengths[:, 0], request_output_len[:, 0])):
        if temperature is not None and temperature[at, 0] <= 0:
            raise ValueError("the temperature must be above 0")
        greedy = runtime_top_k is not None and runtime_top_k[at, 0] == 1
        start = 0 if greedy or random_seed is None else int(random_seed[at, 0])
        known = prompt[:length]
        written = [known[(start + n) % length] for n in range(count)]
        rows.append(np.concatenate([known, np.array(written, np.uint32)]))
        lengths.append([len(rows[-1])])
    width = max(map(len, rows))
    padded = np.zeros((len(rows), 1, width), np.uint32)
    for row, tokens in zip(padded, rows):
        row[0, : len(tokens)] = tokens
    return {"output_ids": padded, "sequence_length": np.array(lengths, np.uint32)}


TOKENS = dict(
    inputs=[
        Tensor(name="input_ids", dtype=np.uint32, shape=(-1,)),
        one("input_lengths", np.uint32, False),
        one("request_output_len", np.uint32, False),
        one("runtime_top_k", np.uint32),
        one("runtime_top_p", np.float32),
        one("temperature", np.float32),
        one("random_seed", np.uint64),
    ],
    outputs=[
        Tensor(name="output_ids", dtype=np.uint32, shape=(1, -1)),
        Tensor(name="sequence_length", dtype=np.uint32, shape=(1,)),
    ],
)


@batch
@first_value("max_tokens")
def write_text(text_input, max_tokens, random_seed=None, temperature=None, **_):
    answers = []
    for at, prompt in enumerate(text_input[:, 0]):
        words = prompt.decode().split(" ")
        sampled = temperature is not None and temperature[at, 0] > 0 and random_seed is not None
        start = int(random_seed[at, 0]) if sampled else 1
        answers.append(" ".join(words[(start + n) % len(words)] for n in range(max_tokens)).encode())
    return {"text_output": np.array(answers, dtype=object)[:, None]}


TEXT = dict(
    inputs=[
        one("text_input", bytes, False),
        one("max_tokens", np.int32, False),
        one("temperature", np.float32),
        one("top_p", np.float32),
        one("random_seed", np.uint64),
    ],
    outputs=[one("text_output", bytes, False)],
)


def main():
    http, grpc = map(int, sys.argv[1:3])
    config = TritonConfig(
        http_address="127.0.0.1", http_port=http, grpc_address="127.0.0.1", grpc_port=grpc, allow_metrics=False
    )
    with Triton(config=config) as triton:
        batched = ModelConfig(max_batch_size=8)
        triton.bind(model_name="tokens", infer_func=write_tokens, config=batched, **TOKENS)
        triton.bind(model_name="text", infer_func=write_text, config=batched, **TEXT)
        triton.serve()


if __name__ == "__main__":
    main()
