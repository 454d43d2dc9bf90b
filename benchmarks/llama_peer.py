"""What llama.cpp takes for the embedded model's work, as JSON: `llama_peer.py MODEL_FOLDER WORK_FILE LIBRARIES SCRATCH`.

Runs in benchmarks/.venv; embedded.py makes it and starts this. The weights are the same, converted to GGUF; the work file is
what the example inference_speed wrote. Times are those inside llama_decode alone: neither Python's bookkeeping nor
the choice of the next token counts against llama.cpp. Next: embedded.py.
"""

import ctypes
import json
import os
import pathlib
import resource
import sys
import time

PASSES = 2
# Ways to lay out memory and attention, (unified, flash attention); llama.cpp's defaults are the first. The best one counts.
WAYS = [(False, -1), (False, 0), (True, -1), (True, 0)]
# Seconds after which no further pass is begun: two threads that wait for each other crawl on cores that others use.
PATIENCE = 8


def passes():
    """Numbers of passes, until there are enough or patience ends."""
    until = time.monotonic() + PATIENCE
    for number in range(PASSES):
        if number and time.monotonic() > until:
            return
        yield number


class Library(ctypes.CDLL):
    """A library of another build than the bindings were written for may lack a few functions; those it has are the same."""

    def __getattr__(self, name):
        try:
            return super().__getattr__(name)
        except AttributeError:
            if name.startswith("__"):
                raise
            return ctypes.CFUNCTYPE(None)(lambda: sys.exit(f"this llama.cpp has no {name}"))


def convert(folder, path, half):
    """Writes a Hugging Face folder of the Llama family as GGUF, without a vocabulary: tokens are given as numbers."""
    import gguf
    import numpy as np
    from safetensors.numpy import load_file

    config = json.loads((folder / "config.json").read_text())
    tensors = load_file(folder / "model.safetensors")
    heads, kv_heads, dim = config["num_attention_heads"], config["num_key_value_heads"], config["head_dim"]
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_context_length(config["max_position_embeddings"])
    writer.add_embedding_length(config["hidden_size"])
    writer.add_block_count(config["num_hidden_layers"])
    writer.add_feed_forward_length(config["intermediate_size"])
    writer.add_head_count(heads)
    writer.add_head_count_kv(kv_heads)
    writer.add_key_length(dim)
    writer.add_value_length(dim)
    writer.add_rope_dimension_count(dim)
    writer.add_rope_freq_base(config["rope_theta"])
    writer.add_layer_norm_rms_eps(config["rms_norm_eps"])
    writer.add_vocab_size(config["vocab_size"])
    writer.add_tokenizer_model("none")
    names = gguf.get_tensor_name_map(gguf.MODEL_ARCH.LLAMA, config["num_hidden_layers"])
    for name, tensor in tensors.items():
        count = {"q_proj": heads, "k_proj": kv_heads}.get(name.split(".")[-2])
        if count:
            # Hugging Face turns halves of a head against each other, llama.cpp neighbours.
            halves = tensor.reshape(count, 2, tensor.shape[0] // count // 2, *tensor.shape[1:])
            tensor = halves.swapaxes(1, 2).reshape(tensor.shape)
        kind = np.float16 if half and tensor.ndim == 2 else np.float32
        writer.add_tensor(names.get_name(name, try_suffixes=(".weight",)), np.ascontiguousarray(tensor, kind))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


class Timer:
    """Wall and CPU seconds inside llama_decode."""

    def __init__(self):
        self.wall = self.cpu = 0.0

    def __enter__(self):
        self.started = time.perf_counter(), time.process_time()

    def __exit__(self, *_):
        self.wall += time.perf_counter() - self.started[0]
        self.cpu += time.process_time() - self.started[1]


class Context:
    """A context for some sequences, and a batch that its tokens are put into."""

    def __init__(self, llama, model, threads, sequences, positions, room, way=WAYS[0], full_precision=False):
        self.llama, self.vocab = llama, llama.llama_vocab_n_tokens(llama.llama_model_get_vocab(model))
        params = llama.llama_context_default_params()
        params.n_ctx, params.n_seq_max = positions, sequences
        params.kv_unified, params.flash_attn_type = way
        params.n_batch = max(room, 512)
        params.n_outputs_max_per_seq = 0
        params.n_threads = params.n_threads_batch = threads
        if full_precision:
            params.type_k = params.type_v = 0
        self.context = llama.llama_init_from_model(model, params)
        if not self.context:
            sys.exit("llama.cpp made no context")
        self.batch = llama.llama_batch_init(room, 0, 1)
        self.memory = llama.llama_get_memory(self.context)

    def put(self, token, position, sequence, wanted):
        at = self.batch.n_tokens
        self.batch.token[at], self.batch.pos[at], self.batch.logits[at] = token, position, wanted
        self.batch.n_seq_id[at] = 1
        self.batch.seq_id[at][0] = sequence
        self.batch.n_tokens = at + 1

    def run(self, timer):
        """Runs the batch; the logits that were asked for, row by row."""
        import numpy as np

        rows = sum(1 for at in range(self.batch.n_tokens) if self.batch.logits[at])
        with timer:
            code = self.llama.llama_decode(self.context, self.batch)
            self.llama.llama_synchronize(self.context)
        if code:
            sys.exit(f"llama_decode: {code}")
        self.batch.n_tokens = 0
        return np.ctypeslib.as_array(self.llama.llama_get_logits(self.context), (rows, self.vocab)) if rows else None

    def forget(self, sequence=-1):
        self.llama.llama_memory_seq_rm(self.memory, sequence, -1, -1)

    def close(self):
        self.llama.llama_batch_free(self.batch)
        self.llama.llama_free(self.context)


def write(context, prompts, count, prompt_timer, timer):
    """Continues prompts greedily, all together."""
    for sequence, prompt in enumerate(prompts):
        for position, token in enumerate(prompt):
            context.put(token, position, sequence, position + 1 == len(prompt))
    written = [[int(row.argmax())] for row in context.run(prompt_timer)]
    for step in range(count - 1):
        for sequence, (prompt, tokens) in enumerate(zip(prompts, written)):
            context.put(tokens[-1], len(prompt) + step, sequence, True)
        for tokens, row in zip(written, context.run(timer)):
            tokens.append(int(row.argmax()))
    context.forget()
    return written


def generate(llama, model, work, threads, batch):
    """Waves of `batch` prompts, in the best of ways; with their time and without."""
    until, tried = time.monotonic() + 5 * PATIENCE, []
    for way in WAYS:
        if not tried or time.monotonic() < until:
            tried += waves(llama, model, work, threads, batch, way)
    return [max(figures, key=lambda one: one["per_s"]) for figures in zip(*tried)]


def waves(llama, model, work, threads, batch, way):
    longest = max(map(len, work["prompts"])) + work["written"]
    # Each sequence has 320 positions or more; llama.cpp takes multiples of 256 where memory is not unified.
    room = batch * -(-longest // 256) * 256
    context = Context(llama, model, threads, batch, room, batch * longest, way)
    count = max(8 // batch, 2)
    tokens = count * batch * work["written"]
    for _ in passes():
        prompts, steps = Timer(), Timer()
        for wave in range(count):
            write(context, work["prompts"][wave * batch:(wave + 1) * batch], work["written"], prompts, steps)
        whole = rate(threads, batch, tokens, prompts.wall + steps.wall, prompts.cpu + steps.cpu)
        least = rate(threads, batch, tokens - count * batch, steps.wall, steps.cpu)
        yield {**whole, "way": way}, {**least, "way": way}
    context.close()


def rate(threads, batch, count, wall, cpu):
    per_s = count / wall
    return {"threads": threads, "batch": batch, "count": count, "per_s": per_s, "wall_s": wall, "cpu_s": cpu}


def score(llama, model, judged, threads, batch, flash):
    """Scorings of prompts whose beginning is computed once; all texts' remainders of a batch run together."""
    import numpy as np

    shared, prompts, answers = judged["shared"], judged["prompts"], judged["answers"]
    common = os.path.commonprefix(answers)
    if any(len(answer) != len(common) + 1 for answer in answers):
        sys.exit("the answers part before their last token; this measurement is not made for that")
    rests = [prompt[shared:] + common for prompt in prompts]
    room = batch * max(map(len, rests)) + shared
    context = Context(llama, model, threads, batch + 1, room + 256 & ~255, room, (True, flash))
    best, first = None, None
    for _ in passes():
        context.forget()
        for position, token in enumerate(prompts[0][:shared]):
            context.put(token, position, 0, position + 1 == shared)
        context.run(Timer())
        timer, scores = Timer(), []
        for start in range(0, len(rests), batch):
            some = rests[start:start + batch]
            with timer:
                for sequence in range(1, len(some) + 1):
                    llama.llama_memory_seq_cp(context.memory, 0, sequence, -1, -1)
            for sequence, rest in enumerate(some, 1):
                for at, token in enumerate(rest):
                    context.put(token, shared + at, sequence, at + len(common) + 1 >= len(rest))
            logits = context.run(timer).reshape(len(some), len(common) + 1, -1).astype(np.float64)
            logs = logits - np.log(np.exp(logits).sum(-1, keepdims=True))
            for row in logs:
                scores.append([sum(float(row[at][token]) for at, token in enumerate(answer)) for answer in answers])
            for sequence in range(1, len(some) + 1):
                context.forget(sequence)
        if best is None or timer.wall < best.wall:
            best = timer
        first = first or scores
    context.close()
    return {**rate(threads, batch, len(rests), best.wall, best.cpu), "scores": first}


def megabytes():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main():
    folder, work, libraries, scratch = map(pathlib.Path, sys.argv[1:])
    os.environ["LLAMA_CPP_LIB_PATH"] = str(libraries)
    ctypes.CDLL = Library
    import llama_cpp.llama_cpp as llama
    from importlib.metadata import version

    work = json.loads(work.read_text())
    quiet = llama.llama_log_callback(lambda level, text, data: None)
    llama.llama_log_set(quiet, None)
    loader = Library(str(libraries / "libggml.so"))
    loader.ggml_backend_load_all_from_path.argtypes = [ctypes.c_char_p]
    loader.ggml_backend_load_all_from_path(str(libraries).encode())
    llama.llama_backend_init()
    found = {"gguf": version("gguf"), "types": {}}
    for kind in ("f32", "f16"):
        path = scratch / f"{kind}.gguf"
        convert(folder, path, kind == "f16")
        before = megabytes()
        model = llama.llama_model_load_from_file(str(path).encode(), llama.llama_model_default_params())
        if not model:
            sys.exit(f"llama.cpp did not load {path}")
        positions = 32 * -(-(max(map(len, work["prompts"])) + work["written"]) // 32)
        count = len(work["greedy"])
        exact = Context(llama, model, 1, count, count * positions, count * positions, full_precision=True)
        written = write(exact, work["prompts"][:count], work["written"], Timer(), Timer())
        exact.close()
        pairs = [pair for ours, theirs in zip(work["greedy"], written) for pair in zip(ours, theirs)]
        one = {"greedy_equal": sum(a == b for a, b in zip(work["greedy"], written)), "greedy_of": count,
               "tokens_equal": sum(a == b for a, b in pairs), "tokens_of": len(pairs), "generate": [], "decode": [], "score": []}
        for threads in (1, 2):
            for batch in (1, 16, 32):
                whole, steps = generate(llama, model, work, threads, batch)
                one["generate"].append(whole)
                one["decode"].append(steps)
                print(f"llama.cpp {kind}, {threads} threads, batch {batch}: {steps['per_s']:.0f} tokens/s", file=sys.stderr)
            for name in ("300_tokens", "built_in"):
                tried = [score(llama, model, work[name], threads, batch, flash) for batch in (32, 8) for flash in (-1, 0)]
                one["score"].append({"prompts": name, **max(tried, key=lambda found: found["per_s"])})
        one["mb"] = megabytes() - before
        found["types"][kind] = one
        llama.llama_model_free(model)
    json.dump(found, sys.stdout)


if __name__ == "__main__":
    main()
